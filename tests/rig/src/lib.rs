//! A machine with real kernel cameras: what the programs of the rig share.
//!
//! `uvcsim` plugs a simulated USB camera into the guest's kernel ([`usbip`], [`uvc`]). It sends frames that `feed` has
//! drawn on the host ([`feed`]), and `cases` watches them arrive through boardcam. None of this is part of boardcam.
//! Nothing here may panic on what the kernel or boardcam say; it must report it.
#![forbid(unsafe_code)]

pub mod feed;
pub mod usbip;
pub mod uvc;
