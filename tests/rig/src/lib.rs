//! A machine with real kernel cameras: what the programs of the rig share.
//!
//! `uvcsim` plugs a simulated USB camera into the guest's kernel ([`usbip`], [`uvc`]); it sends frames that
//! `feed` drew beforehand on the host ([`feed`]); `cases` watches them arrive through boardcam. None of it
//! is part of boardcam, and nothing here may panic on what the kernel or boardcam say, only report it.
#![forbid(unsafe_code)]

pub mod feed;
pub mod usbip;
pub mod uvc;
