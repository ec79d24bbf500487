//! Events that a device tells: another source, or a control that changed.
//!
//! Documentation/userspace-api/media/v4l: vidioc-subscribe-event.rst, vidioc-dqevent.rst. A descriptor with an event to be
//! read wakes poll(2) with POLLPRI.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call};

/// Something that happened on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The source of an input changed: another size, or it came or went (V4L2_EVENT_SRC_CH_RESOLUTION).
    Source,
    /// Any other.
    Other,
}

// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_event_subscription {}
// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_event {}

/// Asks for events of another source of input `input` (VIDIOC_SUBSCRIBE_EVENT, V4L2_EVENT_SOURCE_CHANGE).
///
/// # Errors
/// That of the call: a driver without such events refuses.
pub fn subscribe_to_source(device: impl AsFd, input: u32) -> io::Result<()> {
    const SUBSCRIBE_EVENT: Opcode = opcode::write::<sys::v4l2_event_subscription>(V4L2, 90);
    let mut raw = sys::v4l2_event_subscription::zeroed();
    (raw.type_, raw.id) = (sys::V4L2_EVENT_SOURCE_CHANGE, input);
    call::<SUBSCRIBE_EVENT, _>(device, &mut raw)
}

/// Takes an event; `None` if there is none (VIDIOC_DQEVENT). The device must be open with O_NONBLOCK, or this waits.
///
/// # Errors
/// That of the call.
pub fn next(device: impl AsFd) -> io::Result<Option<Event>> {
    const DQEVENT: Opcode = opcode::read::<sys::v4l2_event>(V4L2, 89);
    let mut raw = sys::v4l2_event::zeroed();
    match call::<DQEVENT, _>(device, &mut raw) {
        Ok(()) => {}
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::AGAIN)) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    }
    // SAFETY: all bit patterns are valid.
    let changes = unsafe { raw.u.src_change.changes };
    let is_source =
        raw.type_ == sys::V4L2_EVENT_SOURCE_CHANGE && changes & sys::V4L2_EVENT_SRC_CH_RESOLUTION != 0;
    Ok(Some(if is_source { Event::Source } else { Event::Other }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_device_has_no_events() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(subscribe_to_source(&file, 0).is_err() && next(&file).is_err());
    }
}
