//! Whether a camera is closed for privacy: by its plan, or by a switch, which holds until the plan next changes it.
//!
//! [`crate::stream`] closes the camera then. From the moment that privacy is on, readers of its ring and of its smaller
//! pictures get only the card ([`Shutter`]), whatever its thread does meanwhile.

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::camera::PrivacyPlan;
use crate::host::clock;
use crate::ring::Shutter;
use crate::sync::lock;

/// The privacy of a camera.
#[derive(Debug)]
pub struct Privacy {
    plan: PrivacyPlan,
    /// Whether the clock shows the time.
    clock_is_set: fn() -> bool,
    /// What somebody switched it to.
    switched: Mutex<Option<Switched>>,
    pub(super) shutter: Arc<Shutter>,
}

/// Why it is on although nobody may have wanted that: what cannot be known must not be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// The file with the position of the switch cannot be read.
    Kept,
    /// The plan goes by the clock, which is not set.
    Clock,
}

/// A position of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Switched {
    on: bool,
    /// When it was used, ...
    at: Timestamp,
    /// ... and when the plan changes it; `None` if it never does.
    until: Option<Timestamp>,
    origin: Origin,
    /// See [`Doubt::Kept`].
    is_doubt: bool,
}

/// Where a position of the switch comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// From the file.
    Kept,
    /// From somebody, or from a doubt, at a time that is known.
    Timed,
    /// The same while the clock was not set.
    Untimed,
}

impl Privacy {
    pub(super) fn new(plan: PrivacyPlan) -> Self {
        Self::with_clock(plan, clock::is_set)
    }

    fn with_clock(plan: PrivacyPlan, clock_is_set: fn() -> bool) -> Self {
        let privacy = Self { plan, clock_is_set, switched: Mutex::default(), shutter: Arc::default() };
        privacy.look();
        privacy
    }

    /// Whether it is on, as far as was seen. Costs next to nothing.
    pub fn is_on(&self) -> bool {
        self.shutter.is_closed()
    }

    /// Whether a picture that was captured at this moment may still be given to anybody who has not seen it: privacy is not
    /// on, and has not been since.
    pub fn shows(&self, captured: Instant) -> bool {
        self.shutter.shows_moment(captured)
    }

    /// Whether it is on, after a look at the clock.
    pub fn look(&self) -> bool {
        let mut switched = lock(&self.switched);
        let on = self.state(&mut switched).0;
        if on != self.shutter.is_closed() {
            if on { self.shutter.close() } else { self.shutter.open() }
        }
        on
    }

    /// Why it is on although nobody may have wanted that; `None` if somebody wanted it, or if it is off.
    pub fn doubt(&self) -> Option<Doubt> {
        self.state(&mut lock(&self.switched)).1
    }

    /// Whether it is on now, and whether that is for a [`Doubt`].
    fn state(&self, switched: &mut Option<Switched>) -> (bool, Option<Doubt>) {
        let is_timeless = self.is_timeless();
        if !is_timeless {
            let now = Timestamp::now();
            if let Some(Switched { origin: Origin::Untimed, on, is_doubt, .. }) = *switched {
                // Nobody knows when that was. What was open then follows the plan.
                *switched = on.then(|| Switched { is_doubt, ..self.switched_at(on, now, Origin::Timed) });
            }
            // Switched off in the future: the clock was wrong, and it would hold for nobody knows how long.
            let is_of_tomorrow = |at: Timestamp| at.duration_since(now) > SignedDuration::from_hours(24);
            switched.take_if(|switched| {
                switched.until.is_some_and(|until| now >= until)
                    || self.has_times() && !switched.on && is_of_tomorrow(switched.at)
            });
        }
        match *switched {
            // The plan may have changed it since.
            Some(Switched { origin: Origin::Kept, on: false, .. }) | None if is_timeless => {
                (true, Some(Doubt::Clock))
            }
            Some(switched) => (switched.on, switched.is_doubt.then_some(Doubt::Kept)),
            None => (self.plan.is_on(), None),
        }
    }

    /// Whether the plan cannot be followed, since the clock is not set.
    fn is_timeless(&self) -> bool {
        self.has_times() && !(self.clock_is_set)()
    }

    /// Whether it may change by itself, so that somebody must look from time to time.
    pub fn has_times(&self) -> bool {
        matches!(self.plan, PrivacyPlan::Daily(_))
    }

    /// What the settings say.
    pub fn plan(&self) -> PrivacyPlan {
        self.plan
    }

    /// Switches it, until the plan next changes it. What the plan says anyway is no position of the switch. While the clock
    /// is not set, it holds until it is.
    pub(super) fn switch(&self, on: bool) {
        let is_timeless = self.is_timeless();
        let origin = if is_timeless { Origin::Untimed } else { Origin::Timed };
        let is_position = is_timeless || on != self.plan.is_on();
        *lock(&self.switched) = is_position.then(|| self.switched_at(on, Timestamp::now(), origin));
        self.look();
    }

    /// Switches it on since the position of the switch cannot be read.
    pub(super) fn doubt_kept(&self) {
        self.switch(true);
        if let Some(switched) = &mut *lock(&self.switched) {
            switched.is_doubt = true;
        }
    }

    /// The position of the switch, for a file; `None` if the plan applies.
    pub(super) fn kept(&self) -> Option<String> {
        let Switched { on, at, origin, .. } = (*lock(&self.switched))?;
        let at = if matches!(origin, Origin::Untimed) { 0 } else { at.as_second() };
        Some(format!("{} {at}", if on { ON } else { OFF }))
    }

    /// Switches it as it was when this was kept. What is none was not written by this program, and whoever damaged it
    /// may have damaged an "on".
    pub(super) fn restore(&self, kept: &str) {
        if kept == AS_PLANNED {
            *lock(&self.switched) = None;
            self.look();
            return;
        }
        let Some((on, at)) = parse(kept) else { return self.doubt_kept() };
        // Switched on while the clock was not set: nobody knows when.
        let at = if on && at.as_second() < clock::SET_SINCE { Timestamp::now() } else { at };
        *lock(&self.switched) = Some(self.switched_at(on, at, Origin::Kept));
        self.look();
    }

    /// Switches it as all cameras are whose position of the switch was lost, `kept` when that was noticed.
    pub(super) fn restore_lost(&self, kept: &str) {
        if matches!(self.plan, PrivacyPlan::On) {
            return;
        }
        self.restore(kept);
        if let Some(switched) = &mut *lock(&self.switched) {
            switched.is_doubt = switched.on;
        }
    }

    fn switched_at(&self, on: bool, at: Timestamp, origin: Origin) -> Switched {
        Switched { on, at, until: self.plan.next_change(at), origin, is_doubt: false }
    }
}

/// Switched on now, for a file.
pub(super) fn on_since_now() -> String {
    format!("{ON} {}", Timestamp::now().as_second())
}

/// A position of the switch in a file, and when it was switched.
fn parse(kept: &str) -> Option<(bool, Timestamp)> {
    let (on, at) = kept.split_once(' ')?;
    let on = match on {
        ON => true,
        OFF => false,
        _ => return None,
    };
    Some((on, Timestamp::from_second(i64::from_str(at).ok()?).ok()?))
}

/// The positions of the switch in a file.
const ON: &str = "on";
const OFF: &str = "off";
/// In a file: it is known that the plan applies.
pub(super) const AS_PLANNED: &str = "plan";

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn plan(text: &str) -> PrivacyPlan {
        text.parse().unwrap()
    }

    #[test]
    fn without_times_the_switch_holds_also_after_a_restart() {
        for (text, on) in [("off", false), ("on", true)] {
            let privacy = Privacy::new(plan(text));
            assert_eq!((privacy.is_on(), privacy.kept()), (on, None));
            privacy.switch(!on);
            assert_eq!(privacy.is_on(), !on);
            let again = Privacy::new(plan(text));
            again.restore(&privacy.kept().unwrap());
            assert_eq!(again.is_on(), !on);
            again.switch(on);
            assert_eq!((again.is_on(), again.kept()), (on, None), "as the settings say");
        }
    }

    #[test]
    fn the_plan_s_next_change_ends_what_was_switched_by_hand_even_while_the_program_was_off() {
        let now = Timestamp::now().as_second();
        let day = 24 * 60 * 60;
        // Times that are over at any hour of any day: the plan has changed since yesterday, and not since a second ago.
        for times in ["00:00-12:00", "12:00-00:01"] {
            let planned = plan(times).is_on();
            let privacy = Privacy::new(plan(times));
            let word = if planned { OFF } else { ON };
            privacy.restore(&format!("{word} {}", now - day));
            assert_eq!((privacy.look(), privacy.kept()), (planned, None), "{times}");
            privacy.restore(&format!("{word} {}", now + day));
            assert_eq!(privacy.look(), !planned, "{times}: the clock was set back, or is not set yet");
        }
    }

    #[test]
    fn what_is_no_position_of_the_switch_keeps_the_camera_private_until_somebody_switches_it() {
        for garbage in
            ["", "on", "on ", "on x", "up 1800000000", "off 99999999999999999999", "off 9223372036854775807"]
        {
            let privacy = Privacy::new(PrivacyPlan::Off);
            privacy.restore(garbage);
            assert_eq!((privacy.is_on(), privacy.doubt()), (true, Some(Doubt::Kept)), "{garbage}");
            assert!(privacy.kept().is_some(), "and it stays so after a restart");
            privacy.switch(false);
            assert_eq!((privacy.is_on(), privacy.doubt(), privacy.kept()), (false, None, None));
        }
    }

    #[test]
    fn a_lost_position_of_the_switch_closes_the_camera_until_somebody_or_the_plan_opens_it() {
        let privacy = Privacy::new(PrivacyPlan::Off);
        privacy.restore_lost(&on_since_now());
        assert_eq!((privacy.is_on(), privacy.doubt()), (true, Some(Doubt::Kept)));
        privacy.restore(AS_PLANNED);
        assert_eq!((privacy.is_on(), privacy.doubt()), (false, None));
        let always = Privacy::new(PrivacyPlan::On);
        always.restore_lost(&on_since_now());
        assert_eq!((always.is_on(), always.doubt(), always.kept()), (true, None, None), "it was wanted");
        for times in ["00:00-12:00", "12:00-00:00"] {
            let privacy = Privacy::with_clock(plan(times), || true);
            let planned = privacy.is_on();
            let day_ago = Timestamp::now().as_second() - 24 * 60 * 60;
            privacy.restore_lost(&format!("on {day_ago}"));
            assert_eq!((privacy.look(), privacy.doubt()), (planned, None), "{times}");
        }
    }

    #[test]
    fn who_switched_it_off_by_a_clock_that_was_far_ahead_does_not_hold_it_open() {
        for times in ["00:00-12:00", "12:00-00:00"] {
            let privacy = Privacy::with_clock(plan(times), || true);
            let planned = privacy.is_on();
            privacy.restore("off 9800000000");
            assert_eq!((privacy.look(), privacy.kept()), (planned, None), "{times}");
        }
    }

    /// Whether the clock of the next test is set.
    static SET: AtomicBool = AtomicBool::new(false);

    #[test]
    fn while_the_clock_is_not_set_a_camera_with_a_plan_shows_nothing_unless_somebody_switches_it_since_the_start()
     {
        let is_set = || SET.load(Ordering::Relaxed);
        for plan_text in ["off", "on"] {
            assert_eq!(Privacy::with_clock(plan(plan_text), || false).doubt(), None, "{plan_text}");
        }
        let privacy = |times: &str| Privacy::with_clock(plan(times), is_set);
        for times in ["00:00-12:00", "12:00-00:00"] {
            let planned = plan(times).is_on();
            SET.store(false, Ordering::Relaxed);
            let one = privacy(times);
            assert_eq!((one.is_on(), one.doubt()), (true, Some(Doubt::Clock)), "{times}");
            // Somebody who sees the camera knows better.
            one.switch(false);
            assert_eq!((one.look(), one.doubt()), (false, None));
            let again = privacy(times);
            again.restore(&one.kept().unwrap());
            assert_eq!((again.look(), again.doubt()), (true, Some(Doubt::Clock)), "it started anew");
            let other = privacy(times);
            other.switch(true);
            assert_eq!(
                other.kept().as_deref(),
                Some("on 0"),
                "the time is not known, whatever the clock shows"
            );
            let restored = privacy(times);
            restored.restore("on 100");
            assert_eq!((other.doubt(), restored.doubt()), (None, None), "it was wanted");
            SET.store(true, Ordering::Relaxed);
            assert_eq!((one.look(), one.doubt(), one.kept()), (planned, None, None), "{times}");
            assert!(other.look() && restored.look(), "until the plan next changes it");
        }
    }
}
