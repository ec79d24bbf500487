//! What the system's answers mean on a camera, and what the user can do about each.
//!
//! The meanings are those of the V4L2 ioctl pages in the kernel's userspace API documentation; one place
//! for all of them, so that the same answer reads the same wherever it comes from.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::problem::Problem;

/// Advice where another device is the answer.
pub const SEE_PROBE: &str = "`boardcam probe` lists the cameras that are there";

const OTHER_MODE: &str = "try another --size or --format; `boardcam probe` lists what it offers";
const REPLUG: &str = "unplug it and plug it in again; check its cable and power supply";

/// What an answer is called, what it means on a camera, and advice in which `{}` stands for the path.
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
        "a container or service must be given this device; add your user to group video",
    ),
    Meaning(Errno::BUSY, "EBUSY", "another program holds the camera", "find it with: fuser -v {}"),
    Meaning(
        Errno::NOENT,
        "ENOENT",
        "no such device",
        "plug the camera in; `boardcam probe` lists those that are there",
    ),
    Meaning(Errno::NOTDIR, "ENOTDIR", "no such device", SEE_PROBE),
    Meaning(Errno::LOOP, "ELOOP", "its links lead nowhere", SEE_PROBE),
    Meaning(Errno::NAMETOOLONG, "ENAMETOOLONG", "no path can be that long", SEE_PROBE),
    Meaning(Errno::NODEV, "ENODEV", "unplugged", "plug it in again; it is picked up by itself"),
    Meaning(Errno::NXIO, "ENXIO", "unplugged", "plug it in again; it is picked up by itself"),
    Meaning(Errno::NOTTY, "ENOTTY", "not a V4L2 capture device", SEE_PROBE),
    Meaning(Errno::INVAL, "EINVAL", "the driver refuses", OTHER_MODE),
    Meaning(Errno::PIPE, "EPIPE", "the driver finds no complete way from a sensor to this node", OTHER_MODE),
    Meaning(Errno::IO, "EIO", "the camera does not answer as it should", REPLUG),
    Meaning(Errno::PROTO, "EPROTO", "the camera does not answer as it should", REPLUG),
    Meaning(Errno::TIMEDOUT, "ETIMEDOUT", "the camera does not answer", REPLUG),
    Meaning(Errno::NOMEM, "ENOMEM", "no memory for its pictures", "try a smaller --size"),
    Meaning(Errno::NOSPC, "ENOSPC", "no bandwidth left", OTHER_MODE),
    Meaning(Errno::MFILE, "EMFILE", "too many files are open", "raise the limit: ulimit -n"),
];

/// A failed call on the camera at `path` as a [`Problem`]; `what` says what was tried, on what.
pub fn problem(what: impl Into<String>, path: &Path, error: &io::Error) -> Problem {
    match MEANINGS.iter().find(|m| Errno::from_io_error(error) == Some(m.0)) {
        Some(Meaning(_, name, why, advice)) => {
            Problem::new(what, format!("{why} ({name})"), advice.replace("{}", &path.display().to_string()))
        }
        None => Problem::new(what, error.to_string(), SEE_PROBE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(errno: Errno) -> String {
        problem("cannot open /dev/video7", Path::new("/dev/video7"), &errno.into()).to_string()
    }

    #[test]
    fn each_answer_says_what_it_means_and_what_to_do() {
        assert_eq!(
            told(Errno::BUSY),
            "cannot open /dev/video7: another program holds the camera (EBUSY); find it with: fuser -v /dev/video7"
        );
        assert!(
            told(Errno::ACCESS)
                .contains("(EACCES); add your user to group video: sudo usermod -aG video $USER")
        );
        assert!(told(Errno::NODEV).contains("unplugged (ENODEV)"));
    }

    #[test]
    fn an_answer_nobody_expected_is_told_as_it_came() {
        assert!(told(Errno::XDEV).contains("os error 18"), "{}", told(Errno::XDEV));
    }
}
