//! Settings of a camera that API and page change while it runs: size, rate, format and quality.
//!
//! [`crate::site`] asks for a change, and [`crate::stream`] opens the camera with it. A change holds once a picture came
//! with it. It is refused, and the settings before hold again, if the camera delivers with these and not with the change. If
//! it delivers with neither, which of them is to blame is not known, so the change waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::camera::{EncodeMode, PipeSpec, SourceConfig, SourceSpec};
use crate::picture::{Layout, Size, spelling};
use crate::problem::{Problem, Text, text};
use crate::sync::{lock, wait_while};

/// The names of the settings, as options have them.
pub const NAMES: [&str; 4] = ["size", "fps", "format", "quality"];

/// What overrules the settings. `None` is what is as in the settings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// See [`SourceConfig::size`].
    pub size: Option<Size>,
    /// See [`SourceConfig::fps`].
    pub fps: Option<u32>,
    /// See [`SourceConfig::layout`]; the inner `None` leaves the choice to this program.
    pub layout: Option<Option<Layout>>,
    /// See [`SourceConfig::quality`].
    pub quality: Option<u8>,
}

impl Changes {
    /// These changes, and one of the setting `name` to `value`; `None` is as in the settings.
    ///
    /// # Errors
    /// What was expected, in a sentence.
    pub fn with(mut self, name: &str, value: Option<&str>) -> Result<Self, Text> {
        let value = value.map(str::trim);
        let wrong = || shown(value.unwrap_or_default());
        match name {
            "size" => {
                let size = value.map(size).transpose();
                self.size = size.map_err(|why| text!("The size cannot be {}: {}.", wrong(), why))?;
            }
            "fps" => {
                let fps = value.map(spelling::rate).transpose();
                self.fps = fps.map_err(|why| text!("The rate cannot be {}: {}.", wrong(), why))?;
            }
            "format" => {
                let layout = value.map(spelling::layout).transpose();
                self.layout = layout.map_err(|why| text!("The format cannot be {}: {}.", wrong(), why))?;
            }
            "quality" => {
                let quality = value.map(spelling::quality).transpose();
                self.quality = quality.map_err(|why| text!("The quality cannot be {}: {}.", wrong(), why))?;
            }
            _ => {
                return Err(text!(
                    "There is no setting {} that can be changed while the camera runs: expected {}.",
                    shown(name),
                    NAMES.join(", ")
                ));
            }
        }
        Ok(self)
    }

    /// Their values as texts, by name: `None` for what is as in the settings.
    pub fn texts(&self) -> [(&'static str, Option<String>); 4] {
        [
            ("size", self.size.map(|size| size.to_string())),
            ("fps", self.fps.map(|fps| fps.to_string())),
            ("format", self.layout.map(|layout| spelling::layout_name(layout).to_owned())),
            ("quality", self.quality.map(|quality| quality.to_string())),
        ]
    }

    /// The names of what differs from the settings.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.texts().into_iter().filter_map(|(name, value)| value.map(|_| name))
    }

    /// What is left of these if what is as in the settings anyway is left out.
    fn beyond(self, config: &SourceConfig) -> Self {
        Self {
            size: self.size.filter(|size| Some(*size) != config.size),
            fps: self.fps.filter(|fps| Some(*fps) != config.fps),
            layout: self.layout.filter(|layout| *layout != config.layout),
            quality: self.quality.filter(|quality| Some(*quality) != config.quality),
        }
    }

    /// The settings with these changes.
    pub fn apply(&self, config: &SourceConfig) -> SourceConfig {
        SourceConfig {
            size: self.size.or(config.size),
            fps: self.fps.or(config.fps),
            layout: self.layout.unwrap_or(config.layout),
            quality: self.quality.or(config.quality),
            ..config.clone()
        }
    }

    /// Why a change from `self` to `to` cannot be made to such a source at all.
    ///
    /// # Errors
    /// A sentence that says what to do instead.
    fn check(&self, to: &Self, config: &SourceConfig) -> Result<(), Text> {
        let is_pipe = matches!(config.spec, SourceSpec::Pipe(PipeSpec::Stdin | PipeSpec::Command(_)));
        let is_rpicam = matches!(config.spec, SourceSpec::Pipe(PipeSpec::Rpicam(_)));
        let new = |name: &str| {
            let value = |of: &Self| of.texts().into_iter().find(|(own, _)| *own == name);
            value(to) != value(self) && value(to).is_some_and(|(_, value)| value.is_some())
        };
        for name in ["size", "fps", "format"] {
            if is_pipe && new(name) {
                return Err(text!(
                    "The setting {} is none of this camera: a program makes the pictures. Change its command in the settings.",
                    name
                ));
            }
        }
        if is_rpicam && new("format") && to.layout.flatten().is_some_and(|layout| layout != Layout::Mjpeg) {
            return Err(text!("A camera module gives mjpeg only: rpicam-vid makes the JPEGs."));
        }
        if config.encoder == EncodeMode::Passthrough
            && to.layout.flatten().is_some_and(|layout| layout != Layout::Mjpeg)
            && new("format")
        {
            return Err(text!(
                "encoder = \"passthrough\" needs format mjpeg. Take it out of the settings first."
            ));
        }
        Ok(())
    }
}

/// As much of a text as a message repeats.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

/// A size that a picture can have. In the settings, a larger one means the largest that the camera has.
fn size(text: &str) -> Result<Size, Text> {
    let size = spelling::size(text)?;
    let too_large = || text!("expected no more pixels than 8192x8192 has");
    Some(size).filter(|size| size.is_possible()).ok_or_else(too_large)
}

/// What was changed of one camera.
#[derive(Debug, Default)]
pub struct Changing {
    state: Mutex<State>,
    settled: Condvar,
    /// Grows with each change that the camera must be reopened for; the camera's thread looks at it for each frame.
    revision: AtomicU64,
}

#[derive(Debug, Default, Clone)]
struct State {
    /// What somebody asked for last.
    wanted: Changes,
    /// What pictures came with last, or nothing.
    holds: Changes,
    /// Why the last change was refused.
    refused: Option<Problem>,
}

impl Changing {
    /// What is asked for, and what to go back to if that cannot be had and differs.
    pub fn trial(&self) -> (u64, Changes, Option<Changes>) {
        let state = self.lock();
        (self.revision(), state.wanted, (state.wanted != state.holds).then_some(state.holds))
    }

    /// Changes when the camera must be reopened.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// What is asked for.
    pub fn wanted(&self) -> Changes {
        self.lock().wanted
    }

    /// Whether what is asked for is what the camera has.
    pub fn is_settled(&self) -> bool {
        let state = self.lock();
        state.wanted == state.holds
    }

    /// Why the last change was refused.
    pub fn refused(&self) -> Option<Problem> {
        self.lock().refused.clone()
    }

    /// Asks for what `change` makes of what is asked for now. `at_once` says whether the change of the first to the second
    /// holds without reopening the camera. Returns what is asked for then.
    ///
    /// # Errors
    /// Why that cannot be; then nothing changes.
    pub fn change(
        &self,
        config: &SourceConfig,
        change: impl FnOnce(Changes) -> Result<Changes, Text>,
        at_once: impl FnOnce(&Changes, &Changes) -> bool,
    ) -> Result<Changes, Text> {
        let mut state = self.lock();
        let wanted = change(state.wanted)?.beyond(config);
        state.wanted.check(&wanted, config)?;
        state.refused = None;
        if wanted == state.wanted {
            return Ok(wanted);
        }
        if state.wanted == state.holds && at_once(&state.wanted, &wanted) {
            state.holds = wanted;
        } else {
            self.revision.fetch_add(1, Ordering::Release);
        }
        state.wanted = wanted;
        Ok(wanted)
    }

    /// A picture came with what was asked for at `revision`.
    pub fn proved(&self, revision: u64) {
        let mut state = self.lock();
        if self.revision() == revision {
            state.holds = state.wanted;
            self.settled.notify_all();
        }
    }

    /// A picture came with what held before, and none with what was asked for at `revision`. Returns what holds again.
    pub fn refuse(&self, revision: u64, why: Problem) -> Option<Changes> {
        let mut state = self.lock();
        if self.revision() != revision {
            return None; // somebody has asked for something else
        }
        (state.wanted, state.refused) = (state.holds, Some(why));
        self.settled.notify_all();
        Some(state.holds)
    }

    /// Waits at most `timeout` until what is asked for holds, or is refused.
    pub fn wait(&self, timeout: Duration) {
        drop(wait_while(&self.settled, self.lock(), timeout, |state| state.wanted != state.holds));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> SourceConfig {
        SourceConfig { fps: Some(15), ..SourceConfig::of(SourceSpec::Pattern) }
    }

    fn problem() -> Problem {
        Problem::new("cannot use it", "it is wrong", "try another")
    }

    #[test]
    fn a_change_holds_once_a_picture_came_and_a_refused_one_leaves_what_was_before() {
        let (changing, config) = (Changing::default(), config());
        let put = |name: &str, value: Option<&str>| {
            changing.change(&config, |now| now.with(name, value), |_, _| false)
        };
        put("size", Some("640x480")).unwrap();
        assert!(!changing.is_settled());
        changing.proved(changing.revision());
        assert!(changing.is_settled());

        for text in ["720p", " 1280\u{d7}720 ", "1280*720"] {
            assert_eq!(put("size", Some(text)).unwrap().size, Some(Size::DEFAULT), "{text}");
        }
        put("size", Some("vga")).unwrap();
        changing.proved(changing.revision());

        put("fps", Some("29.97")).unwrap();
        let (revision, wanted, before) = changing.trial();
        assert_eq!((wanted.fps, before.unwrap().fps), (Some(30), None));
        // A second change while the first is tried: what becomes of the first is of no interest.
        put("fps", Some("10")).unwrap();
        changing.proved(revision);
        assert!(!changing.is_settled() && changing.refuse(revision, problem()).is_none());
        let held = changing.refuse(changing.revision(), problem()).unwrap();
        assert_eq!(held, Changes { size: Some(Size { width: 640, height: 480 }), ..Changes::default() });
        assert_eq!((changing.wanted(), changing.refused()), (held, Some(problem())));

        // What is as in the settings does not overrule them.
        let same = put("fps", Some("15")).unwrap();
        assert!(same.names().eq(["size"]) && changing.refused().is_none());
        put("size", None).unwrap();
        assert_eq!(changing.trial().1, Changes::default());
    }

    #[test]
    fn a_wrong_value_is_refused_in_words_and_changes_nothing() {
        let (changing, config) = (Changing::default(), config());
        for (name, value, says) in [
            ("size", "big", "WIDTHxHEIGHT"),
            ("size", "0x480", "WIDTHxHEIGHT"),
            ("size", "16384x16384", "no more pixels than 8192x8192"),
            ("size", "hd", "may mean another one"),
            ("fps", "0", "from 1 to 240"),
            ("fps", "7.5", "from 1 to 240"),
            ("fps", "NaN", "from 1 to 240"),
            ("fps", "1e99", "from 1 to 240"),
            ("format", "gif", "expected auto, mjpeg, "),
            ("quality", "101", "from 1 to 100"),
            ("zoom", "2", "expected size, fps, format, quality"),
        ] {
            let why = changing.change(&config, |now| now.with(name, Some(value)), |_, _| true).unwrap_err();
            assert!(why.to_string().contains(says), "{name} {value}: {why}");
        }
        assert_eq!((changing.wanted(), changing.revision()), (Changes::default(), 0));
    }

    #[test]
    fn a_program_that_makes_the_pictures_has_no_size_that_could_be_set() {
        let of = |spec: &str, name: &str, value: &str| {
            let config = SourceConfig::of(spec.parse().unwrap());
            Changing::default().change(&config, |now| now.with(name, Some(value)), |_, _| true)
        };
        for (name, value) in [("size", "640x480"), ("fps", "5"), ("format", "mjpeg")] {
            for spec in ["-", "pipe:x"] {
                let why = of(spec, name, value).unwrap_err().to_string();
                assert!(why.contains("a program makes the pictures"), "{why}");
            }
            assert!(of("rpicam", name, value).is_ok());
        }
        assert!(of("-", "quality", "50").is_ok());
        assert!(of("rpicam", "format", "yuyv").is_err());
    }
}
