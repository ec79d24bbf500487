//! What the values of options have in common.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use crate::config::settings::DEFAULT_PORT;
use crate::gate::every_address;
use crate::problem::{Text, text};

/// A whole number within bounds.
pub(super) fn number<T: FromStr + PartialOrd + Copy + Display>(
    text: &str,
    least: T,
    most: T,
) -> Result<T, Text> {
    let number = text.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| text!("expected a whole number from {} to {}", least.to_string(), most.to_string()))
}

/// Whole seconds, 1 to `most`.
pub(super) fn seconds(text: &str, most: u32) -> Result<Duration, Text> {
    number(text, 1, most).map(|seconds| Duration::from_secs(seconds.into()))
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
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Err(text!("expected a port too, such as {}", SocketAddr::new(ip, DEFAULT_PORT).to_string()));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse().ok().filter(|_| port.bytes().all(|b| b.is_ascii_digit()));
    match (host, port) {
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

/// The texts of a list.
pub(super) fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(T::to_string).collect()
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
        for (text, both) in [("10.0.0.5", "10.0.0.5:8080"), ("[::1]", "[::1]:8080")] {
            assert!(address(text).unwrap_err().to_string().contains(both), "{text}");
        }
    }
}
