//! What was set by API or page, kept in a file over a restart: for each camera, by its name, texts as in the settings, by
//! the option's name. They overrule the settings.
//!
//! Several boardcams on one board have the same file. So each changes it under a lock, and only what is its own. The one
//! that replaces a damaged file does not know the others' privacy: in the new file, cameras without a position of the
//! switch are private.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use log::{error, info};

use super::motion::{self, Sensitivity, Wanted};
use super::privacy::{self, AS_PLANNED, Doubt, Privacy};
use super::{Changes, Feed, changes};
use crate::host::folder_lock::FolderLock;
use crate::host::state_file::{self, WRITE_WAIT, Writer};
use crate::names::is_camera_name;
use crate::picture::Orientation;
use crate::problem::{Problem, Text, text};

/// Its name in the state folder.
const FILE: &str = "cameras.json";

/// The most cameras in the file. Those that are no more make room for others.
const CAMERAS_MAX: usize = 64;

/// Values by option, by camera.
type Cameras = BTreeMap<String, BTreeMap<String, String>>;

/// The options that API and page set.
pub const ROTATE: &str = "rotate";
/// See [`ROTATE`].
pub const FLIP: &str = "flip";
/// The position of the switch for privacy.
const PRIVACY: &str = "privacy";
/// In place of a camera's name, with a position of the switch: that of all cameras for which the file has none.
const OTHERS: &str = "*";
/// Before the name of a control.
const CONTROL: &str = "control:";

/// The file of what was set by API or page.
#[derive(Debug, Default)]
pub struct KeptSettings {
    /// `None` if there is no folder to keep anything.
    folder: Option<PathBuf>,
    writer: Writer,
    /// The cameras' privacy by name: a file that cannot be read is replaced by one that still says what is known of that.
    privacy: OnceLock<Vec<(String, Arc<Privacy>)>>,
}

impl KeptSettings {
    /// Those in this folder.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    /// Sets what is kept, once, at the start. If the file cannot be read, the settings apply, but all cameras are private,
    /// since they may have been; the log says why.
    pub fn apply<'a>(&self, feeds: impl IntoIterator<Item = &'a Feed>) {
        let Some(path) = self.path() else { return };
        let feeds: Vec<_> = feeds.into_iter().collect();
        let privacy = feeds.iter().map(|feed| (feed.name.clone(), feed.privacy.clone()));
        self.privacy.get_or_init(|| privacy.collect());
        let cameras: Cameras = match state_file::read(&path) {
            Ok(cameras) => cameras,
            Err(why) => {
                let what = format!("cannot read what was set on the page, in {}", path.display());
                let advice = "the settings apply, but all cameras stay private, since nobody knows whether privacy was \
                              switched on: switch it off on the page, or by PUT /api/privacy; the next change on the \
                              page replaces the file";
                error!("{}", Problem::new(what, why, advice));
                return feeds.iter().for_each(|feed| feed.privacy.doubt_kept());
            }
        };
        for feed in feeds {
            restore_privacy(feed, &cameras, &path);
            let Some(values) = cameras.get(&feed.name) else { continue };
            let mut orientation = feed.config.orientation;
            let kept = |name| values.get(name).map(String::as_str).unwrap_or_default();
            // A value that is none was not written by this program.
            orientation.rotation = kept(ROTATE).parse().unwrap_or(orientation.rotation);
            orientation.flip = kept(FLIP).parse().unwrap_or(orientation.flip);
            feed.set_orientation(orientation);
            let changes = changes::NAMES.iter().fold(Changes::default(), |changes, name| {
                changes.with(name, values.get(*name).map(String::as_str)).unwrap_or(changes)
            });
            // What is none for this camera any more, since the settings name another source, is passed over.
            let _passed_over = feed.change(|_| Ok(changes));
            let kept = |name| values.get(name).map(String::as_str);
            feed.motion.change(|wanted| {
                let sensitivity = kept(motion::MOTION).and_then(|name| Sensitivity::parse(name).ok());
                wanted.sensitivity = sensitivity.unwrap_or(wanted.sensitivity);
                if let Some(Ok(zones)) = kept(motion::IGNORE).map(motion::zones) {
                    wanted.ignored = zones.into_iter().take(motion::ZONES_MAX).collect();
                }
            });
            let controls = values.iter().filter_map(|(name, value)| Some((control_name(name)?, value)));
            feed.controls.keep(controls.map(|(name, value)| (name.to_owned(), Some(value.clone()))));
            let overruled = feed.overruled();
            if !overruled.is_empty() {
                let (names, path) = (overruled.join(" and "), path.display());
                info!(
                    "{}: {names} as set by page or API, not as in the settings; kept in {path}",
                    feed.label()
                );
            }
        }
    }

    /// Turns and mirrors the pictures of `feed` from the next frame on, and after a restart, as `change` makes it of how
    /// they are now. What is as in the settings is not kept, so that it follows them.
    ///
    /// # Errors
    /// Why it ends with the program.
    pub fn change_orientation(
        &self,
        feed: &Feed,
        change: impl Fn(Orientation) -> Orientation,
    ) -> Result<(), Problem> {
        feed.change_orientation(change);
        let settings = feed.config.orientation;
        self.keep(feed, || {
            let now = feed.orientation();
            [
                (ROTATE, (now.rotation != settings.rotation).then(|| now.rotation.to_string())),
                (FLIP, (now.flip != settings.flip).then(|| now.flip.to_string())),
            ]
        })
    }

    /// Looks for motion in the pictures of `feed` as `change` makes it of what is asked for now, also after a restart.
    ///
    /// # Errors
    /// Why it ends with the program.
    pub fn change_motion(&self, feed: &Feed, change: impl FnOnce(&mut Wanted)) -> Result<(), Problem> {
        feed.motion.change(change);
        self.keep(feed, || feed.motion.texts())
    }

    /// Switches the privacy of all these at once, until their plan next changes it, and after a restart.
    ///
    /// # Errors
    /// Why it ends with the program.
    pub fn switch_privacy<'a>(
        &self,
        feeds: impl Iterator<Item = &'a Feed> + Clone,
        on: bool,
    ) -> Result<(), Problem> {
        feeds.clone().for_each(|feed| feed.switch_privacy(on)); // before anybody waits for the disk
        self.keep_all(&feeds.collect::<Vec<_>>(), |feed| [(PRIVACY, feed.privacy.kept())])
    }

    /// Sets only the privacy that is kept for this camera.
    ///
    /// # Errors
    /// Why that cannot be known.
    pub fn apply_privacy(&self, feed: &Feed) -> Result<(), Problem> {
        let Some(path) = self.path() else { return Ok(()) };
        let cameras: Cameras = state_file::read(&path).map_err(|why| {
            let what = format!("cannot read whether privacy is on, in {}", path.display());
            Problem::new(what, why, "switch privacy off on the page, which replaces the file")
        })?;
        set_privacy(feed, &cameras);
        Ok(())
    }

    /// Keeps what is changed of size, rate, format and quality of `feed` now.
    ///
    /// # Errors
    /// Why it ends with the program.
    pub fn keep_changes(&self, feed: &Feed) -> Result<(), Problem> {
        self.keep(feed, || feed.changing.wanted().texts())
    }

    /// Keeps what these controls of `feed` are set to here, and forgets those that are not.
    ///
    /// # Errors
    /// Why it ends with the program.
    pub fn keep_controls(&self, feed: &Feed, names: &[String]) -> Result<(), Problem> {
        self.keep(feed, || {
            let kept = feed.controls.kept();
            names
                .iter()
                .map(move |name| (format!("{CONTROL}{name}"), kept.get(name).cloned()))
                .collect::<Vec<_>>()
        })
    }

    /// Keeps these values of a camera, and forgets those that are `None`. They are asked for when it is this change's
    /// turn to write: of two changes at once, the file keeps what holds after both.
    fn keep<N: Into<String>, V: IntoIterator<Item = (N, Option<String>)>>(
        &self,
        feed: &Feed,
        values: impl Fn() -> V,
    ) -> Result<(), Problem> {
        self.keep_all(&[feed], |_| values())
    }

    /// The same of several cameras, whose values are written at once.
    fn keep_all<N: Into<String>, V: IntoIterator<Item = (N, Option<String>)>>(
        &self,
        feeds: &[&Feed],
        values: impl Fn(&Feed) -> V,
    ) -> Result<(), Problem> {
        let what = || {
            let labels = Text::list(feeds.iter().map(|feed| feed.label()), ", ".into());
            text!("cannot keep this for {} after a restart", labels)
        };
        let (Some(folder), Some(path)) = (&self.folder, self.path()) else {
            if feeds.iter().flat_map(|feed| values(feed)).all(|(_, value)| value.is_none()) {
                return Ok(()); // as the settings say, which hold after a restart by themselves
            }
            return Err(Problem::new(
                what(),
                text!("there is no folder for it"),
                text!("name a folder that can be written: STATE_DIRECTORY=/path/to/folder boardcam"),
            ));
        };
        let failed = |why: String| {
            let why = text!("{}: {}", path.display().to_string(), why);
            Problem::new(
                what(),
                why,
                text!("is the disk full or read-only? STATE_DIRECTORY names another folder"),
            )
        };
        let io_failed = |error: io::Error| failed(error.to_string());
        let busy = || failed("its disk is busy with an earlier change".to_owned());
        let _permit = self.writer.acquire(WRITE_WAIT).ok_or_else(busy)?;
        state_file::make_folder(folder).map_err(io_failed)?;
        let _lock = FolderLock::acquire(folder, WRITE_WAIT).map_err(io_failed)?;
        let before: Option<Cameras> = state_file::read(&path).ok();
        let mut cameras = before.clone().unwrap_or_else(|| self.known_privacy());
        cameras.retain(|name, _| is_camera_name(name) || name == OTHERS);
        let are_others_private = cameras.contains_key(OTHERS);
        for feed in feeds {
            let camera = cameras.entry(feed.name.clone()).or_default();
            for (name, value) in values(feed) {
                let name = name.into();
                match value {
                    Some(value) => camera.insert(name, value),
                    None if are_others_private && name == PRIVACY => {
                        camera.insert(name, AS_PLANNED.to_owned())
                    }
                    None => camera.remove(&name),
                };
            }
        }
        let is_other = |name: &&String| *name != OTHERS && feeds.iter().all(|feed| feed.name != **name);
        while cameras.len() > CAMERAS_MAX
            && let Some(name) = cameras.keys().find(is_other).cloned()
        {
            cameras.remove(&name);
        }
        cameras.retain(|_, values| !values.is_empty());
        if Some(&cameras) == before.as_ref() {
            return Ok(());
        }
        state_file::write(folder, FILE, &cameras).map_err(io_failed)
    }

    /// What must be in the place of a file that cannot be read: the privacy of the cameras of which it is known, and that
    /// all others are private.
    fn known_privacy(&self) -> Cameras {
        let privacy = self.privacy.get().into_iter().flatten();
        let known = privacy.filter(|(_, privacy)| privacy.doubt() != Some(Doubt::Kept));
        let known = known.map(|(name, privacy)| (name.clone(), privacy.kept()));
        let known = known.map(|(name, kept)| (name, kept.unwrap_or_else(|| AS_PLANNED.to_owned())));
        let others = (OTHERS.to_owned(), privacy::on_since_now());
        known.chain([others]).map(|(name, kept)| (name, [(PRIVACY.to_owned(), kept)].into())).collect()
    }

    fn path(&self) -> Option<PathBuf> {
        self.folder.as_deref().map(|folder| folder.join(FILE))
    }
}

/// Switches privacy as it was kept. Where it was not, but others' was lost, this camera's may have been lost too.
fn set_privacy(feed: &Feed, cameras: &Cameras) {
    let kept = |name: &str| cameras.get(name)?.get(PRIVACY);
    match (kept(&feed.name), kept(OTHERS)) {
        (Some(kept), _) => feed.privacy.restore(kept),
        (None, Some(lost)) => feed.privacy.restore_lost(lost),
        (None, None) => {}
    }
}

/// The same, and says so where that is not as in the settings.
fn restore_privacy(feed: &Feed, cameras: &Cameras, path: &Path) {
    set_privacy(feed, cameras);
    let (label, path, plan) = (feed.label(), path.display(), feed.privacy.plan());
    let is_on = feed.privacy.look();
    if feed.privacy.doubt() == Some(Doubt::Kept) {
        error!("{label}: privacy is on, since what {path} says of it was damaged; switch it off on the page");
    } else if feed.privacy.kept().is_some() && is_on != plan.is_on() {
        let is_on = if is_on { "on" } else { "off" };
        info!(
            "{label}: privacy is {is_on} as switched on the page or by API, not as in the settings \
             (privacy = \"{plan}\"); kept in {path}"
        );
    }
}

/// The name of the control that this is about.
fn control_name(name: &str) -> Option<&str> {
    let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_';
    // The longest name that a driver gives has 31 letters, and a number may follow.
    name.strip_prefix(CONTROL).filter(|name| matches!(name.len(), 1..=40) && name.bytes().all(is_letter))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::camera::{SourceConfig, SourceSpec};
    use crate::picture::{Flip, Rotation};

    fn feed(name: &str, rotation: Rotation) -> Feed {
        let orientation = Orientation { rotation, flip: Flip::None };
        let config = SourceConfig { orientation, ..SourceConfig::of(SourceSpec::Pattern) };
        Feed::new(name.to_owned(), config).0
    }

    #[test]
    fn a_turned_picture_stays_turned_after_a_restart_until_it_is_reset() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        let kept = || KeptSettings::new(Some(folder.join("state")));
        let wanted = Orientation { rotation: Rotation::Quarter, flip: Flip::Vertical };
        let (door, garden) = (feed("door", Rotation::Half), feed("garden", Rotation::Half));
        kept().change_orientation(&door, |_| wanted).unwrap();
        assert_eq!((door.orientation(), garden.orientation()), (wanted, garden.config.orientation));
        assert_eq!(door.overruled(), [ROTATE, FLIP]);
        assert_eq!(
            garden.for_variant().0.orientation(),
            Orientation::default(),
            "smaller ones are turned already"
        );

        let (after, other) = (feed("door", Rotation::Half), feed("garden", Rotation::Half));
        kept().apply([&after, &other]);
        assert_eq!((after.orientation(), other.orientation()), (wanted, other.config.orientation));
        // What is as in the settings follows them.
        kept().change_orientation(&after, |now| Orientation { rotation: Rotation::Half, ..now }).unwrap();
        let changed = feed("door", Rotation::None);
        kept().apply([&changed]);
        assert_eq!(changed.orientation(), Orientation { rotation: Rotation::None, flip: Flip::Vertical });
        assert_eq!(changed.overruled(), [FLIP]);
        kept().change_orientation(&changed, |_| changed.config.orientation).unwrap();
        assert!(changed.overruled().is_empty());
        assert_eq!(fs::read_to_string(folder.join("state").join(FILE)).unwrap(), "{}");

        for garbage in
            ["", "[]", "{\"door\":{\"rotate\":90}}", "{\"door\":{\"rotate\":\"45\",\"flip\":\"x\"}}"]
        {
            fs::write(folder.join("state").join(FILE), garbage).unwrap();
            let safe = feed("door", Rotation::Half);
            kept().apply([&safe]);
            assert_eq!(safe.orientation(), safe.config.orientation, "{garbage}");
        }
        kept().change_orientation(&after, |_| wanted).unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn of_two_changes_at_once_the_same_one_holds_now_and_after_a_restart() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-both-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        let kept = KeptSettings::new(Some(folder.clone()));
        let door = feed("door", Rotation::None);
        let turned = |rotation| Orientation { rotation, flip: Flip::None };
        std::thread::scope(|scope| {
            let busy = kept.writer.acquire(WRITE_WAIT).expect("nothing is written yet");
            let first = scope.spawn(|| kept.change_orientation(&door, |_| turned(Rotation::Quarter)));
            while door.orientation() != turned(Rotation::Quarter) {
                std::thread::yield_now();
            }
            // The second comes while the first waits for the disk.
            door.change_orientation(|_| turned(Rotation::Half));
            drop(busy);
            first.join().unwrap().unwrap();
        });
        let after = feed("door", Rotation::None);
        kept.apply([&after]);
        assert_eq!(after.orientation(), door.orientation());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn controls_are_kept_whatever_else_stands_in_the_file_and_never_make_it_too_large_to_read() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-controls-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir(&folder).unwrap();
        let path = folder.join(FILE);
        let kept = KeptSettings::new(Some(folder.clone()));
        let mut values: BTreeMap<String, String> =
            (0..2000).map(|number| (format!("control:\u{7}{number}"), "1".to_owned())).collect();
        values.insert("control:".to_owned(), "1".to_owned());
        values.insert("control:focus_absolute".to_owned(), "30".to_owned());
        let file = BTreeMap::from([("door", values)]);
        fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
        let door = feed("door", Rotation::None);
        kept.apply([&door]);
        assert_eq!(door.controls.kept(), BTreeMap::from([("focus_absolute".to_owned(), "30".to_owned())]));

        fs::write(&path, "{}").unwrap();
        let names: Vec<_> = (0..20).map(|number| format!("string_{number}")).collect();
        door.controls.keep(names.iter().map(|name| (name.clone(), Some("x".repeat(4000)))));
        let problem = kept.keep_controls(&door, &names).unwrap_err().to_string();
        assert!(problem.contains("it would be larger than 65536 bytes"), "{problem}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}", "what was kept stays readable");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn after_a_damaged_file_cameras_are_private_until_each_is_switched_off_also_after_another_restart() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-privacy-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir(&folder).unwrap();
        let kept = || KeptSettings::new(Some(folder.clone()));
        let cameras = || ["door", "garden"].map(|name| feed(name, Rotation::None));
        let started = || {
            let (kept, cameras) = (kept(), cameras());
            kept.apply(&cameras);
            (kept, cameras)
        };
        let are_private = |cameras: &[Feed; 2]| cameras.each_ref().map(Feed::is_private);
        assert_eq!(are_private(&started().1), [false; 2], "without a file");
        for damaged in ["", "{", "[]", "{\"door\":{\"privacy\":true}}"] {
            fs::write(folder.join(FILE), damaged).unwrap();
            let (kept, cameras) = started();
            assert_eq!(are_private(&cameras), [true; 2], "{damaged}");
            assert_eq!(cameras[0].privacy.doubt(), Some(Doubt::Kept));
            assert!(kept.apply_privacy(&feed("door", Rotation::None)).is_err(), "{damaged}");
            kept.switch_privacy([&cameras[0]].into_iter(), false).unwrap();
            assert_eq!(are_private(&cameras), [false, true], "{damaged}");
            assert_eq!(are_private(&started().1), [false, true], "{damaged}");
        }
        fs::write(folder.join(FILE), "{\"door\":{\"privacy\":\"?n 1800000000\"}}").unwrap();
        assert_eq!(are_private(&started().1), [true, false], "only what is damaged");
        fs::remove_file(folder.join(FILE)).unwrap();
        fs::create_dir(folder.join(FILE)).unwrap();
        assert_eq!(are_private(&started().1), [true; 2], "it cannot be read");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn who_replaces_a_damaged_file_leaves_the_cameras_of_other_boardcams_private() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-others-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(FILE), "{\"garden\":{\"privacy\":\"on 18").unwrap();
        let started = |name| {
            let (kept, camera) = (KeptSettings::new(Some(folder.clone())), feed(name, Rotation::None));
            kept.apply([&camera]);
            (kept, camera)
        };
        let states = || ["door", "garden", "yard"].map(|name| started(name).1.is_private());
        // One of them changes something else, and another one starts later.
        let (kept, door) = started("door");
        let turned = Orientation { rotation: Rotation::Half, flip: Flip::None };
        kept.change_orientation(&door, |_| turned).unwrap();
        assert_eq!(states(), [true; 3]);
        assert_eq!(started("garden").1.privacy.doubt(), Some(Doubt::Kept));
        kept.switch_privacy([&door].into_iter(), false).unwrap();
        assert_eq!(states(), [false, true, true]);

        let (kept, garden) = started("garden");
        kept.change_orientation(&garden, |_| turned).unwrap();
        assert_eq!(states(), [false, true, true], "the picture was turned, and nothing said of privacy");
        kept.switch_privacy([&garden].into_iter(), false).unwrap();
        assert_eq!(states(), [false, false, true]);
        kept.change_orientation(&garden, |_| Orientation::default()).unwrap();
        let snapshot = ["garden", "yard"].map(|name| feed(name, Rotation::None));
        snapshot.iter().for_each(|camera| kept.apply_privacy(camera).unwrap());
        assert_eq!(snapshot.each_ref().map(Feed::is_private), [false, true], "also for a snapshot");
        // However many cameras come and go.
        for number in 0..CAMERAS_MAX + 2 {
            let camera = feed(&format!("a{number}"), Rotation::None);
            kept.switch_privacy([&camera].into_iter(), false).unwrap();
        }
        assert_eq!(states()[2..], [true]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn privacy_of_all_cameras_is_written_at_once_and_a_disk_that_hangs_is_waited_for_once() {
        let folder = std::env::temp_dir().join(format!("boardcam-kept-all-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        let kept = KeptSettings::new(Some(folder.clone()));
        let cameras: Vec<_> = (0..16).map(|number| feed(&format!("c{number}"), Rotation::None)).collect();
        let busy = kept.writer.acquire(WRITE_WAIT).expect("nothing is written yet");
        let begin = std::time::Instant::now();
        let problem = kept.switch_privacy(cameras.iter(), true).unwrap_err().to_string();
        assert!(begin.elapsed() < WRITE_WAIT * 10, "{:?}", begin.elapsed());
        assert!(problem.contains("camera c0") || problem.contains("c0, c1"), "{problem}");
        assert!(cameras.iter().all(Feed::is_private), "at once, whatever the disk does");
        drop(busy);
        kept.switch_privacy(cameras.iter(), true).unwrap();
        let after: Vec<_> = cameras.iter().map(|camera| feed(&camera.name, Rotation::None)).collect();
        kept.apply(&after);
        assert!(after.iter().all(Feed::is_private));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_kept_holds_until_the_end_and_says_so() {
        let wanted = Orientation { rotation: Rotation::Quarter, flip: Flip::None };
        for folder in [None, Some(PathBuf::from("/proc/self"))] {
            let camera = feed("door", Rotation::None);
            let problem =
                KeptSettings::new(folder).change_orientation(&camera, |_| wanted).unwrap_err().to_string();
            assert!(problem.starts_with("cannot keep this for camera door after a restart: "), "{problem}");
            assert!(problem.contains("STATE_DIRECTORY"), "{problem}");
            assert_eq!(camera.orientation(), wanted);
        }
        let camera = feed("door", Rotation::Half);
        camera.set_orientation(wanted);
        KeptSettings::default()
            .change_orientation(&camera, |_| camera.config.orientation)
            .expect("nothing to keep");
    }
}
