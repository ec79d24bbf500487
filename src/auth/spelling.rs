//! The texts that the bytes of a password can mean.
//!
//! Programs disagree on how a password with `ä` is sent in Basic authentication: browsers and curl send UTF-8, as we
//! ask for (RFC 7617 section 2.1); aiohttp and requests, and so Home Assistant, send Latin-1.

/// The texts that these bytes can mean: UTF-8 first, then Latin-1. Only one if both are the same, or if the bytes are
/// no UTF-8.
pub fn spellings(bytes: &[u8]) -> Vec<String> {
    // Latin-1 is the first 256 characters of Unicode.
    let latin1 = || bytes.iter().copied().map(char::from).collect::<String>();
    match str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => vec![text.to_owned()],
        Ok(text) => vec![text.to_owned(), latin1()],
        Err(_) => vec![latin1()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_password_are_read_as_utf_8_and_as_latin_1() {
        assert_eq!(spellings(b"plain: text"), ["plain: text"]);
        assert_eq!(spellings("Küche".as_bytes()), ["Küche", "K\u{c3}\u{bc}che"]);
        assert_eq!(spellings(b"K\xfcche"), ["Küche"]);
        assert_eq!(spellings(b""), [""]);
    }
}
