//! Texts as a settings file has them.

/// `text` as a TOML basic string. TOML has fewer escapes than Rust, and U+007F must be escaped, unlike in JSON.
pub(super) fn quoted(text: &str) -> String {
    let inside = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", inside.collect::<String>())
}
