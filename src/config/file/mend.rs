//! Turns what phones and word processors type into TOML: curly quotes around a value, no-break and other spaces, and
//! the ends of lines of old Macs. Strings in straight quotes, and comments, stay as they are. No line is added or
//! removed, so that messages name the line that the user sees.

use crate::config::toml_text::quoted;

/// Quotes that stand for ", and for '.
const DOUBLE: [char; 9] = ['“', '”', '„', '‟', '«', '»', '″', '＂', '〃'];
const SINGLE: [char; 8] = ['‘', '’', '‚', '‛', '‹', '›', '´', '`'];

/// Whether TOML does not know this quote.
pub(super) fn is_curly(c: char) -> bool {
    DOUBLE.contains(&c) || SINGLE.contains(&c)
}

/// What is blank to the eye but no blank in TOML: the spaces of typography, and marks without a width.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2000}'..='\u{200f}' | '\u{202a}'..='\u{202f}' | '\u{205f}'..='\u{2064}' | '\u{3000}' | '\u{feff}')
}

/// The text as TOML.
pub(super) fn mend(text: &str) -> String {
    let mut mended = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '#' => verbatim(rest, line_end(rest), &mut mended),
            '"' | '\'' => straight(rest, first, &mut mended),
            _ if is_curly(first) => curly(rest, first, &mut mended),
            '\r' if !rest.starts_with("\r\n") => {
                mended.push('\n');
                1
            }
            _ if is_blank(first) => {
                mended.push(' ');
                first.len_utf8()
            }
            _ => verbatim(rest, first.len_utf8(), &mut mended),
        };
        rest = &rest[taken..];
    }
    mended
}

fn verbatim(text: &str, len: usize, mended: &mut String) -> usize {
    mended.push_str(&text[..len]);
    len
}

fn line_end(text: &str) -> usize {
    text.find(['\n', '\r']).unwrap_or(text.len())
}

/// A string that begins with a straight quote. If none ends it in this line, a curly one may.
fn straight(text: &str, quote: char, mended: &mut String) -> usize {
    let triple = quote.to_string().repeat(3);
    if let Some(inside) = text.strip_prefix(&triple) {
        let len = inside.find(&triple).map_or(text.len(), |at| at + 2 * triple.len());
        return verbatim(text, len, mended);
    }
    let line = &text[..line_end(text)];
    let mut escaped = false;
    for (at, c) in line.char_indices().skip(1) {
        if c == quote && !escaped {
            return verbatim(text, at + 1, mended);
        }
        escaped = c == '\\' && !escaped && quote == '"';
    }
    match closing(&line[1..], quote) {
        None => verbatim(text, line.len(), mended),
        Some((at, len)) => {
            mended.push_str(&line[..=at]);
            mended.push(quote);
            1 + at + len
        }
    }
}

/// A value between curly quotes, taken as it stands. Without an end in its line the line stays, and is reported.
fn curly(text: &str, quote: char, mended: &mut String) -> usize {
    let inside = &text[quote.len_utf8()..line_end(text)];
    let Some((at, len)) = closing(inside, if DOUBLE.contains(&quote) { '"' } else { '\'' }) else {
        return verbatim(text, line_end(text), mended);
    };
    mended.push_str(&quoted(&inside[..at]));
    quote.len_utf8() + at + len
}

/// Where a quote ends the string, and how long that quote is: it is followed by nothing, or by what follows a value. So
/// an apostrophe within ends nothing.
fn closing(inside: &str, kind: char) -> Option<(usize, usize)> {
    let ends = |(at, c): &(usize, char)| {
        let fits = *c == kind || if kind == '"' { DOUBLE.contains(c) } else { SINGLE.contains(c) };
        let after =
            inside[at + c.len_utf8()..].trim_start_matches(|c: char| c.is_whitespace() || is_blank(c));
        fits && (after.is_empty() || after.starts_with(['#', ',', ']', '}', '=', '.']))
    };
    inside.char_indices().find(ends).map(|(at, c)| (at, c.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_phones_and_blanks_of_word_processors_become_those_of_toml() {
        for (typed, right) in [
            ("wifi.name = “home”", "wifi.name = \"home\""),
            ("wifi.name = „home“ # „so“", "wifi.name = \"home\" # „so“"),
            ("name = ‘Anna’s Wi-Fi’", "name = \"Anna’s Wi-Fi\""),
            ("name = “a\\b \"c\"”", "name = \"a\\\\b \\\"c\\\"\""),
            ("name = \"home”", "name = \"home\""),
            ("name = “home\"", "name = \"home\""),
            ("host = [“a.b”, »c.d«]", "host = [\"a.b\", \"c.d\"]"),
            ("fps\u{a0}=\u{2009}5\u{200b}", "fps = 5 "),
            ("fps = 5\rquality = 7\r\n", "fps = 5\nquality = 7\r\n"),
            ("name = `x`", "name = \"x\""),
        ] {
            assert_eq!(mend(typed), right, "{typed}");
        }
    }

    #[test]
    fn what_is_right_stays_as_it_is() {
        for text in [
            "name = \"“home”\u{a0}\" # ’tis",
            "name = 'a “b” \\'",
            "name = \"a \\\" “b\"",
            "a = \"\"\"\n“x”\n\"\"\"\nb = '''\n„y'''",
            "name = “home",
            "size = \"",
            "",
        ] {
            assert_eq!(mend(text), text);
        }
    }
}
