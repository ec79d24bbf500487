//! Capture cards: their inputs, the EDID that they show, television standards, and the timings of a digital signal.
//!
//! Used only by [`super::V4l2`]. An ordinary camera has one input without any of this, and is left alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use v4l2_calls::edid;
use v4l2_calls::events::{self, Event};
use v4l2_calls::formats::Kind;
use v4l2_calls::inputs::{self, Input};
use v4l2_calls::queue::{For, wait};
use v4l2_calls::timings::{self, Timings};

use super::calls::Calls;
use super::device::Device;
use super::errors;
use super::signal::{self, Trouble};
use crate::camera::config::{CaptureSettings, SourceConfig};
use crate::camera::refusal::{Cause, Refusal};
use crate::picture::Size;
use crate::problem::{Problem, Text, text};

/// How long a source is given to come back after its EDID was changed, which is as if its cable were plugged in again.
const AFTER_EDID: Duration = Duration::from_secs(3);

/// The most events that are read at once, of a driver that never ends them.
const MAX_EVENTS: usize = 64;

/// An input that was chosen and set.
#[derive(Debug)]
pub struct Capture {
    file: Arc<File>,
    input: u32,
    /// The timings that were set.
    timings: Option<Timings>,
    /// The standard that the signal has.
    standard: Option<u64>,
}

/// Chooses and sets the input, if the device has any to choose or to set, and lets `device` be used through
/// `v4l2_calls` then.
///
/// # Errors
/// There is no such input, it refuses what the settings ask for, or it has no signal.
pub fn prepare(device: &mut Device, config: &SourceConfig) -> Result<Option<Capture>, Refusal> {
    let settings = &config.capture;
    let path = device.path().to_owned();
    let what = || text!("cannot use {}", path.display().to_string());
    let failed = |error: io::Error| errors::refusal(what(), &path, &error);
    let kind = device.calls.as_ref().map_or(Kind::Capture, |calls| calls.kind);
    let file = match &device.calls {
        Some(calls) => calls.file.clone(),
        None => Calls::open(&path, kind).map_err(failed)?.file,
    };
    let all = inputs::inputs(&file);
    if *settings == CaptureSettings::default()
        && !all.iter().any(|input| input.has_timings || input.standards != 0)
    {
        return Ok(None);
    }
    let refuse = |cause, (why, advice): Trouble| Refusal::new(cause, Problem::new(what(), why, advice));
    if let Some(name) = &settings.input {
        let wanted = chosen(&all, name).map_err(|trouble| refuse(Cause::BadFormat, trouble))?;
        if inputs::input(&file).map_or(true, |now| now.index != wanted.index) {
            inputs::set_input(&file, wanted.index).map_err(failed)?;
        }
    }
    let input = inputs::input(&file).map_err(failed)?;
    // A driver without such events is asked again when its pictures stop.
    let _ = events::subscribe_to_source(&file, input.index);
    if let Some(path) = &settings.edid {
        set_edid(&file, &input, path).map_err(|trouble| refuse(Cause::BadFormat, trouble))?;
    }
    let mut capture = Capture { file: file.clone(), input: input.index, timings: None, standard: None };
    if input.has_timings {
        capture.timings = match timings::query(&file) {
            Ok(found) => {
                set_timings(&file, &found).map_err(|trouble| refuse(Cause::BadFormat, trouble))?;
                Some(found)
            }
            Err(error) => match signal::of_timings(&input, &error) {
                Some(trouble) => return Err(refuse(Cause::NoSignal, trouble)),
                None => None,
            },
        };
    } else if input.standards != 0 {
        let set = set_standard(&file, &input, settings.standard);
        capture.standard = set.map_err(|trouble| refuse(Cause::BadFormat, trouble))?;
        if let Some(trouble) = signal::of_status(&inputs::input(&file).map_err(failed)?) {
            return Err(refuse(Cause::NoSignal, trouble));
        }
    }
    log::debug!("{}: input {} ({}), {:?}", path.display(), input.index, input.name, capture.timings);
    device.calls = Some(Calls { file, kind });
    Ok(Some(capture))
}

/// The input with this number or name, or the only one whose name has it in it, in any case.
fn chosen<'a>(all: &'a [Input], name: &str) -> Result<&'a Input, Trouble> {
    let by_number = |input: &&Input| name.parse() == Ok(input.index);
    let by_name = |input: &&Input| input.name.eq_ignore_ascii_case(name);
    let has = |input: &&Input| input.name.to_ascii_lowercase().contains(&name.to_ascii_lowercase());
    let some = all.iter().find(by_number).or_else(|| all.iter().find(by_name));
    let mut with = all.iter().filter(has);
    let only = || with.next().filter(|_| with.next().is_none());
    some.or_else(only).ok_or_else(|| {
        let names: Vec<Text> =
            all.iter().map(|input| format!("{} ({})", input.index, input.name).into()).collect();
        if names.is_empty() {
            return (text!("it has no inputs to choose from"), text!("leave out input"));
        }
        let names = Text::list(names, text!(", "));
        (text!("it has no input {}, but {}", name, names), text!("name one of them"))
    })
}

/// Sets the EDID, unless it is set already, and gives the source time to come back.
fn set_edid(file: &Arc<File>, input: &Input, path: &Path) -> Result<(), Trouble> {
    let bytes = read(path)?;
    if edid::get(file, input.index).is_ok_and(|now| now == bytes) {
        return Ok(());
    }
    edid::set(file, input.index, &bytes).map_err(|error| {
        let why = match Errno::from_io_error(&error) {
            Some(Errno::TOOBIG) => {
                text!("its input {} has no room for an EDID of {} bytes", &input.name, bytes.len())
            }
            Some(Errno::NOTTY | Errno::INVAL) => text!("its input {} takes no EDID", &input.name),
            _ => text!("its input {} does not take the EDID: {}", &input.name, error.to_string()),
        };
        (why, text!("leave out edid, or use a shorter one"))
    })?;
    let end = Instant::now() + AFTER_EDID;
    while input.has_timings && timings::query(file).is_err() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || !wait(file, For::Events, left).is_ok_and(|woken| woken.event) {
            break;
        }
        drain(file);
    }
    Ok(())
}

/// What would keep the EDID in this file from being set, as far as that shows without the device.
pub fn check_edid(path: &Path) -> Option<Problem> {
    let (why, advice) = read(path).err()?;
    Some(Problem::new("cannot open a device with these settings", why, advice))
}

fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    const MOST: usize = edid::BLOCK * edid::MAX_BLOCKS;
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST as u64 + 1).read_to_end(&mut bytes));
    let name = path.display().to_string();
    let trouble =
        |why: String| (text!("cannot use the EDID in {}: {}", &name, why), text!("name the file of an EDID"));
    read.map_err(|error| trouble(error.to_string()))?;
    edid::check(&bytes).map_err(|error| trouble(error.to_string()))?;
    Ok(bytes)
}

/// Sets the timings that the signal has.
fn set_timings(file: &Arc<File>, found: &Timings) -> Result<(), Trouble> {
    timings::set(file, found).map_err(|error| {
        let why =
            text!("it does not take the timings of its signal, {}: {}", found.to_string(), error.to_string());
        (
            why,
            text!("set another picture size or rate at the source, and end other programs that use the capture card"),
        )
    })
}

/// Sets the standard of the settings, or the one that the signal has; `None` if that cannot be told.
fn set_standard(file: &Arc<File>, input: &Input, wanted: Option<&str>) -> Result<Option<u64>, Trouble> {
    let found = match wanted.and_then(inputs::standard_of) {
        Some(id) => id & input.standards,
        // Without a signal all standards are still possible.
        None => {
            inputs::query_standard(file).ok().filter(|id| *id != input.standards).unwrap_or(0)
                & input.standards
        }
    };
    if found == 0 {
        let Some(name) = wanted else { return Ok(None) };
        return Err((text!("its input {} takes no {}", &input.name, name), text!("leave out standard")));
    }
    inputs::set_standard(file, found).map_err(|error| {
        let why = text!("its input {} does not take the standard: {}", &input.name, error.to_string());
        (why, text!("leave out standard"))
    })?;
    Ok(Some(found))
}

/// Reads all events, and says whether the source changed.
fn drain(file: &Arc<File>) -> bool {
    let events = (0..MAX_EVENTS).map_while(|_| events::next(file).ok().flatten());
    events.fold(false, |changed, event| changed | (event == Event::Source))
}

impl Capture {
    /// The size of the signal's picture, if the device can tell.
    pub fn size(&self) -> Option<Size> {
        let (width, height) = self.timings.as_ref()?.size();
        Some(Size { width, height }).filter(|size| size.is_possible())
    }

    /// To be called when the device has events: why the stream must end, if so.
    pub fn ended(&self) -> Option<Trouble> {
        if !drain(&self.file) {
            return None;
        }
        let input = inputs::input(&self.file).ok().filter(|input| input.index == self.input)?;
        if let Some(before) = &self.timings {
            return match timings::query(&self.file) {
                Ok(now) if now.to_string() == before.to_string() => None,
                Ok(now) => Some(signal::changed(now.to_string())),
                Err(error) => signal::of_timings(&input, &error),
            };
        }
        let lost = signal::of_status(&input);
        let standard = || inputs::query_standard(&self.file).ok().filter(|id| *id != input.standards);
        lost.or_else(|| {
            let now = standard()
                .map(|id| id & input.standards)
                .filter(|id| *id != 0 && Some(*id) != self.standard)?;
            self.standard
                .map(|_| signal::changed(inputs::standard_name(now).unwrap_or("another standard").to_owned()))
        })
    }
}

/// Waits at most `timeout` for another source at a device that is not streaming; `true` if it may be opened again.
pub fn wait_for_source(path: &Path, timeout: Duration) -> bool {
    let Ok(Calls { file, .. }) = Calls::open(path, Kind::Capture) else { return true };
    let Ok(input) = inputs::input(&file) else { return true };
    let has_events = events::subscribe_to_source(&file, input.index).is_ok();
    // It may have come before we asked.
    let is_there = || {
        if input.has_timings { timings::query(&file).is_ok() } else { signal::of_status(&input).is_none() }
    };
    is_there() || wait(&file, For::Events, timeout).is_ok_and(|woken| woken.event) || !has_events
}

#[cfg(test)]
mod tests {
    use v4l2_calls::inputs::Status;

    use super::*;

    fn input(index: u32, name: &str) -> Input {
        let status = Status::default();
        Input { index, name: name.into(), standards: 0, has_timings: true, has_standards: false, status }
    }

    #[test]
    fn an_input_is_chosen_by_its_number_or_its_name_or_a_part_of_it() {
        let all = [input(0, "Webcam 0"), input(1, "HDMI 0"), input(2, "HDMI 1"), input(3, "S-Video")];
        for (name, index) in [("1", 1), ("hdmi 1", 2), ("HDMI 0", 1), ("video", 3), ("webcam", 0)] {
            assert_eq!(chosen(&all, name).map(|input| input.index).ok(), Some(index), "{name}");
        }
        for name in ["4", "hdmi", "-1", "scart"] {
            let (why, _) = chosen(&all, name).expect_err(name);
            assert_eq!(
                why.to_string(),
                format!("it has no input {name}, but 0 (Webcam 0), 1 (HDMI 0), 2 (HDMI 1), 3 (S-Video)")
            );
        }
        assert!(chosen(&[], "0").is_err());
    }

    #[test]
    fn a_file_that_is_no_edid_is_refused_with_its_name_and_why() {
        let why = |path: &str| read(Path::new(path)).expect_err(path).0.to_string();
        assert!(why("/dev/null").contains("/dev/null: it has 0 bytes"), "{}", why("/dev/null"));
        assert!(why("/dev/zero").contains("it has 32769 bytes"), "{}", why("/dev/zero"));
        assert!(why("/no/such.bin").contains("/no/such.bin"));
    }
}
