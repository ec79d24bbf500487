//! QR codes: as text for a terminal, as SVG for the page. Used by [`crate::host::console`] and
//! [`crate::site`].

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code (ISO/IEC 18004 section 5.3.8).
const QUIET: i32 = 4;

/// Black on white, whatever the terminal's colours are, and the sequence that restores those.
const COLOURS: [&str; 2] = ["\x1b[30;47m", "\x1b[0m"];

/// A text as a QR code.
pub struct Code(QrCode);

impl Code {
    /// The code of `text`; `None` if it is longer than a code can hold (2,953 bytes).
    pub fn of(text: &str) -> Option<Self> {
        QrCode::encode_text(text, QrCodeEcc::Low).ok().map(Self)
    }

    /// For a terminal: lines of half blocks, where each character shows two modules, one above the other.
    pub fn to_terminal(&self) -> String {
        let dark = |x, y| self.0.get_module(x, y); // outside the code every module is light
        let mut text = String::new();
        for y in (-QUIET..self.0.size() + QUIET).step_by(2) {
            text.push_str(COLOURS[0]);
            text.extend((-QUIET..self.0.size() + QUIET).map(|x| match (dark(x, y), dark(x, y + 1)) {
                (false, false) => ' ',
                (true, false) => '▀',
                (false, true) => '▄',
                (true, true) => '█',
            }));
            text.push_str(COLOURS[1]);
            text.push('\n');
        }
        text
    }

    /// As an SVG picture, black on white.
    pub fn to_svg(&self) -> String {
        let whole = self.0.size() + 2 * QUIET;
        let mut path = String::new();
        for y in 0..self.0.size() {
            let mut x = 0;
            while x < self.0.size() {
                let run = (x..self.0.size()).take_while(|x| self.0.get_module(*x, y)).count();
                let run = i32::try_from(run).unwrap_or(0);
                if run > 0 {
                    // Writing to a String cannot fail.
                    let _ = write!(path, "M{} {}h{run}v1h-{run}", x + QUIET, y + QUIET);
                }
                x += run.max(1);
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" \
             shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{whole}v{whole}h-{whole}z\"/>\
             <path d=\"{path}\"/></svg>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // tests/clients/test_discovery.py shows that decoders can read them.

    #[test]
    fn a_code_has_its_margin_and_both_forms_show_the_same() {
        let code = Code::of("http://192.168.178.100:8080/").unwrap();
        let side = usize::try_from(code.0.size() + 2 * QUIET).unwrap();
        let text = code.to_terminal();
        let rows: Vec<String> =
            text.lines().map(|line| line.replace(COLOURS[0], "").replace(COLOURS[1], "")).collect();
        assert_eq!(rows.len(), side.div_ceil(2));
        assert!(rows.iter().all(|row| row.chars().count() == side));
        assert_eq!(rows[0].trim(), "");
        // The upper edge of the first finder pattern: seven dark modules.
        assert!(rows[2].starts_with("    █▀▀▀▀▀█ "), "{text}");
        let svg = code.to_svg();
        assert!(svg.contains("<path d=\"M4 4h7v1h-7M"), "{svg}");
        assert!(svg.len() < 8192, "{}", svg.len());
    }

    #[test]
    fn a_text_that_is_too_long_has_no_code() {
        assert!(Code::of(&"x".repeat(2953)).is_some());
        assert!(Code::of(&"x".repeat(2954)).is_none());
    }
}
