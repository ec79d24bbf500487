//! What a camera lists of the layouts that the settings allow.

use v4l::format::FourCC;

use crate::camera::config::{EncodeMode, SourceConfig};
use crate::camera::v4l2::choose::Mode;
use crate::camera::v4l2::device::Device;
use crate::camera::v4l2::modes::{Rates, Sizes};
use crate::picture::Layout;
use crate::problem::{Text, text};

/// A layout that the camera lists.
pub struct Offer {
    /// The layout.
    pub layout: Layout,
    /// The V4L2 code under which the camera lists it.
    pub code: FourCC,
    /// Its sizes.
    pub sizes: Sizes,
}

impl Offer {
    /// What the camera lists for a layout, if it does.
    pub fn of(device: &Device, layout: Layout) -> Option<Offer> {
        let code = device.code_of(layout)?;
        Some(Offer { layout, code, sizes: Sizes::of(&device.handle, code) })
    }

    /// The mode that is nearest to the settings; `rates` are those of its size.
    pub fn nearest(&self, config: &SourceConfig, rates: &Rates) -> Mode {
        let rate = rates.up_to(config.fps()).first().copied();
        Mode { layout: self.layout, size: self.sizes.nearest(config.size()), rate, load: None }
    }

    /// What outweighs our own order of layouts, heaviest first: the configured size is not offered; the camera's JPEG
    /// would have to be decoded to encode it here, or cannot be encoded by hardware; and, for raw layouts, how far size and
    /// rate are from the settings. `rates` are those of the size that is nearest to the configured one.
    pub fn drawbacks(&self, config: &SourceConfig, rates: &Rates) -> (bool, bool, Option<(u64, u64)>) {
        let Offer { layout, sizes, .. } = self;
        let lacks_size = config.size.is_some_and(|size| !sizes.may_offer(size));
        let raw = layout.raw().map(|_| (sizes.distance(config.size()), rates.shortfall(config.fps())));
        let decoded = matches!(config.encoder, EncodeMode::Software | EncodeMode::Hardware) && raw.is_none();
        (lacks_size, decoded, raw)
    }
}

/// The layouts that the settings allow, best first.
pub fn allowed(config: &SourceConfig) -> Vec<Layout> {
    let by_encoder = |layout: &Layout| match config.encoder {
        EncodeMode::Auto | EncodeMode::Hardware | EncodeMode::Software => true,
        EncodeMode::Passthrough => *layout == Layout::Mjpeg,
    };
    let by_layout = |layout: &Layout| config.layout.is_none_or(|only| only == *layout);
    Layout::all().filter(by_encoder).filter(by_layout).collect()
}

/// Why none of the listed formats can be used, and what to do about it.
pub fn no_layout(config: &SourceConfig, listed: &str) -> (Text, Text) {
    let names: Vec<&str> = allowed(config).into_iter().map(Layout::name).collect();
    if names.is_empty() {
        return (text!("format and encoder exclude each other"), text!("leave one of them out"));
    }
    let advice = match (config.layout, config.encoder) {
        (None, EncodeMode::Auto) => text!("use another camera"),
        (Some(_), _) => text!("leave out format"),
        (None, _) => text!("leave out encoder"),
    };
    let names = Text::list(names.into_iter().map(Text::from), text!(" or "));
    (text!("it offers no {}, only {}", names, listed), advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::config::SourceSpec;
    use crate::camera::v4l2::choose;
    use crate::camera::v4l2::modes::tests::{rate, size, sizes};
    use crate::picture::{Raw, Size};

    const YUYV: Layout = Layout::Raw(Raw::Yuyv);
    const NV12: Layout = Layout::Raw(Raw::Nv12);

    fn config() -> SourceConfig {
        SourceConfig::of(SourceSpec::Auto)
    }

    #[test]
    fn the_cameras_own_jpeg_comes_first_and_settings_narrow_the_choice() {
        let all: Vec<Layout> = Layout::all().collect();
        assert_eq!(allowed(&config()), all);
        assert_eq!(allowed(&SourceConfig { encoder: EncodeMode::Passthrough, ..config() }), [Layout::Mjpeg]);
        assert_eq!(allowed(&SourceConfig { encoder: EncodeMode::Software, ..config() }), all);
        assert_eq!(allowed(&SourceConfig { layout: Some(YUYV), ..config() }), [YUYV]);
        let both = SourceConfig { layout: Some(YUYV), encoder: EncodeMode::Passthrough, ..config() };
        assert_eq!(allowed(&both), []);
        assert!(no_layout(&both, "MJPG").0.to_string().contains("exclude each other"));
    }

    #[test]
    fn a_missing_format_is_reported_with_those_on_offer() {
        let configured = SourceConfig { layout: Some(Layout::Mjpeg), ..config() };
        let (why, advice) = no_layout(&configured, "YUYV, NV12");
        assert_eq!(why.to_string(), "it offers no mjpeg, only YUYV, NV12");
        assert_eq!(advice, text!("leave out format"));
        let message = no_layout(&config(), "BA81").0.to_string();
        assert!(
            message.starts_with("it offers no mjpeg or nv12 or ") && message.ends_with("or grey, only BA81"),
            "{message}"
        );
    }

    #[test]
    fn the_cheapest_raw_format_is_chosen_unless_another_is_nearer_in_size_or_rate() {
        let (hd, vga) = ("1280x720", "640x480");
        let offer = |layout: Layout, size: &str, fps| {
            let code = FourCC::new(layout.codes()[0]);
            (Offer { layout, code, sizes: sizes(&[size]) }, Rates::List(vec![rate(1, fps)]))
        };
        // By default, and with the size in the settings.
        let first = |offers: Vec<(Offer, Rates)>| {
            let list = |(offer, rates): &(Offer, Rates)| choose::Offer {
                layout: offer.layout,
                sizes: offer
                    .sizes
                    .candidates(Size::DEFAULT)
                    .into_iter()
                    .map(|s| (s, rates.clone()))
                    .collect(),
            };
            let listed: Vec<choose::Offer> = offers.iter().map(list).collect();
            let board = choose::Board { encoders: &mut Vec::new, cost: &mut |_| 1.0 };
            let any = choose::choose(&listed, &config(), board).unwrap().modes[0].layout;
            let configured = SourceConfig { size: Some(size(hd)), ..config() };
            let named =
                offers.iter().min_by_key(|(offer, rates)| offer.drawbacks(&configured, rates)).unwrap();
            (any, named.0.layout)
        };
        assert_eq!(first(vec![offer(NV12, hd, 30), offer(YUYV, hd, 30)]), (NV12, NV12));
        assert_eq!(first(vec![offer(NV12, hd, 10), offer(YUYV, hd, 30)]), (YUYV, YUYV));
        assert_eq!(first(vec![offer(NV12, hd, 30), offer(YUYV, hd, 30)]), (NV12, NV12));
        assert_eq!(first(vec![offer(NV12, vga, 30), offer(YUYV, hd, 5)]), (YUYV, YUYV));
        assert_eq!(first(vec![offer(Layout::Mjpeg, vga, 5), offer(YUYV, hd, 30)]), (Layout::Mjpeg, YUYV));
    }
}
