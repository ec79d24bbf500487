//! Names that drivers write.

/// A name up to its first 0 byte, as text, without control characters.
pub(crate) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let name: String =
        String::from_utf8_lossy(&bytes[..end]).chars().filter(|letter| !letter.is_control()).collect();
    name.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn a_name_without_an_end_or_with_an_escape_sequence_is_made_printable() {
        assert_eq!(text(b"HDMI 0\0rest"), "HDMI 0");
        assert_eq!(text(b"\x1b[31mred \xff"), "[31mred \u{fffd}");
        assert_eq!(text(b""), "");
    }
}
