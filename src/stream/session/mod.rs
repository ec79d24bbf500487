//! What happens to each frame from the opening of a camera to its end: it is checked, then passed on or encoded.

mod repeats;
mod unusable;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coefficients::Transform;
use log::Level;

use crate::camera::{self, Frame, SourceInfo};
use crate::codec::{self, By};
use crate::feed::{CaptureState, DropReason, Feed, FramePicker, RateMeter, Shown};
use crate::jpeg::decodable::{Decodable, Refused};
use crate::jpeg::encode::{DEFAULT_QUALITY, EncodeError, Encoder};
use crate::jpeg::eoi::Policy;
use crate::jpeg::passthrough::{Fault, Jpeg, TooLarge};
use crate::jpeg::transcode::{TranscodeError, Transcoder, made_size};
use crate::picture::Picture;
use crate::picture::{Layout, Range, Raw, Size};
use crate::ring::{Meta, Unpublished, Writer};
use repeats::Repeats;
use unusable::Unusable;

/// A raw frame that is older than this many frame intervals is not worth encoding while a newer one waits, ...
const LATE_INTERVALS: u32 = 2;
/// ... but at most this many in a row are dropped for that: as many as wait in the driver's buffers.
const LATE_FRAMES: u32 = 3;

/// A camera's JPEGs of another size than agreed are accepted after this many of them in a row. A single one is a frame
/// with a damaged header.
const SIZE_FRAMES: u32 = 5;

/// At this time from one frame to the next, a picture of another size is accepted at once from a program.
const SLOW: Duration = Duration::from_millis(500);

/// Slots that are made larger get a part in this many more than the frame needs.
const HEADROOM: usize = 4;

/// What happened to a usable frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the newest frame in the ring.
    Published,
    /// Nobody wanted it.
    Unwanted,
    /// It shows what the newest frame in the ring shows.
    Repeated,
}

/// What is done to a camera's own JPEGs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// How they are turned and mirrored.
    transform: Transform,
    /// The JPEG quality that they are brought down to, if they are.
    quality: Option<u8>,
    /// Their largest size before they are turned, if any is smaller than the camera's.
    within: Option<Size>,
    /// The size that they get.
    size: Size,
}

/// The state from the opening of a camera to its end.
#[derive(Debug)]
pub(super) struct Session {
    layout: Layout,
    size: Size,
    /// The last size that differed from `size`, and how many frames in a row had it.
    other_size: (Size, u32),
    stride: u32,
    range: Range,
    /// The JPEG quality that the camera itself was told to use.
    own_quality: Option<u8>,
    encoder: codec::Encoder,
    /// The hardware encoder that the status names.
    said_hardware: Option<String>,
    /// Chooses the frames that are encoded. Frames that are passed on cost too little to choose.
    picker: FramePicker,
    /// For JPEGs from the camera that are to be changed: the transcoder, and a buffer for the mended JPEG.
    recoder: Option<(Transcoder, Vec<u8>)>,
    /// Whether the log says that JPEGs are encoded again because they are not baseline.
    says_converted: bool,
    /// Whether the log says that the quality of JPEGs cannot be lowered.
    says_kept: bool,
    /// The sizes before and after turning of which the log says how much is lost at the edge.
    said_trimmed: Option<(Size, Size)>,
    /// The size of what was made of the last JPEG, if it was changed.
    shown: Option<Shown>,
    eoi: Policy,
    rate: RateMeter,
    /// Time between two frames; zero if the driver does not report it.
    interval: Duration,
    /// Frames in a row that were dropped because they were late.
    late: u32,
    unusable: Unusable,
    repeats: Repeats,
    /// When the last frame was captured whose size could be read.
    last_at: Option<Instant>,
    /// Whether the size was agreed with a driver, so that a frame of another size is probably damaged.
    has_agreed: bool,
    /// Whether the newest frame is kept although nobody watches, since the next one may take long.
    keeps_newest: bool,
    /// What the log should say of the frames; [`super::Stream`] takes it.
    pub(super) notes: Vec<(Level, String)>,
}

impl Session {
    pub(super) fn new(info: &SourceInfo, bad_frames: u32) -> Self {
        Self {
            layout: info.layout,
            size: info.size,
            other_size: (info.size, 0),
            stride: info.stride,
            range: info.range,
            encoder: codec::Encoder::new(DEFAULT_QUALITY),
            said_hardware: None,
            picker: FramePicker::default(),
            recoder: None,
            says_converted: false,
            says_kept: false,
            said_trimmed: None,
            shown: None,
            own_quality: info.own_quality,
            eoi: Policy::default(),
            rate: RateMeter::default(),
            interval: info.interval.unwrap_or_default(),
            late: 0,
            unusable: Unusable::new(bad_frames),
            repeats: Repeats::default(),
            last_at: None,
            has_agreed: info.is_device(),
            keeps_newest: false,
            notes: Vec::new(),
        }
    }

    /// Raw pixels are encoded by this from now on.
    pub(super) fn encode_by(&mut self, encoder: codec::Encoder) {
        self.encoder = encoder;
    }

    /// From now on, the newest frame is kept or not although nobody watches.
    pub(super) fn keep_newest(&mut self, keeps: bool) {
        self.keeps_newest = keeps;
    }

    /// Puts a frame into the ring if somebody wants it, and counts it in any case.
    ///
    /// # Errors
    /// Why it was dropped. It is counted as well.
    pub(super) fn take(
        &mut self,
        frame: &Frame<'_>,
        feed: &Feed,
        writer: &mut Writer,
    ) -> Result<Taken, DropReason> {
        feed.counters.captured.fetch_add(1, Ordering::Relaxed);
        let taken = self.publish(frame, feed, writer);
        match taken {
            Ok(taken) => {
                self.unusable.usable_came();
                let fps = self.rate.count(frame.captured);
                let mut status = feed.status();
                status.fps = fps;
                status.last_frame = Some(frame.captured);
                status.concern = None;
                status.shown = self.shown;
                drop(status);
                match taken {
                    Taken::Published => {
                        feed.counters.published.fetch_add(1, Ordering::Relaxed);
                        feed.counters.delay.observe(frame.captured.elapsed());
                    }
                    Taken::Repeated => {
                        feed.counters.repeated.fetch_add(1, Ordering::Relaxed);
                    }
                    Taken::Unwanted => {}
                }
            }
            Err(reason) => {
                feed.counters.count_drop(reason);
                if reason.is_bad_frame() && self.unusable.unusable_came(reason) {
                    let name = reason.name();
                    let note = format!("dropped a frame: {reason}; others like it are counted as {name}");
                    self.notes.push((Level::Warn, note));
                }
            }
        }
        taken
    }

    /// If there were too many unusable frames in a row, so that the camera must be reopened: how many, and what was
    /// wrong with the last one.
    pub(super) fn too_many_bad(&self) -> Option<(u32, DropReason)> {
        self.unusable.too_many()
    }

    /// If frames come, but none that can be used: how many in a row, and what was wrong with the last one.
    pub(super) fn no_picture(&self) -> Option<(u32, DropReason)> {
        self.unusable.no_picture(Instant::now())
    }

    /// The size of the frames that are accepted.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    fn publish(&mut self, frame: &Frame<'_>, feed: &Feed, writer: &mut Writer) -> Result<Taken, DropReason> {
        if let Some(flaw) = frame.flaw {
            return Err(flaw.into());
        }
        let shape = (feed.transform(), feed.quality());
        let drops_repeats = feed.config.drops_repeats;
        if drops_repeats && self.repeats.holds(frame.bytes, shape, frame.captured) {
            return Ok(Taken::Repeated);
        }
        let taken = match self.layout {
            Layout::Mjpeg => self.pass_on(frame, feed, writer),
            Layout::Raw(raw) => self.encode(raw, frame, feed, writer),
        };
        if drops_repeats && taken == Ok(Taken::Published) {
            self.repeats.remember(frame.bytes, shape, frame.captured);
        }
        taken
    }

    /// What is said of a frame, whose picture is shown in this size.
    fn meta(frame: &Frame<'_>, size: Size) -> Meta {
        Meta { captured: frame.captured, size, card: false }
    }

    fn pass_on(&mut self, frame: &Frame<'_>, feed: &Feed, writer: &mut Writer) -> Result<Taken, DropReason> {
        let jpeg = Jpeg::parse(frame.bytes).map_err(DropReason::Fault)?;
        self.check_size(jpeg.size(), frame, feed)?;
        let admit = self.eoi.admit(&jpeg);
        if let Some(notice) = admit.notice() {
            self.notes.push((Level::Warn, notice.to_owned()));
        }
        if !admit.passes() {
            return Err(DropReason::Fault(Fault::Truncated));
        }
        let change = self.change(&jpeg, frame, feed)?;
        self.shown = change.map(|Change { transform, size, .. }| Shown { of: self.size, transform, size });
        if !feed.is_wanted() && !self.keeps_newest {
            return Ok(Taken::Unwanted);
        }
        if let Some(change) = change {
            return self.recode(&jpeg, change, frame, feed, writer);
        }
        let meta = Self::meta(frame, self.size);
        let mut published = writer.publish(meta, |slot| jpeg.copy_into(slot));
        if let Err(Unpublished::Unfilled(TooLarge { needed, .. })) = published {
            // A larger frame than any before, and nothing says how large they become. If there is no memory for it, the
            // slots are left without any, and the next frame gets as much as it needs.
            let _ = writer.reserve(needed.saturating_add(needed / HEADROOM));
            published = writer.publish(meta, |slot| jpeg.copy_into(slot));
        }
        published.map_err(|failure| drop_reason(failure, DropReason::TooLarge))?;
        if jpeg.mended_len() != frame.bytes.len() {
            feed.counters.mended.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Taken::Published)
    }

    /// What is to be changed in a camera's own JPEG; `None` if it is passed on.
    ///
    /// # Errors
    /// It cannot be changed and must be. That is found out also while nobody watches, so that `/state` says in time what
    /// cannot be shown.
    fn change(
        &mut self,
        jpeg: &Jpeg<'_>,
        frame: &Frame<'_>,
        feed: &Feed,
    ) -> Result<Option<Change>, DropReason> {
        let mode = feed.config.encoder;
        let (transform, quality) = (feed.transform(), feed.jpeg_quality(self.own_quality));
        // What is encoded again only because of its kind keeps its size, as what is passed on does.
        let within = (mode == camera::EncodeMode::Software).then(|| feed.source_size()).flatten();
        let must =
            jpeg.is_progressive() || transform != Transform::NONE || mode == camera::EncodeMode::Software;
        if !must && quality.is_none() {
            return Ok(None);
        }
        match Decodable::check(frame.bytes) {
            Ok(head) => {
                let size = made_size(&head, within, transform);
                Ok(Some(Change { transform, quality, within, size }))
            }
            // Only the quality cannot be lowered: such a picture was always shown.
            Err(Refused::Undecodable(reason)) if !must => {
                if !std::mem::replace(&mut self.says_kept, true) {
                    let note =
                        format!("its quality cannot be lowered: {reason}; passing its JPEGs on unchanged");
                    self.notes.push((Level::Warn, note));
                }
                Ok(None)
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Changes a camera's own JPEG.
    fn recode(
        &mut self,
        jpeg: &Jpeg<'_>,
        change: Change,
        frame: &Frame<'_>,
        feed: &Feed,
        writer: &mut Writer,
    ) -> Result<Taken, DropReason> {
        if !self.picker.wants(feed, frame.captured) && !self.keeps_newest {
            return Ok(Taken::Unwanted);
        }
        self.skip_if_late(frame)?;
        self.note_conversion(jpeg, feed, writer);
        let new = || (Transcoder::new(change.within, Encoder::new(DEFAULT_QUALITY)), Vec::new());
        let (transcoder, mended) = self.recoder.get_or_insert_with(new);
        transcoder.set_quality(change.quality.unwrap_or(feed.quality()), change.quality.is_some());
        transcoder.set_transform(change.transform);
        mended.resize(jpeg.mended_len(), 0);
        jpeg.copy_into(mended).map_err(|_| DropReason::TooLarge)?;
        let made = transcoder.decode(mended).map_err(|error| DropReason::from(&error))?;
        let meta = Self::meta(frame, made.size);
        let mut published = writer.publish(meta, |slot| transcoder.encode(mended, slot));
        if matches!(published, Err(Unpublished::Unfilled(TranscodeError::Encode(_)))) {
            let room = Transcoder::output_len(made.size).max(mended.len());
            let _ = writer.reserve(room); // a larger picture than any before
            published = writer.publish(meta, |slot| transcoder.encode(mended, slot));
        }
        published.map_err(|failure| match failure {
            Unpublished::NoSlot => DropReason::NoSlot,
            Unpublished::Unfilled(error) => DropReason::from(&error),
        })?;
        self.picker.made(frame.captured);
        self.note_trimming(made.size, made.untrimmed);
        if made.is_unchanged {
            return Ok(Taken::Published);
        }
        feed.counters.encoded.fetch_add(1, Ordering::Relaxed);
        if jpeg.is_progressive() {
            feed.counters.converted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Taken::Published)
    }

    /// Says once that JPEGs are not passed on as they are, and gets memory for what they become.
    fn note_conversion(&mut self, jpeg: &Jpeg<'_>, feed: &Feed, writer: &mut Writer) {
        if !jpeg.is_progressive() || std::mem::replace(&mut self.says_converted, true) {
            return;
        }
        let note = "delivers progressive JPEGs, which many players cannot show: encoding them again as baseline JPEGs";
        self.notes.push((Level::Info, note.to_owned()));
        feed.status().converts = true;
        // Without memory, frames that do not fit are dropped, and that is said.
        let _ = writer.reserve(Transcoder::output_len(jpeg.size()));
    }

    /// Says once how much a picture lost when it was turned.
    fn note_trimming(&mut self, size: Size, untrimmed: Size) {
        if size == untrimmed || self.said_trimmed.replace((untrimmed, size)) == Some((untrimmed, size)) {
            return;
        }
        let note = format!(
            "turned without loss, pictures are {size} and not {untrimmed}: blocks of pixels at an edge that are not \
             whole cannot be turned"
        );
        self.notes.push((Level::Info, note));
    }

    fn check_size(&mut self, size: Size, frame: &Frame<'_>, feed: &Feed) -> Result<(), DropReason> {
        let is_slow = self.last_at.is_none_or(|last| frame.captured.duration_since(last) >= SLOW);
        self.last_at = Some(frame.captured);
        if size != self.size {
            let (other, count) = self.other_size;
            self.other_size = (size, if size == other { count + 1 } else { 1 });
            // A program's pictures may be of any size. Only where many come is one of another size worth a doubt.
            if self.other_size.1 < SIZE_FRAMES && (self.has_agreed || !is_slow) {
                return Err(DropReason::WrongSize);
            }
            if self.has_agreed {
                let note = format!("agreed to {} but delivers {size}; using that", self.size);
                self.notes.push((Level::Warn, note));
            }
            self.size = size;
            if let CaptureState::Live(info) = &mut feed.status().state {
                info.size = size;
            }
        }
        self.other_size.1 = 0;
        Ok(())
    }

    fn encode(
        &mut self,
        raw: Raw,
        frame: &Frame<'_>,
        feed: &Feed,
        writer: &mut Writer,
    ) -> Result<Taken, DropReason> {
        let picture = Picture::new(frame.bytes, raw, self.size, self.stride, self.range);
        let picture = picture.map_err(|_| DropReason::Unencodable)?.in_memory(frame.memory);
        if !self.picker.wants(feed, frame.captured) {
            return Ok(Taken::Unwanted);
        }
        self.skip_if_late(frame)?;
        self.encoder.set_quality(feed.quality());
        let transform = feed.transform();
        self.encoder.set_transform(transform);
        let (width, height) = transform.size((self.size.width, self.size.height));
        let (meta, encoder) = (Self::meta(frame, Size { width, height }), &mut self.encoder);
        let mut by = By::Software;
        let published = writer.publish(meta, |slot| {
            let (len, encoded_by) = encoder.encode(&picture, slot)?;
            by = encoded_by;
            Ok::<usize, EncodeError>(len)
        });
        self.note_hardware(feed);
        published.map_err(|failure| drop_reason(failure, DropReason::Unencodable))?;
        self.picker.made(frame.captured);
        feed.counters.encoded.fetch_add(1, Ordering::Relaxed);
        match by {
            By::Hardware => feed.counters.by_hardware.fetch_add(1, Ordering::Relaxed),
            By::Instead => feed.counters.hardware_failures.fetch_add(1, Ordering::Relaxed),
            By::Software => 0,
        };
        Ok(Taken::Published)
    }

    /// Says what the encoder has to say, and which hardware encodes now.
    fn note_hardware(&mut self, feed: &Feed) {
        self.notes.extend(self.encoder.notes());
        if self.encoder.hardware() != self.said_hardware.as_deref() {
            self.said_hardware = self.encoder.hardware().map(str::to_owned);
            feed.status().hardware.clone_from(&self.said_hardware);
        }
    }

    /// Drops a frame when encoding falls behind the camera, so that viewers see the newest one.
    fn skip_if_late(&mut self, frame: &Frame<'_>) -> Result<(), DropReason> {
        let late = !self.interval.is_zero() && frame.captured.elapsed() > self.interval * LATE_INTERVALS;
        self.late = if late && self.late < LATE_FRAMES { self.late + 1 } else { 0 };
        if self.late > 0 { Err(DropReason::Late) } else { Ok(()) }
    }
}

fn drop_reason<E>(failure: Unpublished<E>, unfilled: DropReason) -> DropReason {
    match failure {
        Unpublished::NoSlot => DropReason::NoSlot,
        Unpublished::Unfilled(_) => unfilled,
    }
}

#[cfg(test)]
mod tests;
