//! How frames get to the host: by bulk transfers, or by isochronous transfers, for which the bus reserves bandwidth as
//! soon as the host selects one of the interface's alternate settings (USB 2.0 sections 5.6 and 5.8).

use crate::feed::Size;
use crate::usbip::Refusal;

/// Microframes in a second of a high-speed bus.
const MICROFRAMES: u32 = 8000;
/// Bytes per microframe in each alternate setting of an isochronous camera, from setting 1 on; setting 0 has no
/// endpoint.
const ALTERNATES: [u16; 5] = [512, 768, 1024, 2048, 3072];
/// Bytes per transaction; a microframe has up to three (USB 2.0 section 5.6.3).
const TRANSACTION: u16 = 1024;
/// Bytes in a bulk packet at high speed (USB 2.0 section 5.8.3).
const BULK_PACKET: u16 = 512;
/// Bytes in one bulk payload. uvcvideo asks for 32 packets at most, and a payload must not span transfers.
const BULK_PAYLOAD: u32 = 32 * BULK_PACKET as u32;
/// The ratio of the pixels as YUYV to the largest JPEG that the camera reserves bandwidth for; webcams use about the
/// same.
const COMPRESSION: u32 = 4;

/// How this camera sends frames.
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    /// Bulk transfers: no reserved bandwidth, but whatever the bus has left at the moment.
    Bulk,
    /// Isochronous transfers, with reserved bandwidth.
    Isochronous {
        /// What the bus has left for this camera, in bytes per second.
        room: u64,
    },
}

/// The largest frame that the camera announces: no webcam's JPEG is larger than its pixels as YUYV.
pub const fn max_frame((width, height): Size) -> u32 {
    width as u32 * height as u32 * 2
}

impl Transport {
    /// The most bytes in one payload, including its header, for frames of a size that come once per `interval` (in
    /// units of 100 ns). The host selects the smallest alternate setting that offers this.
    pub fn max_payload(self, size: Size, interval: u32) -> u32 {
        match self {
            Self::Bulk => BULK_PAYLOAD,
            Self::Isochronous { .. } => {
                let microframes = (interval / (10_000_000 / MICROFRAMES)).max(1);
                (max_frame(size) / COMPRESSION / microframes).min(u32::from(*ALTERNATES.last().unwrap_or(&0)))
            }
        }
    }

    /// The host selects an alternate setting of the streaming interface; refused if the bus lacks the bandwidth.
    pub fn select(self, alternate: u8) -> Result<(), Refusal> {
        let bytes = usize::from(alternate).checked_sub(1).map(|place| ALTERNATES.get(place));
        match (self, bytes) {
            (_, None) => Ok(()),
            (Self::Isochronous { room }, Some(Some(&bytes))) => {
                let fits = u64::from(bytes) * u64::from(MICROFRAMES) <= room;
                if fits { Ok(()) } else { Err(Refusal::NoRoom) }
            }
            _ => Err(Refusal::Stall),
        }
    }

    /// wMaxPacketSize of the streaming endpoint in each alternate setting from number 1 on, or in the only setting;
    /// bits 11 and 12 count additional transactions (USB 2.0 table 9-13).
    pub fn packet_sizes(self) -> Vec<u16> {
        match self {
            Self::Bulk => vec![BULK_PACKET],
            Self::Isochronous { .. } => ALTERNATES
                .map(|bytes| {
                    let transactions = bytes.div_ceil(TRANSACTION);
                    (bytes / transactions) | ((transactions - 1) << 11)
                })
                .to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_or_larger_stream_needs_more_of_the_bus() {
        let camera = Transport::Isochronous { room: 7_000_000 };
        let payload = |size, interval| camera.max_payload(size, interval);
        let needs = [(1280, 720), (640, 480)].map(|size| [333_333, 666_666].map(|i| payload(size, i)));
        assert_eq!(needs, [[1732, 864], [577, 288]]);
        assert!(camera.select(0).is_ok() && camera.select(2).is_ok());
        assert!(matches!(camera.select(3), Err(Refusal::NoRoom)));
        assert!(matches!(camera.select(6), Err(Refusal::Stall)));
        assert_eq!(camera.packet_sizes(), [512, 768, 1024, 0x0c00, 0x1400]);
    }
}
