//! The camera's device, configuration and string descriptors, and the other standard requests (USB 2.0 chapter 9).

use super::PRODUCT;
use super::control::{CAMERA_TERMINAL, INTERVALS, PROCESSING_UNIT};
use super::properties::Properties;
use super::transport::{Transport, max_frame};
use crate::feed::Size;
use crate::usbip::{Refusal, Setup};

const INTERFACE: u8 = 4;
const CS_INTERFACE: u8 = 0x24;
const CLASS_VIDEO: u8 = 14;
const SUBCLASS_CONTROL: u8 = 1;
const SUBCLASS_STREAMING: u8 = 2;
const SUBCLASS_COLLECTION: u8 = 3;
const TERMINAL_CAMERA: u8 = CAMERA_TERMINAL;
const TERMINAL_OUTPUT: u8 = 3;
/// The number of the interface that streams, and of the endpoint in it.
const STREAMING: u8 = 1;
const DATA_IN: u8 = 0x81;
const MANUFACTURER: &str = "boardcam";

/// Answers a standard request.
pub fn standard(
    setup: Setup,
    serial: &str,
    sizes: &[Size],
    transport: Transport,
    properties: &Properties,
) -> Result<Vec<u8>, Refusal> {
    const GET_STATUS: u8 = 0;
    const CLEAR_FEATURE: u8 = 1;
    const SET_FEATURE: u8 = 3;
    const GET_DESCRIPTOR: u8 = 6;
    const GET_CONFIGURATION: u8 = 8;
    const SET_CONFIGURATION: u8 = 9;
    const GET_INTERFACE: u8 = 10;
    const SET_INTERFACE: u8 = 11;
    match (setup.request, setup.value.to_be_bytes()) {
        (GET_DESCRIPTOR, [1, _]) => Ok(device()),
        (GET_DESCRIPTOR, [2, _]) => Ok(configuration(sizes, transport, properties)),
        (GET_DESCRIPTOR, [3, 0]) => Ok(vec![4, 3, 0x09, 0x04]), // the one language: English
        (GET_DESCRIPTOR, [3, 1]) => Ok(string(MANUFACTURER)),
        (GET_DESCRIPTOR, [3, 2]) => Ok(string(PRODUCT)),
        (GET_DESCRIPTOR, [3, _]) => Ok(string(serial)),
        (SET_INTERFACE, [_, alternate]) if setup.index == u16::from(STREAMING) => {
            transport.select(alternate).map(|()| Vec::new())
        }
        (CLEAR_FEATURE | SET_FEATURE | SET_CONFIGURATION | SET_INTERFACE, _) => Ok(Vec::new()),
        (GET_STATUS, _) => Ok(vec![0, 0]),
        (GET_CONFIGURATION, _) => Ok(vec![1]),
        (GET_INTERFACE, _) => Ok(vec![0]),
        _ => Err(Refusal::Stall),
    }
}

fn device() -> Vec<u8> {
    // USB 2.0; class "interface association"; endpoint 0 of 64 bytes; Linux Foundation's vendor number;
    // strings 1, 2 and 3; one configuration.
    let mut bytes = vec![18, 1, 0x00, 0x02, 0xef, 2, 1, 64];
    for word in [0x1d6b_u16, 0x0102, 0x0100] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([1, 2, 3, 1]);
    bytes
}

fn configuration(sizes: &[Size], transport: Transport, properties: &Properties) -> Vec<u8> {
    // Two interfaces from number 0, as one function (interface association).
    let mut behind = vec![8, 11, 0, 2, CLASS_VIDEO, SUBCLASS_COLLECTION, 0, 0];
    behind.extend([9, INTERFACE, 0, 0, 0, CLASS_VIDEO, SUBCLASS_CONTROL, 0, 0]);
    behind.extend(control_interface(properties));
    let streaming = |alternate, endpoints| {
        [9, INTERFACE, STREAMING, alternate, endpoints, CLASS_VIDEO, SUBCLASS_STREAMING, 0, 0]
    };
    let endpoint = |kind, packet: u16, interval| {
        let [low, high] = packet.to_le_bytes();
        [7, 5, DATA_IN, kind, low, high, interval]
    };
    match transport {
        Transport::Bulk => {
            const BULK: u8 = 2;
            behind.extend(streaming(0, 1));
            behind.extend(streaming_interface(sizes));
            behind.extend(transport.packet_sizes().into_iter().flat_map(|packet| endpoint(BULK, packet, 0)));
        }
        Transport::Isochronous { .. } => {
            const ASYNCHRONOUS: u8 = 5; // isochronous, with its own clock
            const EACH_MICROFRAME: u8 = 1;
            behind.extend(streaming(0, 0));
            behind.extend(streaming_interface(sizes));
            for (alternate, packet) in (1..).zip(transport.packet_sizes()) {
                behind.extend(streaming(alternate, 1));
                behind.extend(endpoint(ASYNCHRONOUS, packet, EACH_MICROFRAME));
            }
        }
    }
    // Configuration 1 with 2 interfaces, powered by the bus, 500 mA.
    let mut bytes = vec![9, 2];
    bytes.extend(length(9 + behind.len()));
    bytes.extend([2, 1, 0, 0x80, 250]);
    bytes.extend(behind);
    bytes
}

/// Camera terminal 1 -> processing unit 2 -> output terminal 3 (section 3.7.2), with the controls that they have.
fn control_interface(properties: &Properties) -> Vec<u8> {
    let mut entities = vec![18, CS_INTERFACE, 2, TERMINAL_CAMERA, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 3];
    entities.extend(&properties.bits(TERMINAL_CAMERA).to_le_bytes()[..3]);
    entities.extend([11, CS_INTERFACE, 5, PROCESSING_UNIT, TERMINAL_CAMERA, 0, 0, 2]);
    entities.extend(&properties.bits(PROCESSING_UNIT).to_le_bytes()[..2]);
    entities.push(0);
    entities.extend([9, CS_INTERFACE, 3, TERMINAL_OUTPUT, 0x01, 0x01, 0, PROCESSING_UNIT, 0]);
    // UVC 1.0, a 48 MHz clock, one streaming interface: number 1.
    let mut bytes = vec![13, CS_INTERFACE, 1, 0x00, 0x01];
    bytes.extend(length(13 + entities.len()));
    bytes.extend(48_000_000_u32.to_le_bytes());
    bytes.extend([1, 1]);
    bytes.extend(entities);
    bytes
}

/// One format, MJPEG, with a frame descriptor for each size (section 3.9.2).
fn streaming_interface(sizes: &[Size]) -> Vec<u8> {
    let mut formats = vec![11, CS_INTERFACE, 6, 1, sizes.len() as u8, 0, 1, 0, 0, 0, 0];
    for (number, &size) in (1..).zip(sizes) {
        let pixels = u32::from(size.0) * u32::from(size.1);
        formats.extend([26 + 4 * INTERVALS.len() as u8, CS_INTERFACE, 7, number, 0]);
        formats.extend([size.0.to_le_bytes(), size.1.to_le_bytes()].concat());
        // Lowest and highest bit rate, largest frame, default interval.
        for word in [pixels, pixels * 30, max_frame(size), INTERVALS[0]] {
            formats.extend(word.to_le_bytes());
        }
        formats.push(INTERVALS.len() as u8);
        for interval in INTERVALS {
            formats.extend(interval.to_le_bytes());
        }
    }
    formats.extend([6, CS_INTERFACE, 13, 1, 1, 4]); // colours: BT.709 primaries and transfer, BT.601 matrix
    let mut bytes = vec![14, CS_INTERFACE, 1, 1];
    bytes.extend(length(14 + formats.len()));
    bytes.extend([DATA_IN, 0, TERMINAL_OUTPUT, 0, 0, 0, 1, 0]);
    bytes.extend(formats);
    bytes
}

fn length(bytes: usize) -> [u8; 2] {
    (bytes as u16).to_le_bytes() // all descriptors together take a few hundred bytes
}

fn string(text: &str) -> Vec<u8> {
    const MOST: usize = 126; // UTF-16 units that fit, since the length is one byte
    let units: Vec<u8> = text.encode_utf16().take(MOST).flat_map(u16::to_le_bytes).collect();
    let mut bytes = vec![2 + units.len() as u8, 3];
    bytes.extend(units);
    bytes
}
