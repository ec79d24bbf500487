//! Agrees with a camera on layout, size and rate: what the settings ask for if the camera offers it, otherwise the
//! nearest that it offers. Also sets the controls that the settings ask for, such as the JPEG quality. Each difference
//! becomes one sentence.

use std::time::Duration;

use v4l::control::{Control, Value};
use v4l::format::{Colorspace, FieldOrder, Format, FourCC, Quantization};
use v4l::fraction::Fraction;

use super::bayer;
use super::catch::catch_panic;
use super::choose::{self, Choice, Mode};
use super::device::{Device, code_name};
use super::errors;
use super::modes::{Rate, Rates, Sizes};
use crate::camera::config::{EncodeMode, SourceConfig};
use crate::camera::refusal::{Cause, Refusal};
use crate::jpeg::speed;
use crate::picture::Picture;
use crate::picture::{Layout, Range, Raw, Size};
use crate::problem::{Problem, Text, text};

/// The largest plausible frame size, in bytes. 8K YUYV takes 63.3 MiB; a driver that announces more is broken,
/// and slots of that size would not fit on a small board.
const MAX_FRAME_BYTES: u32 = 64 << 20;

/// V4L2_CID_JPEG_COMPRESSION_QUALITY (linux/v4l2-controls.h); most drivers take 1 to 100.
const JPEG_QUALITY: u32 = 0x009d_0903;

/// V4L2_CID_EXPOSURE_AUTO_PRIORITY (linux/v4l2-controls.h): whether the camera may lower its rate to expose longer. Its
/// name is `exposure_dynamic_framerate`, and was `exposure_auto_priority` before Linux 5.14.
const LOWERS_RATE: u32 = 0x009a_0903;

/// What the camera agreed to.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreed {
    /// The layout of its frames.
    pub layout: Layout,
    /// The size of its pictures.
    pub size: Size,
    /// Bytes from one row to the next; 0 for MJPEG.
    pub stride: u32,
    /// The largest frame, in bytes.
    pub max_frame: usize,
    /// The range of its samples; meaningless for MJPEG.
    pub range: Range,
    /// Its rate; `None` if the driver does not say.
    pub rate: Option<Rate>,
    /// The JPEG quality that the camera was set to, if it was.
    pub own_quality: Option<u8>,
    /// Whether it may deliver fewer frames to expose each longer; `None` if it does not say.
    pub lowers_rate: Option<bool>,
    /// What was chosen, and why.
    pub chosen: String,
    /// One sentence for each setting that was not met.
    pub compromises: Vec<String>,
    /// What to ask for instead if it does not deliver, best first; nothing if the settings name a size.
    pub others: Vec<SourceConfig>,
}

impl Agreed {
    /// The time between two frames.
    pub fn interval(&self) -> Option<Duration> {
        self.rate.map(Rate::interval)
    }

    /// Its layout, size and rate: `mjpeg 1280x720 at 30/s`.
    pub fn name(&self) -> String {
        let rate = self.rate.map(|rate| format!(" at {rate}/s")).unwrap_or_default();
        format!("{} {}{rate}", self.layout, self.size)
    }
}

/// Configures the camera. Whether it keeps to the agreement shows only when it delivers.
///
/// # Errors
/// The camera lists no layout that the settings allow, or refuses all of them.
pub fn negotiate(device: &Device, config: &SourceConfig) -> Result<Agreed, Refusal> {
    let mut offers: Vec<Offer> =
        allowed(config).iter().filter_map(|&layout| Offer::of(device, layout)).collect();
    let choice = match config.size {
        Some(size) => {
            let rates = |offer: &Offer| Rates::of(&device.handle, offer.code, offer.sizes.nearest(size));
            // The sort is stable: layouts with equal drawbacks keep their order.
            offers.sort_by_cached_key(|offer| offer.drawbacks(config, &rates(offer)));
            let modes = offers.iter().map(|offer| offer.nearest(config, &rates(offer))).collect();
            Some(Choice { modes, why: by_settings(config) })
        }
        None => choose_any(device, config, &offers),
    };
    let Choice { modes, why } = choice.unwrap_or(Choice { modes: Vec::new(), why: String::new() });
    let others: Vec<SourceConfig> = match config.size {
        Some(_) => Vec::new(),
        None => choose::others(&modes).iter().map(|mode| mode.config(config)).collect(),
    };
    let mut first = None;
    for offer in in_order(&offers, &modes) {
        let Some(mode) = modes.iter().find(|mode| mode.layout == offer.layout) else { continue };
        match agree(device, config, offer, mode) {
            Ok(agreed) => {
                let chosen = format!("{}: {}", agreed.name(), reason(&agreed, mode, &modes, &why));
                return Ok(Agreed { chosen, others, ..agreed });
            }
            Err(refusal) => first.get_or_insert(refusal),
        };
    }
    Err(first.unwrap_or_else(|| {
        let (why, advice) =
            bayer::refusal(&device.formats).unwrap_or_else(|| no_layout(config, &device.format_names()));
        Refusal::new(
            Cause::NoFormat,
            Problem::new(text!("cannot use {}", device.path().display().to_string()), why, advice),
        )
    }))
}

/// The best mode if the settings name no size.
fn choose_any(device: &Device, config: &SourceConfig, offers: &[Offer]) -> Option<Choice> {
    let with_rates = |offer: &Offer| {
        let rates = |size| (size, Rates::of(&device.handle, offer.code, size));
        let sizes = offer.sizes.candidates(Size::DEFAULT).into_iter().map(rates).collect();
        choose::Offer { layout: offer.layout, sizes }
    };
    let offers: Vec<choose::Offer> = offers.iter().map(with_rates).collect();
    choose::choose(&offers, config, &mut |raw| speed::nanoseconds_per_pixel(raw, Size::DEFAULT))
}

/// The offers in the order of the first mode of each.
fn in_order<'a>(offers: &'a [Offer], modes: &[Mode]) -> Vec<&'a Offer> {
    let mut sorted: Vec<&Offer> = offers.iter().collect();
    sorted.sort_by_key(|offer| modes.iter().position(|mode| mode.layout == offer.layout));
    sorted
}

/// Why a mode is asked for whose size the settings name.
fn by_settings(config: &SourceConfig) -> String {
    let size = config.size.map(|size| size.to_string());
    let fps = config.fps.map(|fps| format!("{fps} frames/s"));
    let layout = config.layout.map(|layout| layout.to_string());
    let asked: Vec<String> = [layout, size, fps].into_iter().flatten().collect();
    format!("the settings ask for {}", asked.join(", "))
}

/// Why this was agreed, in words that follow its name.
fn reason(agreed: &Agreed, mode: &Mode, modes: &[Mode], why: &str) -> String {
    if agreed.size != mode.size {
        format!("what the driver made of {} {}", mode.layout, mode.size)
    } else if let Some(first) = modes.first().filter(|first| first.layout != mode.layout) {
        format!("the driver refuses {} {}", first.layout, first.size)
    } else {
        why.to_owned()
    }
}

/// A layout that the camera lists.
struct Offer {
    layout: Layout,
    code: FourCC,
    sizes: Sizes,
}

impl Offer {
    /// What the camera lists for a layout, if it does.
    fn of(device: &Device, layout: Layout) -> Option<Offer> {
        let code = device.code_of(layout)?;
        Some(Offer { layout, code, sizes: Sizes::of(&device.handle, code) })
    }

    /// The mode that is nearest to the settings; `rates` are those of its size.
    fn nearest(&self, config: &SourceConfig, rates: &Rates) -> Mode {
        let rate = rates.up_to(config.fps()).first().copied();
        Mode { layout: self.layout, size: self.sizes.nearest(config.size()), rate, load: None }
    }

    /// What outweighs our own order of layouts, heaviest first: the configured size is not offered; the camera's JPEG
    /// would have to be decoded to encode it here, or cannot be encoded by hardware; and, for raw layouts, how far size and
    /// rate are from the settings. `rates` are those of the size that is nearest to the configured one.
    fn drawbacks(&self, config: &SourceConfig, rates: &Rates) -> (bool, bool, Option<(u64, u64)>) {
        let Offer { layout, sizes, .. } = self;
        let lacks_size = config.size.is_some_and(|size| !sizes.may_offer(size));
        let raw = layout.raw().map(|_| (sizes.distance(config.size()), rates.shortfall(config.fps())));
        let decoded = matches!(config.encoder, EncodeMode::Software | EncodeMode::Hardware) && raw.is_none();
        (lacks_size, decoded, raw)
    }
}

/// The layouts that the settings allow, best first.
fn allowed(config: &SourceConfig) -> Vec<Layout> {
    let by_encoder = |layout: &Layout| match config.encoder {
        EncodeMode::Auto | EncodeMode::Hardware | EncodeMode::Software => true,
        EncodeMode::Passthrough => *layout == Layout::Mjpeg,
    };
    let by_layout = |layout: &Layout| config.layout.is_none_or(|only| only == *layout);
    Layout::all().filter(by_encoder).filter(by_layout).collect()
}

/// Why none of the listed formats can be used, and what to do about it.
fn no_layout(config: &SourceConfig, listed: &str) -> (Text, Text) {
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

/// Sets one mode, or what the driver makes of it.
fn agree(device: &Device, config: &SourceConfig, offer: &Offer, mode: &Mode) -> Result<Agreed, Refusal> {
    let Offer { layout, code, sizes, .. } = offer;
    let path = device.path();
    let what = text!("cannot set {} to {}", path.display().to_string(), layout.name());
    let failed = |e| errors::refusal(what.clone(), path, &e);
    let bad_format =
        |why: Text, advice: Text| Refusal::new(Cause::BadFormat, Problem::new(what.clone(), why, advice));

    device.set_format(mode.size, *code).map_err(failed)?;
    let listed = mode.rate.filter(|_| config.fps.is_none()).map(Rate::fraction);
    device.set_rate(listed.unwrap_or_else(|| Fraction::new(1, config.fps())));
    let rate = device.rate();
    // Asked again, since a new rate may change sizeimage.
    let format = device.format().map_err(failed)?;

    if Layout::of_code(format.fourcc.repr) != Some(*layout) {
        let why = text!("its driver chose {} instead", code_name(format.fourcc));
        return Err(bad_format(why, text!("try another format")));
    }
    if let Some((why, advice)) = fields(format.field_order) {
        return Err(bad_format(why, advice));
    }
    if let Some(why) = nonsense(*layout, &format) {
        return Err(bad_format(why, text!("try another size or format, or another camera")));
    }
    let size = Size { width: format.width, height: format.height };
    let rates = Rates::of(&device.handle, *code, size);
    let own_quality = set_camera_quality(device, config, *layout);
    let lowers_rate = set_steady_rate(device, config);
    let compromises = [
        size_compromise(config, size, sizes),
        rate_compromise(config, size, rate, &rates),
        quality_compromise(config, *layout, own_quality),
        steady_compromise(config, lowers_rate),
    ];
    Ok(Agreed {
        layout: *layout,
        size,
        stride: if *layout == Layout::Mjpeg { 0 } else { format.stride },
        max_frame: usize::try_from(format.size).unwrap_or(usize::MAX),
        range: range(*layout, &format),
        rate,
        own_quality,
        lowers_rate,
        chosen: String::new(),
        others: Vec::new(),
        compromises: compromises.into_iter().flatten().collect(),
    })
}

/// Why pictures whose fields lie like this cannot be shown, and what to do; `None` if they can be: progressive ones, and
/// interlaced ones with both fields in a frame, which are shown as they are, so that moving edges have combs.
fn fields(order: FieldOrder) -> Option<(Text, Text)> {
    let why = match order {
        FieldOrder::Alternate => {
            text!("its driver delivers interlaced video field by field, which is not supported")
        }
        FieldOrder::SequentialTB | FieldOrder::SequentialBT => {
            text!(
                "its driver delivers interlaced video with one field below the other, which is not supported"
            )
        }
        _ => return None,
    };
    Some((why, text!("set the source to a progressive mode, such as 1080p or 720p in place of 1080i")))
}

/// What is impossible about a format that the driver set; `None` if it makes sense.
fn nonsense(layout: Layout, format: &Format) -> Option<Text> {
    let size = Size { width: format.width, height: format.height };
    if !size.is_possible() {
        return Some(text!("its driver announces pictures of {}", size.to_string()));
    }
    let least = match layout {
        Layout::Mjpeg => 1,
        Layout::Raw(raw) if Picture::check(raw, size, format.stride).is_err() => {
            return Some(text!(
                "its driver announces rows of {} bytes for {}",
                format.stride,
                size.to_string()
            ));
        }
        Layout::Raw(raw) => raw.frame_len(size, format.stride),
    };
    if format.size > MAX_FRAME_BYTES || u64::from(format.size) < least {
        return Some(text!("its driver announces frames of {} bytes for {}", format.size, size.to_string()));
    }
    None
}

/// The range of samples: V4L2_MAP_QUANTIZATION_DEFAULT in linux/videodev2.h. Grey pictures default to the range of
/// RGB, as in the kernel's own test pattern generator (v4l2-tpg-core.c).
fn range(layout: Layout, format: &Format) -> Range {
    match (layout, format.quantization, format.colorspace) {
        (Layout::Mjpeg, _, _) | (_, Quantization::FullRange, _) => Range::Full,
        (_, Quantization::Default, Colorspace::JPEG) => Range::Full,
        (Layout::Raw(Raw::Rgb24 | Raw::Bgr24 | Raw::Rgb565 | Raw::Grey), Quantization::Default, _) => {
            Range::Full
        }
        _ => Range::Limited,
    }
}

fn size_compromise(config: &SourceConfig, got: Size, offered: &Sizes) -> Option<String> {
    let offers = match offered {
        Sizes::List(list) if list.is_empty() => String::new(),
        _ => format!("; it offers {offered}"),
    };
    match config.size {
        _ if config.size() == got => None,
        Some(size) => Some(format!("asked for {size}, got {got}{offers}")),
        None => Some(format!("{got} instead of the usual {}{offers}", Size::DEFAULT)),
    }
}

fn rate_compromise(config: &SourceConfig, size: Size, got: Option<Rate>, offered: &Rates) -> Option<String> {
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

/// Sets the camera's own JPEG quality, if one is configured and the camera does the compressing. Returns it if the
/// camera has such a control.
fn set_camera_quality(device: &Device, config: &SourceConfig, layout: Layout) -> Option<u8> {
    let by_camera = layout == Layout::Mjpeg && config.encoder != EncodeMode::Software;
    let quality = config.quality.filter(|_| by_camera)?;
    let control = Control { id: JPEG_QUALITY, value: Value::Integer(quality.into()) };
    catch_panic(|| device.handle.set_control(control)).is_ok().then_some(quality)
}

/// Whether the camera may lower its rate, if it says so; forbids it before if the settings ask for that.
fn set_steady_rate(device: &Device, config: &SourceConfig) -> Option<bool> {
    if config.steady_fps {
        let control = Control { id: LOWERS_RATE, value: Value::Boolean(false) };
        let _ = catch_panic(|| device.handle.set_control(control)); // what is read afterwards counts
    }
    match catch_panic(|| device.handle.control(LOWERS_RATE)).ok()?.value {
        Value::Boolean(lowers) => Some(lowers),
        Value::Integer(lowers) => Some(lowers != 0),
        _ => None,
    }
}

fn steady_compromise(config: &SourceConfig, lowers_rate: Option<bool>) -> Option<String> {
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
fn quality_compromise(config: &SourceConfig, layout: Layout, own_quality: Option<u8>) -> Option<String> {
    let is_untouched = layout == Layout::Mjpeg && config.encoder == EncodeMode::Passthrough;
    let quality = config.quality.filter(|_| is_untouched && own_quality.is_none())?;
    Some(format!(
        "asked for quality {quality}, but this camera makes its own JPEGs and has no quality setting; with --encoder \
         auto the quality applies"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::modes::tests::{rate, size, sizes};
    use super::*;
    use crate::camera::config::SourceSpec;

    #[test]
    fn what_was_chosen_is_explained_also_if_the_driver_decides_otherwise() {
        let mode = |layout, text: &str| Mode { layout, size: size(text), rate: None, load: None };
        let modes = [mode(Layout::Mjpeg, "1280x720"), mode(YUYV, "640x480")];
        let agreed = |layout, text: &str| Agreed {
            layout,
            size: size(text),
            stride: 0,
            max_frame: 1,
            range: Range::Full,
            rate: None,
            own_quality: None,
            lowers_rate: None,
            chosen: String::new(),
            compromises: Vec::new(),
            others: Vec::new(),
        };
        let says = |agreed: &Agreed, mode| reason(agreed, mode, &modes, "why");
        assert_eq!(says(&agreed(Layout::Mjpeg, "1280x720"), &modes[0]), "why");
        assert_eq!(
            says(&agreed(Layout::Mjpeg, "640x480"), &modes[0]),
            "what the driver made of mjpeg 1280x720"
        );
        assert_eq!(says(&agreed(YUYV, "640x480"), &modes[1]), "the driver refuses mjpeg 1280x720");
        let asked = SourceConfig { size: Some(size("640x480")), fps: Some(15), ..config() };
        assert_eq!(by_settings(&asked), "the settings ask for 640x480, 15 frames/s");
    }

    const YUYV: Layout = Layout::Raw(Raw::Yuyv);
    const NV12: Layout = Layout::Raw(Raw::Nv12);

    fn config() -> SourceConfig {
        SourceConfig::of(SourceSpec::Auto)
    }

    fn format(layout: Layout, width: u32, height: u32, stride: u32, bytes: u32) -> Format {
        let mut format = Format::new(width, height, FourCC::new(layout.codes()[0]));
        (format.stride, format.size) = (stride, bytes);
        format
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
    fn a_quality_that_the_camera_cannot_be_set_to_is_said_only_where_nobody_else_lowers_it() {
        let says = |encoder, quality, own| {
            let config = SourceConfig { encoder, quality, ..config() };
            quality_compromise(&config, Layout::Mjpeg, own).is_some()
        };
        assert!(says(EncodeMode::Passthrough, Some(60), None));
        assert!(!says(EncodeMode::Passthrough, Some(60), Some(60)));
        assert!(!says(EncodeMode::Passthrough, None, None));
        assert!(!says(EncodeMode::Auto, Some(60), None) && !says(EncodeMode::Software, Some(60), None));
        let raw = SourceConfig { encoder: EncodeMode::Passthrough, quality: Some(60), ..config() };
        assert_eq!(quality_compromise(&raw, YUYV, None), None);
    }

    #[test]
    fn a_camera_whose_rate_cannot_be_kept_steady_says_so_only_if_that_was_asked_for() {
        let says = |steady_fps, lowers| steady_compromise(&SourceConfig { steady_fps, ..config() }, lowers);
        assert!(says(true, None).unwrap().contains("no control for that"));
        assert!(says(true, Some(true)).unwrap().contains("refuses"));
        assert_eq!(says(true, Some(false)), None);
        assert_eq!([None, Some(true), Some(false)].map(|lowers| says(false, lowers)), [None, None, None]);
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
            let any = choose::choose(&listed, &config(), &mut |_| 1.0).unwrap().modes[0].layout;
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

    #[test]
    fn a_size_that_was_not_met_is_reported_with_those_on_offer() {
        let offered = sizes(&["640x480", "1280x720"]);
        let configured = SourceConfig { size: Some(size("1281x721")), ..config() };
        assert_eq!(
            size_compromise(&configured, size("1280x720"), &offered).unwrap(),
            "asked for 1281x721, got 1280x720; it offers 640x480, 1280x720"
        );
        assert_eq!(
            size_compromise(&config(), size("640x480"), &sizes(&["640x480"])).unwrap(),
            "640x480 instead of the usual 1280x720; it offers 640x480"
        );
        assert_eq!(size_compromise(&config(), size("1280x720"), &offered), None);
        assert_eq!(
            size_compromise(&configured, size("8x8"), &sizes(&[])).unwrap(),
            "asked for 1281x721, got 8x8"
        );
    }

    #[test]
    fn a_rate_that_was_not_met_is_reported_with_those_on_offer() {
        let offered = Rates::List(vec![rate(1, 30), rate(2, 25)]);
        let configured = SourceConfig { fps: Some(60), ..config() };
        let hd = size("1280x720");
        assert_eq!(
            rate_compromise(&configured, hd, Some(rate(2, 25)), &offered).unwrap(),
            "asked for 60 frames/s, got 12.5; at 1280x720 it offers 30, 12.5"
        );
        assert_eq!(rate_compromise(&configured, hd, Some(rate(1, 60)), &offered), None);
        assert_eq!(rate_compromise(&config(), hd, Some(rate(1001, 30_000)), &offered), None);
        assert_eq!(
            rate_compromise(&config(), hd, Some(rate(2, 25)), &Rates::List(Vec::new())).unwrap(),
            "12.5 frames/s instead of the usual 30"
        );
        assert!(rate_compromise(&configured, hd, None, &offered).unwrap().contains("no rate setting"));
        assert_eq!(rate_compromise(&config(), hd, None, &offered), None);
    }

    #[test]
    fn an_impossible_format_from_a_driver_is_refused() {
        assert_eq!(nonsense(YUYV, &format(YUYV, 1280, 720, 2560, 1_843_200)), None);
        assert_eq!(nonsense(Layout::Mjpeg, &format(Layout::Mjpeg, 1280, 720, 0, 1_843_200)), None);
        for (layout, width, height, stride, bytes) in [
            (YUYV, 1280, 720, 2558, 1_843_200),
            (YUYV, 1281, 720, 2562, 1_845_000),
            (YUYV, 1280, 720, 2560, 1_843_199),
            (NV12, 1280, 720, 1279, 1_382_400),
            (NV12, 1280, 720, 1280, 1_382_399),
            (NV12, 1280, 720, u32::MAX, 1_382_400),
            (YUYV, 1280, 720, u32::MAX, 1_843_200),
            (Layout::Mjpeg, 1280, 720, 0, 0),
            (Layout::Mjpeg, 1280, 720, 0, MAX_FRAME_BYTES + 1),
            (Layout::Mjpeg, 0, 720, 0, 1000),
            (Layout::Mjpeg, 1280, 65_536, 0, 1000),
        ] {
            let wrong = nonsense(layout, &format(layout, width, height, stride, bytes));
            assert!(wrong.is_some(), "{layout} {width}x{height} {stride} {bytes} was believed");
        }
    }

    #[test]
    fn interlaced_video_in_one_frame_is_taken_and_single_fields_are_refused_in_words() {
        for order in
            [FieldOrder::Any, FieldOrder::Progressive, FieldOrder::Interlaced, FieldOrder::InterlacedTB]
        {
            assert!(fields(order).is_none(), "{order}");
        }
        let (why, advice) = fields(FieldOrder::Alternate).expect("refused");
        assert!(why.to_string().contains("field by field"), "{why}");
        assert!(advice.to_string().contains("progressive"), "{advice}");
        assert!(fields(FieldOrder::SequentialTB).is_some());
    }

    #[test]
    fn pixels_have_v4l2s_default_range_unless_the_driver_says_otherwise() {
        let of = |layout, quantization, colorspace| {
            let mut format = format(layout, 64, 64, 128, 8192);
            (format.quantization, format.colorspace) = (quantization, colorspace);
            range(layout, &format)
        };
        let with = |quantization, colorspace| of(YUYV, quantization, colorspace);
        for raw in [Raw::Rgb24, Raw::Bgr24, Raw::Rgb565, Raw::Grey].map(Layout::Raw) {
            assert_eq!(of(raw, Quantization::Default, Colorspace::SRGB), Range::Full);
            assert_eq!(of(raw, Quantization::LimitedRange, Colorspace::SRGB), Range::Limited);
        }
        assert_eq!(with(Quantization::Default, Colorspace::SRGB), Range::Limited);
        assert_eq!(with(Quantization::Default, Colorspace::JPEG), Range::Full);
        assert_eq!(with(Quantization::LimitedRange, Colorspace::JPEG), Range::Limited);
        assert_eq!(with(Quantization::FullRange, Colorspace::SMPTE170M), Range::Full);
    }
}
