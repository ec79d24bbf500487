//! The command line for a Raspberry Pi's own camera modules, which only libcamera can read: rpicam-vid's, called
//! libcamera-vid before Raspberry Pi OS 12.
//!
//! Used by [`super::Pipe`], and by the search for a camera, which tries it last. Options and
//! their meaning: rpicam-apps, core/options.cpp and core/video_options.hpp, or `rpicam-vid --help`.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use log::Level;

use super::Pipe;
use crate::camera::config::{PipeSpec, SourceConfig};
use crate::camera::observer::Observer;
use crate::camera::refusal::Refusal;
use crate::jpeg::encode::DEFAULT_QUALITY;

/// The program under its names, newest first.
const PROGRAMS: [&str; 2] = ["rpicam-vid", "libcamera-vid"];

/// What it says when there is no camera module.
const NO_CAMERA: &str = "no cameras available";

/// The first camera module, without further options: what `auto` tries last.
pub const PLAIN: PipeSpec = PipeSpec::Rpicam(String::new());

/// The program as it is called here; `None` if it is not on PATH.
pub fn program() -> Option<&'static str> {
    let path = env::var_os("PATH")?;
    PROGRAMS.into_iter().find(|name| env::split_paths(&path).any(|folder| is_program(&folder.join(name))))
}

/// Whether this is a Raspberry Pi, whose camera modules nothing here can read.
pub fn is_missing_on_a_raspberry_pi() -> bool {
    // Where the kernel shows the board's name (Documentation/ABI/testing/sysfs-firmware-ofw).
    let model = std::fs::read("/proc/device-tree/model").unwrap_or_default();
    model.starts_with(b"Raspberry Pi") && program().is_none()
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Opens the first camera module for a search that asked for any camera, and waits for its first picture. What the
/// program says is for the debug log only, since it was not asked for.
///
/// # Errors
/// Why there is no picture; no [`Refusal::camera`] where there is no camera module.
pub fn open(name: &str, config: &SourceConfig, observer: &mut dyn Observer) -> Result<Pipe, Refusal> {
    Pipe::open(name, &PLAIN, config, Level::Debug, observer).map_err(|problem| {
        let camera = !problem.why.contains(NO_CAMERA);
        Refusal { problem, camera }
    })
}

/// The command line for the shell: JPEGs without end to standard output, of the size, rate and quality wanted,
/// and `options` behind. What these say themselves is left out, since the program takes nothing twice.
pub fn command(program: &str, config: &SourceConfig, options: &str) -> String {
    let size = config.size();
    let own = [
        ("--codec", "", "mjpeg".to_owned()),
        ("--width", "", size.width.to_string()),
        ("--height", "", size.height.to_string()),
        ("--framerate", "", config.fps().to_string()),
        ("--quality", "-q", config.quality.unwrap_or(DEFAULT_QUALITY).to_string()),
        ("--timeout", "-t", "0".to_owned()), // for ever
        ("--nopreview", "-n", String::new()),
        ("--flush", "", String::new()), // each picture at once, not when a buffer is full
        ("--output", "-o", "-".to_owned()),
    ];
    let said = |long: &str, short: &str| {
        options.split_whitespace().any(|word| {
            let name = word.split_once('=').map_or(word, |(name, _)| name);
            name == long || (!short.is_empty() && word.starts_with(short))
        })
    };
    // The shell makes way for the program, so that it is the one that gets signals and tells how it ended.
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
    fn what_the_user_says_replaces_what_we_would() {
        let config = SourceConfig::of(SourceSpec::Pipe(PLAIN));
        assert_eq!(
            command("libcamera-vid", &config, "--camera 1 --width=1920 --height 1080 -q90 -n --hflip"),
            "exec libcamera-vid --codec mjpeg --framerate 30 --timeout 0 --flush --output - \
             --camera 1 --width=1920 --height 1080 -q90 -n --hflip"
        );
    }
}
