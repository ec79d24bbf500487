//! What the system's errors mean on a camera, and what the user can do about each.
//!
//! The meanings are those of the V4L2 ioctl pages in the kernel's userspace API documentation. They are in one
//! place, so that an error has the same words wherever it comes from.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::camera::refusal::{Cause, Refusal};
use crate::problem::{Problem, Text, promise, text};

/// Advice if the user should choose another device.
pub const SEE_PROBE: Text = text!("`boardcam probe` lists the cameras that are there");

const OTHER_MODE: Text = text!("try another size or format; `boardcam probe` lists what the camera offers");
const REPLUG: Text = text!("unplug it and plug it in again; check its cable and power supply");

fn gone() -> (Text, Text) {
    (text!("unplugged"), text!("plug it in again").and(promise::PICKED_UP))
}

/// The name of an error number, what it means on a camera, and advice.
type Meaning = (&'static str, (Text, Text));

fn meaning(errno: Errno, path: &Path) -> Option<Meaning> {
    Some(match errno {
        Errno::ACCESS => (
            "EACCES",
            (
                text!("permission denied"),
                text!("add your user to group video: sudo usermod -aG video $USER, then log in again"),
            ),
        ),
        Errno::PERM => (
            "EPERM",
            (
                text!("not permitted"),
                text!("give the container or service access to this device; add your user to group video"),
            ),
        ),
        Errno::BUSY => {
            let advice = text!("find out which with: fuser -v {}", path.display().to_string());
            ("EBUSY", (text!("another program is using the camera"), advice))
        }
        Errno::NOENT => (
            "ENOENT",
            (
                text!("no such device"),
                text!("plug the camera in; `boardcam probe` lists those that are there"),
            ),
        ),
        Errno::NOTDIR => ("ENOTDIR", (text!("no such device"), SEE_PROBE)),
        Errno::LOOP => ("ELOOP", (text!("its links lead nowhere"), SEE_PROBE)),
        Errno::NAMETOOLONG => ("ENAMETOOLONG", (text!("the path is too long"), SEE_PROBE)),
        Errno::NODEV => ("ENODEV", gone()),
        Errno::NXIO => ("ENXIO", gone()),
        Errno::NOTTY => ("ENOTTY", (text!("not a V4L2 capture device"), SEE_PROBE)),
        Errno::INVAL => ("EINVAL", (text!("the driver refuses"), OTHER_MODE)),
        Errno::PIPE => {
            let why = text!("the driver finds no complete pipeline from a sensor to this node");
            ("EPIPE", (why, OTHER_MODE))
        }
        Errno::IO => ("EIO", (text!("the camera does not answer properly"), REPLUG)),
        Errno::PROTO => ("EPROTO", (text!("the camera does not answer properly"), REPLUG)),
        Errno::TIMEDOUT => ("ETIMEDOUT", (text!("the camera does not answer"), REPLUG)),
        Errno::NOMEM => {
            ("ENOMEM", (text!("not enough memory for its pictures"), text!("try a smaller size")))
        }
        Errno::NOSPC => ("ENOSPC", (text!("not enough bandwidth left"), OTHER_MODE)),
        Errno::MFILE => ("EMFILE", (text!("too many files are open"), text!("raise the limit: ulimit -n"))),
        _ => return None,
    })
}

/// Puts a failed call on the camera at `path` into words; `what` says what was tried, and on what.
pub fn problem(what: impl Into<Text>, path: &Path, error: &io::Error) -> Problem {
    match Errno::from_io_error(error).and_then(|errno| meaning(errno, path)) {
        Some((name, (why, advice))) => Problem::new(what, text!("{} ({})", why, name), advice),
        None => Problem::new(what, error, SEE_PROBE),
    }
}

/// Like [`problem`], for a candidate that a search refuses because of it.
pub fn refusal(what: impl Into<Text>, path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(
        Errno::from_io_error(error).map_or(Cause::Unreadable, Cause::System),
        problem(what, path, error),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(errno: Errno) -> String {
        problem("cannot open /dev/video7", Path::new("/dev/video7"), &errno.into()).to_string()
    }

    #[test]
    fn each_error_says_what_it_means_and_what_to_do() {
        assert_eq!(
            message(Errno::BUSY),
            "cannot open /dev/video7: another program is using the camera (EBUSY); find out which with: fuser -v \
             /dev/video7"
        );
        assert!(
            message(Errno::ACCESS)
                .contains("(EACCES); add your user to group video: sudo usermod -aG video $USER")
        );
        assert!(message(Errno::NODEV).contains("unplugged (ENODEV)"));
    }

    #[test]
    fn an_unexpected_error_is_shown_as_the_system_words_it() {
        assert!(message(Errno::XDEV).contains("os error 18"), "{}", message(Errno::XDEV));
    }
}
