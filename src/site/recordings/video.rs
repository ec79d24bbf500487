//! Recordings as video files of other formats, whole or cut: what the query asks for. A reading thread of
//! [`crate::files`] makes the answer from the recording.

use rouille::Response;

use crate::files::video::{Format, Part, VideoRequest};
use crate::problem::{Text, text};
use crate::protocol::{FileOrder, HEADER, VideoOrder};
use crate::record::Name;
use crate::site::query::value;
use crate::site::request::RequestContext;

/// The latest time in a recording that can be asked for, in seconds: a hundred days.
const SECONDS_MAX: u64 = 8_640_000;

/// What the query asks for; `None` if the recording as it is.
///
/// # Errors
/// A sentence that says which parameter is wrong, and which values are right.
pub(super) fn requested(ctx: &RequestContext<'_>) -> Result<Option<(Format, Part)>, Text> {
    let format = value(ctx, "format", format)?;
    let from = value(ctx, "from", millis)?;
    let to = value(ctx, "to", millis)?;
    let Some(format) = format else {
        return match (from, to) {
            (None, None) => Ok(None),
            _ => Err(text!("from and to need format=mp4 or format=mov; a recording as it is comes whole.")),
        };
    };
    let part = Part { from: from.unwrap_or(0), to };
    if part.to.is_some_and(|to| to <= part.from) {
        return Err(text!("to must be after from; both are seconds from the beginning of the recording."));
    }
    Ok(Some((format, part)))
}

fn format(text: &str) -> Result<Format, Text> {
    let known = Format::NAMED.into_iter().find(|(name, _)| *name == text);
    known.map(|(_, format)| format).ok_or_else(|| text!("expected mp4 or mov"))
}

/// Seconds with decimals, in ms: further decimals are cut off.
fn millis(text: &str) -> Result<u64, Text> {
    let read = || {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) {
            return None;
        }
        let seconds = whole.parse::<u64>().ok().filter(|seconds| *seconds <= SECONDS_MAX)?;
        let millis: u64 = format!("{decimals:0<3}").get(..3)?.parse().ok()?;
        Some(1000 * seconds + millis)
    };
    read().ok_or_else(|| text!("expected seconds from the beginning of the recording, such as {}", "12.5"))
}

/// Has the recording sent so.
pub(super) fn order(ctx: &RequestContext<'_>, name: Name, format: Format, part: Part) -> Response {
    let request = VideoRequest { name, format, part, conditions: ctx.conditions() };
    let order = FileOrder::Video(VideoOrder { request, client: ctx.client(), pass: ctx.pass() });
    let response = Response { headers: Vec::new(), ..Response::text("") };
    response.with_additional_header(HEADER, order.to_header())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_whole_or_have_decimals() {
        for (text, ms) in [
            ("0", 0),
            ("12", 12_000),
            ("12.5", 12_500),
            ("0.04", 40),
            ("007.0019", 7_001),
            ("8640000", 8_640_000_000),
        ] {
            assert_eq!(millis(text), Ok(ms), "{text}");
        }
        for bad in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "NaN", "inf", "1,5", "1.5.5", "0x1", "8640001", "1 "]
        {
            assert!(millis(bad).unwrap_err().to_string().contains("12.5"), "{bad}");
        }
        assert!(millis(&"9".repeat(400)).is_err() && millis(&format!("1.{}", "9".repeat(400))).is_ok());
        assert!(millis("1.\u{661}").is_err());
    }
}
