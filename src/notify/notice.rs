//! What is said about an event: the same for every target.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use base64ct::{Base64, Encoding};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use crate::events::{Event, Kind};
use crate::feed::Feed;
use crate::host::addresses;

/// What is known about this board.
#[derive(Debug)]
pub struct About {
    /// What people call it.
    pub board: String,
    /// Where its page is served.
    pub addresses: Vec<SocketAddr>,
    /// Whether that is by HTTPS.
    pub https: bool,
    /// Its cameras.
    pub feeds: Vec<Arc<Feed>>,
}

impl About {
    /// The page of a camera, for another device; `None` without a network.
    pub(super) fn url(&self, camera: &str) -> Option<String> {
        let root = addresses::urls(&self.addresses, self.https).into_iter().next()?;
        Some(format!("{root}cameras/{camera}/"))
    }

    fn feed(&self, camera: &str) -> Option<&Arc<Feed>> {
        self.feeds.iter().find(|feed| feed.name == camera)
    }
}

/// An event that people want to be told of.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Notice {
    pub(super) event: &'static str,
    pub(super) camera: String,
    pub(super) title: String,
    /// RFC 3339, with the board's offset.
    pub(super) at: String,
    pub(super) board: String,
    /// The camera's page; `None` without a network.
    pub(super) url: Option<String>,
    /// All of it in a sentence.
    pub(super) message: String,
    #[serde(skip)]
    picture: Option<Picture>,
}

/// A JPEG of the moment.
#[derive(Debug, Clone)]
struct Picture {
    jpeg: Arc<[u8]>,
    /// When it was captured, by ...
    moment: Instant,
    /// ... this camera.
    feed: Arc<Feed>,
}

/// A notice as JSON, which has its picture in base64.
#[derive(Serialize)]
struct WithPicture<'a> {
    #[serde(flatten)]
    notice: &'a Notice,
    picture: Option<String>,
}

/// The event that begins each time something moves.
const MOTION: &str = "motion";

impl Notice {
    /// `None` if nobody is called for it: the end of a motion, and what somebody has switched.
    pub(super) fn of(event: &Event, about: &About) -> Option<Self> {
        let feed = about.feed(&event.camera);
        let title = feed.map_or(event.camera.as_str(), |feed| feed.title()).to_owned();
        let (name, message) = match &event.kind {
            Kind::MotionBegan => (MOTION, format!("{title}: something moves")),
            Kind::CameraLost(problem) => {
                ("camera_lost", format!("{title}: no picture: {}; {}", problem.why, problem.advice))
            }
            Kind::CameraBack => ("camera_back", format!("{title}: the picture is back")),
            Kind::MotionEnded | Kind::PrivacyOn | Kind::PrivacyOff => return None,
        };
        Some(Self {
            event: name,
            title,
            at: rfc3339(event.at),
            board: about.board.clone(),
            url: about.url(&event.camera),
            message,
            camera: event.camera.clone(),
            picture: event.picture.clone().zip(feed.cloned()).map(|(jpeg, feed)| Picture {
                jpeg,
                moment: event.moment,
                feed,
            }),
        })
    }

    /// A JPEG of the moment, unless privacy was switched on since. Asked before each time that it is sent.
    pub(super) fn picture(&self) -> Option<&[u8]> {
        let Picture { jpeg, moment, feed } = self.picture.as_ref()?;
        feed.privacy.shows(*moment).then_some(&**jpeg)
    }

    /// Whether it came with a picture.
    pub(super) fn has_picture(&self) -> bool {
        self.picture.is_some()
    }

    pub(super) fn is_motion(&self) -> bool {
        self.event == MOTION
    }

    /// As JSON, with the picture in it or without.
    pub(super) fn json(&self, with_picture: bool) -> String {
        let picture = self.picture().filter(|_| with_picture).map(Base64::encode_string);
        // Only strings, whose serialization cannot fail.
        serde_json::to_string(&WithPicture { notice: self, picture }).unwrap_or_default()
    }

    /// As environment variables.
    pub(super) fn environment(&self) -> [(&'static str, &str); 7] {
        [
            ("BOARDCAM_EVENT", self.event),
            ("BOARDCAM_CAMERA", &self.camera),
            ("BOARDCAM_TITLE", &self.title),
            ("BOARDCAM_AT", &self.at),
            ("BOARDCAM_BOARD", &self.board),
            ("BOARDCAM_URL", self.url.as_deref().unwrap_or_default()),
            ("BOARDCAM_MESSAGE", &self.message),
        ]
    }
}

/// A moment by the board's time zone: `2026-03-01T14:05:09+01:00`.
fn rfc3339(at: SystemTime) -> String {
    let at = Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH);
    Zoned::new(at, TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use crate::feed::kept::KeptSettings;
    use crate::problem::Problem;

    pub(in crate::notify) fn about() -> About {
        let config =
            SourceConfig { title: Some("Front door".to_owned()), ..SourceConfig::of(SourceSpec::Auto) };
        let feeds = vec![Arc::new(Feed::new("door".to_owned(), config).0)];
        About { board: "board".to_owned(), addresses: Vec::new(), https: false, feeds }
    }

    pub(in crate::notify) fn event(kind: Kind) -> Event {
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let event = Event::new("door", kind).with_picture(Some(Arc::from(&b"\xff\xd8jpeg"[..])));
        Event { at, ..event }
    }

    pub(in crate::notify) fn notice() -> Notice {
        Notice::of(&event(Kind::MotionBegan), &about()).unwrap()
    }

    #[test]
    fn motion_is_told_with_its_picture_and_its_end_is_not() {
        let told: Value = serde_json::from_str(&notice().json(true)).unwrap();
        let at = told["at"].as_str().unwrap();
        assert_eq!(at.parse::<Timestamp>().unwrap().as_second(), 1_000_000_000, "{at}");
        let rest = json!({
            "event": "motion", "camera": "door", "title": "Front door", "at": at, "board": "board", "url": null,
            "message": "Front door: something moves", "picture": "/9hqcGVn",
        });
        assert_eq!(told, rest);
        let without: Value = serde_json::from_str(&notice().json(false)).unwrap();
        assert_eq!(without["picture"], Value::Null);
        for kind in [Kind::MotionEnded, Kind::PrivacyOn, Kind::PrivacyOff] {
            assert!(Notice::of(&event(kind), &about()).is_none());
        }
    }

    /// Switches privacy of this board's camera.
    pub(in crate::notify) fn switch_privacy(about: &About, on: bool) {
        let _ = KeptSettings::default().switch_privacy(about.feeds.iter().map(Arc::as_ref), on); // it is not kept
    }

    #[test]
    fn a_picture_from_before_privacy_is_not_told_also_when_privacy_is_over() {
        let about = about();
        let notice = || Notice::of(&event(Kind::MotionBegan), &about).unwrap();
        let before = notice();
        assert!(before.picture().is_some());
        switch_privacy(&about, true);
        assert!(before.picture().is_none() && before.json(true).contains(r#""picture":null"#));
        switch_privacy(&about, false);
        assert!(before.picture().is_none() && notice().picture().is_some());
    }

    #[test]
    fn a_camera_that_is_lost_is_told_with_the_reason() {
        let problem = Problem::new("cannot show camera door", "unplugged", "plug it in");
        let lost = Notice::of(&event(Kind::CameraLost(problem)), &about()).unwrap();
        assert_eq!(lost.event, "camera_lost");
        assert_eq!(lost.message, "Front door: no picture: unplugged; plug it in");
        let back = Notice::of(&event(Kind::CameraBack), &about()).unwrap();
        assert_eq!((back.event, back.is_motion()), ("camera_back", false));
    }
}
