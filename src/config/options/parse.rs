//! What the values of options have in common.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::gate::every_address;
pub(super) use crate::picture::spelling::number;
use crate::picture::spelling::thousandths;
use crate::problem::{Text, text};

/// Whole seconds, 1 to `most`.
pub(super) fn seconds(text: &str, most: u32) -> Result<Duration, Text> {
    number(text, 1, most).map(|seconds| Duration::from_secs(seconds.into()))
}

/// The whole number next to one with decimals, or with a unit behind it: `85%`, `30fps`, `7.5`.
pub(super) fn nearest(text: &str) -> Option<String> {
    let number = text.trim().trim_end_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '%' | ' '));
    Some((thousandths(number)?.checked_add(500)? / 1000).to_string())
}

/// Seconds in what people write for a time: `90s`, `2m`, `1h`, `30d`, `4w`.
pub(super) fn seconds_in(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let seconds = match text[unit..].trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    text[..unit].parse::<u64>().ok()?.checked_mul(seconds)
}

/// Bytes in a megabyte, as disks are sold.
const MEGABYTE: u64 = 1_000_000;

/// A number of megabytes, or of a unit that it names, as bytes; whole megabytes, rounded up.
pub(super) fn megabytes(text: &str) -> Result<u64, Text> {
    let most = u64::MAX / MEGABYTE / 2;
    let with_unit = || {
        let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
        let bytes = match text[unit..].to_ascii_lowercase().as_str() {
            "m" | "mb" => MEGABYTE,
            "g" | "gb" => 1_000_000_000,
            "t" | "tb" => 1_000_000_000_000,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "tib" => 1 << 40,
            _ => return None,
        };
        let megabytes = thousandths(text[..unit].trim())?.checked_mul(bytes / 1000)?.div_ceil(MEGABYTE);
        Some(megabytes.to_string())
    };
    number(&with_unit().unwrap_or_else(|| text.to_owned()), 1, most)
        .map(|megabytes| megabytes * MEGABYTE)
        .map_err(|_| text!("expected a whole number of megabytes, or a number with MB, GB or TB"))
}

/// Bytes as whole megabytes.
pub(super) fn in_megabytes(bytes: u64) -> String {
    (bytes / MEGABYTE).to_string()
}

/// One of several words, in any case.
pub(super) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, Text> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, choice)| *choice).ok_or_else(
        || {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            text!("expected {}", names.join(", "))
        },
    )
}

/// An address to listen on, added to those that are set.
pub(super) fn add_address(addresses: &mut Option<Vec<SocketAddr>>, text: &str) -> Result<(), Text> {
    addresses.get_or_insert_default().push(address(text)?);
    Ok(())
}

/// `ADDR:PORT`, `localhost:PORT`, or a port on every address: `PORT`, `:PORT` or `*:PORT`.
fn address(text: &str) -> Result<SocketAddr, Text> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if bare_ipv6_and_port(text).is_some() {
        return Err(text!("expected brackets around the IPv6 address, to tell it from its port"));
    }
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Err(text!("expected a port too"));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse().ok().filter(|_| port.bytes().all(|b| b.is_ascii_digit()));
    match (host, port) {
        // As part of an address, 0 lets the system choose. Alone it is more likely to mean that nothing is to be served.
        ("", Some(0)) => {
            Err(text!("expected a port from 1 to 65535; with an address, 0 is one that the system chooses"))
        }
        ("" | "*", Some(port)) => Ok(every_address(port)),
        // By IPv4 alone: clients that try ::1 first try this next, and a machine may have no IPv6.
        (host, Some(port)) if host.eq_ignore_ascii_case("localhost") => {
            Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))
        }
        _ => Err(text!(
            "expected an address and a port, the address in numbers or localhost, or a port alone; [::] and 0.0.0.0 \
             mean all addresses"
        )),
    }
}

/// `::1:9200`: an IPv6 address, and probably a port. All of it could be an address as well.
fn bare_ipv6_and_port(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|_| port.len() > 1 && port.bytes().all(|b| b.is_ascii_digit()))?;
    Some(SocketAddr::new(ip.parse::<Ipv6Addr>().ok()?.into(), port))
}

/// What was probably meant by an address that cannot be used: of a URL its address, and `port` if it has none.
pub(super) fn meant_address(text: &str, port: u16) -> Option<String> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split('/').next().unwrap_or(text);
    let text = text.strip_suffix(':').filter(|host| !host.contains(':')).unwrap_or(text);
    if let Some(both) = bare_ipv6_and_port(text) {
        return Some(both.to_string());
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, port).to_string());
    }
    if text.eq_ignore_ascii_case("localhost") {
        Some(format!("localhost:{port}"))
    } else {
        Some(text.to_owned())
    }
}

/// On or off, as TOML writes it.
pub(super) fn switch(text: &str) -> Result<bool, Text> {
    one_of(text, &[("true", true), ("false", false)])
}

/// The switch that was probably meant.
pub(super) fn meant_switch(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "1" => Some("true".to_owned()),
        "no" | "off" | "0" => Some("false".to_owned()),
        _ => None,
    }
}

/// The texts of a list.
pub(super) fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(T::to_string).collect()
}

/// The path of a folder, which must not depend on where the program was started.
pub(super) fn folder(text: &str) -> Result<PathBuf, Text> {
    if !text.starts_with('/') || text.contains(char::is_control) {
        return Err(text!("expected the full path of a folder, beginning with /"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_a_colon_and_a_port_and_localhost_are_addresses_too() {
        for (text, expected) in [
            ("8090", "[::]:8090"),
            (":8090", "[::]:8090"),
            ("*:8090", "[::]:8090"),
            ("localhost:8090", "127.0.0.1:8090"),
            ("[::1]:8090", "[::1]:8090"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["", ":", "localhost", "http://[::]:80", "70000", "+80", "-1", "a:80", "::1:x"] {
            assert!(address(text).unwrap_err().to_string().starts_with("expected an address"), "{text}");
        }
        for text in ["10.0.0.5", "[::1]", "::1", "2001:db8::10"] {
            assert!(address(text).unwrap_err().to_string().starts_with("expected a port too"), "{text}");
        }
        assert_eq!(address("127.0.0.1:0").unwrap().port(), 0);
    }
}
