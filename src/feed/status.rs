//! Whether a camera delivers, and if not, why.

use std::time::{Duration, Instant};

use coefficients::Transform;

use crate::camera::{Choices, SourceInfo};
use crate::picture::Size;
use crate::problem::Problem;

/// Whether a camera delivers.
#[derive(Debug, Clone, PartialEq)]
pub enum CaptureState {
    /// It is being opened.
    Starting,
    /// It is closed since nobody wants its frames, and is opened for the next one who does.
    Resting,
    /// It is closed for privacy.
    Private,
    /// Frames come from this source.
    Live(SourceInfo),
    /// No frames come, for this reason.
    Waiting(Problem),
}

/// A camera that delivers fewer frames than it agreed to, although none are lost.
#[derive(Debug, Clone, PartialEq)]
pub struct Slow {
    /// The agreed frames per second.
    pub agreed: f64,
    /// Those that it delivers.
    pub delivered: f64,
    /// Why, and what to do.
    pub problem: Problem,
}

/// In which size a camera's own JPEGs are shown that are turned or made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The camera's own size, ...
    pub of: Size,
    /// ... which with this transform ...
    pub transform: Transform,
    /// ... becomes this one.
    pub size: Size,
}

/// The state of a camera.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether it delivers.
    pub state: CaptureState,
    /// What the camera that was open last could be opened with.
    pub choices: Choices,
    /// The candidates that the last search did not use, each with the reason.
    pub refused: Vec<(String, Problem)>,
    /// Frames per second, measured over the last frames; 0 while none come.
    pub fps: f32,
    /// When the last usable frame was captured.
    pub last_frame: Option<Instant>,
    /// What is wrong although the source is open, or is being opened: its frames cannot be used, or none come.
    pub concern: Option<Problem>,
    /// Whether it delivers fewer frames than it agreed to.
    pub slow: Option<Slow>,
    /// Whether its JPEGs are encoded again, because they are of a kind that many clients cannot show.
    pub converts: bool,
    /// The size of what is made of its JPEGs; `None` if they are passed on.
    pub shown: Option<Shown>,
    /// The board's encoder that encodes its pictures, by its name; `None` if none does.
    pub hardware: Option<String>,
    /// Whether pictures come so seldom that a viewer gets the newest one instead of waiting.
    pub seldom: bool,
    /// The last picture is good for this long.
    pub patience: Duration,
}

impl Status {
    /// The state of a camera that has not been tried yet.
    pub(super) fn starting() -> Self {
        Self {
            state: CaptureState::Starting,
            choices: Choices::default(),
            refused: Vec::new(),
            fps: 0.0,
            last_frame: None,
            concern: None,
            slow: None,
            converts: false,
            shown: None,
            hardware: None,
            seldom: false,
            patience: Duration::ZERO,
        }
    }

    /// What is wrong; `None` if nothing is, or if nothing is known yet.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.state {
            CaptureState::Waiting(problem) => Some(self.concern.as_ref().unwrap_or(problem)),
            CaptureState::Private => None,
            CaptureState::Starting | CaptureState::Resting | CaptureState::Live(_) => self.concern.as_ref(),
        }
    }
}
