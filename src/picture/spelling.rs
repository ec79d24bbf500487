//! How people write the size, rate, format and quality of pictures: in the settings, and for API and page while a camera
//! runs.

use std::fmt::Display;
use std::str::FromStr;

use super::{Layout, MAX_FPS, Size};
use crate::problem::{Text, text};

/// The format that leaves the choice of layout to this program.
pub const AUTO: &str = "auto";

/// A whole number within bounds.
///
/// # Errors
/// What was expected.
pub fn number<T: FromStr + PartialOrd + Copy + Display>(text: &str, least: T, most: T) -> Result<T, Text> {
    let number = text.parse().ok().filter(|n| (least..=most).contains(n));
    number.ok_or_else(|| text!("expected a whole number from {} to {}", least.to_string(), most.to_string()))
}

/// A number with up to three decimals, in thousandths.
pub fn thousandths(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(format!("{decimals:0<3}").parse().ok()?)
}

/// Frames per second. The rates of television, such as 29.97, are those of cameras for whole numbers.
///
/// # Errors
/// What was expected.
pub fn rate(text: &str) -> Result<u32, Text> {
    if let Some(exact) = thousandths(text)
        && let rounded = exact.saturating_add(500) / 1000
        && exact.abs_diff(rounded.saturating_mul(1000)) <= rounded
    {
        return number(&rounded.to_string(), 1, MAX_FPS);
    }
    number(text, 1, MAX_FPS)
}

/// The names of sizes that mean one size to everybody.
const SIZES: [(&str, Size); 22] = {
    const fn of(width: u32, height: u32) -> Size {
        Size { width, height }
    }
    [
        ("qqvga", of(160, 120)),
        ("qcif", of(176, 144)),
        ("qvga", of(320, 240)),
        ("cif", of(352, 288)),
        ("vga", of(640, 480)),
        ("360p", of(640, 360)),
        ("nhd", of(640, 360)),
        ("svga", of(800, 600)),
        ("wvga", of(800, 480)),
        ("xga", of(1024, 768)),
        ("720p", of(1280, 720)),
        ("sxga", of(1280, 1024)),
        ("uxga", of(1600, 1200)),
        ("900p", of(1600, 900)),
        ("1080p", of(1920, 1080)),
        ("fhd", of(1920, 1080)),
        ("fullhd", of(1920, 1080)),
        ("full hd", of(1920, 1080)),
        ("1440p", of(2560, 1440)),
        ("qhd", of(2560, 1440)),
        ("2160p", of(3840, 2160)),
        ("uhd", of(3840, 2160)),
    ]
};

/// `1280x720`, with any sign for "times", or a name such as VGA or 720p.
///
/// # Errors
/// What was expected.
pub fn size(text: &str) -> Result<Size, Text> {
    let name = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if let Some((_, size)) = name {
        return Ok(*size);
    }
    let plain: String = text.chars().filter(|c| *c != ' ').collect();
    plain.replace(['\u{d7}', '*', '\u{445}'], "x").parse().map_err(|why| match likely_size(text) {
        Some(_) => text!("expected a size such as 1280x720; the name may mean another one too"),
        None => why,
    })
}

/// The size that a name means which others understand differently.
pub fn likely_size(text: &str) -> Option<String> {
    let size = match text.to_ascii_lowercase().as_str() {
        "hd" => "1280x720",
        "480p" | "sd" => "640x480",
        "240p" => "320x240",
        "4k" => "3840x2160",
        "pal" => "720x576",
        "ntsc" => "720x480",
        _ => return None,
    };
    Some(size.to_owned())
}

/// A layout by any of its names; `None` for [`AUTO`].
///
/// # Errors
/// What was expected.
pub fn layout(text: &str) -> Result<Option<Layout>, Text> {
    if text.eq_ignore_ascii_case(AUTO) {
        return Ok(None);
    }
    Layout::of_spelling(text).map(Some).ok_or_else(|| {
        let names: Vec<_> = [AUTO].into_iter().chain(Layout::all().map(Layout::name)).collect();
        text!("expected {}", names.join(", "))
    })
}

/// The name of what [`layout`] reads.
pub fn layout_name(layout: Option<Layout>) -> &'static str {
    layout.map_or(AUTO, Layout::name)
}

/// A JPEG quality.
///
/// # Errors
/// What was expected.
pub fn quality(text: &str) -> Result<u8, Text> {
    number(text, 1, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_understood_however_people_write_it() {
        let of = |text| size(text).map(|size| size.to_string()).ok();
        for text in ["1280x720", "1280X720", "1280\u{d7}720", "1280 * 720", "1280\u{445}720", "720p", "720P"]
        {
            assert_eq!(of(text).as_deref(), Some("1280x720"), "{text}");
        }
        assert_eq!((of("Full HD"), of("hd"), of("1280")), (Some("1920x1080".to_owned()), None, None));
    }

    #[test]
    fn rates_of_television_are_whole_numbers_and_others_are_refused() {
        assert_eq!(["15", "15.0", "29.97", "59.94"].map(|text| rate(text).ok()), [15, 15, 30, 60].map(Some));
        for text in ["7.5", "0", "241", "-1", "1e1", "NaN", "", "30fps"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!((layout("AUTO"), layout("yuy2").map(layout_name)), (Ok(None), Ok("yuyv")));
        assert!(quality("101").is_err() && quality("85.5").is_err() && layout("gif").is_err());
    }
}
