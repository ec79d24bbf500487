//! A USB Video Class 1.0 webcam that sends a feed of JPEGs. [`descriptors`] describe it, [`control`] answers class
//! requests, those about its controls by [`properties`], [`payload`] cuts frames into payloads at the agreed rate, [`transport`] brings these to the host, and
//! [`fault`] makes it misbehave.
//!
//! Section numbers are those of "Universal Serial Bus Device Class Definition for Video Devices" 1.0a.

mod control;
mod descriptors;
pub mod fault;
pub mod payload;
pub mod properties;
pub mod transport;

use std::time::{Duration, Instant};

use crate::feed::{Feed, Size};
use crate::usbip::{DataIn, Device, Refusal, Setup};
use control::Control;
use payload::Payloads;
use properties::Properties;
use transport::Transport;

/// The product name, which uvcvideo shows as the card's name.
pub const PRODUCT: &str = "Simulated UVC camera";

/// The type bits in bmRequestType, and their value in a class request (USB 2.0 table 9-2).
const TYPE: u8 = 0x60;
const CLASS: u8 = 0x20;

/// How often the host asks a camera again that sends nothing.
const LOOK: Duration = Duration::from_millis(20);

/// The camera.
#[derive(Debug)]
pub struct Camera {
    serial: String,
    transport: Transport,
    /// What is sent in each size, in the order of the control's sizes; `None` if nothing is.
    feeds: Vec<Option<Feed>>,
    control: Control,
    payloads: Payloads,
}

impl Camera {
    /// A camera that is not streaming yet. It offers these sizes, at least one, the default first. A size without
    /// a feed is listed, but nothing is sent in it.
    pub fn new(
        serial: String,
        feeds: Vec<(Size, Option<Feed>)>,
        transport: Transport,
        properties: Properties,
    ) -> Self {
        let (sizes, feeds) = feeds.into_iter().unzip();
        let control = Control::new(sizes, transport, properties);
        Self { serial, transport, feeds, control, payloads: Payloads::default() }
    }
}

impl Device for Camera {
    fn control(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        if setup.request_type & TYPE != CLASS {
            return descriptors::standard(
                setup,
                &self.serial,
                self.control.sizes(),
                self.transport,
                self.control.properties(),
            );
        }
        let (reply, committed) = self.control.class(setup, data)?;
        if let Some(stream) = committed {
            self.payloads.restart(stream.interval, Instant::now());
        }
        Ok(reply)
    }

    fn delay(&self, setup: Setup) -> Duration {
        if setup.request_type & TYPE == CLASS { self.control.delay(setup) } else { Duration::ZERO }
    }

    fn data_in(&mut self, now: Instant, room: usize) -> DataIn {
        let stream = self.control.stream();
        let size = self.control.sizes()[stream.size];
        let most = self.transport.max_payload(size, stream.interval) as usize;
        match &self.feeds[stream.size] {
            Some(feed) => self.payloads.next(feed, now, room.min(most)),
            None => DataIn::NotBefore(now + LOOK),
        }
    }
}
