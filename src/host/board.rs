//! How warm the board is, and whether heat or a weak power supply slows it down, for `/metrics`.
//!
//! A board without sensors reports nothing. A reading is kept for a second, however often it is asked for: on a
//! Raspberry Pi each one is a request to the firmware. While one thread reads the sensors, the others get the last
//! reading, so a sensor that does not answer blocks only one thread.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::kernel_file::{FILE_MAX, read};
use crate::sync::lock;

/// How long a reading is used.
const KEPT: Duration = Duration::from_secs(1);

/// The most thermal zones that are reported; boards have one to a dozen.
const ZONES_MAX: usize = 16;

/// The longest type of a thermal zone, in characters; the kernel's own limit (THERMAL_NAME_LENGTH).
const TYPE_MAX: usize = 20;

/// The most hwmon devices that are searched for the Raspberry Pi's.
const HWMON_MAX: usize = 32;

/// Where the kernel describes the hardware.
const SYSFS: &str = "/sys";

/// One thermal zone (kernel Documentation/driver-api/thermal/sysfs-api.rst).
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its number in sysfs.
    pub number: u32,
    /// Its type, such as `cpu-thermal`.
    pub kind: String,
    /// Its temperature in degrees Celsius.
    pub celsius: f64,
}

/// Why a Raspberry Pi slows down or warns: the name, the bit for "now", and the bit for "since the board started"
/// (`vcgencmd get_throttled` in the Raspberry Pi documentation).
const REASONS: [(&str, u32, u32); 4] = [
    (UNDER_VOLTAGE, 0, 16),
    ("frequency_capped", 1, 17),
    ("throttled", 2, 18),
    ("soft_temperature_limit", 3, 19),
];

const UNDER_VOLTAGE: &str = "under_voltage";

/// One reason that slows the board down, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttling {
    /// Its name in `/metrics`.
    pub reason: &'static str,
    /// Whether it applies now.
    pub now: bool,
    /// Whether it has applied since the board started; `None` if the board does not say.
    pub before: Option<bool>,
}

/// What the board's sensors say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Its thermal zones, by number.
    pub zones: Vec<Zone>,
    /// The reasons it knows; empty if it has no such sensor.
    pub throttling: Vec<Throttling>,
}

/// The board's sensors, and their last reading.
#[derive(Debug)]
pub struct Board {
    sysfs: PathBuf,
    last: Mutex<Option<(Instant, Health)>>,
    /// Held by the thread that reads the sensors.
    reading: Mutex<()>,
}

impl Default for Board {
    fn default() -> Self {
        Self::at(SYSFS.into())
    }
}

impl Board {
    fn at(sysfs: PathBuf) -> Self {
        Self { sysfs, last: Mutex::default(), reading: Mutex::default() }
    }

    /// A reading that is at most a second old, or the last one while another thread reads the sensors.
    pub fn health(&self) -> Health {
        let last = self.last().clone();
        let reading = self.reading.try_lock();
        if last.as_ref().is_some_and(|(at, _)| at.elapsed() < KEPT)
            || matches!(reading, Err(TryLockError::WouldBlock))
        {
            return last.map(|(_, health)| health).unwrap_or_default();
        }
        let health = self.read();
        *self.last() = Some((Instant::now(), health.clone()));
        health
    }

    fn last(&self) -> MutexGuard<'_, Option<(Instant, Health)>> {
        lock(&self.last)
    }

    fn read(&self) -> Health {
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

    /// From the Raspberry Pi's own kernel, which passes on the firmware's hexadecimal number.
    fn get_throttled(&self) -> Option<Vec<Throttling>> {
        let word = text(&self.sysfs.join("devices/platform/soc/soc:firmware/get_throttled"))?;
        let bits = u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
        let is_set = |bit: u32| bits & (1 << bit) != 0;
        let throttling =
            |(reason, now, before)| Throttling { reason, now: is_set(now), before: Some(is_set(before)) };
        Some(REASONS.map(throttling).to_vec())
    }

    /// From the mainline kernel's driver (kernel Documentation/hwmon/raspberrypi-hwmon.rst).
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

/// The numbers behind `prefix` in the names of a folder's entries, at most `most` of them.
fn numbers(folder: &Path, prefix: &str, most: usize) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let number = |name: std::ffi::OsString| name.to_str()?.strip_prefix(prefix)?.parse().ok();
    entries.filter_map(|entry| number(entry.file_name())).take(most).collect()
}

/// The single line of a file.
fn text(path: &Path) -> Option<String> {
    let mut buffer = [0; FILE_MAX];
    read(path, &mut buffer).map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A /sys with these files; dropping it deletes them.
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
            let _ = fs::remove_dir_all(&self.0); // the next run makes it again
        }
    }

    #[test]
    fn zones_are_reported_in_order_and_those_that_cannot_be_read_are_left_out() {
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
    fn no_more_zones_are_reported_than_any_board_has() {
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
        let found = sysfs.board().health().throttling;
        let found: Vec<_> = found.iter().map(|one| (one.reason, one.now, one.before)).collect();
        let expected = [
            ("under_voltage", true, Some(true)),
            ("frequency_capped", false, Some(false)),
            ("throttled", true, Some(true)),
            ("soft_temperature_limit", false, Some(false)),
        ];
        assert_eq!(found, expected);
        for nonsense in ["", "no", "1ffffffff", "-1"] {
            let sysfs = Sysfs::of("nonsense", &[(FILE, nonsense)]);
            assert_eq!(sysfs.board().health().throttling, [], "{nonsense}");
        }
    }

    #[test]
    fn the_mainline_kernel_reports_under_voltage_alone() {
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
    fn the_sensors_are_read_by_one_thread_at_a_time_and_at_most_once_a_second() {
        let sysfs = Sysfs::of(
            "kept",
            &[("class/thermal/thermal_zone0/type", "x"), ("class/thermal/thermal_zone0/temp", "1")],
        );
        let board = sysfs.board();
        let another_thread = board.reading.lock();
        assert_eq!(board.health(), Health::default());
        drop(another_thread);
        let first = board.health();
        drop(sysfs);
        assert_eq!((board.health(), first.zones.len()), (first, 1));
    }
}
