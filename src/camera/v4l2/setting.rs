//! Sets formats and rates, by crate v4l where a device has one plane and no timings, and by `v4l2_calls` otherwise.
//!
//! Used only by [`super::negotiate`]. A device is set through one descriptor only, since some drivers (uvcvideo) let no
//! second one set anything.

use std::io;

use v4l::format::{Colorspace, FieldOrder, Format, FourCC, Quantization};
use v4l::fraction::Fraction;
use v4l::parameters::Capabilities;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l2_calls::formats;

use super::calls::Calls;
use super::catch::catch_panic;
use super::device::Device;
use super::gather::Gather;
use super::modes::Rate;
use crate::picture::{Layout, Size};

impl Device {
    /// Asks for a format.
    ///
    /// # Errors
    /// The driver refuses. It may also choose another, which [`Device::format`] tells.
    pub fn set_format(&self, size: Size, code: FourCC) -> io::Result<()> {
        match &self.calls {
            Some(Calls { file, kind }) => {
                let format = formats::Format::new(size.width, size.height, code.repr);
                formats::set_format(file, *kind, &format).map(drop)
            }
            None => {
                catch_panic(|| self.handle.set_format(&Format::new(size.width, size.height, code))).map(drop)
            }
        }
    }

    /// The format that is set. Of several planes it has the stride of the first and the size that the picture has once
    /// its planes lie behind each other.
    ///
    /// # Errors
    /// The call failed, or its answer makes no sense.
    pub fn format(&self) -> io::Result<Format> {
        match &self.calls {
            Some(Calls { file, kind }) => of_planes(&formats::format(file, *kind)?),
            None => catch_panic(|| self.handle.format()),
        }
    }

    /// Asks for a time between two frames. Many drivers have one fixed rate and refuse this; what they report afterwards counts.
    pub fn set_rate(&self, interval: Fraction) {
        let _ = match &self.calls {
            Some(Calls { file, kind }) => {
                formats::set_interval(file, *kind, (interval.numerator, interval.denominator))
            }
            None => catch_panic(|| self.handle.set_params(&Parameters::new(interval))).map(drop),
        };
    }

    /// The rate that is set; `None` if the driver does not say.
    pub fn rate(&self) -> Option<Rate> {
        match &self.calls {
            Some(Calls { file, kind }) => {
                let (numerator, denominator) = formats::interval(file, *kind).ok()??;
                Rate::new(Fraction::new(numerator, denominator))
            }
            None => catch_panic(|| self.handle.params())
                .ok()
                .filter(|params| params.capabilities.contains(Capabilities::TIME_PER_FRAME))
                .and_then(|params| Rate::new(params.interval)),
        }
    }
}

/// A format of one or several planes in crate v4l's words.
fn of_planes(from: &formats::Format) -> io::Result<Format> {
    let mut format = Format::new(from.width, from.height, FourCC::new(&from.code));
    // What a newer kernel has is taken for the default.
    format.field_order = FieldOrder::try_from(from.field).unwrap_or(FieldOrder::Any);
    format.colorspace = Colorspace::try_from(from.colorspace).unwrap_or(Colorspace::Default);
    format.quantization = Quantization::try_from(from.quantization).unwrap_or(Quantization::Default);
    (format.stride, format.size) = (from.planes[0].stride, from.planes[0].size);
    if from.planes().len() > 1 {
        let layout = Layout::of_code(from.code).and_then(Layout::raw);
        let size = Size { width: from.width, height: from.height };
        // An unknown layout is refused by its name later.
        if let Some(raw) = layout {
            let len = Gather::new(raw, size, from.planes())?.len();
            format.size = u32::try_from(len).unwrap_or(u32::MAX);
        }
    }
    Ok(format)
}
