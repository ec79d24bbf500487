//! Starts a camera, with a smaller mode if the USB bus lacks the bandwidth.
//!
//! Used only by [`super::V4l2`]. A camera reserves its share of the bus when it starts, so a second one on the same bus
//! may find too little left. VIDIOC_STREAMON then returns ENOSPC, which here never means a full disk.

use std::cmp::Reverse;
use std::io;

use rustix::io::Errno;

use super::choose;
use super::device::Device;
use super::errors;
use super::modes::{Rate, Rates, Sizes};
use super::negotiate::{Agreed, negotiate};
use super::stream::Stream;
use crate::camera::config::{EncodeMode, SourceConfig};
use crate::camera::refusal::{Cause, Refusal};
use crate::picture::{Layout, Range, Raw, Size};
use crate::problem::{Problem, Text, Value, text};

/// How many smaller modes are tried. Each takes a few milliseconds on a camera that answers.
const TRIES: usize = 16;

/// Below this many frames per second, a smaller picture is better than a slower one.
const SMOOTH: f64 = 10.0;

/// Configures the camera as close to `config` as it and the bus allow, and starts it. `of_signal` is the size of what a
/// capture card gets, if the settings name none.
///
/// # Errors
/// The camera agrees to nothing, refuses to start, or the bus lacks the bandwidth for all that it offers.
pub fn start(
    device: &Device,
    config: &SourceConfig,
    of_signal: Option<Size>,
    takes: &dyn Fn(Raw, Size) -> bool,
) -> Result<(Agreed, Stream), Refusal> {
    let full = negotiate(device, config, of_signal)?;
    let error = match Stream::start(device, is_shared(&full, config, takes)) {
        Ok(buffers) => return Ok((full, buffers)),
        Err(error) => error,
    };
    if !is_bus_full(&error) {
        return Err(not_started(device, &error));
    }
    for lighter in lighter(device, config, &full).iter().take(TRIES) {
        // A mode that cannot be set is skipped.
        let Ok(mut agreed) = negotiate(device, lighter, None) else { continue };
        match Stream::start(device, is_shared(&agreed, config, takes)) {
            Ok(buffers) => {
                let got = mode(&agreed);
                let instead = format!("{}; taking {got}", bus_full(&full));
                agreed.chosen = format!("{}: {}", agreed.name(), bus_full(&full));
                agreed.compromises.insert(0, instead);
                return Ok((agreed, buffers));
            }
            Err(error) if is_bus_full(&error) => {}
            Err(error) => return Err(not_started(device, &error)),
        }
    }
    let could_compress = full.layout != Layout::Mjpeg && device.code_of(Layout::Mjpeg).is_some();
    let advice = if could_compress {
        text!("try format mjpeg, or another USB port")
    } else {
        text!("plug it into another USB port, away from other cameras")
    };
    let why = text!("{} (ENOSPC), and for every smaller mode of this camera", bus_full(&full));
    Err(Refusal::new(Cause::NoBandwidth, Problem::new(cannot_start(device), why, advice)))
}

/// Whether an encoder may read the pictures where the camera leaves them. It codes samples as they are, and JPEG has the full
/// range: pictures of the limited range are changed while they are copied.
fn is_shared(agreed: &Agreed, config: &SourceConfig, takes: &dyn Fn(Raw, Size) -> bool) -> bool {
    let raw = agreed.layout.raw().filter(|_| agreed.range == Range::Full && choose::may_use_hardware(config));
    raw.is_some_and(|raw| takes(raw, agreed.size))
}

fn is_bus_full(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOSPC)
}

fn cannot_start(device: &Device) -> Text {
    text!("cannot start {}", device.path().display().to_string())
}

fn not_started(device: &Device, error: &io::Error) -> Refusal {
    errors::refusal(cannot_start(device), device.path(), error)
}

/// Why the bus refuses a mode, as a clause.
fn bus_full(agreed: &Agreed) -> Text {
    text!("the USB bus lacks the bandwidth for {}", mode(agreed))
}

fn mode(agreed: &Agreed) -> Text {
    let mode = format!("{} {}", agreed.layout, agreed.size);
    match agreed.rate {
        Some(rate) => text!("{} at {}/s", mode, Value::Decimal(rate.to_string())),
        None => mode.into(),
    }
}

/// What to ask for instead, best first: the camera's own JPEG if it agreed on raw pixels and the settings allow JPEG,
/// then slower and smaller modes in the same layout.
fn lighter(device: &Device, config: &SourceConfig, full: &Agreed) -> Vec<SourceConfig> {
    let of = |layout| SourceConfig { layout: Some(layout), ..config.clone() };
    let compressed = full.layout != Layout::Mjpeg
        && config.layout.is_none()
        && config.encoder != EncodeMode::Software
        && device.code_of(Layout::Mjpeg).is_some();
    let mut all = Vec::new();
    if compressed {
        all.push(of(Layout::Mjpeg));
    }
    let Some(code) = device.code_of(full.layout) else { return all };
    let mut sizes = Sizes::of(&device.handle, code).smaller_than(full.size);
    sizes.insert(0, full.size);
    let modes: Vec<_> = sizes.into_iter().map(|size| (size, Rates::of(&device.handle, code, size))).collect();
    all.extend(ladder(full, modes).into_iter().map(|(size, rate)| SourceConfig {
        size: Some(size),
        // The setting is a whole number, and drivers choose the nearest rate.
        fps: rate.map_or(config.fps, |rate| Some(rate.per_second().floor().max(1.0) as u32)),
        ..of(full.layout)
    }));
    all
}

/// All modes with less than `full`, the best first: as large as possible at a smooth rate, then slower ones.
fn ladder(full: &Agreed, modes: Vec<(Size, Rates)>) -> Vec<(Size, Option<Rate>)> {
    let mut all = Vec::new();
    for (size, rates) in modes {
        let slower = full.rate.map(|rate| rates.slower_than(rate)).unwrap_or_default();
        let same = (size != full.size).then_some(full.rate);
        all.extend(same.into_iter().chain(slower.into_iter().map(Some)).map(|rate| (size, rate)));
    }
    all.sort_by_key(|(size, rate)| {
        let slow = rate.is_some_and(|rate| rate.per_second() < SMOOTH);
        (slow, Reverse(size.area()), rate.map(Rate::interval))
    });
    all
}

#[cfg(test)]
mod tests {
    use super::super::modes::tests::{rate, size};
    use super::*;
    use crate::picture::Range;

    fn full() -> Agreed {
        Agreed {
            layout: Layout::Mjpeg,
            size: size("1280x720"),
            stride: 0,
            max_frame: 1,
            range: Range::Full,
            rate: Some(rate(1, 30)),
            own_quality: None,
            lowers_rate: None,
            chosen: String::new(),
            compromises: Vec::new(),
            others: Vec::new(),
        }
    }

    #[test]
    fn a_full_bus_lowers_the_rate_first_then_the_size_and_smoothness_last() {
        let rates = || Rates::List(vec![rate(1, 30), rate(1, 15), rate(1, 5)]);
        let modes = vec![(size("1280x720"), rates()), (size("640x480"), rates())];
        let message: Vec<_> = ladder(&full(), modes)
            .into_iter()
            .map(|(size, rate)| format!("{size} {}", rate.unwrap()))
            .collect();
        assert_eq!(message, ["1280x720 15", "640x480 30", "640x480 15", "1280x720 5", "640x480 5"]);
    }

    #[test]
    fn a_driver_that_lists_no_rates_is_asked_for_smaller_sizes() {
        let none = || Rates::List(Vec::new());
        let modes = vec![(size("1280x720"), none()), (size("640x480"), none())];
        let without_rate = Agreed { rate: None, ..full() };
        assert_eq!(ladder(&without_rate, modes), [(size("640x480"), None)]);
    }

    #[test]
    fn the_mode_that_exceeds_the_bus_bandwidth_is_named_with_its_rate() {
        assert_eq!(
            bus_full(&full()).to_string(),
            "the USB bus lacks the bandwidth for mjpeg 1280x720 at 30/s"
        );
    }
}
