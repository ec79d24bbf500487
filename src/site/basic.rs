//! Basic authentication (RFC 7617): the name and password that a program sends with each request.

use base64ct::{Base64Unpadded, Encoding};
use rouille::Request;

use crate::auth::spelling::spellings;

/// What a request says that its user is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) name: String,
    /// The texts that the password can mean.
    pub(super) passwords: Vec<String>,
}

/// The credentials of a request; `None` if there are none, or they cannot be read.
pub(super) fn credentials(request: &Request) -> Option<Credentials> {
    let (scheme, value) = request.header("Authorization")?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let mut bytes = vec![0; value.len()];
    let bytes = Base64Unpadded::decode(value.trim().trim_end_matches('='), &mut bytes).ok()?;
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let (name, password) = (bytes.get(..colon)?, bytes.get(colon + 1..)?);
    // Names are ASCII, so that a name that is no UTF-8 belongs to nobody.
    Some(Credentials { name: String::from_utf8_lossy(name).into_owned(), passwords: spellings(password) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str) -> Option<Credentials> {
        let headers = vec![("Authorization".to_owned(), header.to_owned())];
        credentials(&Request::fake_http("GET", "/stream", headers, vec![]))
    }

    #[test]
    fn name_and_password_are_read_whatever_the_program() {
        let anna = |passwords: &[&str]| {
            let passwords = passwords.iter().map(|password| (*password).to_owned()).collect();
            Some(Credentials { name: "anna".to_owned(), passwords })
        };
        for (header, expected) in [
            ("Basic YW5uYTpwYXNzd29yZA==", anna(&["password"])),
            ("basic  YW5uYTpwYXNzd29yZA", anna(&["password"])), // the scheme in any case, without padding
            ("Basic YW5uYTphOmI=", anna(&["a:b"])),
            ("Basic YW5uYTpL/GNoZQ==", anna(&["K\u{fc}che"])), // Latin-1
            ("Basic YW5uYTpLw7xjaGU=", anna(&["K\u{fc}che", "K\u{c3}\u{bc}che"])), // UTF-8
            ("Basic YW5uYQ==", None),
            ("Basic", None),
            ("Basic !!!", None),
            ("Bearer YW5uYTpwYXNzd29yZA==", None),
        ] {
            assert_eq!(of(header), expected, "{header}");
        }
    }
}
