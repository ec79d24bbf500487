//! Timings of digital video (HDMI, DVI, SDI, VGA).
//!
//! Documentation/userspace-api/media/v4l: dv-timings.rst, vidioc-query-dv-timings.rst, vidioc-g-dv-timings.rst.

use std::fmt;
use std::io;
use std::os::fd::AsFd;

use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call};

/// The timings of a signal: size, blanking and pixel clock.
#[derive(Clone, Copy)]
pub struct Timings(sys::v4l2_dv_timings);

// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_dv_timings {}

impl Timings {
    fn bt(&self) -> sys::v4l2_bt_timings {
        // SAFETY: all bit patterns are valid.
        unsafe { self.0.__bindgen_anon_1.bt }
    }

    /// Width and height of the picture, in pixels; both fields of interlaced video.
    pub fn size(&self) -> (u32, u32) {
        (self.bt().width, self.bt().height)
    }

    /// Whether it is interlaced.
    pub fn is_interlaced(&self) -> bool {
        self.bt().interlaced != 0
    }

    /// Frames per second, of interlaced video pairs of fields; `None` if it does not say.
    pub fn rate(&self) -> Option<f64> {
        let bt = self.bt();
        let sum = |parts: &[u32]| parts.iter().map(|part| f64::from(*part)).sum::<f64>();
        let row = sum(&[bt.width, bt.hfrontporch, bt.hsync, bt.hbackporch]);
        let mut rows = sum(&[bt.height, bt.vfrontporch, bt.vsync, bt.vbackporch]);
        if self.is_interlaced() {
            rows += sum(&[bt.il_vfrontporch, bt.il_vsync, bt.il_vbackporch]);
        }
        let clock = bt.pixelclock as f64;
        (clock > 0.0 && row > 0.0 && rows > 0.0).then(|| clock / (row * rows))
    }
}

/// As people write it: `1920x1080p60`.
impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size();
        let letter = if self.is_interlaced() { 'i' } else { 'p' };
        write!(f, "{width}x{height}{letter}")?;
        match self.rate() {
            Some(rate) => write!(f, "{}", (rate * 100.0).round() / 100.0),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The timings of the signal that is there (VIDIOC_QUERY_DV_TIMINGS).
///
/// # Errors
/// That of the call: ENOLINK where there is no signal, ENOLCK where it is unstable, ERANGE where it is faster than the
/// device can take; ENODATA or ENOTTY where the input has no timings.
pub fn query(device: impl AsFd) -> io::Result<Timings> {
    const QUERY_DV_TIMINGS: Opcode = opcode::read::<sys::v4l2_dv_timings>(V4L2, 99);
    let mut raw = sys::v4l2_dv_timings::zeroed();
    call::<QUERY_DV_TIMINGS, _>(device, &mut raw)?;
    Ok(Timings(raw))
}

/// The timings that are set (VIDIOC_G_DV_TIMINGS).
///
/// # Errors
/// That of the call.
pub fn get(device: impl AsFd) -> io::Result<Timings> {
    const G_DV_TIMINGS: Opcode = opcode::read_write::<sys::v4l2_dv_timings>(V4L2, 88);
    let mut raw = sys::v4l2_dv_timings::zeroed();
    call::<G_DV_TIMINGS, _>(device, &mut raw)?;
    Ok(Timings(raw))
}

/// Sets timings (VIDIOC_S_DV_TIMINGS).
///
/// # Errors
/// That of the call: EBUSY while the device streams.
pub fn set(device: impl AsFd, timings: &Timings) -> io::Result<()> {
    const S_DV_TIMINGS: Opcode = opcode::read_write::<sys::v4l2_dv_timings>(V4L2, 87);
    call::<S_DV_TIMINGS, _>(device, &mut timings.0.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timings(width: u32, height: u32, clock: u64, blank: (u32, u32), interlaced: bool) -> Timings {
        let mut raw = sys::v4l2_dv_timings::zeroed();
        // SAFETY: all bit patterns are valid.
        let mut bt = unsafe { raw.__bindgen_anon_1.bt };
        (bt.width, bt.height, bt.pixelclock, bt.interlaced) = (width, height, clock, interlaced.into());
        (bt.hsync, bt.vsync) = blank;
        raw.__bindgen_anon_1.bt = bt;
        Timings(raw)
    }

    #[test]
    fn timings_are_written_as_people_do() {
        // CTA-861: 1080p60 has 2200x1125 pixels with blanking, 1080i50 2640x1125, 720p59.94 1650x750.
        for (timings, wanted) in [
            (timings(1920, 1080, 148_500_000, (280, 45), false), "1920x1080p60"),
            (timings(1920, 1080, 74_250_000, (720, 45), true), "1920x1080i25"),
            (timings(1280, 720, 74_175_824, (370, 30), false), "1280x720p59.94"),
            (timings(0, 0, 0, (0, 0), false), "0x0p"),
            (
                timings(u32::MAX, u32::MAX, u64::MAX, (u32::MAX, u32::MAX), false),
                "4294967295x4294967295p0.25",
            ),
        ] {
            assert_eq!(timings.to_string(), wanted);
        }
    }

    #[test]
    fn the_second_field_has_blanking_of_its_own() {
        // CTA-861: 1080i60 has 2200x1125 pixels, of which the second field's blanking takes 23 rows.
        let mut timings = timings(1920, 1080, 74_250_000, (280, 22), true);
        let mut bt = timings.bt();
        (bt.il_vfrontporch, bt.il_vsync, bt.il_vbackporch) = (2, 5, 16);
        timings.0.__bindgen_anon_1.bt = bt;
        assert_eq!(timings.to_string(), "1920x1080i30");
    }

    #[test]
    fn a_file_that_is_no_device_has_no_timings() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(query(&file).is_err() && get(&file).is_err());
        assert!(set(&file, &timings(1, 1, 1, (0, 0), false)).is_err());
    }
}
