//! Class requests: the host agrees with the camera on a stream (probe and commit, section 4.3.1.1), and sets
//! its controls.

use std::time::Duration;

use super::properties::{INVALID_CONTROL, Properties};
use super::transport::{Transport, max_frame};
use crate::feed::Size;
use crate::usbip::{Refusal, Setup};

/// The ID of the camera terminal among the camera's entities.
pub const CAMERA_TERMINAL: u8 = 1;
/// The ID of the processing unit among the camera's entities.
pub const PROCESSING_UNIT: u8 = 2;
/// Frame intervals in units of 100 ns, the shortest first: 30/s and 15/s.
pub const INTERVALS: [u32; 2] = [333_333, 666_666];

/// A stream's size, as an index into [`Control::sizes`], and its interval in 100 ns.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    pub size: usize,
    pub interval: u32,
}

impl Stream {
    const FAVOURITE: Self = Self { size: 0, interval: INTERVALS[0] };

    /// The nearest stream to what the host proposes that the camera supports.
    fn from_wish(data: &[u8], sizes: &[Size]) -> Result<Self, Refusal> {
        let (&[frame, a, b, c, d], _) =
            data.get(3..).and_then(<[u8]>::split_first_chunk).ok_or(Refusal::Stall)?;
        let wish = u32::from_le_bytes([a, b, c, d]);
        Ok(Self {
            size: usize::from(frame).saturating_sub(1).min(sizes.len() - 1),
            interval: *INTERVALS.iter().min_by_key(|i| i.abs_diff(wish)).unwrap_or(&INTERVALS[0]),
        })
    }

    /// Table 4-47, the 26 bytes of UVC 1.0.
    fn to_bytes(self, sizes: &[Size], transport: Transport) -> Vec<u8> {
        let size = sizes[self.size];
        let mut bytes = vec![1, 0, 1, self.size as u8 + 1]; // interval is fixed; format 1, frame
        bytes.extend(self.interval.to_le_bytes());
        bytes.extend([0; 10]); // key frames, compression quality and window, delay
        bytes.extend(max_frame(size).to_le_bytes());
        bytes.extend(transport.max_payload(size, self.interval).to_le_bytes());
        bytes
    }
}

/// The state behind the class requests.
#[derive(Debug)]
pub struct Control {
    sizes: Vec<Size>,
    transport: Transport,
    probed: Stream,
    committed: Stream,
    properties: Properties,
    /// Why the last request about a property stalled (section 4.2.1.2).
    error: u8,
}

/// The request that sets a value.
pub const SET_CUR: u8 = 0x01;
/// The request that reads a value.
pub const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;
/// The answer to GET_INFO: readable and writable.
const GET_AND_SET: u8 = 0b11;

impl Control {
    /// Before the host has committed to a stream.
    pub fn new(sizes: Vec<Size>, transport: Transport, properties: Properties) -> Self {
        let favourite = Stream::FAVOURITE;
        Self { sizes, transport, probed: favourite, committed: favourite, properties, error: INVALID_CONTROL }
    }

    fn stall(&mut self, error: u8) -> Refusal {
        self.error = error;
        Refusal::Stall
    }

    /// The camera's controls.
    pub fn properties(&self) -> &Properties {
        &self.properties
    }

    /// How long the camera takes for a request.
    pub fn delay(&self, setup: Setup) -> Duration {
        self.properties.delay(setup)
    }

    /// The sizes that the camera lists.
    pub fn sizes(&self) -> &[Size] {
        &self.sizes
    }

    /// The stream that was committed last.
    pub fn stream(&self) -> Stream {
        self.committed
    }

    /// Answers a class request. Also returns the stream if the request commits to one, which the host does before it
    /// starts to stream.
    pub fn class(&mut self, setup: Setup, data: &[u8]) -> Result<(Vec<u8>, Option<Stream>), Refusal> {
        const PROBE: u8 = 1;
        const COMMIT: u8 = 2;
        const ERROR_CODE: u8 = 2;
        let [entity, interface] = setup.index.to_be_bytes();
        let [selector, _] = setup.value.to_be_bytes();
        match (interface, entity, selector) {
            (1, 0, PROBE) => Ok((self.probe(setup.request, data)?, None)),
            (1, 0, COMMIT) => {
                let reply = self.probe(setup.request, data)?;
                if setup.request != SET_CUR {
                    return Ok((reply, None));
                }
                self.committed = self.probed;
                Ok((reply, Some(self.committed)))
            }
            (0, 0, ERROR_CODE) => Ok((vec![self.error], None)),
            (0, CAMERA_TERMINAL | PROCESSING_UNIT, _) => {
                let answer = self.properties.answer(setup, data);
                Ok((answer.map_err(|error| self.stall(error))?, None))
            }
            _ => Err(Refusal::Stall),
        }
    }

    fn probe(&mut self, request: u8, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        let bytes = |stream: Stream| stream.to_bytes(&self.sizes, self.transport);
        let with = |interval| bytes(Stream { interval, ..self.probed });
        match request {
            SET_CUR => {
                self.probed = Stream::from_wish(data, &self.sizes)?;
                Ok(Vec::new())
            }
            GET_CUR => Ok(bytes(self.probed)),
            GET_MIN => Ok(with(INTERVALS[0])),
            GET_MAX => Ok(with(INTERVALS[INTERVALS.len() - 1])),
            GET_DEF => Ok(bytes(Stream::FAVOURITE)),
            GET_LEN => Ok(vec![bytes(Stream::FAVOURITE).len() as u8, 0]),
            GET_INFO => Ok(vec![GET_AND_SET]),
            _ => Err(Refusal::Stall),
        }
    }
}
