//! MQTT: what the cameras do, for Home Assistant and others, and switches for what they are to do.
//!
//! One thread looks at the cameras a few times a second and says what has changed. What the broker sends is believed
//! where it is exactly `ON` or `OFF` under the topic of a switch, and was not sent before we came. If the connection
//! ends without a word, as it does at the end of this program, the broker says that the board is gone.

mod broker;
mod discovery;
mod session;
mod socket;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{info, warn};

use super::look_up::LookUp;
use super::notice::About;
use super::target::Target;
use crate::events::{Events, Kind, Subscription};
use crate::feed::kept::KeptSettings;
use crate::feed::{CaptureState, Feed};
use crate::host::inject;
use crate::host::log::bounded::{Subject, may_log};
use crate::host::shutdown::Shutdown;
use crate::names::printable;
use crate::problem::{Problem, Text, text};
use crate::record::Recordings;
pub use broker::Broker;
use discovery::{Aspect, Topics};
use session::{Message, Session};
use socket::{Failure, PATIENCE};

/// The time between two tries to connect: the first, ...
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// ... which doubles with each failure, up to this.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What is switched.
const ON: &str = "ON";
const OFF: &str = "OFF";

/// The board is there, or is not.
const ONLINE: &str = "online";
const OFFLINE: &str = "offline";

/// What is known, and what can be switched.
pub(super) struct Cameras {
    pub(super) about: Arc<About>,
    pub(super) events: Arc<Events>,
    pub(super) recordings: Arc<Recordings>,
    pub(super) kept: Arc<KeptSettings>,
}

/// The thread.
pub(super) struct Mqtt {
    broker: Broker,
    target: Arc<Target>,
    cameras: Cameras,
    heard: Subscription,
    topics: Topics,
}

/// What the broker was told last, by topic.
type Said = BTreeMap<String, String>;

/// What outlasts a session.
struct Lasting {
    /// When the last picture of each camera that the broker was sent was captured; before there is one, when this program
    /// began.
    pictured: Vec<Instant>,
    look_up: LookUp,
    /// Since when the last session is connected; `None` if it is not, or was not.
    connected: Option<Instant>,
}

impl Mqtt {
    pub(super) fn new(broker: Broker, target: Arc<Target>, cameras: Cameras) -> Self {
        let heard = cameras.events.subscribe();
        let topics = Topics::new(&broker.prefix, &cameras.about.board);
        Self { broker, target, cameras, heard, topics }
    }

    /// Connects again and again until the program is to end.
    pub(super) fn run(&self, shutdown: &Shutdown) {
        let mut pause = PAUSE_MIN;
        let mut lasting = Lasting {
            pictured: vec![Instant::now(); self.cameras.about.feeds.len()],
            look_up: LookUp::new("mqtt name"),
            connected: None,
        };
        while !shutdown.has_begun() {
            lasting.connected = None;
            // Unwind safety: a session leaves nothing half done but the connection, which ends with it.
            match catch_unwind(AssertUnwindSafe(|| self.serve(&mut lasting, shutdown))) {
                Ok(Ok(())) => return,
                Ok(Err(failure)) => self.target.fails(self.problem(failure)),
                Err(_) => self.target.fails(self.target.fault()),
            }
            if lasting.connected.is_some_and(|since| since.elapsed() > pause) {
                pause = PAUSE_MIN; // it was connected for longer than it was away
            }
            shutdown.wait(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// One session; ends without an error only if the program is to end.
    fn serve(&self, lasting: &mut Lasting, shutdown: &Shutdown) -> Result<(), Failure> {
        let Lasting { pictured, look_up, connected } = lasting;
        let status = self.topics.status();
        let addresses = look_up.addresses(self.broker.host(), self.broker.port(), PATIENCE)?;
        let mut session = Session::open(&self.broker, &addresses, &status, OFFLINE)?;
        *connected = Some(Instant::now());
        self.target.works();
        info!("connected to {}", self.broker.shown());
        session.subscribe(&self.switches())?;
        let mut said = Said::new();
        say(&mut session, &mut said, status, ONLINE.to_owned())?;
        while !shutdown.has_begun() {
            self.look(&mut session, &mut said)?;
            self.tell(&mut session, &mut said, pictured)?;
            self.take_back_pictures(&mut session, &mut said, pictured)?;
            if let Some(message) = session.listen()? {
                self.obey(&message);
            }
            if session.takes_refusal() {
                self.target.complains(self.refusal());
            }
        }
        Ok(())
    }

    /// Says what has changed, and first what there is.
    fn look(&self, session: &mut Session, said: &mut Said) -> io::Result<()> {
        inject::panic_at("mqtt");
        for (index, feed) in self.cameras.about.feeds.iter().enumerate() {
            for aspect in Aspect::ALL {
                let is_there = self.cameras.has(feed, aspect);
                let place = self.topics.discovery(&feed.name, aspect);
                if is_there != said.get(&place).map(|entity| !entity.is_empty()).unwrap_or(!is_there) {
                    // An empty one takes back what an earlier start has said.
                    let page = self.cameras.about.url(&feed.name);
                    let entity = self.topics.entity(&feed.name, feed.title(), page.as_deref(), aspect);
                    let entity = if is_there { entity.to_string() } else { String::new() };
                    say(session, said, place, entity)?;
                }
                let state = self.cameras.state(index, feed, aspect).filter(|_| is_there);
                if let Some(is_on) = state {
                    let word = if is_on { ON } else { OFF };
                    say(session, said, self.topics.of(&feed.name, aspect), word.to_owned())?;
                }
            }
        }
        Ok(())
    }

    /// Shows the picture of the last motion of each camera, and counts what has happened.
    fn tell(&self, session: &mut Session, said: &mut Said, pictured: &mut [Instant]) -> io::Result<()> {
        let mut pictures = BTreeMap::new();
        while let Some(event) = self.heard.wait(Duration::ZERO) {
            self.target.tells_one();
            if let (Kind::MotionBegan, Some(picture)) = (&event.kind, &event.picture) {
                pictures.insert(event.camera.clone(), (event.moment, picture.clone()));
            }
        }
        self.target.set_overtaken(self.heard.dropped());
        for (feed, pictured) in self.cameras.about.feeds.iter().zip(pictured) {
            let Some((moment, picture)) = pictures.remove(&feed.name) else { continue };
            if feed.privacy.shows(moment) {
                let topic = self.topics.of(&feed.name, Aspect::Picture);
                said.remove(&topic);
                *pictured = moment;
                session.publish(&topic, picture.to_vec())?;
            }
        }
        Ok(())
    }

    /// Takes back the pictures that the broker keeps of cameras in which privacy has begun since, also those of an earlier
    /// session.
    fn take_back_pictures(
        &self,
        session: &mut Session,
        said: &mut Said,
        pictured: &[Instant],
    ) -> io::Result<()> {
        for (feed, moment) in self.cameras.about.feeds.iter().zip(pictured) {
            if !feed.privacy.shows(*moment) {
                say(session, said, self.topics.of(&feed.name, Aspect::Picture), String::new())?;
            }
        }
        Ok(())
    }

    /// The topics by which something is switched.
    fn switches(&self) -> Vec<String> {
        let aspects = || Aspect::ALL.into_iter().filter(|aspect| aspect.can_be_switched());
        let feeds = self.cameras.about.feeds.iter();
        feeds.flat_map(|feed| aspects().map(|aspect| self.topics.switch(&feed.name, aspect))).collect()
    }

    fn obey(&self, message: &Message) {
        let is_on = match &*message.payload {
            payload if payload == ON.as_bytes() => true,
            payload if payload == OFF.as_bytes() => false,
            _ => return,
        };
        if message.is_retained {
            return; // it may be years old
        }
        for (index, feed) in self.cameras.about.feeds.iter().enumerate() {
            for aspect in Aspect::ALL {
                let is_it =
                    aspect.can_be_switched() && message.topic == self.topics.switch(&feed.name, aspect);
                if is_it && self.cameras.has(feed, aspect) {
                    self.cameras.switch(index, feed, aspect, is_on);
                    if may_log(Subject::Switches, &feed.name) {
                        let word = if is_on { "on" } else { "off" };
                        info!("{}: {} is switched {word} by MQTT", feed.label(), aspect.name());
                    }
                }
            }
        }
    }

    fn refusal(&self) -> Problem {
        Problem::new(
            text!("cannot be switched by {}", self.broker.shown()),
            text!("it refuses to pass on what others say about these topics"),
            text!("let this user of the broker read the topics that end with /set"),
        )
    }

    fn problem(&self, failure: Failure) -> Problem {
        let (why, advice) = match failure {
            Failure::Problem(problem) => return problem,
            Failure::Said(why) => (why, text!("see what the settings say of mqtt, and what the broker logs")),
            Failure::System(error) => {
                let why = match error.kind() {
                    ErrorKind::TimedOut | ErrorKind::WouldBlock => text!("it does not answer"),
                    ErrorKind::UnexpectedEof => text!("it ended the connection"),
                    _ => Text::from(printable(error.to_string().as_bytes())),
                };
                (why, text!("see whether the broker runs there, and what it logs"))
            }
        };
        Problem::new(text!("cannot connect to {}", self.broker.shown()), why, advice)
    }
}

impl Cameras {
    /// Whether there is something to say.
    fn has(&self, feed: &Feed, aspect: Aspect) -> bool {
        match aspect {
            Aspect::Camera | Aspect::Privacy => true,
            Aspect::Motion | Aspect::Picture => feed.motion.is_on(),
            Aspect::Recording => self.recordings.folder.is_some(),
        }
    }

    /// What is on or off.
    fn state(&self, index: usize, feed: &Feed, aspect: Aspect) -> Option<bool> {
        match aspect {
            Aspect::Camera => {
                let status = feed.status();
                match status.state {
                    CaptureState::Starting => None, // as it was
                    CaptureState::Live(_) | CaptureState::Resting | CaptureState::Private => {
                        Some(status.problem().is_none())
                    }
                    CaptureState::Waiting(_) => Some(false),
                }
            }
            Aspect::Motion => {
                Some(self.events.motion_of(&feed.name).is_some_and(|motion| motion.ended.is_none()))
            }
            Aspect::Picture => None,
            Aspect::Recording => {
                let status = self.recordings.cameras.get(index)?.status();
                Some(status.on || status.armed)
            }
            Aspect::Privacy => Some(feed.privacy.look()),
        }
    }

    fn switch(&self, index: usize, feed: &Feed, aspect: Aspect, is_on: bool) {
        match aspect {
            Aspect::Recording => {
                if let Some(recording) = self.recordings.cameras.get(index) {
                    recording.allow(is_on);
                }
            }
            Aspect::Privacy => {
                if let Err(problem) = self.kept.switch_privacy(iter::once(feed), is_on) {
                    warn!("{}: {problem}", feed.label());
                }
            }
            Aspect::Camera | Aspect::Motion | Aspect::Picture => {}
        }
    }
}

/// Says it unless it was said already.
fn say(session: &mut Session, said: &mut Said, topic: String, text: String) -> io::Result<()> {
    if said.get(&topic) != Some(&text) {
        session.publish(&topic, text.as_str())?;
        said.insert(topic, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
