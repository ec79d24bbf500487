//! The broker, as the settings name it.

use std::fmt;
use std::str::FromStr;

use super::super::address::Address;
use crate::problem::{Text, text};

/// The ports of MQTT, and of MQTT over TLS (registered with IANA).
const PORTS: [(&str, u16); 2] = [("mqtt", 1883), ("mqtts", 8883)];

/// The longest prefix of topics, in bytes.
const PREFIX_MAX: usize = 100;

/// With what the topics begin unless the settings say more.
const PREFIX: &str = "boardcam";

/// `mqtt://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    text: String,
    pub(super) address: Address,
    /// With what all topics but those of discovery begin.
    pub(super) prefix: String,
}

impl Broker {
    /// Without its secrets.
    pub fn shown(&self) -> String {
        let address = Address { path: String::new(), ..self.address.clone() };
        address.to_string()
    }

    /// Its host, an IPv6 address without brackets.
    pub(super) fn host(&self) -> &str {
        self.address.host.trim_matches(['[', ']'])
    }

    pub(super) fn port(&self) -> u16 {
        let default = PORTS.iter().find(|(scheme, _)| *scheme == self.address.scheme);
        self.address.port.unwrap_or_else(|| default.map_or(0, |(_, port)| *port))
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.address.scheme == "mqtts"
    }
}

impl FromStr for Broker {
    type Err = Text;

    fn from_str(text: &str) -> Result<Self, Text> {
        let address = Address::parse(text, &PORTS.map(|(scheme, _)| scheme))?;
        let prefix = match address.path.trim_matches('/') {
            "" => PREFIX,
            prefix => prefix,
        };
        // Wildcards, and what is reserved for brokers (MQTT 3.1.1, section 4.7).
        if prefix.len() > PREFIX_MAX || prefix.contains(['+', '#', '?']) || prefix.starts_with('$') {
            return Err(text!(
                "expected a prefix of topics without +, # and ?, of at most {} bytes",
                PREFIX_MAX
            ));
        }
        Ok(Self { text: text.to_owned(), prefix: prefix.to_owned(), address })
    }
}

/// As it was written, with its secrets.
impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_a_port_and_a_prefix_by_default_and_its_password_is_not_shown() {
        let broker: Broker = "mqtt://anna:secret@broker.local".parse().unwrap();
        assert_eq!((broker.port(), broker.prefix.as_str(), broker.is_encrypted()), (1883, "boardcam", false));
        assert_eq!(broker.shown(), "mqtt://broker.local/");
        let broker: Broker = "mqtts://10.0.0.2/home/cams/".parse().unwrap();
        assert_eq!((broker.port(), broker.prefix.as_str(), broker.is_encrypted()), (8883, "home/cams", true));
        for wrong in ["broker.local", "http://x/", "mqtt://x/a+b", "mqtt://x/#", "mqtt://x/$SYS"] {
            assert!(wrong.parse::<Broker>().unwrap_err().to_string().starts_with("expected"), "{wrong}");
        }
    }
}
