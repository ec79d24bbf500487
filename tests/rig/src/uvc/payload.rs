//! Cuts frames into payloads, each with its header (section 2.4.3.3), at the agreed rate. As in a real camera, time
//! goes on even if the host fetches nothing: frames for which it was too late are not sent.

use std::time::{Duration, Instant};

use crate::feed::Feed;
use crate::usbip::DataIn;

/// Bytes in the header of each payload.
pub const HEADER_LENGTH: usize = 2;
/// Bit in the header's second byte: this is the frame's last payload.
pub const END_OF_FRAME: u8 = 0b10;
const END_OF_HEADER: u8 = 0x80;

/// The state of a stream.
#[derive(Debug)]
pub struct Payloads {
    /// Frames begun since the camera was plugged in.
    frame: usize,
    /// Bytes of the current frame that were sent; `None` between frames.
    sent: Option<usize>,
    /// Toggles with every frame, so that the host sees where one begins.
    id_bit: u8,
    interval: Duration,
    due: Instant,
}

impl Default for Payloads {
    fn default() -> Self {
        Self { frame: 0, sent: None, id_bit: 0, interval: Duration::ZERO, due: Instant::now() }
    }
}

impl Payloads {
    /// Begins a stream with one frame per `interval` (in units of 100 ns).
    pub fn restart(&mut self, interval: u32, now: Instant) {
        self.sent = None;
        self.interval = Duration::from_nanos(u64::from(interval) * 100);
        self.due = now;
    }

    /// The next payload, at most `room` bytes long.
    pub fn next(&mut self, feed: &Feed, now: Instant, room: usize) -> DataIn {
        let sent = match self.sent {
            Some(sent) => sent,
            None if now < self.due => return DataIn::NotBefore(self.due),
            None => {
                let late = now > self.due + self.interval;
                self.due = if late { now } else { self.due } + self.interval;
                0
            }
        };
        let left = &feed.frame(self.frame)[sent..];
        let (now, later) = left.split_at(left.len().min(room.saturating_sub(HEADER_LENGTH)));
        let end = if later.is_empty() { END_OF_FRAME } else { 0 };
        let mut payload = vec![HEADER_LENGTH as u8, END_OF_HEADER | end | self.id_bit];
        payload.extend(now);
        if later.is_empty() {
            self.frame += 1;
            self.id_bit ^= 1;
            self.sent = None;
        } else {
            self.sent = Some(sent + now.len());
        }
        DataIn::Data(payload)
    }
}
