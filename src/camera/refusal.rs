//! Why a candidate in a search for a camera cannot be used.

use crate::problem::Problem;

/// Why a candidate was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What to tell the user.
    pub problem: Problem,
    /// Whether it is likely to be a camera, so that its problem matters to the user. Codecs, metadata nodes and an
    /// `rpicam-vid` without a camera module are not.
    pub camera: bool,
}

impl Refusal {
    /// A camera that cannot be used.
    pub fn camera(problem: Problem) -> Self {
        Self { problem, camera: true }
    }

    /// Something that is not a camera.
    pub fn not_camera(problem: Problem) -> Self {
        Self { problem, camera: false }
    }
}
