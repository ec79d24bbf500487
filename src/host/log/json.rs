//! Log lines for machines: one JSON object each, for `--log-format json`.

use std::cell::RefCell;

use jiff::Timestamp;
use log::Record;
use serde::Serialize;

thread_local! {
    static CAMERA: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// While this lives, log lines of its thread carry a camera's name.
#[derive(Debug)]
#[must_use]
pub struct CameraScope {
    before: Option<String>,
}

/// Log lines of the calling thread carry this camera's name from now on, until the result is dropped.
pub fn camera_scope(name: &str) -> CameraScope {
    CameraScope { before: CAMERA.replace(Some(name.to_owned())) }
}

impl Drop for CameraScope {
    fn drop(&mut self) {
        let before = self.before.take();
        let _ = CAMERA.try_with(|camera| camera.replace(before)); // a thread that is ending logs nothing more
    }
}

/// The field names are part of the interface to other programs.
#[derive(Serialize)]
struct Line<'a> {
    /// RFC 3339, in UTC, to the millisecond.
    time: String,
    level: String,
    /// The module that logs.
    target: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<String>,
}

/// The JSON object, without a line break.
pub(super) fn line(record: &Record<'_>) -> String {
    let line = Line {
        time: format!("{:.3}", Timestamp::now()),
        level: record.level().as_str().to_ascii_lowercase(),
        target: record.target(),
        message: record.args().to_string(),
        camera: CAMERA.try_with(|camera| camera.borrow().clone()).ok().flatten(),
    };
    serde_json::to_string(&line).unwrap_or_default() // cannot fail: all fields are texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;

    fn object(message: &str) -> serde_json::Value {
        let text = line(
            &Record::builder().level(Level::Warn).target("here").args(format_args!("{message}")).build(),
        );
        assert!(!text.contains('\n'), "{text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn every_message_is_one_object_on_one_line() {
        for message in ["plain", "\"}\n{\"level\":\"error\"", "\u{0}\u{1b}[31m\r\u{2028}\u{e9}\\"] {
            let object = object(message);
            assert_eq!(object["message"], message);
            assert_eq!((object["level"].as_str(), object["target"].as_str()), (Some("warn"), Some("here")));
            let time = object["time"].as_str().unwrap();
            assert!(time.len() == 24 && time.ends_with('Z') && time.parse::<Timestamp>().is_ok(), "{time}");
            assert_eq!(object.get("camera"), None);
        }
    }

    #[test]
    fn a_line_names_the_camera_of_its_scope() {
        let door = camera_scope("door");
        assert_eq!(object("x")["camera"], "door");
        {
            let _garden = camera_scope("garden");
            assert_eq!(object("x")["camera"], "garden");
        }
        assert_eq!(object("x")["camera"], "door");
        drop(door);
        assert_eq!(object("x").get("camera"), None);
    }
}
