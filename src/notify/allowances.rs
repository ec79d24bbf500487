//! How often a target is told the same: a branch before the camera, or a loose plug, must not ring a phone all night.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::notice::Notice;
use crate::host::log::Allowance;

/// Motion of one camera is told this often at once, ...
const MOTION_FIRST: u32 = 30;
/// ... and after that once in this time.
const MOTION_REFILL: Duration = Duration::from_secs(60);

/// The same for a camera that is lost and comes back.
const TROUBLE_FIRST: u32 = 12;
/// See [`TROUBLE_FIRST`].
const TROUBLE_REFILL: Duration = Duration::from_secs(15 * 60);

/// For each camera, and there are few, and each kind of event.
#[derive(Debug, Default)]
pub(super) struct Allowances(BTreeMap<(String, bool), Allowance>);

impl Allowances {
    /// Whether this is told.
    pub(super) fn take(&mut self, notice: &Notice) -> bool {
        self.take_at(&notice.camera, notice.is_motion(), Instant::now())
    }

    fn take_at(&mut self, camera: &str, is_motion: bool, now: Instant) -> bool {
        let new = || {
            if is_motion {
                Allowance::new(MOTION_FIRST, MOTION_REFILL)
            } else {
                Allowance::new(TROUBLE_FIRST, TROUBLE_REFILL)
            }
        };
        self.0.entry((camera.to_owned(), is_motion)).or_insert_with(new).take(now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loose_plug_rings_a_few_times_and_not_all_night_and_hides_no_motion() {
        let (mut allowances, begin) = (Allowances::default(), Instant::now());
        let night = |allowances: &mut Allowances, camera: &str, is_motion: bool| {
            let told =
                |second: &u64| allowances.take_at(camera, is_motion, begin + Duration::from_secs(*second));
            (0..8 * 3600).step_by(10).filter(told).count()
        };
        assert_eq!(night(&mut allowances, "door", false), 12 + 31);
        assert_eq!(night(&mut allowances, "door", true), 30 + 479);
        assert_eq!(night(&mut allowances, "garden", false), 12 + 31);
    }
}
