//! Whether the wall clock shows the time. Many boards have no clock that runs without power: until the network has told them,
//! they show 1970, or, with systemd, when they last ran.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// A clock that shows an earlier time, in seconds since 1970, has not been set since the board started: this program was
/// written later.
pub const SET_SINCE: i64 = 1_767_225_600; // 2026-01-01

/// Two clocks that differ by no more, in seconds, show the same time.
const ALIKE: u64 = 300;

/// Whether it is set, as far as anybody knows. Once it is, it stays so.
pub fn is_set() -> bool {
    static IS_SET: AtomicBool = AtomicBool::new(false);
    if IS_SET.load(Ordering::Relaxed) {
        return true;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let is_set = now.is_ok_and(|now| is_set_at(now.as_secs(), Path::new("/")));
    IS_SET.store(is_set, Ordering::Relaxed);
    is_set
}

/// Whether a clock that shows `now` is set, by the files below `root`: systemd-timesyncd begins with the time at which it
/// ended, and says when it knows better (systemd-timesyncd.service(8), "Files"). A clock of the board that shows the same is
/// believed (kernel Documentation/ABI/testing/sysfs-class-rtc, "since_epoch"); many have no battery, and begin in some
/// earlier year. Of other programs that is not known.
fn is_set_at(now: u64, root: &Path) -> bool {
    let has_clock = || {
        let text = fs::read_to_string(root.join("sys/class/rtc/rtc0/since_epoch")).unwrap_or_default();
        text.trim().parse().is_ok_and(|time: u64| time.abs_diff(now) <= ALIKE)
    };
    let told = root.join("run/systemd/timesync");
    now >= SET_SINCE as u64 && (!told.exists() || told.join("synchronized").exists() || has_clock())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_board_without_battery_is_not_believed_before_the_network_has_set_it() {
        let root = std::env::temp_dir().join(format!("boardcam-clock-{}", std::process::id()));
        let now = SET_SINCE as u64;
        assert!(!is_set_at(0, &root) && !is_set_at(now - 1, &root) && is_set_at(now, &root));
        fs::create_dir_all(root.join("run/systemd/timesync")).unwrap();
        assert!(!is_set_at(now, &root), "the time when it last ran");
        fs::create_dir_all(root.join("sys/class/rtc/rtc0")).unwrap();
        for (time, is_set) in [(0, false), (1_501_837_203, false), (now - 301, false), (now + 20, true)] {
            fs::write(root.join("sys/class/rtc/rtc0/since_epoch"), format!("{time}\n")).unwrap();
            assert_eq!(is_set_at(now, &root), is_set, "a clock of the board that shows {time}");
            assert!(!is_set_at(time.min(now - 1), &root));
        }
        fs::remove_dir_all(root.join("sys")).unwrap();
        fs::write(root.join("run/systemd/timesync/synchronized"), "").unwrap();
        assert!(is_set_at(now, &root), "by the network");
        fs::remove_dir_all(root).unwrap();
    }
}
