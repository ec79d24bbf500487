//! Refuses cameras that cannot be told apart: by their names, for people and files, or by their sources.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::advice::Place;
use super::settings::CameraSettings;
use super::toml_text::quoted;
use crate::camera::{PipeSpec, SourceSpec};
use crate::problem::{Problem, shell_quoted, text};

/// A camera and its name.
type Named = (String, CameraSettings);

/// Looks at each pair of cameras.
///
/// # Errors
/// Two have the same name or title, also if only upper and lower case differ, or the same device.
pub(super) fn check(cameras: &[Named], place: Place) -> Result<(), Problem> {
    for (number, one) in cameras.iter().enumerate() {
        for other in cameras.iter().skip(number + 1) {
            check_names(one, other, place)?;
            check_titles(one, other)?;
            check_sources(one, other, place)?;
        }
    }
    Ok(())
}

/// Keeps cameras that search for a device from taking one that another camera names.
pub(super) fn reserve(cameras: &mut [Named]) {
    let devices = |(_, camera): &Named| match &camera.source.spec {
        SourceSpec::Device(path) => Some(path.clone()),
        SourceSpec::Auto | SourceSpec::Pattern | SourceSpec::Pipe(_) => None,
    };
    let reserved: Vec<PathBuf> = cameras.iter().filter_map(devices).collect();
    for (_, camera) in cameras {
        if camera.source.spec == SourceSpec::Auto {
            camera.source.reserved.clone_from(&reserved);
        }
    }
}

fn check_names((one, _): &Named, (other, _): &Named, place: Place) -> Result<(), Problem> {
    if !one.eq_ignore_ascii_case(other) {
        return Ok(());
    }
    let why = if one == other {
        text!("two have the same name, {}", one)
    } else {
        text!("{} and {} differ only in upper and lower case, which files on many disks do not", one, other)
    };
    let advice = match place {
        Place::Line => {
            "give each a name of its own, such as --camera door=/dev/video0 --camera garden=/dev/video2"
                .into()
        }
        Place::File | Place::Camera => {
            text!("give each a name of its own, such as name = \"garden\" below its [[camera]]")
        }
    };
    Err(Problem::new(text!("cannot name the cameras"), why, advice))
}

fn check_titles(one: &Named, other: &Named) -> Result<(), Problem> {
    let shown = |(name, camera): &Named| camera.source.title.clone().unwrap_or_else(|| name.clone());
    let [one, other] = [one, other].map(shown);
    if one.to_lowercase() != other.to_lowercase() {
        return Ok(());
    }
    Err(Problem::new(
        text!("cannot use these titles"),
        text!("the page would show two cameras as \"{}\"", one),
        text!("give each camera a title of its own, below its [[camera]]"),
    ))
}

fn check_sources((one, a): &Named, (other, b): &Named, place: Place) -> Result<(), Problem> {
    let source = |name: &str, source: &str| match place {
        Place::Line => format!("--camera {}", shell_quoted(&format!("{name}={source}"))),
        Place::File | Place::Camera => format!("source = {}", quoted(source)),
    };
    match (&a.source.spec, &b.source.spec) {
        (SourceSpec::Device(a), SourceSpec::Device(b)) if device(a) == device(b) => {
            let [shown_a, shown_b, device] = [a, b, &device(a)].map(|path| path.display().to_string());
            let why = if a == b {
                text!("both name {}, which only one can use", shown_a)
            } else {
                text!("{} and {} are both {}, which only one can use", shown_a, shown_b, device)
            };
            Err(Problem::new(
                text!("cannot use one device for two cameras, {} and {}", one, other),
                why,
                text!(
                    "leave one of them out: one camera can have any number of viewers; boardcam probe lists all devices"
                ),
            ))
        }
        (SourceSpec::Pipe(PipeSpec::Stdin), SourceSpec::Pipe(PipeSpec::Stdin)) => Err(Problem::new(
            text!("cannot take the pictures of two cameras, {} and {}, from standard input", one, other),
            text!("there is only one"),
            text!("let the others be pipe:COMMAND, such as {}", source(other, "pipe:cat /path/to/a/fifo")),
        )),
        (SourceSpec::Pipe(PipeSpec::Rpicam(a)), SourceSpec::Pipe(PipeSpec::Rpicam(b)))
            if module(a) == module(b) =>
        {
            Err(Problem::new(
                text!("cannot use one camera module for two cameras, {} and {}", one, other),
                text!("both use module {}, which only one can use", module(a)),
                text!(
                    "choose the second module for one of them, such as {}",
                    source(other, "rpicam:--camera 1")
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// The device that a path leads to. Of one that is not there yet, links are followed as far as they go, and `.` and `..`
/// are resolved.
fn device(path: &Path) -> PathBuf {
    let mut device = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                device.pop();
            }
            Component::CurDir => {}
            part => device.push(part),
        }
        if let Ok(real) = fs::canonicalize(&device) {
            device = real;
        }
    }
    device
}

/// The number of the camera module that these options of `rpicam-vid` choose.
fn module(options: &str) -> &str {
    let mut words = options.split([' ', '=']).filter(|word| !word.is_empty());
    words.find(|word| *word == "--camera").and_then(|_| words.next()).unwrap_or("0")
}

#[cfg(test)]
mod tests {
    use super::super::{Settings, from_text};
    use super::*;

    fn settings(cameras: &[(&str, &str)]) -> Result<Settings, Problem> {
        let table = |(name, source): &(&str, &str)| format!("[[camera]]\n{name}\nsource = \"{source}\"\n");
        from_text("test", &cameras.iter().map(table).collect::<String>())
    }

    fn complaint(cameras: &[(&str, &str)]) -> String {
        settings(cameras).expect_err("was accepted").to_string()
    }

    #[test]
    fn two_cameras_that_differ_only_in_case_are_refused() {
        let told = complaint(&[("name = 'Door'", "auto"), ("name = 'door'", "pattern")]);
        assert!(told.contains("Door and door differ only in upper and lower case"), "{told}");
        let told = complaint(&[("name = 'door'", "auto"), ("name = 'door'", "pattern")]);
        assert!(told.contains("two have the same name, door"), "{told}");
        let names = settings(&[("name = 'Camera'", "auto"), ("", "pattern")]).unwrap().cameras;
        assert_eq!(names[1].0, "camera-2");
    }

    #[test]
    fn two_cameras_that_the_page_would_call_the_same_are_refused() {
        let told = complaint(&[("title = 'Küche'", "auto"), ("title = 'KÜCHE'", "pattern")]);
        assert!(told.contains("the page would show two cameras as \"Küche\""), "{told}");
        let told = complaint(&[("name = 'door'", "auto"), ("title = 'Door'", "pattern")]);
        assert!(told.contains("the page would show two cameras as"), "{told}");
        let told = from_text("test", "title = 'a'\n[[camera]]\n[[camera]]\nsource = 'pattern'").unwrap_err();
        assert!(told.to_string().contains("below its [[camera]]"), "{told}");
        assert!(settings(&[("title = 'Küche'", "auto"), ("title = 'front door'", "pattern")]).is_ok());
    }

    #[test]
    fn one_device_by_two_paths_is_refused() {
        let folder = std::env::temp_dir().join(format!("boardcam-distinct-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (node, link) = (folder.join("video0"), folder.join("by-id"));
        fs::write(&node, "").unwrap();
        std::os::unix::fs::symlink("video0", &link).unwrap();
        let (node_text, link_text) = (node.to_str().unwrap(), link.to_str().unwrap());
        let told = complaint(&[("name = 'a'", node_text), ("name = 'b'", link_text)]);
        fs::remove_dir_all(&folder).unwrap();
        let expected =
            format!("two cameras, a and b: {node_text} and {link_text} are both {node_text}, which only");
        assert!(told.contains(&expected), "{told}");
        let gone = [("name = 'a'", "/dev/not-there"), ("name = 'b'", "/dev/not-there")];
        assert!(complaint(&gone).contains("both name /dev/not-there, which only one can use"));
        assert!(settings(&[("name = 'a'", "/dev/not-there"), ("name = 'b'", "/dev/nor-this")]).is_ok());
    }

    #[test]
    fn a_device_that_is_not_there_yet_is_known_by_any_way_to_it() {
        let folder = std::env::temp_dir().join(format!("boardcam-ways-{}", std::process::id()));
        fs::create_dir_all(folder.join("dev")).unwrap();
        std::os::unix::fs::symlink("dev", folder.join("link")).unwrap();
        let below = |path: &str| folder.join(path).to_str().unwrap().to_owned();
        let complaints = [below("dev/../dev/video0"), below("link/./video0"), below("link/sub/..//video0")]
            .map(|other| complaint(&[("name = 'a'", &below("dev/video0")), ("name = 'b'", &other)]));
        fs::remove_dir_all(&folder).unwrap();
        for told in complaints {
            assert!(told.contains("which only one can use"), "{told}");
        }
        let told = complaint(&[("name = 'a'", "/dev/../dev/not-there"), ("name = 'b'", "/dev/not-there")]);
        assert!(told.contains("are both /dev/not-there, which only one can use"), "{told}");
    }

    #[test]
    fn one_camera_module_twice_is_refused() {
        for (one, other) in [("rpicam", "rpicam"), ("rpicam:--camera 1", "rpicam:--hflip --camera=1")] {
            let told = complaint(&[("name = 'a'", one), ("name = 'b'", other)]);
            assert!(told.contains("both use module"), "{told}");
        }
        assert!(settings(&[("name = 'a'", "rpicam"), ("name = 'b'", "rpicam:--camera 1")]).is_ok());
        assert!(settings(&[("name = 'a'", "pattern"), ("name = 'b'", "pattern")]).is_ok());
    }

    #[test]
    fn a_search_leaves_the_devices_of_other_cameras_alone() {
        let cameras = settings(&[("name = 'a'", "auto"), ("name = 'b'", "/dev/video7")]).unwrap().cameras;
        assert_eq!(cameras[0].1.reserved, [PathBuf::from("/dev/video7")]);
        assert_eq!(cameras[1].1.reserved, Vec::<PathBuf>::new());
    }
}
