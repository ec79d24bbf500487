//! The command line of rpicam-vid, called libcamera-vid before Raspberry Pi OS 12: the tool for a Raspberry Pi's own
//! camera modules, which only libcamera can read.
//!
//! Used by [`super::Pipe`], and by the search for a camera, which tries it last. For the options see `rpicam-vid
//! --help` (rpicam-apps, core/options.cpp and core/video_options.hpp).

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Pipe, PipeError, Words};
use crate::camera::config::{PipeSpec, SourceConfig};
use crate::camera::observer::Observer;
use crate::camera::refusal::{Cause, Refusal};
use crate::jpeg::encode::DEFAULT_QUALITY;

/// The names of the program, newest first.
const PROGRAMS: [&str; 2] = ["rpicam-vid", "libcamera-vid"];

/// What the program writes to standard error if there is no camera module; it has no exit status of its own for that.
const NO_CAMERA: &str = "no cameras available";

/// The first camera module without extra options: what `auto` tries last.
pub const PLAIN: PipeSpec = PipeSpec::Rpicam(String::new());

/// The program's name on this system; `None` if it is not on PATH.
pub fn program() -> Option<&'static str> {
    let path = env::var_os("PATH")?;
    PROGRAMS.into_iter().find(|name| env::split_paths(&path).any(|folder| is_program(&folder.join(name))))
}

/// Whether this is a Raspberry Pi without the program, so that its camera modules cannot be used.
pub fn is_missing_on_a_raspberry_pi() -> bool {
    // The board's name from the device tree (kernel Documentation/ABI/testing/sysfs-firmware-ofw).
    let model = std::fs::read("/proc/device-tree/model").unwrap_or_default();
    model.starts_with(b"Raspberry Pi") && program().is_none()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Opens the first camera module for a search for any camera, and waits for its first picture. Since the user did not
/// ask for this program, what it says is logged at debug level.
///
/// # Errors
/// Why there is no picture; [`Cause::NotACamera`] if there is no camera module.
pub fn open(name: &str, config: &SourceConfig, observer: &mut dyn Observer) -> Result<Pipe, Refusal> {
    Pipe::open(name, &PLAIN, config, &Words::unasked(), observer).map_err(|error| {
        let cause = match &error {
            PipeError::Ended { last_words, .. } if last_words.contains(NO_CAMERA) => Cause::NotACamera,
            PipeError::Cancelled => Cause::Cancelled,
            _ => Cause::Program,
        };
        Refusal::new(cause, error.problem(&PLAIN))
    })
}

/// The command line for the shell: JPEGs of the configured size, rate and quality to standard output until it is ended,
/// with `options` appended. Whatever those set is left out, since the program refuses an option that is given twice.
pub fn command(program: &str, config: &SourceConfig, options: &str) -> String {
    let size = config.size();
    let own = [
        ("--codec", "", "mjpeg".to_owned()),
        ("--width", "", size.width.to_string()),
        ("--height", "", size.height.to_string()),
        ("--framerate", "", config.fps().to_string()),
        ("--quality", "-q", config.quality.unwrap_or(DEFAULT_QUALITY).to_string()),
        ("--timeout", "-t", "0".to_owned()), // forever
        ("--nopreview", "-n", String::new()),
        ("--flush", "", String::new()), // write each picture at once, not when a buffer is full
        ("--output", "-o", "-".to_owned()),
    ];
    let said = |long: &str, short: &str| {
        options.split_whitespace().any(|word| {
            let name = word.split_once('=').map_or(word, |(name, _)| name);
            name == long || (!short.is_empty() && word.starts_with(short))
        })
    };
    // The program replaces the shell, so that signals reach it and its own exit status is seen.
    let mut line = format!("exec {program}");
    for (long, _, value) in own.iter().filter(|(long, short, _)| !said(long, short)) {
        line.push(' ');
        line.push_str(long);
        if !value.is_empty() {
            line.push(' ');
            line.push_str(value);
        }
    }
    if !options.is_empty() {
        line.push(' ');
        line.push_str(options);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::config::SourceSpec;
    use crate::picture::Size;

    #[test]
    fn size_rate_and_quality_become_options_of_rpicam_vid() {
        let config = SourceConfig {
            size: Some(Size { width: 640, height: 480 }),
            fps: Some(15),
            quality: Some(70),
            ..SourceConfig::of(SourceSpec::Pipe(PLAIN))
        };
        assert_eq!(
            command("rpicam-vid", &config, ""),
            "exec rpicam-vid --codec mjpeg --width 640 --height 480 --framerate 15 --quality 70 --timeout 0 \
             --nopreview --flush --output -"
        );
    }

    #[test]
    fn the_users_options_replace_ours() {
        let config = SourceConfig::of(SourceSpec::Pipe(PLAIN));
        assert_eq!(
            command("libcamera-vid", &config, "--camera 1 --width=1920 --height 1080 -q90 -n --hflip"),
            "exec libcamera-vid --codec mjpeg --framerate 30 --timeout 0 --flush --output - \
             --camera 1 --width=1920 --height 1080 -q90 -n --hflip"
        );
    }
}
