//! The camera's controls, of its camera terminal (section 4.2.2.1) and its processing unit (section 4.2.2.3), and what may
//! be wrong with each.

use std::error::Error;
use std::str::FromStr;
use std::time::Duration;

use super::control::{CAMERA_TERMINAL, GET_CUR, PROCESSING_UNIT, SET_CUR};
use crate::usbip::Setup;

const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

/// bAutoExposureMode: manual, and priority of the aperture (section 4.2.2.1.2).
const MANUAL: i64 = 1;
const APERTURE_PRIORITY: i64 = 8;

/// Why a request stalled (section 4.2.1.2).
pub const WRONG_STATE: u8 = 2;
const OUT_OF_RANGE: u8 = 4;
/// See [`WRONG_STATE`].
pub const INVALID_CONTROL: u8 = 6;
const INVALID_REQUEST: u8 = 7;

/// What a control is.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    entity: u8,
    selector: u8,
    /// Its bit in the entity's bmControls.
    bit: u8,
    bytes: usize,
    min: i64,
    max: i64,
    /// The distance of two values, or the bits that may be set.
    resolution: i64,
    default: i64,
    /// The control that must have a value before this one can be set.
    master: Option<(&'static str, i64)>,
}

const fn kind(name: &'static str, entity: u8, (selector, bit): (u8, u8), bytes: usize) -> Kind {
    Kind { name, entity, selector, bit, bytes, min: 0, max: 1, resolution: 1, default: 1, master: None }
}

/// Selectors as in tables, bits as in tables 3-6 and 3-8.
const KINDS: [Kind; 11] = [
    Kind {
        resolution: MANUAL | APERTURE_PRIORITY,
        default: APERTURE_PRIORITY,
        ..kind("auto_exposure", CAMERA_TERMINAL, (2, 1), 1)
    },
    Kind { default: 0, ..kind("exposure_dynamic_framerate", CAMERA_TERMINAL, (3, 2), 1) },
    Kind {
        min: 3,
        max: 2047,
        default: 250,
        master: Some(("auto_exposure", MANUAL)),
        ..kind("exposure_time_absolute", CAMERA_TERMINAL, (4, 3), 4)
    },
    Kind {
        max: 250,
        resolution: 5,
        default: 0,
        master: Some(("focus_automatic_continuous", 0)),
        ..kind("focus_absolute", CAMERA_TERMINAL, (6, 5), 2)
    },
    kind("focus_automatic_continuous", CAMERA_TERMINAL, (8, 17), 1),
    Kind { max: 255, default: 128, ..kind("brightness", PROCESSING_UNIT, (2, 0), 2) },
    Kind { max: 255, default: 32, ..kind("contrast", PROCESSING_UNIT, (3, 1), 2) },
    Kind { max: 255, default: 64, ..kind("gain", PROCESSING_UNIT, (4, 9), 2) },
    Kind { max: 2, default: 2, ..kind("power_line_frequency", PROCESSING_UNIT, (5, 10), 1) },
    Kind {
        min: 2000,
        max: 6500,
        default: 4000,
        master: Some(("white_balance_automatic", 0)),
        ..kind("white_balance_temperature", PROCESSING_UNIT, (10, 6), 2)
    },
    kind("white_balance_automatic", PROCESSING_UNIT, (11, 12), 1),
];

/// What is wrong with a control; each begins with the text that [`FromStr`] parses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlFault {
    /// `reversed`: its minimum is above its maximum.
    Reversed,
    /// `stepless`: its step is 0.
    Stepless,
    /// `unreadable`: its value cannot be read.
    Unreadable,
    /// `limitless`: its limits cannot be read.
    Limitless,
    /// `slow=MS`: setting it takes this long.
    Slow(Duration),
    /// `mute=MS`: reading its value fails after this long.
    Mute(Duration),
}

impl FromStr for ControlFault {
    type Err = Box<dyn Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=').unwrap_or((text, "")) {
            ("reversed", "") => Self::Reversed,
            ("stepless", "") => Self::Stepless,
            ("unreadable", "") => Self::Unreadable,
            ("limitless", "") => Self::Limitless,
            ("mute", milliseconds) => Self::Mute(Duration::from_millis(milliseconds.parse()?)),
            ("slow", milliseconds) => Self::Slow(Duration::from_millis(milliseconds.parse()?)),
            _ => return Err(format!("unknown fault of a control: {text}").into()),
        })
    }
}

#[derive(Debug)]
struct Property {
    kind: &'static Kind,
    value: i64,
    fault: Option<ControlFault>,
}

/// The controls that a camera has.
#[derive(Debug)]
pub struct Properties(Vec<Property>);

impl Properties {
    /// The controls of these names, with commas between them, a fault behind a colon: `brightness,gain:unreadable`.
    /// `all` are all of them, `none` is none.
    pub fn new(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut all = Vec::new();
        for name in text.split(',').filter(|name| *name != "none") {
            let (name, fault) =
                name.split_once(':').map_or((name, None), |(name, fault)| (name, Some(fault)));
            let fault = fault.map(str::parse).transpose()?;
            let found: Vec<_> = KINDS.iter().filter(|kind| name == "all" || kind.name == name).collect();
            if found.is_empty() {
                return Err(format!("unknown control {name}").into());
            }
            for kind in found {
                all.retain(|other: &Property| other.kind.name != kind.name);
                // As webcams leave the factory, they lower their rate in the dark.
                let value = if kind.name == "exposure_dynamic_framerate" { 1 } else { kind.default };
                all.push(Property { kind, value, fault });
            }
        }
        Ok(Self(all))
    }

    /// The bits of an entity's bmControls.
    pub fn bits(&self, entity: u8) -> u32 {
        let own = self.0.iter().filter(|property| property.kind.entity == entity);
        own.fold(0, |bits, property| bits | 1 << property.kind.bit)
    }

    fn find(&self, setup: Setup) -> Option<usize> {
        let [entity, interface] = setup.index.to_be_bytes();
        let [selector, _] = setup.value.to_be_bytes();
        let is_it = |kind: &Kind| (kind.entity, kind.selector, 0) == (entity, selector, interface);
        self.0.iter().position(|property| is_it(property.kind))
    }

    /// How long the camera takes for a request.
    pub fn delay(&self, setup: Setup) -> Duration {
        match self.find(setup).and_then(|at| self.0[at].fault) {
            Some(ControlFault::Slow(time)) if setup.request == SET_CUR => time,
            Some(ControlFault::Mute(time)) if setup.request == GET_CUR => time,
            _ => Duration::ZERO,
        }
    }

    /// Answers a request; `Err` is the code that says why not.
    pub fn answer(&mut self, setup: Setup, data: &[u8]) -> Result<Vec<u8>, u8> {
        let at = self.find(setup).ok_or(INVALID_CONTROL)?;
        if setup.request == SET_CUR {
            return self.set(at, data).map(|()| Vec::new());
        }
        let Property { kind, value, fault } = &self.0[at];
        let (min, max) = match fault {
            Some(ControlFault::Reversed) => (kind.max, kind.min),
            _ => (kind.min, kind.max),
        };
        let answer = match (setup.request, fault) {
            (GET_CUR, Some(ControlFault::Unreadable | ControlFault::Mute(_)))
            | (GET_MIN | GET_MAX | GET_RES | GET_DEF, Some(ControlFault::Limitless)) => {
                return Err(INVALID_REQUEST);
            }
            (GET_RES, Some(ControlFault::Stepless)) => 0,
            (GET_CUR, _) => *value,
            (GET_MIN, _) => min,
            (GET_MAX, _) => max,
            (GET_RES, _) => kind.resolution,
            (GET_DEF, _) => kind.default,
            (GET_INFO, _) => return Ok(vec![0b11]), // readable and writable
            (GET_LEN, _) => return Ok(vec![kind.bytes as u8, 0]),
            _ => return Err(INVALID_CONTROL),
        };
        Ok(answer.to_le_bytes()[..kind.bytes].to_vec())
    }

    fn set(&mut self, at: usize, data: &[u8]) -> Result<(), u8> {
        let Property { kind, fault, .. } = &self.0[at];
        if let Some((master, value)) = kind.master
            && self.0.iter().any(|property| property.kind.name == master && property.value != value)
        {
            return Err(WRONG_STATE);
        }
        let mut bytes = [0; 8];
        bytes.get_mut(..data.len()).ok_or(OUT_OF_RANGE)?.copy_from_slice(data);
        let value = i64::from_le_bytes(bytes);
        let is_mode = kind.name == "auto_exposure";
        let fits =
            if is_mode { value & kind.resolution == value } else { (kind.min..=kind.max).contains(&value) };
        if !fits && fault.is_none() {
            return Err(OUT_OF_RANGE);
        }
        self.0[at].value = value;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(request: u8, selector: u16, entity: u16) -> Setup {
        Setup { request_type: 0x21, request, value: selector << 8, index: entity << 8 }
    }

    #[test]
    fn exposure_waits_for_its_mode() {
        let mut all = Properties::new("all").unwrap();
        let (mode, time) = (|code| request(code, 2, 1), |code| request(code, 4, 1));
        assert_eq!(all.answer(mode(GET_RES), &[]), Ok(vec![9]));
        assert_eq!(all.answer(time(SET_CUR), &[5, 0, 0, 0]), Err(WRONG_STATE));
        assert_eq!(all.answer(mode(SET_CUR), &[2]), Err(OUT_OF_RANGE));
        assert_eq!(all.answer(mode(SET_CUR), &[1]), Ok(Vec::new()));
        assert_eq!(all.answer(time(SET_CUR), &[5, 1, 0, 0]), Ok(Vec::new()));
        assert_eq!(all.answer(time(GET_CUR), &[]), Ok(vec![5, 1, 0, 0]));
        assert_eq!(all.answer(time(SET_CUR), &[0, 0, 0, 1]), Err(OUT_OF_RANGE));
        assert_eq!(all.answer(time(SET_CUR), &[0; 9]), Err(OUT_OF_RANGE));
        assert_eq!((all.bits(1), all.bits(2)), (0b10_0000_0000_0010_1110, 0b1_0110_0100_0011));
    }

    #[test]
    fn each_fault_of_a_control_does_what_it_says() {
        let mut some = Properties::new(
            "all,brightness:reversed,contrast:stepless,gain:unreadable,power_line_frequency:limitless",
        )
        .unwrap();
        let mut get = |code, selector| some.answer(request(code, selector, 2), &[]);
        assert_eq!((get(GET_MIN, 2), get(GET_MAX, 2)), (Ok(vec![255, 0]), Ok(vec![0, 0])));
        assert_eq!(get(GET_RES, 3), Ok(vec![0, 0]));
        assert_eq!((get(GET_CUR, 4), get(GET_MAX, 4)), (Err(INVALID_REQUEST), Ok(vec![255, 0])));
        assert_eq!((get(GET_MAX, 5), get(GET_CUR, 5)), (Err(INVALID_REQUEST), Ok(vec![2])));
        assert_eq!(get(GET_CUR, 99), Err(INVALID_CONTROL));
        let slow = Properties::new("gain:slow=2000").unwrap();
        assert_eq!(slow.delay(request(SET_CUR, 4, 2)), Duration::from_secs(2));
        assert_eq!(slow.delay(request(GET_CUR, 4, 2)), Duration::ZERO);
        let mut mute = Properties::new("gain:mute=2000").unwrap();
        assert_eq!(mute.delay(request(GET_CUR, 4, 2)), Duration::from_secs(2));
        assert_eq!(mute.answer(request(GET_CUR, 4, 2), &[]), Err(INVALID_REQUEST));
        assert!(Properties::new("nonsense").is_err() && Properties::new("gain:odd").is_err());
        assert_eq!(Properties::new("none").unwrap().bits(1), 0);
    }
}
