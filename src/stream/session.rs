//! What becomes of each frame between the opening of a camera and its end: judged, then passed on or encoded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use log::warn;

use crate::camera::{self, About, Frame, Layout, Range, Raw, Size};
use crate::feed::{Dropped, Feed, Picker, Rate, State};
use crate::host::inject;
use crate::jpeg::encode::{DEFAULT_QUALITY, Encoder};
use crate::jpeg::eoi::Policy;
use crate::jpeg::passthrough::{Fault, Jpeg};
use crate::jpeg::pixels::Picture;
use crate::jpeg::transcode::Transcoder;
use crate::ring::{Meta, Unpublished, Writer};

/// A raw frame that is older than so many frame intervals is not worth encoding while a newer one waits, ...
const LATE_INTERVALS: u32 = 2;
/// ... but never are more than so many left out in a row: as many as wait in the driver's buffers.
const LATE_FRAMES: u32 = 3;

/// A camera whose JPEGs have another size than it agreed to is believed after so many of them in a row; one
/// alone is a frame whose header was damaged.
const SIZE_FRAMES: u32 = 5;

/// What became of a usable frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is the newest in the ring.
    Published,
    /// Nobody wanted it.
    Unwanted,
}

/// What holds from the opening of a camera to its end.
#[derive(Debug)]
pub(super) struct Session {
    layout: Layout,
    size: Size,
    /// Another size than that, and how many frames in a row had it.
    other_size: (Size, u32),
    stride: u32,
    range: Range,
    encoder: Encoder,
    /// Which frames are worth encoding; what is passed on costs too little to choose.
    picker: Picker,
    /// For a camera's own JPEGs that are to be encoded anew, with room for a mended one.
    recoder: Option<(Transcoder, Vec<u8>)>,
    eoi: Policy,
    rate: Rate,
    /// Time between two frames; zero where the driver does not tell.
    interval: Duration,
    /// Frames in a row that were left out because they were late.
    late: u32,
    /// Unusable frames in a row, and what was wrong with the last one.
    bad: (u32, Option<Dropped>),
    /// So many in a row are tolerated.
    tolerated: u32,
}

impl Session {
    pub(super) fn new(about: &About, bad_frames: u32) -> Self {
        Self {
            layout: about.layout,
            size: about.size,
            other_size: (about.size, 0),
            stride: about.stride,
            range: about.range,
            encoder: Encoder::new(DEFAULT_QUALITY),
            picker: Picker::default(),
            recoder: None,
            eoi: Policy::default(),
            rate: Rate::default(),
            interval: about.interval.unwrap_or_default(),
            late: 0,
            bad: (0, None),
            tolerated: bad_frames,
        }
    }

    /// Takes one frame in: puts it into the ring if anybody wants it, and counts it in any case.
    ///
    /// # Errors
    /// Why it was dropped; counted, too.
    pub(super) fn take(
        &mut self,
        frame: &Frame<'_>,
        feed: &Feed,
        writer: &mut Writer<'_>,
    ) -> Result<Taken, Dropped> {
        feed.counters.captured.fetch_add(1, Ordering::Relaxed);
        if feed.is_wanted() {
            inject::panic_at("camera");
        }
        let taken = self.publish(frame, feed, writer);
        match taken {
            Ok(taken) => {
                self.bad = (0, None);
                let fps = self.rate.count(frame.captured);
                let mut status = feed.status();
                (status.fps, status.last_frame) = (fps, Some(frame.captured));
                if taken == Taken::Published {
                    feed.counters.published.fetch_add(1, Ordering::Relaxed);
                    feed.counters.delay.observe(frame.captured.elapsed());
                }
            }
            Err(reason) => {
                feed.counters.drop_one(reason);
                // Lacking only the end is for the EOI policy to judge.
                if reason.is_bad_frame() && reason != Dropped::Fault(Fault::Truncated) {
                    self.bad = (self.bad.0 + 1, Some(reason));
                }
            }
        }
        taken
    }

    /// Why the camera must be opened anew: too many unusable frames in a row.
    pub(super) fn verdict(&self) -> Option<String> {
        let (bad, last) = self.bad;
        let last = last.filter(|_| bad > self.tolerated)?.name();
        Some(format!("{bad} in a row were unusable, the last one: {last}"))
    }

    fn publish(&mut self, frame: &Frame<'_>, feed: &Feed, writer: &mut Writer<'_>) -> Result<Taken, Dropped> {
        if frame.flagged {
            return Err(Dropped::Flagged);
        }
        match self.layout {
            Layout::Mjpeg => self.pass_on(frame, feed, writer),
            Layout::Raw(raw) => self.encode(raw, frame, feed, writer),
        }
    }

    fn meta(&self, frame: &Frame<'_>) -> Meta {
        Meta { captured: frame.captured, size: self.size, card: false }
    }

    fn pass_on(&mut self, frame: &Frame<'_>, feed: &Feed, writer: &mut Writer<'_>) -> Result<Taken, Dropped> {
        let jpeg = Jpeg::check(frame.bytes).map_err(Dropped::Fault)?;
        self.check_size(jpeg.size(), feed)?;
        let admit = self.eoi.admit(&jpeg);
        if let Some(notice) = admit.notice() {
            warn!("camera {}: {notice}", feed.name);
        }
        if !admit.passes() {
            return Err(Dropped::Fault(Fault::Truncated));
        }
        if !feed.is_wanted() {
            return Ok(Taken::Unwanted);
        }
        if feed.wanted.encoder == camera::Encoder::Software {
            return self.recode(&jpeg, frame, feed, writer);
        }
        let published = writer.publish(self.meta(frame), |room| jpeg.copy_into(room));
        published.map_err(|failure| dropped(failure, Dropped::TooLarge))?;
        if jpeg.mended_len() != frame.bytes.len() {
            feed.counters.mended.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Taken::Published)
    }

    /// Encodes a camera's own JPEG anew, no larger than the size that was asked for.
    fn recode(
        &mut self,
        jpeg: &Jpeg<'_>,
        frame: &Frame<'_>,
        feed: &Feed,
        writer: &mut Writer<'_>,
    ) -> Result<Taken, Dropped> {
        if !self.picker.wants(feed, frame.captured) {
            return Ok(Taken::Unwanted);
        }
        self.skip_if_late(frame)?;
        let meta = self.meta(frame);
        let new = || (Transcoder::new(feed.wanted.size, Encoder::new(DEFAULT_QUALITY)), Vec::new());
        let (transcoder, mended) = self.recoder.get_or_insert_with(new);
        transcoder.set_quality(feed.quality());
        mended.resize(jpeg.mended_len(), 0);
        jpeg.copy_into(mended).map_err(|_| Dropped::TooLarge)?;
        let size = transcoder.decode(mended).map_err(|_| Dropped::Unencodable)?;
        let published = writer.publish(Meta { size, ..meta }, |room| transcoder.encode(room));
        published.map_err(|failure| dropped(failure, Dropped::Unencodable))?;
        self.picker.made(frame.captured);
        feed.counters.encoded.fetch_add(1, Ordering::Relaxed);
        Ok(Taken::Published)
    }

    fn check_size(&mut self, size: Size, feed: &Feed) -> Result<(), Dropped> {
        if size != self.size {
            let (other, count) = self.other_size;
            self.other_size = (size, if size == other { count + 1 } else { 1 });
            if self.other_size.1 < SIZE_FRAMES {
                return Err(Dropped::WrongSize);
            }
            warn!("camera {}: agreed to {} but delivers {size}; taking that", feed.name, self.size);
            self.size = size;
            if let State::Live(about) = &mut feed.status().state {
                about.size = size;
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
        writer: &mut Writer<'_>,
    ) -> Result<Taken, Dropped> {
        let picture = Picture::new(frame.bytes, raw, self.size, self.stride, self.range);
        let picture = picture.map_err(|_| Dropped::Unencodable)?;
        if !self.picker.wants(feed, frame.captured) {
            return Ok(Taken::Unwanted);
        }
        self.skip_if_late(frame)?;
        self.encoder.set_quality(feed.quality());
        let (meta, encoder) = (self.meta(frame), &mut self.encoder);
        let published = writer.publish(meta, |room| encoder.encode(&picture, room));
        published.map_err(|failure| dropped(failure, Dropped::Unencodable))?;
        self.picker.made(frame.captured);
        feed.counters.encoded.fetch_add(1, Ordering::Relaxed);
        Ok(Taken::Published)
    }

    /// Leaves a frame out when encoding falls behind the camera, so that viewers see the newest one.
    fn skip_if_late(&mut self, frame: &Frame<'_>) -> Result<(), Dropped> {
        let late = !self.interval.is_zero() && frame.captured.elapsed() > self.interval * LATE_INTERVALS;
        self.late = if late && self.late < LATE_FRAMES { self.late + 1 } else { 0 };
        if self.late > 0 { Err(Dropped::Late) } else { Ok(()) }
    }
}

fn dropped<E>(failure: Unpublished<E>, unfilled: Dropped) -> Dropped {
    match failure {
        Unpublished::Full(_) => Dropped::NoSlot,
        Unpublished::Unfilled(_) => unfilled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Wanted, Which};
    use crate::feed::Demand;
    use std::sync::Arc;
    use std::time::Instant;

    const SIZE: Size = Size { width: 8, height: 8 };
    const TOLERATED: u32 = 7;
    const WHOLE: &[u8] =
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\x3f\0data\xff\xd9";

    fn feed() -> Arc<Feed> {
        let wanted = Wanted::of(Which::Pattern);
        Arc::new(Feed::new("test".to_owned(), wanted))
    }

    fn session(layout: Layout) -> Session {
        let about = About {
            source: String::new(),
            card: String::new(),
            driver: String::new(),
            bus: String::new(),
            layout,
            size: SIZE,
            stride: 16,
            max_frame: 1000,
            interval: Some(Duration::from_millis(100)),
            range: Range::Full,
            compromises: Vec::new(),
        };
        Session::new(&about, TOLERATED)
    }

    fn frame(bytes: &[u8]) -> Frame<'_> {
        Frame { bytes, captured: Instant::now(), sequence: 0, flagged: false }
    }

    #[test]
    fn unusable_frames_are_counted_by_reason_and_too_many_in_a_row_end_the_session() {
        let (feed, mut session) = (feed(), session(Layout::Mjpeg));
        let mut writer = Writer::new(&feed.ring);
        let mut wrong_size = WHOLE.to_vec();
        wrong_size[8] = 9; // the height in SOF0
        let flagged = Frame { flagged: true, ..frame(WHOLE) };
        assert_eq!(session.take(&flagged, &feed, &mut writer), Err(Dropped::Flagged));
        assert_eq!(session.take(&frame(&wrong_size), &feed, &mut writer), Err(Dropped::WrongSize));
        assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Unwanted));
        for _ in 0..TOLERATED {
            assert_eq!(session.take(&frame(b"x"), &feed, &mut writer), Err(Dropped::Fault(Fault::NoSoi)));
        }
        assert_eq!(session.verdict(), None);
        assert!(session.take(&frame(b"x"), &feed, &mut writer).is_err());
        assert_eq!(session.verdict().unwrap(), "8 in a row were unusable, the last one: no_soi");
        let counted: Vec<_> = feed.counters.dropped().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted.len(), 3, "{counted:?}");
    }

    #[test]
    fn a_camera_that_always_delivers_another_size_than_agreed_is_believed() {
        let (feed, mut session) = (feed(), session(Layout::Mjpeg));
        let mut writer = Writer::new(&feed.ring);
        let mut taller = WHOLE.to_vec();
        taller[8] = 9; // the height in SOF0
        for _ in 1..SIZE_FRAMES {
            assert_eq!(session.take(&frame(&taller), &feed, &mut writer), Err(Dropped::WrongSize));
        }
        assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Unwanted));
        for _ in 1..SIZE_FRAMES {
            assert_eq!(session.take(&frame(&taller), &feed, &mut writer), Err(Dropped::WrongSize));
        }
        assert_eq!(session.take(&frame(&taller), &feed, &mut writer), Ok(Taken::Unwanted));
        assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Err(Dropped::WrongSize));
    }

    #[test]
    fn a_frame_that_lacks_tables_is_counted_as_mended_when_somebody_gets_it() {
        let (feed, mut session) = (feed(), session(Layout::Mjpeg));
        let _demand = Demand::new(feed.clone());
        let mut writer = Writer::new(&feed.ring);
        assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Err(Dropped::TooLarge));
        writer.reserve(1000).unwrap();
        assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Ok(Taken::Published));
        assert_eq!(feed.counters.mended.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_cameras_own_jpegs_are_encoded_anew_where_that_is_asked_for() {
        let wanted = Wanted {
            encoder: camera::Encoder::Software,
            size: Some(Size { width: 6, height: 4 }),
            ..Wanted::of(Which::Pattern)
        };
        let (feed, mut session) = (Arc::new(Feed::new("test".to_owned(), wanted)), session(Layout::Mjpeg));
        let _demand = Demand::new(feed.clone());
        let mut writer = Writer::new(&feed.ring);
        writer.reserve(4000).unwrap();
        let mut jpeg = vec![0; 4000];
        let picture = Picture::new(&[128; 16 * 8], Raw::Yuyv, SIZE, 16, Range::Full).unwrap();
        let length = Encoder::new(85).encode(&picture, &mut jpeg).unwrap();
        assert_eq!(session.take(&frame(&jpeg[..length]), &feed, &mut writer), Ok(Taken::Published));
        let (told, is) =
            feed.ring.look(|frame| (frame.meta.size, Jpeg::check(frame.jpeg()).unwrap().size())).unwrap();
        assert_eq!((told, is), (Size { width: 4, height: 4 }, Size { width: 4, height: 4 }));
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        assert_eq!((count(&feed.counters.encoded), count(&feed.counters.mended)), (1, 0));
        // What cannot be decoded is no picture that could be encoded.
        assert_eq!(session.take(&frame(WHOLE), &feed, &mut writer), Err(Dropped::Unencodable));
    }

    #[test]
    fn when_encoding_falls_behind_late_frames_make_way_but_not_for_ever() {
        let (feed, mut session) = (feed(), session(Layout::Raw(Raw::Yuyv)));
        let _demand = Demand::new(feed.clone());
        let mut writer = Writer::new(&feed.ring);
        writer.reserve(4000).unwrap();
        let pixels = [128; 16 * 8];
        let captured = Instant::now() - Duration::from_secs(1);
        let late = Frame { captured, ..frame(&pixels) };
        for _ in 0..LATE_FRAMES {
            assert_eq!(session.take(&late, &feed, &mut writer), Err(Dropped::Late));
        }
        assert_eq!(session.take(&late, &feed, &mut writer), Ok(Taken::Published));
        assert_eq!(session.verdict(), None);
    }

    #[test]
    fn no_more_frames_are_encoded_than_anybody_wants_and_all_of_them_count_as_the_cameras_rate() {
        let (feed, mut session) = (feed(), session(Layout::Raw(Raw::Yuyv)));
        let _demand = Demand::of(feed.clone(), Some("5".parse().unwrap()));
        let mut writer = Writer::new(&feed.ring);
        writer.reserve(4000).unwrap();
        let (pixels, start) = ([128; 16 * 8], Instant::now());
        let taken: Vec<_> = (0..50u32)
            .map(|number| {
                let captured = start + Duration::from_millis(20) * number;
                session.take(&Frame { captured, ..frame(&pixels) }, &feed, &mut writer).unwrap()
            })
            .collect();
        let encoded = |taken: &&Taken| **taken == Taken::Published;
        assert_eq!((taken[0], taken.iter().filter(encoded).count()), (Taken::Published, 5), "{taken:?}");
        assert!((feed.status().fps - 50.0).abs() < 0.5, "{}", feed.status().fps);
    }

    #[test]
    fn the_quality_can_be_changed_while_frames_flow() {
        let (feed, mut session) = (feed(), session(Layout::Raw(Raw::Yuyv)));
        let _demand = Demand::new(feed.clone());
        let mut writer = Writer::new(&feed.ring);
        writer.reserve(4000).unwrap();
        let pixels: Vec<u8> = (0..16 * 8).map(|i| (i * 91) as u8).collect();
        let mut length = |quality: u8| {
            feed.set_quality(quality);
            assert_eq!(session.take(&frame(&pixels), &feed, &mut writer), Ok(Taken::Published));
            feed.ring.look(|stored| stored.jpeg().len()).expect("a frame")
        };
        let usual = length(DEFAULT_QUALITY);
        let (low, high) = (length(5), length(100));
        assert!(low < usual && usual < high, "{low}, {usual}, {high} bytes");
        assert_eq!((length(0), length(255)), (length(1), high));
    }

    #[test]
    fn a_camera_that_delivers_less_than_the_format_it_claims_is_opened_anew() {
        for (raw, len) in [(Raw::Nv12, 16 * 8 * 3 / 2 - 9), (Raw::Yuyv, 16 * 7), (Raw::Rgb24, 16 * 8)] {
            let (feed, mut session) = (feed(), session(Layout::Raw(raw)));
            let _demand = Demand::new(feed.clone());
            let mut writer = Writer::new(&feed.ring);
            writer.reserve(4000).unwrap();
            for _ in 0..=TOLERATED {
                let taken = session.take(&frame(&vec![0; len]), &feed, &mut writer);
                assert_eq!(taken, Err(Dropped::Unencodable), "{raw:?}");
            }
            assert!(session.verdict().is_some_and(|why| why.ends_with("unencodable")), "{raw:?}");
        }
    }
}
