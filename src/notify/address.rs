//! The address of a target: a URL with everything that belongs to it, and what of it may be shown.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::gate::authority::Authority;
use crate::problem::{Text, text};

/// The longest address, in bytes.
const LENGTH_MAX: usize = 2048;

/// `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][/PATH]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: &'static str,
    /// User and password, decoded.
    pub(super) user: Option<(String, Option<String>)>,
    /// As it stands in a URL: an IPv6 address in brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    /// What stands behind, as it is written; empty, or it begins with `/`, `?` or `#`.
    pub(super) path: String,
}

impl Address {
    /// Reads an address with one of these schemes.
    pub(super) fn parse(text: &str, schemes: &[&'static str]) -> Result<Self, Text> {
        let expected =
            || text!("expected a URL such as {}://HOST/...", schemes.first().copied().unwrap_or_default());
        if text.len() > LENGTH_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(text!(
                "expected a URL of ASCII characters without spaces, of at most {} bytes",
                LENGTH_MAX
            ));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(expected)?;
        let scheme = schemes.iter().find(|known| known.eq_ignore_ascii_case(scheme)).ok_or_else(expected)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(credentials(user).ok_or_else(encoded)?), authority),
            None => (None, authority),
        };
        let parsed = Authority::parse(authority).filter(|_| !authority.is_empty());
        // A password with a slash in it ends the authority in the wrong place.
        let Authority { host, port } =
            parsed.ok_or_else(|| if path.contains('@') { encoded() } else { expected() })?;
        Ok(Self { scheme, user, host: host.to_string(), port, path: path.to_owned() })
    }
}

fn encoded() -> Text {
    text!("expected @, : and / in a password as %40, %3A and %2F")
}

fn credentials(text: &str) -> Option<(String, Option<String>)> {
    let decoded = |part: &str| Some(percent_decode_str(part).decode_utf8().ok()?.into_owned());
    match text.split_once(':') {
        Some((user, password)) => Some((decoded(user)?, Some(decoded(password)?))),
        None => Some((decoded(text)?, None)),
    }
}

/// Without secrets: who may use a hook is often said by its path alone.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        self.port.iter().try_for_each(|port| write!(f, ":{port}"))?;
        f.write_str(if matches!(self.path.as_str(), "" | "/") { "/" } else { "/***" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, String> {
        Address::parse(text, &["http", "https"]).map_err(|text| text.to_string())
    }

    #[test]
    fn an_address_is_taken_apart_and_shown_without_its_secrets() {
        let address = parse("HTTPS://anna:a%40b@[::1]:8443/api/webhook/secret?token=x").unwrap();
        assert_eq!((address.scheme, address.host.as_str(), address.port), ("https", "[::1]", Some(8443)));
        assert_eq!(address.user, Some(("anna".to_owned(), Some("a@b".to_owned()))));
        assert_eq!(address.path, "/api/webhook/secret?token=x");
        assert_eq!(address.to_string(), "https://[::1]:8443/***");
        assert_eq!(parse("http://board?x=secret").unwrap().to_string(), "http://board/***");
        assert_eq!(parse("http://anna@board:80/").unwrap().to_string(), "http://board:80/");
        assert_eq!(parse("http://board").unwrap().port, None);
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_was_expected() {
        for wrong in
            ["", "ntfy.sh/x", "ftp://x/", "http://", "http://:80/", "http://a b/", "http://x:y/", "http://ä/"]
        {
            assert!(parse(wrong).unwrap_err().starts_with("expected a URL"), "{wrong}");
        }
        for wrong in ["http://anna:a/b@host/", "http://anna:%ff@host/"] {
            assert!(parse(wrong).unwrap_err().contains("%2F"), "{wrong}");
        }
        assert!(parse(&format!("http://x/{}", "a".repeat(LENGTH_MAX))).is_err());
    }
}
