//! Where frames come from: a V4L2 device, another program, or the built-in test pattern.
//!
//! Called by [`crate::stream`], `boardcam probe` and `boardcam snapshot`. A [`Source`] hands out one borrowed frame
//! at a time. It does not touch the ring, does not encode and knows no viewers. Every call returns: a wait takes a
//! timeout, and a source that cannot continue returns a [`SourceError`] that says why.
//!
//! | module | what it does |
//! |---|---|
//! | `config` | what the user asks for: which source, size, rate, layout |
//! | `source` | the [`Source`] trait, its frames, and what an open source says about itself |
//! | `privacy` | when a camera is to be closed |
//! | `observer` | what a search for a camera reports, and how it is cancelled |
//! | `refusal` | why a candidate cannot be used |
//! | [`node`] | video nodes as /dev and sysfs show them |
//! | [`v4l2`] | V4L2 capture devices |
//! | [`pipe`] | other programs, standard input, and `rpicam-vid` |
//! | [`pattern`] | the test pattern |
//! | [`encoders`] | the board's JPEG encoders, and what they take |
//! | [`find`] | the search for a camera that works |
//! | [`probe`] | `boardcam probe` |
//! | `faulty` | faults on demand, in test builds only |

mod config;
pub mod encoders;
#[cfg(feature = "inject")]
mod faulty;
pub mod find;
pub mod node;
mod observer;
pub mod pattern;
pub mod pipe;
mod privacy;
pub mod probe;
mod refusal;
mod source;
pub mod v4l2;

pub use config::{CaptureSettings, EncodeMode, PipeSpec, SourceConfig, SourceSpec};
pub use observer::Observer;
pub use privacy::PrivacyPlan;
pub use refusal::Refusal;
pub use source::{Choices, Flaw, Frame, Source, SourceError, SourceInfo, SourceKind};
