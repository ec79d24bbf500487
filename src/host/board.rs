//! How warm the board is, and whether it is slowed down for heat or want of power, for `/metrics`.
//!
//! Where a board does not tell, nothing is told. A look is kept for a second, however often somebody asks: on a
//! Raspberry Pi each of them is a question to the firmware. While one looks the others get the last look, so that a
//! sensor that does not answer holds up one of them only.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::kernel_file::{FILE_MAX, read};
use crate::sync::lock;

/// A look is good for so long.
const KEPT: Duration = Duration::from_secs(1);

/// The most thermal zones that are told of; boards have one to a dozen.
const ZONES_MAX: usize = 16;

/// The most characters of what a thermal zone calls itself; the kernel's own limit (THERMAL_NAME_LENGTH).
const TYPE_MAX: usize = 20;

/// The most hwmon devices among which the Raspberry Pi's is looked for.
const HWMON_MAX: usize = 32;

/// The kernel's place for what it knows of the hardware.
const SYSFS: &str = "/sys";

/// One thermal zone (kernel Documentation/driver-api/thermal/sysfs-api.rst).
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its number.
    pub number: u32,
    /// What it says it is, `cpu-thermal` for example.
    pub kind: String,
    /// Degrees Celsius.
    pub celsius: f64,
}

/// Why a Raspberry Pi slows down or warns: the name, its bit for now, and its bit for since the start of the board
/// (`vcgencmd get_throttled` in the Raspberry Pi documentation).
const REASONS: [(&str, u32, u32); 4] = [
    (UNDER_VOLTAGE, 0, 16),
    ("frequency_capped", 1, 17),
    ("throttled", 2, 18),
    ("soft_temperature_limit", 3, 19),
];

const UNDER_VOLTAGE: &str = "under_voltage";

/// Whether something slows the board down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttling {
    /// What it is.
    pub reason: &'static str,
    /// Right now.
    pub now: bool,
    /// At any time since the board started; `None` where that is not told.
    pub before: Option<bool>,
}

/// What a board tells of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Its thermal zones, by number.
    pub zones: Vec<Zone>,
    /// Reasons to slow down; empty where the board knows of none.
    pub throttling: Vec<Throttling>,
}

/// The board, as last looked at.
#[derive(Debug)]
pub struct Board {
    sysfs: PathBuf,
    last: Mutex<Option<(Instant, Health)>>,
    /// Held by the one who looks.
    looking: Mutex<()>,
}

impl Default for Board {
    fn default() -> Self {
        Self::at(SYSFS.into())
    }
}

impl Board {
    fn at(sysfs: PathBuf) -> Self {
        Self { sysfs, last: Mutex::default(), looking: Mutex::default() }
    }

    /// How it is, or was a second ago at most, or when it was last looked at if somebody looks right now.
    pub fn health(&self) -> Health {
        let last = self.last().clone();
        let looking = self.looking.try_lock();
        if last.as_ref().is_some_and(|(at, _)| at.elapsed() < KEPT)
            || matches!(looking, Err(TryLockError::WouldBlock))
        {
            return last.map(|(_, health)| health).unwrap_or_default();
        }
        let health = self.look();
        *self.last() = Some((Instant::now(), health.clone()));
        health
    }

    fn last(&self) -> MutexGuard<'_, Option<(Instant, Health)>> {
        lock(&self.last)
    }

    fn look(&self) -> Health {
        let throttling = self.get_throttled().or_else(|| self.rpi_volt()).unwrap_or_default();
        Health { zones: self.zones(), throttling }
    }

    fn zones(&self) -> Vec<Zone> {
        let mut numbers = numbers(&self.sysfs.join("class/thermal"), "thermal_zone", ZONES_MAX);
        numbers.sort_unstable();
        let zone = |number| {
            let folder = self.sysfs.join(format!("class/thermal/thermal_zone{number}"));
            let millidegrees: i32 = text(&folder.join("temp"))?.parse().ok()?;
            let kind = text(&folder.join("type"))?.chars().take(TYPE_MAX).collect();
            Some(Zone { number, kind, celsius: f64::from(millidegrees) / 1e3 })
        };
        numbers.into_iter().filter_map(zone).collect()
    }

    /// What the Raspberry Pi's own kernel passes on from the firmware: a hexadecimal number.
    fn get_throttled(&self) -> Option<Vec<Throttling>> {
        let word = text(&self.sysfs.join("devices/platform/soc/soc:firmware/get_throttled"))?;
        let bits = u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
        let is_set = |bit: u32| bits & (1 << bit) != 0;
        let told =
            |(reason, now, before)| Throttling { reason, now: is_set(now), before: Some(is_set(before)) };
        Some(REASONS.map(told).to_vec())
    }

    /// What the mainline kernel's driver tells (kernel Documentation/hwmon/raspberrypi-hwmon.rst).
    fn rpi_volt(&self) -> Option<Vec<Throttling>> {
        let hwmon = self.sysfs.join("class/hwmon");
        let folders =
            numbers(&hwmon, "hwmon", HWMON_MAX).into_iter().map(|n| hwmon.join(format!("hwmon{n}")));
        let folder =
            folders.into_iter().find(|folder| text(&folder.join("name")).as_deref() == Some("rpi_volt"))?;
        let now = text(&folder.join("in0_lcrit_alarm"))? == "1";
        Some(vec![Throttling { reason: UNDER_VOLTAGE, now, before: None }])
    }
}

/// The numbers behind `prefix` in the names of what is in a folder, at most so many.
fn numbers(folder: &Path, prefix: &str, most: usize) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |name: std::ffi::OsString| name.to_str()?.strip_prefix(prefix)?.parse().ok();
    entries.filter_map(|entry| number(entry.file_name())).take(most).collect()
}

/// The one line of a file.
fn text(path: &Path) -> Option<String> {
    let mut buffer = [0; FILE_MAX];
    read(path, &mut buffer).map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A /sys with these files, which goes with it.
    struct Sysfs(PathBuf);

    impl Sysfs {
        fn of(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir().join(format!("boardcam-sysfs-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(folder)
        }

        fn board(&self) -> Board {
            Board::at(self.0.clone())
        }
    }

    impl Drop for Sysfs {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0); // the next run makes it anew
        }
    }

    #[test]
    fn zones_are_told_in_their_order_and_those_that_cannot_be_read_are_left_out() {
        let much = "x".repeat(2 * FILE_MAX);
        let sysfs = Sysfs::of(
            "zones",
            &[
                ("class/thermal/thermal_zone10/type", "gpu\n"),
                ("class/thermal/thermal_zone10/temp", "-500\n"),
                ("class/thermal/thermal_zone0/type", "cpu-thermal\n"),
                ("class/thermal/thermal_zone0/temp", "48312\n"),
                ("class/thermal/thermal_zone1/type", "broken"),
                ("class/thermal/thermal_zone1/temp", "warm"),
                ("class/thermal/thermal_zone2/type", "endless"),
                ("class/thermal/thermal_zone2/temp", &much),
                ("class/thermal/thermal_zone3/type", &"n".repeat(99)),
                ("class/thermal/thermal_zone3/temp", "1000"),
                ("class/thermal/cooling_device0/type", "fan"),
            ],
        );
        let zone = |number, kind: &str, celsius| Zone { number, kind: kind.to_owned(), celsius };
        let expected =
            [zone(0, "cpu-thermal", 48.312), zone(3, &"n".repeat(TYPE_MAX), 1.0), zone(10, "gpu", -0.5)];
        assert_eq!(sysfs.board().health().zones, expected);
    }

    #[test]
    fn more_zones_than_any_board_has_are_not_all_told() {
        let names: Vec<_> = (0..100).map(|n| format!("class/thermal/thermal_zone{n}")).collect();
        let files: Vec<_> = names
            .iter()
            .flat_map(|name| [(format!("{name}/type"), "x"), (format!("{name}/temp"), "1")])
            .collect();
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        assert_eq!(Sysfs::of("many", &files).board().health().zones.len(), ZONES_MAX);
    }

    #[test]
    fn a_raspberry_pi_says_why_it_is_slow_now_and_why_it_was() {
        const FILE: &str = "devices/platform/soc/soc:firmware/get_throttled";
        let sysfs = Sysfs::of("throttled", &[(FILE, "50005\n")]);
        let told = sysfs.board().health().throttling;
        let told: Vec<_> = told.iter().map(|one| (one.reason, one.now, one.before)).collect();
        let expected = [
            ("under_voltage", true, Some(true)),
            ("frequency_capped", false, Some(false)),
            ("throttled", true, Some(true)),
            ("soft_temperature_limit", false, Some(false)),
        ];
        assert_eq!(told, expected);
        for nonsense in ["", "no", "1ffffffff", "-1"] {
            let sysfs = Sysfs::of("nonsense", &[(FILE, nonsense)]);
            assert_eq!(sysfs.board().health().throttling, [], "{nonsense}");
        }
    }

    #[test]
    fn where_only_the_mainline_kernel_tells_it_is_under_voltage_alone() {
        let sysfs = Sysfs::of(
            "volt",
            &[
                ("class/hwmon/hwmon0/name", "cpu_thermal\n"),
                ("class/hwmon/hwmon1/name", "rpi_volt\n"),
                ("class/hwmon/hwmon1/in0_lcrit_alarm", "1\n"),
            ],
        );
        let expected = [Throttling { reason: "under_voltage", now: true, before: None }];
        assert_eq!(sysfs.board().health().throttling, expected);
    }

    #[test]
    fn a_board_is_asked_by_one_at_a_time_and_once_a_second_at_most() {
        let sysfs = Sysfs::of(
            "kept",
            &[("class/thermal/thermal_zone0/type", "x"), ("class/thermal/thermal_zone0/temp", "1")],
        );
        let board = sysfs.board();
        let somebody_looks = board.looking.lock();
        assert_eq!(board.health(), Health::default());
        drop(somebody_looks);
        let first = board.health();
        drop(sysfs);
        assert_eq!((board.health(), first.zones.len()), (first, 1));
    }
}
