//! Class requests: the host agrees with the camera on a stream (probe and commit, section 4.3.1.1), and sets
//! its brightness (section 4.2.2.3.2).

use super::transport::{Transport, max_frame};
use crate::feed::Size;
use crate::usbip::{Refusal, Setup};

/// The ID of the camera terminal among the camera's entities.
pub const CAMERA_TERMINAL: u8 = 1;
/// The ID of the processing unit among the camera's entities.
pub const BRIGHTNESS_UNIT: u8 = 2;
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
    brightness: i16,
    /// Whether the camera may lower its rate to expose longer: auto-exposure priority, section 4.2.2.1.3.
    lowers_rate: u8,
}

/// Whether a class request is about auto-exposure priority.
pub fn is_exposure_priority(setup: Setup) -> bool {
    const AE_PRIORITY: u8 = 3;
    setup.index.to_be_bytes() == [CAMERA_TERMINAL, 0] && setup.value.to_be_bytes() == [AE_PRIORITY, 0]
}

struct Range {
    lowest: i16,
    highest: i16,
    default: i16,
}

const BRIGHTNESS: Range = Range { lowest: 0, highest: 255, default: 128 };

/// The request that sets a value.
pub const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;
/// The answer to GET_INFO: readable and writable.
const GET_AND_SET: u8 = 0b11;

impl Control {
    /// Before the host has committed to a stream.
    pub fn new(sizes: Vec<Size>, transport: Transport) -> Self {
        let favourite = Stream::FAVOURITE;
        Self {
            sizes,
            transport,
            probed: favourite,
            committed: favourite,
            brightness: BRIGHTNESS.default,
            lowers_rate: 1,
        }
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
        const BRIGHTNESS: u8 = 2;
        let [entity, interface] = setup.index.to_be_bytes();
        let [selector, _] = setup.value.to_be_bytes();
        if is_exposure_priority(setup) {
            return Ok((self.exposure_priority(setup.request, data)?, None));
        }
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
            (0, BRIGHTNESS_UNIT, BRIGHTNESS) => Ok((self.brightness(setup.request, data)?, None)),
            (0, 0, ERROR_CODE) => Ok((vec![6], None)), // why the last request stalled: invalid control
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

    fn exposure_priority(&mut self, request: u8, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        match (request, data) {
            (SET_CUR, &[value @ (0 | 1)]) => {
                self.lowers_rate = value;
                Ok(Vec::new())
            }
            (GET_CUR, _) => Ok(vec![self.lowers_rate]),
            (GET_INFO, _) => Ok(vec![GET_AND_SET]),
            (GET_LEN, _) => Ok(vec![1, 0]),
            (GET_DEF, _) => Ok(vec![0]),
            _ => Err(Refusal::Stall),
        }
    }

    fn brightness(&mut self, request: u8, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        let value = match request {
            SET_CUR => {
                let &[low, high] = data else { return Err(Refusal::Stall) };
                self.brightness =
                    i16::from_le_bytes([low, high]).clamp(BRIGHTNESS.lowest, BRIGHTNESS.highest);
                return Ok(Vec::new());
            }
            GET_INFO => return Ok(vec![GET_AND_SET]),
            GET_CUR => self.brightness,
            GET_MIN => BRIGHTNESS.lowest,
            GET_MAX => BRIGHTNESS.highest,
            GET_DEF => BRIGHTNESS.default,
            GET_RES => 1,
            GET_LEN => 2,
            _ => return Err(Refusal::Stall),
        };
        Ok(value.to_le_bytes().to_vec())
    }
}
