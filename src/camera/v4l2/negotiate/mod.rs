//! Agrees with a camera on layout, size and rate: what the settings ask for if the camera offers it, otherwise the
//! nearest that it offers. Also sets the controls that the settings ask for, such as the JPEG quality. Each difference
//! becomes one sentence.

mod checks;
mod compromise;
mod offer;
mod own;

use std::time::Duration;

use v4l::fraction::Fraction;

use super::bayer;
use super::choose::{self, Board, Choice, Mode};
use super::device::{Device, code_name};
use super::errors;
use super::modes::{Rate, Rates};
use crate::camera::config::SourceConfig;
use crate::camera::encoders;
use crate::camera::refusal::{Cause, Refusal};
use crate::jpeg::speed;
use crate::picture::{Layout, Range, Size};
use crate::problem::{Problem, Text, text};
use offer::no_layout;
pub use offer::{Offer, allowed};
pub use own::Originals;

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

/// Configures the camera. `of_signal` is the size of what a capture card gets, if the settings name none. Whether it keeps to the agreement shows only when it delivers.
///
/// # Errors
/// The camera lists no layout that the settings allow, or refuses all of them.
pub fn negotiate(device: &Device, config: &SourceConfig, of_signal: Option<Size>) -> Result<Agreed, Refusal> {
    let settings = config;
    let config = &SourceConfig { size: config.size.or(of_signal), ..config.clone() };
    let mut offers: Vec<Offer> =
        allowed(config).iter().filter_map(|&layout| Offer::of(device, layout)).collect();
    let choice = match config.size {
        Some(size) => {
            let rates = |offer: &Offer| Rates::of(&device.handle, offer.code, offer.sizes.nearest(size));
            // The sort is stable: layouts with equal drawbacks keep their order.
            offers.sort_by_cached_key(|offer| offer.drawbacks(config, &rates(offer)));
            let modes = offers.iter().map(|offer| offer.nearest(config, &rates(offer))).collect();
            Some(Choice { modes, why: by_settings(settings, of_signal) })
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
        match agree(device, config, of_signal, offer, mode) {
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
    let cost = &mut |raw| speed::nanoseconds_per_pixel(raw, Size::DEFAULT);
    choose::choose(&offers, config, Board { encoders: &mut encoders::trusted, cost })
}

/// The offers in the order of the first mode of each.
fn in_order<'a>(offers: &'a [Offer], modes: &[Mode]) -> Vec<&'a Offer> {
    let mut sorted: Vec<&Offer> = offers.iter().collect();
    sorted.sort_by_key(|offer| modes.iter().position(|mode| mode.layout == offer.layout));
    sorted
}

/// Why a mode is asked for whose size the settings name.
fn by_settings(config: &SourceConfig, of_signal: Option<Size>) -> String {
    let size = config.size.map(|size| size.to_string());
    let fps = config.fps.map(|fps| format!("{fps} frames/s"));
    let layout = config.layout.map(|layout| layout.to_string());
    let asked: Vec<String> = [layout, size, fps].into_iter().flatten().collect();
    let asked = format!("the settings ask for {}", asked.join(", "));
    match of_signal {
        Some(size) if config.fps.is_none() && config.layout.is_none() => format!("the signal has {size}"),
        Some(size) => format!("the signal has {size}, and {asked}"),
        None => asked,
    }
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

/// Sets one mode, or what the driver makes of it.
fn agree(
    device: &Device,
    config: &SourceConfig,
    of_signal: Option<Size>,
    offer: &Offer,
    mode: &Mode,
) -> Result<Agreed, Refusal> {
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
    if let Some((why, advice)) = checks::fields(format.field_order) {
        return Err(bad_format(why, advice));
    }
    if let Some(why) = checks::nonsense(*layout, &format) {
        return Err(bad_format(why, text!("try another size or format, or another camera")));
    }
    let size = Size { width: format.width, height: format.height };
    let rates = Rates::of(&device.handle, *code, size);
    let own_quality = own::set_quality(device, config, *layout);
    let lowers_rate = own::set_steady_rate(device, config);
    let compromises = [
        compromise::of_size(config, of_signal, size, sizes),
        compromise::of_rate(config, size, rate, &rates),
        compromise::of_quality(config, *layout, own_quality),
        compromise::of_steadiness(config, lowers_rate),
    ];
    Ok(Agreed {
        layout: *layout,
        size,
        stride: if *layout == Layout::Mjpeg { 0 } else { format.stride },
        max_frame: usize::try_from(format.size).unwrap_or(usize::MAX),
        range: checks::range(*layout, &format),
        rate,
        own_quality,
        lowers_rate,
        chosen: String::new(),
        others: Vec::new(),
        compromises: compromises.into_iter().flatten().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::modes::tests::size;
    use super::*;
    use crate::camera::config::SourceSpec;
    use crate::picture::Raw;

    const YUYV: Layout = Layout::Raw(Raw::Yuyv);

    fn config() -> SourceConfig {
        SourceConfig::of(SourceSpec::Auto)
    }

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
        assert_eq!(by_settings(&asked, None), "the settings ask for 640x480, 15 frames/s");
        let signal = Some(size("1920x1080"));
        assert_eq!(by_settings(&config(), signal), "the signal has 1920x1080");
        let slower = SourceConfig { fps: Some(15), ..config() };
        let why = "the signal has 1920x1080, and the settings ask for 15 frames/s";
        assert_eq!(by_settings(&slower, signal), why);
    }
}
