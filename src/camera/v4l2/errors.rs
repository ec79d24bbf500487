//! What the system's errors mean on a camera, and what the user can do about each.
//!
//! The meanings are those of the V4L2 ioctl pages in the kernel's userspace API documentation. They are in one
//! table, so that an error has the same words wherever it comes from.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::camera::refusal::{Cause, Refusal};
use crate::problem::Problem;

/// Advice if the user should choose another device.
pub const SEE_PROBE: &str = "`boardcam probe` lists the cameras that are there";

const OTHER_MODE: &str = "try another --size or --format; `boardcam probe` lists what the camera offers";
const REPLUG: &str = "unplug it and plug it in again; check its cable and power supply";

/// An error number, its name, what it means on a camera, and advice in which `{}` stands for the path.
struct Meaning(Errno, &'static str, &'static str, &'static str);

const MEANINGS: [Meaning; 18] = [
    Meaning(
        Errno::ACCESS,
        "EACCES",
        "permission denied",
        "add your user to group video: sudo usermod -aG video $USER, then log in again",
    ),
    Meaning(
        Errno::PERM,
        "EPERM",
        "not permitted",
        "give the container or service access to this device; add your user to group video",
    ),
    Meaning(Errno::BUSY, "EBUSY", "another program is using the camera", "find out which with: fuser -v {}"),
    Meaning(
        Errno::NOENT,
        "ENOENT",
        "no such device",
        "plug the camera in; `boardcam probe` lists those that are there",
    ),
    Meaning(Errno::NOTDIR, "ENOTDIR", "no such device", SEE_PROBE),
    Meaning(Errno::LOOP, "ELOOP", "its links lead nowhere", SEE_PROBE),
    Meaning(Errno::NAMETOOLONG, "ENAMETOOLONG", "the path is too long", SEE_PROBE),
    Meaning(Errno::NODEV, "ENODEV", "unplugged", "plug it in again; it is picked up automatically"),
    Meaning(Errno::NXIO, "ENXIO", "unplugged", "plug it in again; it is picked up automatically"),
    Meaning(Errno::NOTTY, "ENOTTY", "not a V4L2 capture device", SEE_PROBE),
    Meaning(Errno::INVAL, "EINVAL", "the driver refuses", OTHER_MODE),
    Meaning(
        Errno::PIPE,
        "EPIPE",
        "the driver finds no complete pipeline from a sensor to this node",
        OTHER_MODE,
    ),
    Meaning(Errno::IO, "EIO", "the camera does not answer properly", REPLUG),
    Meaning(Errno::PROTO, "EPROTO", "the camera does not answer properly", REPLUG),
    Meaning(Errno::TIMEDOUT, "ETIMEDOUT", "the camera does not answer", REPLUG),
    Meaning(Errno::NOMEM, "ENOMEM", "not enough memory for its pictures", "try a smaller --size"),
    Meaning(Errno::NOSPC, "ENOSPC", "not enough bandwidth left", OTHER_MODE),
    Meaning(Errno::MFILE, "EMFILE", "too many files are open", "raise the limit: ulimit -n"),
];

/// Puts a failed call on the camera at `path` into words; `what` says what was tried, and on what.
pub fn problem(what: impl Into<String>, path: &Path, error: &io::Error) -> Problem {
    match MEANINGS.iter().find(|m| Errno::from_io_error(error) == Some(m.0)) {
        Some(Meaning(_, name, why, advice)) => {
            Problem::new(what, format!("{why} ({name})"), advice.replace("{}", &path.display().to_string()))
        }
        None => Problem::new(what, error.to_string(), SEE_PROBE),
    }
}

/// Like [`problem`], for a candidate that a search refuses because of it.
pub fn refusal(what: impl Into<String>, path: &Path, error: &io::Error) -> Refusal {
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
