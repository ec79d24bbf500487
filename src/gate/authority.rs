//! The authority in a Host header, an Origin or a URL: a host, and perhaps a port (RFC 3986 section 3.2). What is not
//! exactly that is no authority, so that nothing else is ever compared with one, or written into a Location.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest name of a host, in bytes (RFC 1035 section 2.3.4).
const NAME_MAX: usize = 253;

/// A host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host<'a> {
    /// A name in any case, with or without a final dot.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without the zone (`fe80::1%eth0`): that names an interface of the client (RFC 6874).
    V6(Ipv6Addr),
}

/// A host, and its port if one is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The port; `None` for the one that the scheme has.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads all of `text`; `None` if it is something else, for example because of a user name or a path.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']')?;
                (Host::V6(without_zone(address)?.parse().ok()?), rest)
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                let address = name.parse().map(Host::V4).ok();
                (address.or_else(|| is_name(name).then_some(Host::Name(name)))?, port)
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            Some("") => None, // as RFC 3986 allows it
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        Some(Self { host, port })
    }
}

impl Host<'_> {
    /// Whether it means the machine that the client itself is on.
    pub fn is_loopback(self) -> bool {
        match self {
            Host::Name(_) => {
                let name = self.name();
                name == "localhost" || name.ends_with(".localhost")
            }
            Host::V4(address) => address.is_loopback(),
            Host::V6(address) => address.to_canonical().is_loopback(),
        }
    }

    /// As names are compared: in lower case, without a final dot.
    pub fn name(self) -> String {
        let text = self.to_string();
        text.strip_suffix('.').unwrap_or(&text).to_ascii_lowercase()
    }
}

/// As it stands in a URL.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => address.fmt(f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// As it stands in a URL.
impl fmt::Display for Authority<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Whether it can be the name of a host. Names of nginx upstreams may have underscores.
fn is_name(name: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(may_stand)
}

/// An IPv6 address without its zone; `None` for what no zone can hold.
fn without_zone(address: &str) -> Option<&str> {
    let Some((address, zone)) = address.split_once('%') else { return Some(address) };
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    (!zone.is_empty() && zone.bytes().all(may_stand)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_with_its_port_and_written_without_what_only_the_client_knows() {
        for (text, host, port) in [
            ("board.local", "board.local", None),
            ("Board.Local.:8080", "Board.Local.", Some(8080)),
            ("mjpg_streamer", "mjpg_streamer", None),
            ("192.168.1.5:80", "192.168.1.5", Some(80)),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("[::1]:8080", "[::1]", Some(8080)),
            ("[fe80::1%eth0]:81", "[fe80::1]", Some(81)),
            ("[fe80::1%25eth0]", "[fe80::1]", None),
            ("board:", "board", None),
        ] {
            let authority = Authority::parse(text).expect(text);
            assert_eq!((authority.host.to_string().as_str(), authority.port), (host, port), "{text}");
        }
        assert_eq!(Authority::parse("Board.Local.:80").unwrap().host.name(), "board.local");
        assert_eq!(Authority::parse("[::1]:80").unwrap().to_string(), "[::1]:80");
    }

    #[test]
    fn nothing_else_passes_for_a_host() {
        for text in [
            "",
            ":80",
            "[::1",
            "::1",
            "[]",
            "[evil]",
            "[::1]x",
            "[::1]:x",
            "[fe80::1%@evil.example/]",
            "[fe80::1%]",
            "user@board",
            "board/path",
            "board:80:80",
            "board:80x",
            "board:+80",
            "board:65536",
            "a b",
            "caf\u{e9}",
            "a,b",
            &"x".repeat(NAME_MAX + 1),
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn names_of_the_clients_own_machine_are_known() {
        let is_loopback = |text| Authority::parse(text).unwrap().host.is_loopback();
        for own in
            ["localhost:8080", "LOCALHOST.", "cam.localhost", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"]
        {
            assert!(is_loopback(own), "{own}");
        }
        for other in ["localhost.evil.example", "board", "10.0.0.1", "[::2]", "[::ffff:10.0.0.1]"] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
