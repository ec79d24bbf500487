//! What a camera shares about motion in its picture: what is asked for, and what is seen.
//!
//! [`crate::motion`] looks and writes what it sees; [`crate::site`] shows it, and changes what is asked for, which
//! [`super::kept`] keeps. While nobody asks for motion, nothing here changes and nothing works.

mod zone;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::pace::Fps;
use crate::problem::{Text, text};
use crate::sync::lock;
use crate::time::nanos;
pub use zone::{ZONES_MAX, Zone, zones, zones_text};

/// In place of a [`Sensitivity`]: motion is not looked for.
pub const OFF: &str = "off";

/// The options that say what is asked for.
pub const MOTION: &str = "motion";
/// See [`MOTION`].
pub const IGNORE: &str = "motion-ignore";

/// How little must move to count as motion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// A person near the camera.
    Low,
    /// A person in the room.
    Medium,
    /// Something small, or far away.
    High,
}

impl Sensitivity {
    /// All of them.
    pub const ALL: [Sensitivity; 3] = [Sensitivity::Low, Sensitivity::Medium, Sensitivity::High];

    /// The name in settings, API and `/state`.
    pub const fn name(self) -> &'static str {
        match self {
            Sensitivity::Low => "low",
            Sensitivity::Medium => "medium",
            Sensitivity::High => "high",
        }
    }

    /// The one of this name, in any case; `None` for [`OFF`].
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(name: &str) -> Result<Option<Self>, Text> {
        if name.eq_ignore_ascii_case(OFF) {
            return Ok(None);
        }
        let found = Self::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(name));
        found.map(Some).ok_or_else(|| text!("expected off, low, medium or high"))
    }
}

/// The name of a sensitivity, or [`OFF`].
pub fn name_of(sensitivity: Option<Sensitivity>) -> &'static str {
    sensitivity.map_or(OFF, Sensitivity::name)
}

/// What is asked for, and can be changed while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// `None`: motion is not looked for.
    pub sensitivity: Option<Sensitivity>,
    /// Where motion counts for nothing. In the settings, parts of the picture as it is shown; here, as the camera gives
    /// it, so that they stay where they are in the scene when the picture is turned.
    pub ignored: Vec<Zone>,
}

/// What the settings say about one camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `None`: motion is not looked for.
    pub sensitivity: Option<Sensitivity>,
    /// Frames that are looked at in a second.
    pub fps: u32,
    /// Parts of the picture as it is shown where motion counts for nothing.
    pub ignored: Vec<Zone>,
}

impl Settings {
    /// The default of [`Settings::fps`].
    pub const DEFAULT_FPS: u32 = 5;

    /// The largest [`Settings::fps`].
    pub const MAX_FPS: u32 = 30;
}

impl Default for Settings {
    fn default() -> Self {
        Self { sensitivity: None, fps: Self::DEFAULT_FPS, ignored: Vec::new() }
    }
}

/// What is seen now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// The share of the picture that moves, 0 to 1.
    pub level: f32,
    /// The level from which it counts as motion.
    pub threshold: f32,
    /// Since when something moves; `None` if nothing does.
    pub since: Option<SystemTime>,
}

/// What one look found out.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Seen {
    /// Motion is not looked for, or was not yet.
    #[default]
    Nothing,
    /// There are no pictures that could be looked at, for this reason.
    Blind(Text),
    /// This.
    Sight(Sight),
}

/// Motion of one camera.
#[derive(Debug)]
pub struct Motion {
    /// Frames that are looked at in a second.
    pub fps: u32,
    /// What the settings ask for.
    pub configured: Wanted,
    /// Replaced as a whole, so that who looks sees by the pointer that it has changed.
    wanted: Mutex<Arc<Wanted>>,
    seen: Mutex<Seen>,
    /// Frames that were looked at.
    looks: AtomicU64,
    /// CPU time that looking at them cost, in nanoseconds.
    cost: AtomicU64,
}

impl Motion {
    /// Asked for as `fps` and `configured` say; nothing is seen yet.
    pub(super) fn new(fps: u32, configured: Wanted) -> Self {
        let wanted = Mutex::new(Arc::new(configured.clone()));
        let (seen, looks, cost) = Default::default();
        Self { fps, configured, wanted, seen, looks, cost }
    }

    /// The rate at which frames are looked at.
    pub fn rate(&self) -> Option<Fps> {
        Fps::of_thousandths(self.fps * 1000)
    }

    /// What is asked for now.
    pub fn wanted(&self) -> Arc<Wanted> {
        lock(&self.wanted).clone()
    }

    /// Whether motion is looked for.
    pub fn is_on(&self) -> bool {
        lock(&self.wanted).sensitivity.is_some()
    }

    /// Asks for what `change` makes of what is asked for now.
    pub fn change(&self, change: impl FnOnce(&mut Wanted)) {
        let mut wanted = lock(&self.wanted);
        let mut changed = Wanted::clone(&wanted);
        change(&mut changed);
        if changed != **wanted {
            *wanted = Arc::new(changed);
        }
    }

    /// What is asked for as texts, by the option's name: `None` for what is as in the settings.
    pub fn texts(&self) -> [(&'static str, Option<String>); 2] {
        let (now, settings) = (self.wanted(), &self.configured);
        let differs = |differs: bool, text: String| differs.then_some(text);
        let sensitivity = name_of(now.sensitivity).to_owned();
        [
            (MOTION, differs(now.sensitivity != settings.sensitivity, sensitivity)),
            (IGNORE, differs(now.ignored != settings.ignored, zones_text(&now.ignored))),
        ]
    }

    /// The options of the settings that API or page overrule.
    pub fn overruled(&self) -> impl Iterator<Item = &'static str> {
        self.texts().into_iter().filter_map(|(name, text)| text.map(|_| name))
    }

    /// What was seen last.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Whether something moves.
    pub fn is_moving(&self) -> bool {
        matches!(&*lock(&self.seen), Seen::Sight(Sight { since: Some(_), .. }))
    }

    /// Notes what is seen now.
    pub fn sees(&self, seen: Seen) {
        *lock(&self.seen) = seen;
    }

    /// Counts a frame that was looked at for this much CPU time.
    pub fn looked(&self, cost: Duration) {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.cost.fetch_add(nanos(cost), Ordering::Relaxed);
    }

    /// Frames that were looked at.
    pub fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    /// CPU time that looking at them cost.
    pub fn cost(&self) -> Duration {
        Duration::from_nanos(self.cost.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sensitivity_has_a_name_that_is_read_back_and_off_is_none() {
        for one in Sensitivity::ALL {
            assert_eq!(Sensitivity::parse(&one.name().to_uppercase()), Ok(Some(one)));
        }
        assert_eq!((Sensitivity::parse(OFF), name_of(None)), (Ok(None), OFF));
        assert!(Sensitivity::parse("yes").is_err() && Sensitivity::parse("").is_err());
    }

    #[test]
    fn who_looks_sees_by_the_pointer_whether_anything_else_is_asked_for() {
        let motion = Motion::new(5, Wanted::default());
        let before = motion.wanted();
        motion.change(|wanted| wanted.sensitivity = None);
        assert!(Arc::ptr_eq(&before, &motion.wanted()), "nothing has changed");
        motion.change(|wanted| wanted.sensitivity = Some(Sensitivity::High));
        assert!(!Arc::ptr_eq(&before, &motion.wanted()) && motion.is_on());
    }
}
