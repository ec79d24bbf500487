//! V4L2 capture devices, with memory-mapped buffers: through crate v4l, or through `v4l2_calls` where that lacks what is
//! needed.
//!
//! Used by [`super::find`] and [`super::probe`]. An open [`V4l2`] streams. Each frame is borrowed from the driver's own
//! buffer, without a copy and without an allocation, unless its planes lie in buffers of their own: then it is copied once
//! (see `gather`). Through crate v4l the first frame is discarded (see `buffers`). Opening may take
//! seconds if a camera does not answer: uvcvideo waits up to 5 s for it.

mod bandwidth;
mod bayer;
mod buffers;
mod calls;
mod capture;
mod catch;
mod choices;
mod choose;
pub mod controls;
pub mod device;
pub mod errors;
mod gather;
pub mod modes;
mod negotiate;
mod queue;
mod setting;
mod signal;
mod stream;

use std::io;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use v4l::buffer::{Flags, Metadata};

use super::config::SourceConfig;
use super::encoders;
use super::node::Node;
use super::refusal::Refusal;
use super::source::{Choices, Flaw, Frame, Source, SourceError, SourceInfo, SourceKind};
use crate::picture::{Raw, Size};
use crate::problem::{Problem, text};
use capture::Capture;
pub use capture::{check_edid, wait_for_source};
use device::Device;
use negotiate::Agreed;
pub use negotiate::Originals;
use stream::{Stream, Taken};

/// The greatest plausible age of a frame. If a timestamp is older or in the future, the driver's clock is not
/// CLOCK_MONOTONIC, whatever its flags say.
const OLDEST_FRAME: Duration = Duration::from_secs(10);

/// An open, streaming V4L2 device.
pub struct V4l2 {
    info: SourceInfo,
    node: Node,
    stream: Stream,
    /// For capture cards.
    capture: Option<Capture>,
    choices: Choices,
    others: Vec<SourceConfig>,
    /// Why it stopped delivering, once it has.
    ended: Option<SourceError>,
}

impl V4l2 {
    /// Opens a node, configures it as close to `config` as it allows, and starts it. `originals` remembers the quality that it
    /// had.
    ///
    /// # Errors
    /// It is not a usable camera, is busy, not permitted, or refuses.
    pub fn start(node: Node, config: &SourceConfig, originals: &mut Originals) -> Result<V4l2, Refusal> {
        let takes = |raw, size| encoders::trusted().iter().any(|encoder| encoder.takes(raw, size));
        Self::start_for(node, config, originals, &takes)
    }

    /// Like [`V4l2::start`]; the camera's memory is shared with other drivers (DMABUF) if `takes` says that an encoder
    /// takes such pictures.
    ///
    /// # Errors
    /// As [`V4l2::start`].
    pub fn start_for(
        node: Node,
        config: &SourceConfig,
        originals: &mut Originals,
        takes: &dyn Fn(Raw, Size) -> bool,
    ) -> Result<V4l2, Refusal> {
        let mut device = Device::open(node)?;
        let capture = capture::prepare(&mut device, config)?;
        let of_signal = capture.as_ref().and_then(Capture::size).filter(|_| config.size.is_none());
        originals.prepare(&device, config);
        let (agreed, stream) = bandwidth::start(&device, config, of_signal, takes)?;
        let choices = choices::of(&device, config, &agreed);
        let interval = agreed.interval();
        let Agreed { layout, size, stride, max_frame, range, own_quality, .. } = agreed;
        let Agreed { chosen, lowers_rate, compromises, others, .. } = agreed;
        let info = SourceInfo {
            kind: SourceKind::Device,
            source: device.path().display().to_string(),
            card: device.card,
            driver: device.driver,
            bus: device.bus,
            layout,
            size,
            stride,
            range,
            max_frame,
            interval,
            own_quality,
            chosen: Some(chosen),
            lowers_rate,
            compromises,
        };
        Ok(V4l2 { info, node: device.node, stream, capture, choices, others, ended: None })
    }

    /// What to ask the camera for if it delivers nothing usable, best first; nothing if the settings name a size.
    pub fn others(&self) -> Vec<SourceConfig> {
        self.others.clone()
    }

    /// Notes why it was opened in this mode, and not in the one that would have been chosen.
    pub fn chosen_instead(&mut self, why: &str) {
        self.info.chosen = Some(why.to_owned());
        self.info.compromises.insert(0, why.to_owned());
    }
}

impl Source for V4l2 {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn choices(&self) -> Choices {
        self.choices.clone()
    }

    fn next(&mut self, timeout: Duration) -> Result<Option<Frame<'_>>, SourceError> {
        if let Some(ended) = &self.ended {
            return Err(ended.clone());
        }
        match self.stream.take(timeout) {
            Ok(Taken::Frame(buffer, meta, memory)) => Ok(Some(Frame { memory, ..frame(buffer, &meta) })),
            Ok(Taken::Nothing) => Ok(None),
            Ok(Taken::Event) => match self.capture.as_ref().and_then(Capture::ended) {
                None => Ok(None),
                Some((why, advice)) => {
                    let what = text!("{} stopped", self.node.path.display().to_string());
                    Err(self.ended.insert(SourceError(Problem::new(what, why, advice))).clone())
                }
            },
            Err(e) => Err(self.ended.insert(SourceError(stopped(&self.node, &e))).clone()),
        }
    }
}

/// The part of the buffer that the driver filled, as a frame.
fn frame<'a>(buffer: &'a [u8], meta: &Metadata) -> Frame<'a> {
    let used = usize::try_from(meta.bytesused).unwrap_or(usize::MAX);
    let now = Instant::now();
    let captured = age(meta, monotonic()).and_then(|age| now.checked_sub(age)).unwrap_or(now);
    let flagged = meta.flags.contains(Flags::ERROR) || used > buffer.len();
    Frame {
        bytes: buffer.get(..used).unwrap_or(buffer),
        captured,
        sequence: meta.sequence,
        flaw: flagged.then_some(Flaw::Flagged),
        memory: None,
    }
}

/// CLOCK_MONOTONIC, the clock of frame timestamps.
fn monotonic() -> Duration {
    // It starts at boot, so it is never negative.
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// How long before `now`, on CLOCK_MONOTONIC, the frame was captured; `None` if its timestamp is from another clock or
/// implausible.
fn age(meta: &Metadata, now: Duration) -> Option<Duration> {
    if meta.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return None;
    }
    let seconds = u64::try_from(meta.timestamp.sec).ok()?;
    let micros = u64::try_from(meta.timestamp.usec).ok()?;
    let stamp = Duration::from_secs(seconds).checked_add(Duration::from_micros(micros))?;
    now.checked_sub(stamp).filter(|age| *age <= OLDEST_FRAME)
}

/// Why it stopped delivering. If the node is gone, the camera was unplugged, whatever the error: drivers differ.
fn stopped(node: &Node, error: &io::Error) -> Problem {
    let gone = Node::at(&node.path).map_or(true, |now| now.minor != node.minor);
    let error = if gone { &Errno::NODEV.into() } else { error };
    errors::problem(text!("{} stopped", node.path.display().to_string()), &node.path, error)
}

#[cfg(test)]
mod tests {
    use v4l::timestamp::Timestamp;

    use super::*;

    fn meta(flags: Flags, bytesused: u32, timestamp: Timestamp) -> Metadata {
        Metadata { bytesused, flags, timestamp, ..Metadata::default() }
    }

    #[test]
    fn a_frame_is_as_old_as_its_timestamp_says_if_that_is_plausible() {
        let now = Duration::from_millis(100_500);
        let monotonic = Flags::TIMESTAMP_MONOTONIC;
        assert_eq!(
            age(&meta(monotonic, 1, Timestamp::new(100, 250_000)), now),
            Some(Duration::from_millis(250))
        );
        assert_eq!(age(&meta(Flags::TIMESTAMP_COPY, 1, Timestamp::new(100, 250_000)), now), None);
        assert_eq!(age(&meta(Flags::TIMESTAMP_UNKNOWN, 1, Timestamp::new(100, 250_000)), now), None);
        assert_eq!(age(&meta(monotonic, 1, Timestamp::new(101, 0)), now), None, "from the future");
        assert_eq!(age(&meta(monotonic, 1, Timestamp::new(90, 0)), now), None, "too old");
        assert_eq!(age(&meta(monotonic, 1, Timestamp::new(-1, 0)), now), None);
        assert_eq!(age(&meta(monotonic, 1, Timestamp::new(100, -1)), now), None);
    }

    #[test]
    fn a_frame_that_the_driver_flags_is_told_from_one_that_is_only_bad() {
        let buffer = [7u8; 16];
        let of = |flags, used| {
            let frame = frame(&buffer, &meta(flags, used, Timestamp::new(0, 0)));
            (frame.bytes.len(), frame.flaw.is_some())
        };
        assert_eq!(of(Flags::empty(), 10), (10, false));
        assert_eq!(of(Flags::empty(), 16), (16, false));
        assert_eq!(of(Flags::empty(), 17), (16, true));
        assert_eq!(of(Flags::empty(), u32::MAX), (16, true));
        assert_eq!(of(Flags::empty(), 0), (0, false)); // counted as empty
        assert_eq!(of(Flags::ERROR, 10), (10, true));
    }

    #[test]
    fn a_source_can_move_to_the_thread_that_reads_it() {
        fn is_send<T: Send>() {}
        is_send::<V4l2>();
    }
}
