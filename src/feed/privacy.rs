//! Whether a camera is closed for privacy: by its plan, or by a switch, which holds until the plan next changes it.
//!
//! [`crate::stream`] closes the camera then. From the moment that privacy is on, readers of its ring and of its smaller
//! pictures get only the card ([`Shutter`]), whatever its thread does meanwhile.

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;

use crate::camera::PrivacyPlan;
use crate::ring::Shutter;
use crate::sync::lock;

/// The privacy of a camera.
#[derive(Debug)]
pub struct Privacy {
    plan: PrivacyPlan,
    /// What somebody switched it to.
    switched: Mutex<Option<Switched>>,
    pub(super) shutter: Arc<Shutter>,
}

/// A position of the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Switched {
    on: bool,
    /// When it was used, ...
    at: Timestamp,
    /// ... and when the plan changes it; `None` if it never does.
    until: Option<Timestamp>,
}

impl Privacy {
    pub(super) fn new(plan: PrivacyPlan) -> Self {
        let privacy = Self { plan, switched: Mutex::default(), shutter: Arc::default() };
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
        switched.take_if(|switched| switched.until.is_some_and(|until| Timestamp::now() >= until));
        let on = switched.map_or_else(|| self.plan.is_on(), |switched| switched.on);
        if on != self.shutter.is_closed() {
            if on { self.shutter.close() } else { self.shutter.open() }
        }
        on
    }

    /// Whether it may change by itself, so that somebody must look from time to time.
    pub fn has_times(&self) -> bool {
        matches!(self.plan, PrivacyPlan::Daily(_))
    }

    /// What the settings say.
    pub fn plan(&self) -> PrivacyPlan {
        self.plan
    }

    /// Switches it, until the plan next changes it. What the plan says anyway is no position of the switch.
    pub(super) fn switch(&self, on: bool) {
        *lock(&self.switched) = (on != self.plan.is_on()).then(|| self.switched_at(on, Timestamp::now()));
        self.look();
    }

    /// The position of the switch, for a file; `None` if the plan applies.
    pub(super) fn kept(&self) -> Option<String> {
        let Switched { on, at, .. } = (*lock(&self.switched))?;
        Some(format!("{} {}", if on { ON } else { OFF }, at.as_second()))
    }

    /// Switches it as it was when this was kept. What is none was not written by this program.
    pub(super) fn restore(&self, kept: &str) {
        let Some((on, at)) = kept.split_once(' ') else { return };
        let on = match on {
            ON => true,
            OFF => false,
            _ => return,
        };
        let Some(at) = i64::from_str(at).ok().and_then(|at| Timestamp::from_second(at).ok()) else { return };
        *lock(&self.switched) = Some(self.switched_at(on, at));
        self.look();
    }

    fn switched_at(&self, on: bool, at: Timestamp) -> Switched {
        Switched { on, at, until: self.plan.next_change(at) }
    }
}

/// The positions of the switch in a file.
const ON: &str = "on";
const OFF: &str = "off";

#[cfg(test)]
mod tests {
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
    fn what_is_no_position_of_the_switch_is_passed_over() {
        for garbage in
            ["", "on", "on ", "on x", "up 1800000000", "on 99999999999999999999", "on 9223372036854775807"]
        {
            let privacy = Privacy::new(PrivacyPlan::Off);
            privacy.restore(garbage);
            assert!(!privacy.look() && privacy.kept().is_none(), "{garbage}");
        }
    }
}
