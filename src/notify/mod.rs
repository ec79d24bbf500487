//! Tells others what happened: a web hook, a command, an MQTT broker.
//!
//! Started by [`crate::serve`]; the site shows how it goes. What it promises:
//!
//! - Each target has one thread and one bounded queue, from which the oldest event is dropped. Nothing here is ever in the
//!   way of frames.
//! - Every wait has an end. A target that does not answer costs a line in the log once a minute.
//! - Without targets there are no threads, and nobody subscribes to events.
//! - A panic ends the telling of one event, or one session with the broker.
//! - What a target says is hostile or broken: it is bounded, and believed only where that was asked for.

mod address;
mod allowances;
mod command;
mod hook;
mod look_up;
mod mqtt;
mod notice;
mod settings;
mod target;
mod tls;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::events::Events;
use crate::feed::kept::KeptSettings;
use crate::host::shutdown::Shutdown;
use crate::host::threads::{self, Threads};
use crate::problem::Problem;
use crate::record::Recordings;
use allowances::Allowances;
use command::CommandRunner;
use hook::Hook;
pub use mqtt::Broker;
use mqtt::{Cameras, Mqtt};
pub use notice::About;
use notice::Notice;
pub use settings::{CommandLine, HookUrl, Settings};
pub use target::{Target, TargetKind, TargetStatus};

/// How long a thread waits for an event before it looks whether the program is to end.
const WAIT: Duration = Duration::from_secs(1);

/// All targets that the settings name.
#[derive(Debug, Default)]
pub struct Targets {
    hook: Option<Arc<Target>>,
    command: Option<Arc<Target>>,
    mqtt: Option<Arc<Target>>,
}

impl Targets {
    /// Nobody is told anything before [`start`].
    pub fn new(settings: &Settings) -> Self {
        let target = |kind, shown: String| Arc::new(Target::new(kind, shown));
        Self {
            hook: settings.hook.as_ref().map(|url| target(TargetKind::Hook, url.shown())),
            command: settings.command.as_ref().map(|line| target(TargetKind::Command, line.shown())),
            mqtt: settings.mqtt.as_ref().map(|broker| target(TargetKind::Mqtt, broker.shown())),
        }
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = &Arc<Target>> {
        [&self.hook, &self.command, &self.mqtt].into_iter().flatten()
    }
}

/// Tells one target of one event, within a bounded time.
trait Tell {
    fn tell(&mut self, notice: &Notice, shutdown: &Shutdown) -> Result<(), Problem>;
}

/// Starts the thread of each target. Only that of the command has something to release, the program that it runs: it is
/// among `threads`, so that boardcam does not end before it.
///
/// # Errors
/// When the system has no thread left.
pub fn start(
    targets: &Targets,
    settings: &Settings,
    events: &Arc<Events>,
    (recordings, kept): (&Arc<Recordings>, &Arc<KeptSettings>),
    about: &Arc<About>,
    (threads, shutdown): (&Threads, &Shutdown),
) -> Result<(), Problem> {
    if let Some((target, url)) = targets.hook.clone().zip(settings.hook.clone()) {
        let run = teller(target, events, about, shutdown, Hook::new(url));
        threads::start("notify hook", "telling what happens", run)?;
    }
    if let Some((target, line)) = targets.command.clone().zip(settings.command.clone()) {
        let run = teller(target, events, about, shutdown, CommandRunner::new(line));
        threads.start("notify command", "telling what happens", run)?;
    }
    if let Some((target, broker)) = targets.mqtt.clone().zip(settings.mqtt.clone()) {
        let cameras = Cameras {
            about: about.clone(),
            events: events.clone(),
            recordings: recordings.clone(),
            kept: kept.clone(),
        };
        let (mqtt, shutdown) = (Mqtt::new(broker, target, cameras), shutdown.clone());
        threads::start("mqtt", "MQTT", move || mqtt.run(&shutdown))?;
    }
    Ok(())
}

/// What the thread of a target does: it tells it of each event from now on.
fn teller(
    target: Arc<Target>,
    events: &Arc<Events>,
    about: &Arc<About>,
    shutdown: &Shutdown,
    mut told: impl Tell + Send + 'static,
) -> impl FnOnce() + Send + 'static {
    let (events, about, shutdown) = (events.subscribe(), about.clone(), shutdown.clone());
    move || {
        let mut allowances = Allowances::default();
        while !shutdown.has_begun() {
            let event = events.wait(WAIT);
            target.set_overtaken(events.dropped());
            let Some(notice) = event.and_then(|event| Notice::of(&event, &about)) else { continue };
            if allowances.take(&notice) {
                // Unwind safety: who tells keeps nothing of an event.
                let result = catch_unwind(AssertUnwindSafe(|| told.tell(&notice, &shutdown)));
                target.note(result.unwrap_or_else(|_| Err(target.fault())));
            } else {
                target.left_out();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::sync::mpsc::{Sender, channel};
    use std::thread;
    use std::time::Instant;

    use super::*;
    use crate::events::{Event, Kind};
    use notice::tests::about;

    /// Passes on what it tells.
    struct Told(Sender<String>);

    impl Tell for Told {
        fn tell(&mut self, notice: &Notice, _: &Shutdown) -> Result<(), Problem> {
            self.0.send(notice.message.clone()).unwrap();
            Ok(())
        }
    }

    #[test]
    fn a_target_is_told_the_newest_events_in_their_order_as_many_as_it_may_be_and_the_rest_is_counted() {
        const WAITING: u64 = 64;
        const TOLD: u64 = 12;
        let (events, shutdown) = (Arc::<Events>::default(), Shutdown::default());
        let target = Arc::new(Target::new(TargetKind::Hook, "http://x/".to_owned()));
        let (told, is_told) = channel();
        let run = teller(target.clone(), &events, &Arc::new(about()), &shutdown, Told(told));
        let lost = |number: u64| Kind::CameraLost(Problem::new("lost", format!("number {number}"), "look"));
        for number in 0..WAITING + 6 {
            events.publish(Event::new("door", lost(number)));
        }
        let running = thread::spawn(run);
        let sent = || target.sent.load(Ordering::Relaxed);
        let begin = Instant::now();
        while sent() + target.dropped() < WAITING + 6 {
            assert!(begin.elapsed() < Duration::from_secs(60), "{} told", sent());
            thread::sleep(Duration::from_millis(5));
        }
        shutdown.begin();
        events.end_waits();
        running.join().unwrap();
        assert_eq!((sent(), target.dropped()), (TOLD, WAITING + 6 - TOLD));
        let expected: Vec<_> =
            (6..6 + TOLD).map(|number| format!("Front door: no picture: number {number}; look")).collect();
        assert_eq!(is_told.iter().collect::<Vec<_>>(), expected);
    }
}
