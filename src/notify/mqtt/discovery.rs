//! What Home Assistant is told of the cameras, so that it shows them without any settings: MQTT discovery, one retained
//! message for each entity. <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>

use serde_json::{Value, json};

/// What is said about a camera, each under a topic of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aspect {
    /// Whether it delivers.
    Camera,
    /// Whether something moves.
    Motion,
    /// A picture of the last motion.
    Picture,
    /// Whether it is recorded; can be switched.
    Recording,
    /// Whether it is closed so that nobody sees anything; can be switched.
    Privacy,
}

impl Aspect {
    pub(super) const ALL: [Aspect; 5] =
        [Aspect::Camera, Aspect::Motion, Aspect::Picture, Aspect::Recording, Aspect::Privacy];

    /// The end of its topic.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Aspect::Camera => "camera",
            Aspect::Motion => "motion",
            Aspect::Picture => "picture",
            Aspect::Recording => "recording",
            Aspect::Privacy => "privacy",
        }
    }

    /// What people read.
    const fn title(self) -> &'static str {
        match self {
            Aspect::Camera => "Camera",
            Aspect::Motion => "Motion",
            Aspect::Picture => "Last motion",
            Aspect::Recording => "Recording",
            Aspect::Privacy => "Privacy",
        }
    }

    /// The kind of entity.
    const fn component(self) -> &'static str {
        match self {
            Aspect::Camera | Aspect::Motion => "binary_sensor",
            Aspect::Picture => "image",
            Aspect::Recording | Aspect::Privacy => "switch",
        }
    }

    pub(super) const fn can_be_switched(self) -> bool {
        matches!(self, Aspect::Recording | Aspect::Privacy)
    }
}

/// The topics of this board.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    /// With what they begin.
    base: String,
    /// With what its names in Home Assistant begin.
    id: String,
}

impl Topics {
    pub(super) fn new(prefix: &str, board: &str) -> Self {
        let base = format!("{prefix}/{}", plain(board));
        Self { id: plain(&base), base }
    }

    /// Whether the board is there.
    pub(super) fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    pub(super) fn of(&self, camera: &str, aspect: Aspect) -> String {
        format!("{}/{camera}/{}", self.base, aspect.name())
    }

    /// By which it is switched.
    pub(super) fn switch(&self, camera: &str, aspect: Aspect) -> String {
        format!("{}/set", self.of(camera, aspect))
    }

    /// Where Home Assistant looks for an entity.
    pub(super) fn discovery(&self, camera: &str, aspect: Aspect) -> String {
        format!("homeassistant/{}/{}_{camera}/{}/config", aspect.component(), self.id, aspect.name())
    }

    /// The entity.
    pub(super) fn entity(&self, camera: &str, title: &str, page: Option<&str>, aspect: Aspect) -> Value {
        const VERSION: &str = env!("CARGO_PKG_VERSION");
        let device = format!("{}_{camera}", self.id);
        let mut entity = json!({
            "name": aspect.title(),
            "unique_id": format!("{device}_{}", aspect.name()),
            "availability_topic": self.status(),
            "device": { "identifiers": [device], "name": title, "manufacturer": "boardcam", "sw_version": VERSION },
            "origin": { "name": "boardcam", "sw_version": VERSION },
        });
        if let Some(page) = page {
            entity["device"]["configuration_url"] = page.into();
        }
        let topic = self.of(camera, aspect);
        match aspect {
            Aspect::Picture => {
                entity["image_topic"] = topic.into();
                entity["content_type"] = "image/jpeg".into();
            }
            Aspect::Camera => {
                entity["state_topic"] = topic.into();
                entity["device_class"] = "connectivity".into();
                entity["entity_category"] = "diagnostic".into();
            }
            Aspect::Motion => {
                entity["state_topic"] = topic.into();
                entity["device_class"] = "motion".into();
            }
            Aspect::Recording | Aspect::Privacy => {
                let icon = if aspect == Aspect::Privacy { "mdi:eye-off" } else { "mdi:record-rec" };
                entity["state_topic"] = topic.into();
                entity["command_topic"] = self.switch(camera, aspect).into();
                entity["icon"] = icon.into();
            }
        }
        entity
    }
}

/// A name as Home Assistant takes it in a topic.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_and_names_are_those_of_this_board_and_camera() {
        let topics = Topics::new("home/cams", "my board");
        assert_eq!(topics.status(), "home/cams/my_board/status");
        assert_eq!(topics.of("door", Aspect::Motion), "home/cams/my_board/door/motion");
        let place = "homeassistant/switch/home_cams_my_board_door/recording/config";
        assert_eq!(topics.discovery("door", Aspect::Recording), place);
        let switch = topics.entity("door", "Front door", Some("http://10.0.0.9/"), Aspect::Recording);
        assert_eq!(switch["command_topic"], "home/cams/my_board/door/recording/set");
        assert_eq!(switch["device"]["name"], "Front door");
        assert_eq!(switch["device"]["configuration_url"], "http://10.0.0.9/");
        let picture = topics.entity("door", "Front door", None, Aspect::Picture);
        assert_eq!(picture["image_topic"], "home/cams/my_board/door/picture");
        let ids: std::collections::HashSet<_> =
            Aspect::ALL.map(|aspect| topics.entity("door", "", None, aspect)["unique_id"].to_string()).into();
        assert_eq!(ids.len(), Aspect::ALL.len());
    }
}
