//! Where the picture goes. What can be seen to be wrong is said before the camera is opened.
//!
//! Used only by [`super`].

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::problem::{Problem, Text};

/// Names of formats that the picture does not have.
const OTHER_FORMATS: [&str; 21] = [
    "png", "gif", "bmp", "webp", "tif", "tiff", "heic", "heif", "avif", "jxl", "jp2", "ppm", "pgm", "pnm",
    "svg", "pdf", "mp4", "mkv", "avi", "mov", "webm",
];

/// Where the picture goes.
#[derive(Debug, PartialEq)]
pub(super) enum Destination {
    /// Standard output.
    Stdout,
    /// A file, which is replaced at once.
    File(PathBuf),
    /// A pipe or a device, which is written to.
    Special(PathBuf),
}

impl Destination {
    /// What the user calls `output`.
    ///
    /// # Errors
    /// A picture cannot be written there, or should not.
    pub(super) fn of(output: &Path) -> Result<Self, Problem> {
        if output == Path::new("-") {
            if io::stdout().is_terminal() {
                let advice = "name a file: boardcam snapshot -o picture.jpg";
                return Err(Problem::new(
                    "cannot write the picture to the terminal",
                    "it is not text",
                    advice,
                ));
            }
            return Ok(Self::Stdout);
        }
        let refused = |why: Text, advice: String| Problem::new(what(output), why, advice);
        let in_folder = |why: &str| {
            let inside = output.join("picture.jpg").display().to_string();
            refused(why.into(), format!("name a file in it: {inside}"))
        };
        let extension = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if OTHER_FORMATS.contains(&extension.as_str()) {
            let advice = format!(
                "name it {}, and convert it with another program",
                output.with_extension("jpg").display()
            );
            return Err(refused(
                format!("the picture is a JPEG, and not {}", extension.to_uppercase()).into(),
                advice,
            ));
        }
        let target = match fs::metadata(output) {
            Ok(meta) if meta.is_dir() => return Err(in_folder("it is a folder")),
            Ok(meta) if !meta.is_file() => return Ok(Self::Special(output.to_owned())),
            // A link stays, and what it leads to is replaced.
            Ok(_) => fs::canonicalize(output).map_err(|error| unwritten(output, &error))?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritten(output, &error)),
            Err(_) if output.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                return Err(in_folder("it names a folder"));
            }
            Err(_) => output.to_owned(),
        };
        access(folder_of(&target), Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|errno| unwritten(output, &errno.into()))?;
        Ok(Self::File(target))
    }

    /// Writes the picture, whole or not at all.
    ///
    /// # Errors
    /// It could not be written.
    pub(super) fn write(&self, jpeg: &[u8]) -> Result<(), Problem> {
        let (output, written) = match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                (Path::new("standard output"), out.write_all(jpeg).and_then(|()| out.flush()))
            }
            Self::Special(path) => {
                let opened = OpenOptions::new().write(true).open(path);
                (path.as_path(), opened.and_then(|mut file| file.write_all(jpeg)))
            }
            Self::File(path) => (path.as_path(), replace(path, jpeg)),
        };
        written.map_err(|error| unwritten(output, &error))
    }
}

/// Writes a file beside `path`, and gives it that name.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = folder_of(path).join(format!(".boardcam-{}.part", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| _ = fs::remove_file(&beside))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn what(output: &Path) -> String {
    format!("cannot write the picture to {}", output.display())
}

fn unwritten(output: &Path, error: &io::Error) -> Problem {
    let advice = match Errno::from_io_error(error) {
        Some(Errno::NOSPC | Errno::DQUOT) => "free some space, or name a file on another disk",
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => "name a file in a folder that you may write to",
        Some(Errno::PIPE) => "the program behind it ended before it had read the picture",
        _ => "check the path",
    };
    Problem::new(what(output), error, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &str) -> String {
        Destination::of(Path::new(path)).unwrap_err().to_string()
    }

    #[test]
    fn a_name_that_promises_another_format_is_refused_and_a_right_one_is_shown() {
        let message = refusal("/tmp/x.PNG");
        assert!(
            message.contains("is a JPEG, and not PNG") && message.contains("name it /tmp/x.jpg"),
            "{message}"
        );
        for name in ["x.jpg", "x.JPEG", "x", "x.2026-11-27", "x.part"] {
            assert!(
                matches!(Destination::of(&std::env::temp_dir().join(name)), Ok(Destination::File(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_refused_before_the_camera_is_opened() {
        assert!(
            refusal("/tmp").ends_with("it is a folder; name a file in it: /tmp/picture.jpg"),
            "{}",
            refusal("/tmp")
        );
        assert!(refusal("/tmp/not-there/").contains("it names a folder"));
        assert!(refusal("/tmp/not-there/x.jpg").contains("ENOENT"));
        assert!(refusal("/dev/null/x.jpg").contains("ENOTDIR"));
    }

    #[test]
    fn a_device_is_written_to_and_never_replaced() {
        let null = Destination::of(Path::new("/dev/null")).unwrap();
        assert_eq!(null, Destination::Special("/dev/null".into()));
        null.write(b"jpeg").unwrap();
        let full = Destination::of(Path::new("/dev/full")).unwrap().write(&[0; 100_000]).unwrap_err();
        assert!(full.to_string().contains("ENOSPC); free some space"));
    }

    #[test]
    fn a_link_to_a_picture_stays_and_the_picture_is_replaced() {
        let folder = std::env::temp_dir().join(format!("boardcam-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [picture, link] = ["picture.jpg", "link.jpg"].map(|name| folder.join(name));
        fs::write(&picture, "old").unwrap();
        std::os::unix::fs::symlink(&picture, &link).unwrap();
        Destination::of(&link).unwrap().write(b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(&picture).unwrap(), b"new");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
