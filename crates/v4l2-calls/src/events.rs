//! Events that a device tells: another source, or a control that changed.
//!
//! Documentation/userspace-api/media/v4l: vidioc-subscribe-event.rst, vidioc-dqevent.rst. A descriptor with an event to be
//! read wakes poll(2) with POLLPRI.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};
use v4l2_sys_mit as sys;

use crate::call::{Argument, V4L2, call};

/// Something that happened on a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The source of an input changed: another size, or it came or went (V4L2_EVENT_SRC_CH_RESOLUTION).
    Source,
    /// The control of this identifier changed its value, range or flags (V4L2_EVENT_CTRL).
    Control(u32),
    /// Any other.
    Other,
}

// SAFETY: integers only.
unsafe impl Argument for sys::v4l2_event_subscription {}
// SAFETY: integers and unions of them.
unsafe impl Argument for sys::v4l2_event {}

const SUBSCRIBE_EVENT: Opcode = opcode::write::<sys::v4l2_event_subscription>(V4L2, 90);

/// Asks for events of another source of input `input` (VIDIOC_SUBSCRIBE_EVENT, V4L2_EVENT_SOURCE_CHANGE).
///
/// # Errors
/// That of the call: a driver without such events refuses.
pub fn subscribe_to_source(device: impl AsFd, input: u32) -> io::Result<()> {
    let mut raw = sys::v4l2_event_subscription::zeroed();
    (raw.type_, raw.id) = (sys::V4L2_EVENT_SOURCE_CHANGE, input);
    call::<SUBSCRIBE_EVENT, _>(device, &mut raw)
}

/// Asks for events of the control `id`, also for those that this descriptor causes (V4L2_EVENT_CTRL with
/// V4L2_EVENT_SUB_FL_ALLOW_FEEDBACK): setting one control may change others.
///
/// # Errors
/// That of the call: a driver without such events refuses.
pub fn subscribe_to_control(device: impl AsFd, id: u32) -> io::Result<()> {
    let mut raw = sys::v4l2_event_subscription::zeroed();
    (raw.type_, raw.id, raw.flags) = (sys::V4L2_EVENT_CTRL, id, sys::V4L2_EVENT_SUB_FL_ALLOW_FEEDBACK);
    call::<SUBSCRIBE_EVENT, _>(device, &mut raw)
}

/// Waits until the device has an event (`Ok(true)`) or `waker` can be read, which is not done here. Without a device,
/// only for `waker`.
///
/// # Errors
/// That of poll(2).
pub fn wait(device: Option<BorrowedFd<'_>>, waker: BorrowedFd<'_>) -> io::Result<bool> {
    let device = device.map(|device| PollFd::from_borrowed_fd(device, PollFlags::PRI));
    let waker = PollFd::from_borrowed_fd(waker, PollFlags::IN);
    let result = match &device {
        Some(device) => {
            let mut both = [device.clone(), waker];
            rustix::event::poll(&mut both, None).map(|_| !both[0].revents().is_empty())
        }
        None => rustix::event::poll(&mut [waker], None).map(|_| false),
    };
    match result {
        Err(Errno::INTR) => Ok(false),
        result => Ok(result?),
    }
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
    if raw.type_ == sys::V4L2_EVENT_CTRL {
        return Ok(Some(Event::Control(raw.id)));
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
