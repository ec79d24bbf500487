//! A USB Video Class 1.0 webcam that sends a feed of JPEGs: [`descriptors`] say what it is, [`control`]
//! answers requests about it, [`payload`] cuts frames into bulk transfers at the agreed rate. [`fault`] makes
//! it misbehave.
//!
//! Section numbers are those of "Universal Serial Bus Device Class Definition for Video Devices" 1.0a.

mod control;
mod descriptors;
pub mod fault;
pub mod payload;

use std::time::Instant;

use crate::feed::{Feed, Size};
use crate::usbip::{Bulk, Device, Setup, Stall};
use control::Control;
use payload::Payloads;

/// The product name, which uvcvideo shows as the card's name.
pub const PRODUCT: &str = "Simulated UVC camera";

/// The bits of a request's type that say whose it is, and what they are in a class request (USB 2.0 table 9-2).
const TYPE: u8 = 0x60;
const CLASS: u8 = 0x20;

/// The camera.
#[derive(Debug)]
pub struct Camera {
    serial: String,
    /// In the order of the control's sizes.
    feeds: Vec<Feed>,
    control: Control,
    payloads: Payloads,
}

impl Camera {
    /// A camera that is not streaming yet. It offers these sizes, at least one, its favourite first.
    pub fn new(serial: String, feeds: Vec<(Size, Feed)>) -> Self {
        let (sizes, feeds) = feeds.into_iter().unzip();
        Self { serial, feeds, control: Control::new(sizes), payloads: Payloads::default() }
    }
}

impl Device for Camera {
    fn control(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, Stall> {
        if setup.request_type & TYPE != CLASS {
            return descriptors::standard(setup, &self.serial, self.control.sizes());
        }
        let (reply, committed) = self.control.class(setup, data)?;
        if let Some(stream) = committed {
            self.payloads.restart(stream.interval, Instant::now());
        }
        Ok(reply)
    }

    fn bulk_in(&mut self, now: Instant, room: usize) -> Bulk {
        self.payloads.next(&self.feeds[self.control.stream().size], now, room)
    }
}
