//! What the settings ask for and the camera did not give, one sentence for each difference.

use crate::camera::config::{EncodeMode, SourceConfig};
use crate::camera::v4l2::modes::{Rate, Rates, Sizes};
use crate::picture::{Layout, Size};

/// What is said of a size.
pub fn of_size(config: &SourceConfig, of_signal: Option<Size>, got: Size, offered: &Sizes) -> Option<String> {
    let offers = match offered {
        Sizes::List(list) if list.is_empty() => String::new(),
        _ => format!("; it offers {offered}"),
    };
    match config.size {
        _ if config.size() == got => None,
        Some(size) if of_signal.is_some() => Some(format!("the signal has {size}, got {got}{offers}")),
        Some(size) => Some(format!("asked for {size}, got {got}{offers}")),
        None => Some(format!("{got} instead of the usual {}{offers}", Size::DEFAULT)),
    }
}

/// What is said of a rate.
pub fn of_rate(config: &SourceConfig, size: Size, got: Option<Rate>, offered: &Rates) -> Option<String> {
    let offers = match offered {
        Rates::List(list) if list.is_empty() => String::new(),
        _ => format!("; at {size} it offers {offered}"),
    };
    match (config.fps, got) {
        (_, Some(rate)) if rate.meets(config.fps()) => None,
        (Some(fps), Some(rate)) => Some(format!("asked for {fps} frames/s, got {rate}{offers}")),
        (Some(fps), None) => Some(format!("asked for {fps} frames/s, but its driver has no rate setting")),
        (None, Some(rate)) => Some(format!("{rate} frames/s instead of the usual {}{offers}", config.fps())),
        (None, None) => None,
    }
}

/// What is said of a rate that the camera must not lower.
pub fn of_steadiness(config: &SourceConfig, lowers_rate: Option<bool>) -> Option<String> {
    match lowers_rate.filter(|_| config.steady_fps) {
        Some(true) => Some("asked for a steady rate, but it refuses to switch exposure_dynamic_framerate off".to_owned()),
        None if config.steady_fps => Some(
            "asked for a steady rate, but it has no control for that (exposure_dynamic_framerate, in older kernels \
             exposure_auto_priority)"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Otherwise boardcam lowers the quality itself, unless the JPEGs are to be left as they are.
pub fn of_quality(config: &SourceConfig, layout: Layout, own_quality: Option<u8>) -> Option<String> {
    let is_untouched = layout == Layout::Mjpeg && config.encoder == EncodeMode::Passthrough;
    let quality = config.quality.filter(|_| is_untouched && own_quality.is_none())?;
    Some(format!(
        "asked for quality {quality}, but this camera makes its own JPEGs and has no quality setting; with --encoder \
         auto the quality applies"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::config::SourceSpec;
    use crate::camera::v4l2::modes::tests::{rate, size, sizes};
    use crate::picture::Raw;

    const YUYV: Layout = Layout::Raw(Raw::Yuyv);

    fn config() -> SourceConfig {
        SourceConfig::of(SourceSpec::Auto)
    }

    #[test]
    fn a_quality_that_the_camera_cannot_be_set_to_is_said_only_where_nobody_else_lowers_it() {
        let says = |encoder, quality, own| {
            let config = SourceConfig { encoder, quality, ..config() };
            of_quality(&config, Layout::Mjpeg, own).is_some()
        };
        assert!(says(EncodeMode::Passthrough, Some(60), None));
        assert!(!says(EncodeMode::Passthrough, Some(60), Some(60)));
        assert!(!says(EncodeMode::Passthrough, None, None));
        assert!(!says(EncodeMode::Auto, Some(60), None) && !says(EncodeMode::Software, Some(60), None));
        let raw = SourceConfig { encoder: EncodeMode::Passthrough, quality: Some(60), ..config() };
        assert_eq!(of_quality(&raw, YUYV, None), None);
    }

    #[test]
    fn a_camera_whose_rate_cannot_be_kept_steady_says_so_only_if_that_was_asked_for() {
        let says = |steady_fps, lowers| of_steadiness(&SourceConfig { steady_fps, ..config() }, lowers);
        assert!(says(true, None).unwrap().contains("no control for that"));
        assert!(says(true, Some(true)).unwrap().contains("refuses"));
        assert_eq!(says(true, Some(false)), None);
        assert_eq!([None, Some(true), Some(false)].map(|lowers| says(false, lowers)), [None, None, None]);
    }

    #[test]
    fn a_size_that_was_not_met_is_reported_with_those_on_offer() {
        let offered = sizes(&["640x480", "1280x720"]);
        let configured = SourceConfig { size: Some(size("1281x721")), ..config() };
        assert_eq!(
            of_size(&configured, None, size("1280x720"), &offered).unwrap(),
            "asked for 1281x721, got 1280x720; it offers 640x480, 1280x720"
        );
        assert_eq!(
            of_size(&config(), None, size("640x480"), &sizes(&["640x480"])).unwrap(),
            "640x480 instead of the usual 1280x720; it offers 640x480"
        );
        assert_eq!(of_size(&config(), None, size("1280x720"), &offered), None);
        assert_eq!(
            of_size(&configured, None, size("8x8"), &sizes(&[])).unwrap(),
            "asked for 1281x721, got 8x8"
        );
    }

    #[test]
    fn a_rate_that_was_not_met_is_reported_with_those_on_offer() {
        let offered = Rates::List(vec![rate(1, 30), rate(2, 25)]);
        let configured = SourceConfig { fps: Some(60), ..config() };
        let hd = size("1280x720");
        assert_eq!(
            of_rate(&configured, hd, Some(rate(2, 25)), &offered).unwrap(),
            "asked for 60 frames/s, got 12.5; at 1280x720 it offers 30, 12.5"
        );
        assert_eq!(of_rate(&configured, hd, Some(rate(1, 60)), &offered), None);
        assert_eq!(of_rate(&config(), hd, Some(rate(1001, 30_000)), &offered), None);
        assert_eq!(
            of_rate(&config(), hd, Some(rate(2, 25)), &Rates::List(Vec::new())).unwrap(),
            "12.5 frames/s instead of the usual 30"
        );
        assert!(of_rate(&configured, hd, None, &offered).unwrap().contains("no rate setting"));
        assert_eq!(of_rate(&config(), hd, None, &offered), None);
    }
}
