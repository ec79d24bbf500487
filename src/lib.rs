//! boardcam: live pictures from the camera of a single-board computer.
#![forbid(unsafe_code)]

pub mod camera;
pub mod canvas;
pub mod jpeg;
pub mod problem;
