//! A camera that misbehaves: a [`Device`] that wraps another one, and damages or holds back its frames.
//!
//! `uvcsim` changes the [`Fault`] while the camera runs, so a case decides when it begins and ends.

use std::error::Error;
use std::mem;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::control::{CAMERA_TERMINAL, SET_CUR};
use super::payload::{END_OF_FRAME, HEADER_LENGTH};
use super::transport::max_frame;
use super::{CLASS, TYPE};
use crate::feed::SIZES;
use crate::usbip::{DataIn, Device, Refusal, Setup};

/// Bytes of a marker such as SOI and EOI (ITU T.81 B.1.1.3).
const MARKER_LENGTH: usize = 2;
/// How often a camera that holds back its frames checks whether the fault has ended.
const LOOK: Duration = Duration::from_millis(20);
/// Stale bytes behind a frame.
const STALE: usize = 3000;
/// Bytes added to a frame to make it larger than the camera announced, for any size.
const EXCESS: usize = max_frame(SIZES[0]) as usize;

/// Whether a class request is about auto-exposure priority: whether the camera may lower its rate to expose longer
/// (section 4.2.2.1.3).
fn is_exposure_priority(setup: Setup) -> bool {
    const AE_PRIORITY: u8 = 3;
    setup.index.to_be_bytes() == [CAMERA_TERMINAL, 0] && setup.value.to_be_bytes() == [AE_PRIORITY, 0]
}

/// What is wrong with the camera; each begins with the text that [`FromStr`] parses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    /// `none`: nothing is wrong.
    #[default]
    None,
    /// `cut:N`: every Nth frame ends after its first payload.
    Cut(usize),
    /// `no-end`: all frames lack only EOI.
    NoEnd,
    /// `no-begin:N`: the next N frames lack SOI; after that nothing is wrong.
    NoBegin(usize),
    /// `stall`: the camera stops sending in the middle of a frame.
    Stall,
    /// `silent`: the camera stops sending.
    Silent,
    /// `large:N`: every Nth frame is larger than the camera announced.
    Large(usize),
    /// `stale`: behind the end of each frame, in turn: zeros, 0xFF, the end of an earlier frame, and anything.
    Stale,
    /// `overlong`: payloads are twice as long as announced, so every other transfer has no header.
    Overlong,
    /// `babble:N`: the next N transfers overrun; after that nothing is wrong.
    Babble(usize),
    /// `dark:N`: each frame is exposed for at least N ms, unless the host has forbidden that (section 4.2.2.1.3).
    Dark(u64),
    /// `vanish:N`: frames lack SOI, so that the camera is reopened; at the Nth class request it is unplugged.
    Vanish(usize),
}

impl FromStr for Fault {
    type Err = Box<dyn Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':').unwrap_or((text, "")) {
            ("none", "") => Self::None,
            ("cut", frames) => Self::Cut(frames.parse()?),
            ("no-end", "") => Self::NoEnd,
            ("no-begin", frames) => Self::NoBegin(frames.parse()?),
            ("stall", "") => Self::Stall,
            ("silent", "") => Self::Silent,
            ("large", frames) => Self::Large(frames.parse()?),
            ("stale", "") => Self::Stale,
            ("overlong", "") => Self::Overlong,
            ("babble", transfers) => Self::Babble(transfers.parse()?),
            ("dark", milliseconds) => Self::Dark(milliseconds.parse()?),
            ("vanish", requests) => Self::Vanish(requests.parse()?),
            _ => return Err(format!("unknown fault {text}").into()),
        })
    }
}

/// A fault that another thread may change.
#[derive(Debug, Clone, Default)]
pub struct Switch(Arc<Mutex<Fault>>);

impl Switch {
    /// Changes the fault.
    pub fn set(&self, fault: Fault) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn get(&self) -> Fault {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A camera with a fault.
#[derive(Debug)]
pub struct Faulty<D> {
    camera: D,
    fault: Switch,
    /// Frames that have ended.
    frames: usize,
    /// Whether a part of the next frame was sent.
    is_in_frame: bool,
    /// Whether the frame that is being sent lacks SOI.
    is_spoiled: bool,
    /// Bytes still to be added to a frame, and the second byte of their payload headers.
    excess: (Vec<u8>, u8),
    /// The last bytes of the camera's last frame.
    earlier: Vec<u8>,
    /// Whether the last transfer began a payload and did not finish it.
    is_in_payload: bool,
    is_plugged_in: bool,
    /// Whether the host allows lower rates for longer exposures.
    lowers_rate: bool,
    /// When the next frame has been exposed, in the dark.
    exposed: Instant,
}

impl<D: Device> Faulty<D> {
    /// Wraps `camera`; `fault` says what is wrong with it.
    pub fn new(camera: D, fault: Switch) -> Self {
        Self {
            camera,
            fault,
            frames: 0,
            is_in_frame: false,
            is_spoiled: false,
            excess: (Vec::new(), 0),
            earlier: Vec::new(),
            is_in_payload: false,
            is_plugged_in: true,
            lowers_rate: true,
            exposed: Instant::now(),
        }
    }

    /// A payload of the bytes that were added to a frame.
    fn exceed(&mut self, room: usize) -> Vec<u8> {
        let (left, bits) = &mut self.excess;
        let now = left.len().min(room.saturating_sub(HEADER_LENGTH));
        let end = if now == left.len() { END_OF_FRAME } else { 0 };
        let mut payload = vec![HEADER_LENGTH as u8, *bits | end];
        payload.resize(HEADER_LENGTH, 0);
        payload.extend(left.drain(..now));
        payload
    }

    /// Bytes that a driver leaves behind the end of a frame.
    fn stale(&self) -> Vec<u8> {
        match self.frames % 4 {
            0 => vec![0; STALE],
            1 => vec![0xff; STALE],
            2 => self.earlier.clone(),
            // Knuth's linear congruential generator.
            _ => (0..STALE as u64)
                .scan(self.frames as u64, |state, _| {
                    *state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    Some((*state >> 56) as u8)
                })
                .collect(),
        }
    }
}

impl<D: Device> Device for Faulty<D> {
    fn control(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        if setup.request_type & TYPE == CLASS
            && let Fault::Vanish(left) = self.fault.get()
        {
            self.is_plugged_in = left > 1;
            self.fault.set(Fault::Vanish(left.saturating_sub(1)));
        }
        let answer = self.camera.control(setup, data)?;
        if is_exposure_priority(setup) && setup.request == SET_CUR {
            self.lowers_rate = data != [0];
        }
        Ok(answer)
    }

    fn delay(&self, setup: Setup) -> Duration {
        self.camera.delay(setup)
    }

    fn is_plugged_in(&self) -> bool {
        self.is_plugged_in
    }

    fn data_in(&mut self, now: Instant, room: usize) -> DataIn {
        let fault = self.fault.get();
        if let Fault::Babble(left) = fault {
            self.fault.set(if left > 1 { Fault::Babble(left - 1) } else { Fault::None });
            return DataIn::Babble;
        }
        if !self.excess.0.is_empty() {
            let payload = self.exceed(room);
            self.is_in_frame = !self.excess.0.is_empty();
            return DataIn::Data(payload);
        }
        if fault == Fault::Silent || fault == Fault::Stall && self.is_in_frame {
            return DataIn::NotBefore(now + LOOK);
        }
        if let Fault::Dark(milliseconds) = fault
            && self.lowers_rate
            && !self.is_in_frame
        {
            if now < self.exposed {
                return DataIn::NotBefore(self.exposed);
            }
            self.exposed = now + Duration::from_millis(milliseconds);
        }
        let continues = fault == Fault::Overlong && self.is_in_payload;
        let more = if continues { HEADER_LENGTH } else { 0 };
        let mut payload = match self.camera.data_in(now, room + more) {
            DataIn::Data(payload) => payload,
            nothing => return nothing,
        };
        let is_last = payload.get(1).is_some_and(|bits| bits & END_OF_FRAME != 0);
        match fault {
            Fault::Cut(every) if self.is_in_frame && self.frames.is_multiple_of(every) => {
                payload.truncate(HEADER_LENGTH);
            }
            Fault::NoEnd if is_last => payload.truncate(payload.len().saturating_sub(MARKER_LENGTH)),
            Fault::NoBegin(_) | Fault::Vanish(_) if !self.is_in_frame => {
                self.is_spoiled = true;
                payload.iter_mut().skip(HEADER_LENGTH).take(MARKER_LENGTH).for_each(|byte| *byte = 0);
            }
            Fault::Large(every) if is_last && self.frames.is_multiple_of(every) => {
                payload[1] &= !END_OF_FRAME; // this is the frame's last payload, so it has that byte
                self.excess = (vec![0; EXCESS], payload[1]);
            }
            Fault::Stale if is_last => {
                payload[1] &= !END_OF_FRAME;
                self.excess = (self.stale(), payload[1]);
                let from = payload.len().saturating_sub(STALE).max(HEADER_LENGTH);
                self.earlier = payload[from..].to_vec();
            }
            Fault::Overlong if continues => drop(payload.drain(..HEADER_LENGTH)),
            _ => {}
        }
        self.is_in_payload = !continues && !is_last;
        // Not a frame that had begun before the fault was set.
        let was_spoiled = is_last && mem::take(&mut self.is_spoiled);
        if let (Fault::NoBegin(left), true) = (fault, was_spoiled) {
            self.fault.set(if left > 1 { Fault::NoBegin(left - 1) } else { Fault::None });
        }
        self.frames += usize::from(is_last);
        self.is_in_frame = !is_last || !self.excess.0.is_empty();
        DataIn::Data(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends frames of two payloads: SOI and a byte, then a byte and EOI.
    struct TwoPayloads(bool);

    impl Device for TwoPayloads {
        fn control(&mut self, _: Setup, _: &[u8]) -> Result<Vec<u8>, Refusal> {
            Err(Refusal::Stall)
        }

        fn data_in(&mut self, _: Instant, _: usize) -> DataIn {
            self.0 = !self.0;
            DataIn::Data(if self.0 {
                vec![2, 0, 0xff, 0xd8, 1]
            } else {
                vec![2, END_OF_FRAME, 2, 0xff, 0xd9]
            })
        }
    }

    /// The next frames without payload headers; ends early if frames are held back.
    fn frames(camera: &mut Faulty<TwoPayloads>, number: usize) -> Vec<Vec<u8>> {
        let mut found = vec![Vec::new()];
        while found.len() <= number {
            let DataIn::Data(payload) = camera.data_in(Instant::now(), 64) else { break };
            found.last_mut().unwrap().extend(&payload[HEADER_LENGTH..]);
            if payload[1] & END_OF_FRAME != 0 {
                found.push(Vec::new());
            }
        }
        found.truncate(number);
        found
    }

    fn spoiled(fault: &str, number: usize) -> Vec<Vec<u8>> {
        let switch = Switch::default();
        switch.set(fault.parse().unwrap());
        frames(&mut Faulty::new(TwoPayloads(false), switch), number)
    }

    const WHOLE: &[u8] = &[0xff, 0xd8, 1, 2, 0xff, 0xd9];

    #[test]
    fn each_fault_does_what_it_says() {
        assert_eq!(spoiled("none", 2), [WHOLE, WHOLE]);
        assert_eq!(spoiled("cut:2", 3), [&WHOLE[..3], WHOLE, &WHOLE[..3]]);
        assert_eq!(spoiled("no-end", 2), [&WHOLE[..4]; 2]);
        assert_eq!(spoiled("no-begin:1", 2), [&[0, 0, 1, 2, 0xff, 0xd9], WHOLE]);
        assert_eq!(spoiled("stall", 2), [&WHOLE[..3]]);
        assert_eq!(spoiled("silent", 2), [&[]; 1]);
        let large = &spoiled("large:2", 2)[0];
        assert!(large.starts_with(WHOLE) && large.len() > max_frame(SIZES[0]) as usize, "{}", large.len());
        assert_eq!(spoiled("large:2", 2)[1], WHOLE);
        let stale = spoiled("stale", 4);
        assert!(stale.iter().all(|frame| frame.starts_with(WHOLE) && frame.len() > WHOLE.len()), "{stale:?}");
        assert!(stale[2].ends_with(&[0xff, 0xd9]) && stale[1].ends_with(&[0xff; STALE]), "{stale:?}");
        assert_eq!(spoiled("dark:60000", 2), [WHOLE, &[]]);
        assert_eq!(spoiled("babble:1", 1), [&[]; 1]);
        assert!("cut".parse::<Fault>().is_err() && "other".parse::<Fault>().is_err());
    }

    #[test]
    fn a_camera_is_unplugged_at_the_given_class_request() {
        let class = Setup { request_type: CLASS, request: 0, value: 0, index: 0 };
        let standard = Setup { request_type: 0, ..class };
        let switch = Switch::default();
        switch.set("vanish:2".parse().unwrap());
        let mut camera = Faulty::new(TwoPayloads(false), switch);
        for (setup, stays) in [(class, true), (standard, true), (class, false)] {
            let _ = camera.control(setup, &[]);
            assert_eq!(camera.is_plugged_in(), stays);
        }
    }

    #[test]
    fn every_other_transfer_of_an_overlong_payload_has_no_header() {
        let switch = Switch::default();
        switch.set(Fault::Overlong);
        let mut camera = Faulty::new(TwoPayloads(false), switch);
        let mut next = || match camera.data_in(Instant::now(), 64) {
            DataIn::Data(bytes) => bytes,
            other => panic!("{other:?}"),
        };
        assert_eq!([next(), next()].concat(), [&[2, 0], WHOLE].concat());
        assert_eq!(next(), [2, 0, 0xff, 0xd8, 1]);
    }

    #[test]
    fn a_stalled_camera_continues_where_it_stopped() {
        let switch = Switch::default();
        switch.set(Fault::Stall);
        let mut camera = Faulty::new(TwoPayloads(false), switch.clone());
        assert_eq!(frames(&mut camera, 1), [&WHOLE[..3]]);
        switch.set(Fault::None);
        assert_eq!(frames(&mut camera, 2), [&WHOLE[3..], WHOLE]);
    }
}
