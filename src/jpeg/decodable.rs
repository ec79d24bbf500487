//! Whether a picture is decoded correctly, found out from its headers before it is decoded.
//!
//! Used by [`super::transcode`], and by [`crate::stream`] before it promises to decode. The coefficients of every
//! baseline picture can be decoded. The decoder of pixels (zune-jpeg) returns a picture for nearly everything, also for
//! kinds that it decodes wrongly: those are refused here.

use coefficients::Transform;
use coefficients::exif::Orientation;
use coefficients::geometry::{MAX_COMPONENTS, Sampling};
use coefficients::picture::Colours;
use coefficients::segment::Segment;

use super::marker;
use super::passthrough::{Fault, Jpeg};
use super::reasons::reasons;
use crate::picture::Size;
use crate::problem::text;

/// The largest picture that is decoded, in pixels: 4096 x 4096. Decoded, that takes 48 MiB, and about 150 MiB while a
/// progressive one is decoded.
pub const MAX_DECODED: u64 = 1 << 24;

reasons! {
    /// Why a picture that can be passed on cannot be decoded.
    pub enum Undecodable {
        /// It has more than [`MAX_DECODED`] pixels.
        TooManyPixels = "too_many_pixels",
            text!(
                "the picture has more than {} megapixels, the most that boardcam decodes",
                MAX_DECODED / 1_000_000
            );
        /// It is baseline, with one scan for each component, which the decoder of pixels decodes wrongly, and needs one.
        SeparateScans = "separate_scans",
            text!(
                "the picture's colours come one after the other (non-interleaved scans), which boardcam cannot decode"
            );
        /// Its components are sampled in a way that the decoder of pixels cannot handle, and it needs one.
        Sampling = "sampling",
            text!("the picture's colours are sampled in an unusual way, which boardcam cannot decode");
        /// Its colours are none of grey, Y'CbCr, RGB, and Adobe's CMYK.
        Colours = "colours", text!("the picture is neither grey, Y'CbCr, RGB nor Adobe CMYK");
        /// The decoder failed: its data is damaged.
        Damaged = "undecodable", text!("the picture's data is damaged and cannot be decoded");
    }
}

impl Undecodable {
    /// Whether this is a kind of picture, and not damage: the next one will have it too.
    pub const fn is_kind(self) -> bool {
        !matches!(self, Undecodable::Damaged)
    }
}

/// A picture that is decoded correctly, unless its data is damaged: to coefficients at least.
#[derive(Debug, Clone, Copy)]
pub struct Decodable {
    pub(super) size: Size,
    pub(super) colours: Colours,
    pub(super) orientation: Option<Orientation>,
    /// The size of an MCU in pixels, width and height, if its components are interleaved.
    pub(super) mcu: (u32, u32),
    pub(super) is_progressive: bool,
    /// If its coefficients become smaller pictures as they are ([`coefficients::reduce`]): how many pixels across and down
    /// share a sample of each colour.
    pub(super) reducible: Option<(u32, u32)>,
    /// Why the decoder of pixels must not have it.
    no_pixels: Option<Undecodable>,
}

/// Why [`Decodable::check`] refuses a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It cannot be passed on either.
    Fault(Fault),
    /// It can be passed on, but not decoded.
    Undecodable(Undecodable),
}

/// What the head says about components.
#[derive(Default)]
struct Components<'a> {
    /// Of each: its identifier, sampling factors (two times 4 bits) and quantization table (ITU T.81 B.2.2).
    list: &'a [[u8; 3]],
    has_jfif: bool,
    /// The colour transform in Adobe's segment (ITU T.872 6.5.3).
    adobe: Option<u8>,
}

impl Decodable {
    /// Looks at the headers of `jpeg`.
    ///
    /// # Errors
    /// Why it must not be decoded.
    pub fn check(jpeg: &[u8]) -> Result<Self, Refused> {
        let checked = Jpeg::parse(jpeg).map_err(Refused::Fault)?;
        let size = checked.size();
        if size.area() > MAX_DECODED {
            return Err(Refused::Undecodable(Undecodable::TooManyPixels));
        }
        let mut components = Components::default();
        let mut orientation = None;
        let mut at = 2; // behind SOI
        loop {
            let segment = Segment::at(jpeg, at).map_err(|error| Refused::Fault(error.into()))?;
            let payload = segment.payload;
            match segment.code {
                marker::SOS => {
                    let is_progressive = checked.is_progressive();
                    let in_scan = payload.first().copied().map(usize::from);
                    let is_interleaved = is_progressive || in_scan == Some(components.list.len());
                    let colours = components.colours().map_err(Refused::Undecodable)?;
                    let no_pixels = components.no_pixels(is_interleaved);
                    // Only pixels lead from these to baseline.
                    let needs_pixels = is_progressive || colours == Colours::Cmyk;
                    if let Some(reason) = no_pixels.filter(|_| needs_pixels) {
                        return Err(Refused::Undecodable(reason));
                    }
                    let (mcu, reducible) = (components.mcu(), components.reducible(colours));
                    return Ok(Self {
                        size,
                        colours,
                        orientation,
                        mcu,
                        is_progressive,
                        reducible,
                        no_pixels,
                    });
                }
                marker::APP0 => components.has_jfif |= payload.starts_with(b"JFIF\0"),
                marker::APP1 => orientation = orientation.or_else(|| Orientation::in_app1(payload)),
                marker::APP14 if payload.starts_with(b"Adobe") => components.adobe = payload.get(11).copied(),
                sof if marker::is_frame_header(sof) => {
                    components.list = payload.get(6..).unwrap_or_default().as_chunks().0;
                }
                _ => {}
            }
            at = segment.end;
        }
    }
}

impl Decodable {
    /// How it is turned and mirrored, as its EXIF data say, when it is shown.
    pub fn upright(&self) -> Transform {
        self.orientation.map_or(Transform::NONE, Orientation::upright)
    }

    /// Whether it is a kind of picture that may be changed on its coefficients.
    pub(super) fn has_coefficients(&self) -> bool {
        !self.is_progressive && self.colours != Colours::Cmyk
    }

    /// Whether the decoder of pixels may have it.
    pub(super) fn has_pixels(&self) -> Result<(), Undecodable> {
        self.no_pixels.map_or(Ok(()), Err)
    }
}

impl Components<'_> {
    fn colours(&self) -> Result<Colours, Undecodable> {
        // One more than any kind has tells those apart that have too many.
        const SOME: usize = MAX_COMPONENTS + 1;
        let identifiers = self.list.iter().map(|[identifier, ..]| *identifier).take(SOME);
        let identifiers: heapless::Vec<u8, SOME> = identifiers.collect();
        match Colours::of(&identifiers, self.has_jfif, self.adobe) {
            Colours::Other => Err(Undecodable::Colours),
            colours => Ok(colours),
        }
    }

    /// See [`Decodable::mcu`]. With one component, an MCU is a block, whatever its sampling factors (ITU T.81 A.2.2).
    fn mcu(&self) -> (u32, u32) {
        let factors = self.list.iter().filter(|_| self.list.len() > 1).map(|[_, sampling, _]| sampling);
        let largest = |factor: fn(u8) -> u8| {
            8 * u32::from(factors.clone().map(|s| factor(*s)).max().unwrap_or(1).max(1))
        };
        (largest(|sampling| sampling >> 4), largest(|sampling| sampling & 15))
    }

    /// See [`Decodable::reducible`]: it is grey, or two colours have the same samples, for each pixel or for two pixels
    /// across, down, or both.
    fn reducible(&self, colours: Colours) -> Option<(u32, u32)> {
        let factors = |sampling: u8| (u32::from(sampling >> 4), u32::from(sampling & 15));
        match (colours, self.list) {
            (Colours::Grey, _) => Some((1, 1)),
            (Colours::YCbCr, [[_, luma, _], [_, cb, _], [_, cr, _]]) if cb == cr => {
                let ((across, down), chroma) = (factors(*luma), factors(*cb));
                let all = Sampling::ALL.into_iter().map(Sampling::factors);
                all.into_iter().find(|shared| (chroma.0 * shared.0, chroma.1 * shared.1) == (across, down))
            }
            _ => None,
        }
    }

    /// Why the decoder of pixels would decode it wrongly.
    fn no_pixels(&self, is_interleaved: bool) -> Option<Undecodable> {
        if !is_interleaved {
            return Some(Undecodable::SeparateScans);
        }
        (self.list.len() > 1 && !self.is_usual_sampling()).then_some(Undecodable::Sampling)
    }

    /// Whether the first component has one sample for each pixel, the others the same, half or a quarter across, and
    /// the same or half down.
    fn is_usual_sampling(&self) -> bool {
        let factors = |[_, sampling, _]: &[u8; 3]| (sampling >> 4, sampling & 15);
        let Some((across, down)) = self.list.first().map(factors) else { return false };
        self.list.iter().map(factors).all(|(h, v)| {
            let is_part = h > 0 && v > 0 && across % h == 0 && down % v == 0;
            is_part && matches!((across / h, down / v), (1 | 2, 1 | 2) | (4, 1))
        })
    }
}
