//! Chooses a mode of a camera if the settings name no size: a pure function of what the camera lists, of which JPEG encoders
//! this board has, and of how fast it encodes without them.
//!
//! Used by [`super::negotiate`]. The best is the largest size up to [`Size::DEFAULT`] that needs no encoding, at its
//! highest rate up to [`SourceConfig::DEFAULT_FPS`]; else the largest whose pixels this board encodes in time. What a hardware
//! encoder takes counts as such.

use std::cmp::Reverse;

use coefficients::Transform;

use super::modes::{Rate, Rates};
use crate::camera::config::{EncodeMode, SourceConfig};
use crate::camera::encoders::JpegEncoder;
use crate::picture::{Layout, Raw, Size};

/// The largest part of the time from one frame to the next that encoding may take; the rest is for viewers.
const LOAD_MAX: f64 = 0.75;

/// A size's rate is not made lower than this, in frames per second, so that the board encodes the size in time.
const SMOOTH: f64 = 10.0;

/// How many other modes are tried if a camera does not deliver the first.
pub const OTHERS_MAX: usize = 3;

/// A layout that the settings allow, with the sizes that the camera lists for it, and their rates.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The layout.
    pub layout: Layout,
    /// Its sizes, each with its rates.
    pub sizes: Vec<(Size, Rates)>,
}

/// A mode to ask the camera for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    /// The layout.
    pub layout: Layout,
    /// The size.
    pub size: Size,
    /// The rate; `None` if the driver lists none.
    pub rate: Option<Rate>,
    /// The part of the time from one frame to the next that encoding takes; `None` if nothing is encoded, or by hardware.
    pub load: Option<f64>,
}

/// What is chosen, and what else may be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// All modes, one for each layout and size, the best first.
    pub modes: Vec<Mode>,
    /// Why the first is the best, in words that follow its name.
    pub why: String,
}

impl Mode {
    /// The settings that ask for this mode.
    pub fn config(&self, config: &SourceConfig) -> SourceConfig {
        // The setting is a whole number, and drivers choose the nearest rate.
        let fps = self.rate.map(|rate| rate.per_second().round().max(1.0) as u32);
        SourceConfig {
            size: Some(self.size),
            layout: Some(self.layout),
            fps: config.fps.or(fps),
            ..config.clone()
        }
    }

    /// Whether its pixels cannot be encoded as fast as they come.
    fn is_late(&self) -> bool {
        self.load.is_some_and(|load| load > LOAD_MAX)
    }

    /// Time to encode a frame, and time from one frame to the next, in milliseconds.
    fn times(&self) -> (f64, f64) {
        let interval =
            self.rate.map_or(1e3 / f64::from(SourceConfig::DEFAULT_FPS), |rate| 1e3 / rate.per_second());
        (self.load.unwrap_or(0.0) * interval, interval)
    }

    /// What comes before what, heaviest first. A program that decodes JPEGs to encode them again comes last.
    fn key(&self, config: &SourceConfig) -> impl Ord + use<> {
        let class = match self.layout {
            Layout::Mjpeg if encodes_all(config) => 2,
            Layout::Mjpeg => 0,
            Layout::Raw(_) => 1,
        };
        let thousandths = |x: f64| (x.min(1e12) * 1e3) as u64;
        let late = self.load.filter(|_| self.is_late()).map(thousandths);
        let per_second = self.rate.map_or(u64::MAX, |rate| thousandths(rate.per_second()));
        let wished = config.fps.map_or(0, |fps| u64::from(fps) * 990); // within 1 %
        let area = self.size.area();
        let by_size = if fits(self.size) { (false, u64::MAX - area) } else { (true, area) };
        (class, late, wished.saturating_sub(per_second), by_size, Reverse(per_second), self.load.is_some())
    }
}

/// Whether the settings say that a camera's own JPEGs are encoded again.
fn encodes_all(config: &SourceConfig) -> bool {
    matches!(config.encoder, EncodeMode::Software | EncodeMode::Hardware)
}

/// Whether a size is within [`Size::DEFAULT`].
fn fits(size: Size) -> bool {
    size.width <= Size::DEFAULT.width && size.height <= Size::DEFAULT.height
}

/// What is known of this board. Each is only asked for if there is no mode that needs no encoding.
pub struct Board<'a> {
    /// The JPEG encoders that can be counted on.
    pub encoders: &'a mut dyn FnMut() -> Vec<JpegEncoder>,
    /// How many nanoseconds encoding a pixel takes without them.
    pub cost: &'a mut dyn FnMut(Raw) -> f64,
}

/// All modes, the best first; `None` if there are none.
pub fn choose(offers: &[Offer], config: &SourceConfig, board: Board<'_>) -> Option<Choice> {
    let by_camera = |offer: &Offer| offer.layout == Layout::Mjpeg && !encodes_all(config);
    let needs_encoding = !offers.iter().any(|offer| by_camera(offer) && !offer.sizes.is_empty());
    let encoders = if needs_encoding && may_use_hardware(config) { (board.encoders)() } else { Vec::new() };
    let mut modes: Vec<Mode> = Vec::new();
    for Offer { layout, sizes } in offers {
        let raw = layout.raw().filter(|_| needs_encoding);
        let is_taken = |size: Size| raw.is_some_and(|raw| takes(&encoders, raw, size).is_some());
        let needs_measuring = raw.filter(|_| !sizes.iter().all(|(size, _)| is_taken(*size)));
        let nanoseconds = needs_measuring.map(&mut *board.cost);
        modes.extend(sizes.iter().flat_map(|(size, rates)| {
            let nanoseconds = nanoseconds.filter(|_| !is_taken(*size));
            of_size(*layout, *size, rates, config, nanoseconds)
        }));
    }
    // The sort is stable: layouts that are equally good keep their order, the one with the fewest bytes first.
    modes.sort_by_cached_key(|mode| mode.key(config));
    let mut seen = Vec::new();
    modes.retain(|mode| {
        let is_new = !seen.contains(&(mode.layout, mode.size));
        seen.push((mode.layout, mode.size));
        is_new
    });
    let why = why(&modes, config, &encoders)?;
    Some(Choice { modes, why })
}

/// Whether pixels are given to a hardware encoder, if there is one. It cannot turn pictures.
pub fn may_use_hardware(config: &SourceConfig) -> bool {
    let may = matches!(config.encoder, EncodeMode::Auto | EncodeMode::Hardware);
    may && config.orientation.transform() == Transform::NONE
}

/// The encoder that takes such pictures.
fn takes(encoders: &[JpegEncoder], raw: Raw, size: Size) -> Option<&JpegEncoder> {
    encoders.iter().find(|encoder| encoder.takes(raw, size))
}

/// The modes of one size. Raw pixels may be taken at a lower rate, so that the board has time to encode them.
fn of_size(
    layout: Layout,
    size: Size,
    rates: &Rates,
    config: &SourceConfig,
    nanoseconds: Option<f64>,
) -> Vec<Mode> {
    let rates: Vec<Option<Rate>> = match rates.up_to(config.fps()).as_slice() {
        [] => vec![None],
        [first, slower @ ..] => {
            let may_be_slower = nanoseconds.is_some() && config.fps.is_none();
            let slower = slower.iter().filter(|rate| may_be_slower && rate.per_second() >= SMOOTH);
            [first].into_iter().chain(slower).map(|rate| Some(*rate)).collect()
        }
    };
    let load = |rate: Option<Rate>| {
        let per_second = rate.map_or(f64::from(config.fps()), Rate::per_second);
        Some(nanoseconds? * size.area() as f64 * per_second / 1e9)
    };
    rates.into_iter().map(|rate| Mode { layout, size, rate, load: load(rate) }).collect()
}

/// Why the first of these modes is the best.
fn why(modes: &[Mode], config: &SourceConfig, encoders: &[JpegEncoder]) -> Option<String> {
    let first = modes.first()?;
    let limit = Size::DEFAULT;
    let rate = match config.fps {
        Some(fps) => format!("the settings ask for {fps} frames/s"),
        None => format!("this is its highest rate up to {}/s", SourceConfig::DEFAULT_FPS),
    };
    let rate = if first.rate.is_some() { format!("; {rate}") } else { String::new() };
    let which = if fits(first.size) {
        format!("the largest size up to {limit}")
    } else {
        "the smallest size".to_owned()
    };
    let asked = if config.layout.is_some() { ", as the settings ask" } else { "" };
    let who = if config.encoder == EncodeMode::Auto && config.layout.is_none() {
        "the camera makes no JPEGs; "
    } else {
        ""
    };
    let Some(load) = first.load else {
        let by = first.layout.raw().and_then(|raw| takes(encoders, raw, first.size));
        if let Some(encoder) = by {
            return Some(format!(
                "{who}{which} that the board's encoder {} takes{asked}{rate}",
                encoder.name
            ));
        }
        return Some(match first.layout {
            Layout::Mjpeg if encodes_all(config) => {
                format!("{which} that the camera has, only as JPEGs{rate}")
            }
            Layout::Mjpeg => format!("{which} that the camera compresses itself{asked}{rate}"),
            Layout::Raw(_) => format!("{which} that the camera has{asked}{rate}"),
        });
    };
    let (needs, interval) = first.times();
    let takes = format!("about {needs:.1} ms of {interval:.0} ms for each frame");
    if first.is_late() {
        return Some(format!(
            "this board encodes no size in time that the camera has; this one comes nearest: {takes}"
        ));
    }
    let larger =
        modes.iter().filter(|mode| fits(mode.size) && mode.size.area() > first.size.area() && mode.is_late());
    let instead = larger.max_by_key(|mode| mode.size.area()).map(|mode| {
        let (needs, interval) = mode.times();
        format!("; {} would take {needs:.1} ms of {interval:.0} ms", mode.size)
    });
    let share = if load < 1e-3 { String::new() } else { format!(": {takes}") };
    Some(format!("{who}{which} that this board encodes in time{share}{}", instead.unwrap_or_default()))
}

/// What to try if a camera delivers nothing usable in the first mode, best first: a smaller size of the same layout,
/// another layout, and the smallest size.
pub fn others(modes: &[Mode]) -> Vec<Mode> {
    let Some(first) = modes.first() else { return Vec::new() };
    let same = || modes.iter().filter(|mode| mode.layout == first.layout);
    let smaller = same().find(|mode| mode.size.area() * 4 <= first.size.area() * 3);
    let layout = modes.iter().find(|mode| mode.layout != first.layout);
    let smallest = same().min_by_key(|mode| mode.size.area());
    let mut others: Vec<Mode> = Vec::new();
    for mode in [smaller, layout, smallest].into_iter().flatten() {
        if mode != first && !others.contains(mode) {
            others.push(*mode);
        }
    }
    others.truncate(OTHERS_MAX);
    others
}

#[cfg(test)]
mod tests;
