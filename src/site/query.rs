//! What a URL asks for behind its question mark: `?size=`, `?quality=`, `?fps=`, `?advance_headers=1`.
//!
//! Parameters that mean nothing to us are ignored, since clients add their own (cache busters, tokens). One that
//! does mean something and has a wrong value is refused in words.

use std::str::FromStr;

use super::RequestContext;
use crate::pace::Fps;
use crate::picture::Size;
use crate::variants::Variant;

/// What a viewer wants other than the camera's own stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StreamQuery {
    pub(super) variant: Option<Variant>,
    pub(super) fps: Option<Fps>,
    pub(super) advance_headers: bool,
}

impl StreamQuery {
    /// Reads the query.
    ///
    /// # Errors
    /// A sentence that says which parameter is wrong and what is right.
    pub(super) fn of(visit: &RequestContext<'_>) -> Result<Self, String> {
        let size = value(visit, "size", Size::from_str)?;
        let quality = value(visit, "quality", quality)?;
        let fps = value(visit, "fps", Fps::from_str)?;
        let advance_headers = value(visit, "advance_headers", switch)?.unwrap_or(false);
        let default = visit.feed().quality();
        let wanted = size.is_some() || quality.is_some();
        let variant = wanted.then(|| Variant { size, quality: quality.unwrap_or(default) });
        Ok(Self { variant, fps, advance_headers })
    }
}

/// The value of parameter `name`, if it is there.
fn value<T>(
    visit: &RequestContext<'_>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    let named = |pair: &&str| pair.split('=').next() == Some(name);
    let count = visit.request.raw_query_string().split('&').filter(named).count();
    if count > 1 {
        return Err(format!("{name} is there {count} times, which of them is meant?"));
    }
    let Some(text) = visit.request.get_param(name) else { return Ok(None) };
    parse(&text).map(Some).map_err(|expected| format!("{name}={} cannot be used: {expected}.", shown(&text)))
}

/// A value from a URL as it may stand in an answer: short, and nothing but letters.
fn shown(text: &str) -> String {
    /// Characters; more help nobody.
    const LONGEST: usize = 24;
    text.chars().filter(|c| c.is_ascii_graphic()).take(LONGEST).collect()
}

fn quality(text: &str) -> Result<u8, String> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()); // Rust takes a plus sign, too
    let number = text.parse().ok().filter(|number| digits && (1..=100).contains(number));
    number.ok_or_else(|| "expected a whole number from 1 to 100 such as 60".to_owned())
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "1" => Ok(true),
        "0" => Ok(false),
        _ => Err("expected 1 or 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::house;
    use super::*;
    use crate::jpeg::encode::DEFAULT_QUALITY;
    use rouille::Request;

    fn wish(query: &str) -> Result<StreamQuery, String> {
        let request = Request::fake_http("GET", format!("/stream?{query}"), vec![], vec![]);
        StreamQuery::of(&RequestContext {
            house: &house(),
            request: &request,
            visitor: None,
            camera: 0,
            names_camera: false,
        })
    }

    fn variant(query: &str) -> Option<Variant> {
        wish(query).unwrap().variant
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
        assert_eq!(wish("fps=0.5&advance_headers=1"), Ok(expected));
    }

    #[test]
    fn what_means_nothing_to_us_is_ignored() {
        for query in ["1699", "cacheBust=1", "timestamp=2&sizes=x&qualit=0", "=", "&&", "SIZE=x"] {
            let expected = StreamQuery { variant: None, fps: None, advance_headers: false };
            assert_eq!(wish(query), Ok(expected), "{query}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_what_would_be_right() {
        for (query, told) in [
            ("size=0x0", "1280x720"),
            ("size=99999x1", "1280x720"),
            ("size=", "1280x720"),
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
            let why = wish(query).unwrap_err();
            assert!(
                why.starts_with(query.split('=').next().unwrap()) && why.contains(told),
                "{query}: {why}"
            );
        }
        let long = wish(&format!("quality={}<script>%0a", "x".repeat(1000))).unwrap_err();
        assert!(long.len() < 120, "{long}");
    }
}
