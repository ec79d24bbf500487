//! The V4L2 calls that crate v4l lacks, each as a safe function on an open descriptor.
//!
//! It knows nothing of cameras' quirks, settings or threads: a function makes one call, checks what the kernel wrote,
//! and returns plain values. Drivers are not trusted: names are bounded and cleaned of control characters, counts are
//! capped, and a value outside its range is an error.
//!
//! All `unsafe` of the program that concerns cameras stands here: [`call`], and the memory that a driver shares.
//!
//! Sources: Documentation/userspace-api/media/v4l in the kernel, and linux/videodev2.h.

mod call;
pub mod codec;
pub mod controls;
pub mod edid;
pub mod events;
pub mod formats;
pub mod inputs;
pub mod queue;
mod text;
pub mod timings;
