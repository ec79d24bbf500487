//! The parameters of a stream or snapshot: `?size=`, `?quality=`, `?fps=`, `?advance_headers=1`.
//!
//! Parameters that we do not know are ignored, since clients add their own (cache busters, tokens). A known one
//! with a wrong value is refused, with an answer that says which values are right.

use std::str::FromStr;

use super::request::RequestContext;
use super::url::raw_params;
use crate::pace::Fps;
use crate::picture::Size;
use crate::problem::{Text, text};
use crate::variants::Variant;

/// What a viewer asks for in the query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamQuery {
    /// Smaller pictures than the camera's own, of a kind that is near to what was asked for.
    pub(super) variant: Option<Variant>,
    /// The most frames per second.
    pub(super) fps: Option<Fps>,
    /// Each frame comes with the header of the next part.
    pub(super) advance_headers: bool,
}

/// The parameters as they are in the query.
#[derive(Debug)]
pub(super) struct Asked {
    /// The box that pictures must fit into.
    pub(super) size: Option<Size>,
    /// The JPEG quality.
    pub(super) quality: Option<u8>,
    /// As in [`StreamQuery`].
    pub(super) fps: Option<Fps>,
    /// As in [`StreamQuery`].
    pub(super) advance_headers: bool,
}

impl Asked {
    /// Reads the query.
    ///
    /// # Errors
    /// A sentence that says which parameter is wrong, and which values are right.
    pub(super) fn of(ctx: &RequestContext<'_>) -> Result<Self, Text> {
        Ok(Self {
            size: value(ctx, "size", Size::from_str)?,
            quality: value(ctx, "quality", quality)?,
            fps: value(ctx, "fps", Fps::from_str)?,
            advance_headers: value(ctx, "advance_headers", switch)?.unwrap_or(false),
        })
    }
}

impl StreamQuery {
    /// Reads the query.
    ///
    /// # Errors
    /// A sentence that says which parameter is wrong, and which values are right.
    pub(super) fn of(ctx: &RequestContext<'_>) -> Result<Self, Text> {
        let Asked { size, quality, fps, advance_headers } = Asked::of(ctx)?;
        let is_smaller = size.is_some() || quality.is_some();
        let asked = || Variant { size, quality: quality.unwrap_or(ctx.feed().quality()) };
        let variant = is_smaller.then(|| asked().rounded(ctx.feed().picture_size()));
        // Who asks for nothing but a size that the camera's pictures fit gets these as they are.
        let variant = variant.filter(|made| made.size.is_some() || quality.is_some());
        Ok(Self { variant, fps, advance_headers })
    }
}

/// The value of the parameter `name`; `None` if the query lacks it.
///
/// # Errors
/// A sentence that says what is wrong with it, and which values are right.
pub(super) fn value<T>(
    ctx: &RequestContext<'_>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, Text>,
) -> Result<Option<T>, Text> {
    let count = raw_params(ctx.request).filter(|(own, _)| *own == name).count();
    if count > 1 {
        return Err(text!("{} is there {} times; give it once.", name, count));
    }
    let Some(text) = ctx.param(name) else { return Ok(None) };
    parse(&text)
        .map(Some)
        .map_err(|expected| text!("{}={} cannot be used: {}.", name, shown(&text), expected))
}

/// A value from a URL, made safe for an answer: short, and only visible ASCII characters.
fn shown(text: &str) -> String {
    /// In characters.
    const SHOWN_MAX: usize = 24;
    text.chars().filter(|c| c.is_ascii_graphic()).take(SHOWN_MAX).collect()
}

fn quality(text: &str) -> Result<u8, Text> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()); // parse() also accepts a plus sign
    let number = text.parse().ok().filter(|number| digits && (1..=100).contains(number));
    number.ok_or_else(|| text!("expected a whole number from {} to {}", 1, 100))
}

/// A time in a recording, in seconds with decimals, as ms; further decimals are cut off.
///
/// # Errors
/// What was expected.
pub(super) fn millis(text: &str) -> Result<u64, Text> {
    /// In seconds: a hundred days.
    const SECONDS_MAX: u64 = 8_640_000;
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

fn switch(text: &str) -> Result<bool, Text> {
    match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err(text!("expected 1 or 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::app;
    use super::super::url::Target;
    use super::*;
    use crate::jpeg::encode::DEFAULT_QUALITY;
    use rouille::Request;

    fn parse(query: &str) -> Result<StreamQuery, Text> {
        let request = Request::fake_http("GET", format!("/stream?{query}"), vec![], vec![]);
        StreamQuery::of(&RequestContext {
            app: &app(),
            request: &request,
            target: &Target::of(&request),
            identity: None,
            camera: 0,
            names_camera: false,
        })
    }

    fn variant(query: &str) -> Option<Variant> {
        parse(query).unwrap().variant
    }

    #[test]
    fn a_url_asks_for_size_quality_and_rate_in_any_combination() {
        let size = Some(Size { width: 640, height: 360 });
        assert_eq!(variant(""), None);
        assert_eq!(variant("size=640x360"), Some(Variant { size, quality: DEFAULT_QUALITY }));
        assert_eq!(variant("quality=50"), Some(Variant { size: None, quality: 50 }));
        assert_eq!(variant("quality=50&x=y&size=640x360"), Some(Variant { size, quality: 50 }));
        let fps = "0.5".parse().unwrap();
        let expected = StreamQuery { variant: None, fps: Some(fps), advance_headers: true };
        assert_eq!(parse("fps=0.5&advance_headers=1"), Ok(expected));
    }

    #[test]
    fn unknown_parameters_are_ignored() {
        for query in ["1699", "cacheBust=1", "timestamp=2&sizes=x&qualit=0", "=", "&&", "SIZE=x"] {
            let expected = StreamQuery { variant: None, fps: None, advance_headers: false };
            assert_eq!(parse(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_what_would_be_right() {
        for (query, expected) in [
            ("size=0x0", "1280x720"),
            ("size=99999x1", "1280x720"),
            ("size=", "1280x720"),
            ("size=VGA", "WIDTHxHEIGHT"),
            ("size", "1280x720"),
            ("quality=abc", "1 to 100"),
            ("quality=0", "1 to 100"),
            ("quality=101", "1 to 100"),
            ("quality=%2B5", "1 to 100"),
            ("quality=", "1 to 100"),
            ("fps=-1", "0.01 to 240"),
            ("fps=0", "0.01 to 240"),
            ("fps=", "0.01 to 240"),
            ("advance_headers=yes", "1 or 0"),
            ("size=1x1&size=2x2", "2 times"),
            ("quality=5&quality", "2 times"),
        ] {
            let why = parse(query).unwrap_err();
            assert!(
                why.to_string().starts_with(query.split('=').next().unwrap())
                    && why.to_string().contains(expected),
                "{query}: {why}"
            );
        }
        let long = parse(&format!("quality={}<script>%0a", "x".repeat(1000))).unwrap_err();
        assert!(long.to_string().len() < 120, "{long}");
    }

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
