//! The values that the command line and the settings file set, and how complete settings are made from both: the
//! command line first, then the file, then the defaults.

use std::collections::{BTreeMap, HashSet};

use super::advice::Place;
use super::distinct;
use super::options::{self, Opt, Target, named_source};
use super::settings::{CameraSettings, Settings};
use super::wifi::Wifi;
use crate::auth::User;
use crate::camera::{PipeSpec, SourceSpec};
use crate::feed::motion::{self, Sensitivity};
use crate::gate::tls::Https;
use crate::names::{DEFAULT_CAMERA, default_camera};
use crate::problem::{Problem, Text, text};
use crate::record;
use crate::record::plan::Plan;

/// The most cameras that can be configured: each has a thread and a ring.
const MAX_CAMERAS: usize = 16;

/// The texts of options that were set, by the option's name. Each was checked when it was set.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Texts(BTreeMap<&'static str, Vec<String>>);

impl Texts {
    /// Sets an option, or adds a value to one that may be given several times.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn set(&mut self, opt: &'static Opt, text: &str) -> Result<(), Text> {
        opt.check(text)?;
        let texts = self.0.entry(opt.name).or_default();
        if !opt.many {
            texts.clear();
        }
        texts.push(text.to_owned());
        Ok(())
    }

    /// The texts of an option; empty if it was not set.
    pub(super) fn get(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Forgets an option.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// The values that are set for one camera.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct CameraValues {
    pub(super) name: Option<String>,
    pub(super) spec: Option<SourceSpec>,
    pub(super) texts: Texts,
}

/// The values that the command line or the file sets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Values {
    pub(super) cameras: Vec<CameraValues>,
    /// Options of the program, and those for every camera.
    pub(super) texts: Texts,
    pub(super) users: Vec<User>,
    pub(super) wifi: Option<Wifi>,
}

impl Values {
    /// Sets an option.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn set(&mut self, opt: &'static Opt, text: &str) -> Result<(), Text> {
        if let Target::Source = opt.target {
            let (name, spec) = named_source(text)?;
            self.cameras.push(CameraValues { name, spec: Some(spec), ..CameraValues::default() });
            return Ok(());
        }
        self.texts.set(opt, text)
    }
}

/// Whether motion is looked for: as the settings say, and where only what moves is recorded, in any case.
fn motion_of(camera: &CameraSettings) -> motion::Settings {
    let mut motion = camera.motion.clone();
    if camera.record.plan.is_by_motion() {
        motion.sensitivity = motion.sensitivity.or(Some(Sensitivity::Medium));
    }
    motion
}

/// Complete settings.
///
/// # Errors
/// Settings that contradict each other.
pub(super) fn merge(line: &Values, file: &Values) -> Result<Settings, Problem> {
    let mut settings = Settings { users: file.users.clone(), wifi: file.wifi.clone(), ..Settings::default() };
    for opt in options::all() {
        if let Target::Program { set, .. } = opt.target {
            let texts = [&line.texts, &file.texts].map(|texts| texts.get(opt.name));
            for text in texts.into_iter().find(|texts| !texts.is_empty()).unwrap_or_default() {
                set(&mut settings, text).map_err(|why| wrong_option(opt, text, why))?;
            }
        }
    }
    let cameras = cameras(line, file)?;
    settings.motion = cameras.iter().map(|(_, camera)| motion_of(camera)).collect();
    let (cameras, recordings): (Vec<_>, Vec<_>) =
        cameras.into_iter().map(|(name, camera)| ((name, camera.source), camera.record)).unzip();
    let place = |name| match (line.texts.get(name), file.texts.get(name)) {
        ([], [_, ..]) => Place::File,
        _ => Place::Line,
    };
    let has_plan = |camera: &CameraValues| !camera.texts.get("record").is_empty();
    let recorded = if file.cameras.iter().any(has_plan) { Place::File } else { place("record") };
    check_recording(&settings, &recordings, recorded)?;
    check_https(&settings, place("tls-listen"))?;
    settings.cameras = cameras;
    settings.record.cameras = recordings;
    Ok(settings)
}

/// The cameras with their names: those of the command line if it names any.
fn cameras(line: &Values, file: &Values) -> Result<Vec<(String, CameraSettings)>, Problem> {
    let unnamed = [CameraValues::default()];
    let chosen = [&line.cameras[..], &file.cameras[..]].into_iter().find(|cameras| !cameras.is_empty());
    let chosen = chosen.unwrap_or(&unnamed);
    if chosen.len() > MAX_CAMERAS {
        return Err(Problem::new(
            text!("cannot serve {} cameras", chosen.len()),
            text!("at most {} are possible", MAX_CAMERAS),
            text!("name fewer, and start a second boardcam on another port for the rest"),
        ));
    }
    let mut taken: HashSet<String> =
        chosen.iter().filter_map(|camera| Some(camera.name.as_ref()?.to_ascii_lowercase())).collect();
    let named = |camera: &CameraValues| {
        let name = camera.name.clone().unwrap_or_else(|| free_name(&taken));
        taken.insert(name.clone());
        let settings = camera_settings(camera, [&line.texts, &camera.texts, &file.texts])?;
        Ok((name, settings))
    };
    let mut cameras = chosen.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let place = if line.cameras.is_empty() { Place::File } else { Place::Line };
    distinct::check(&cameras, place)?;
    distinct::reserve(&mut cameras);
    Ok(cameras)
}

/// The settings of a camera, each from the first of `layers` that has it.
fn camera_settings(camera: &CameraValues, layers: [&Texts; 3]) -> Result<CameraSettings, Problem> {
    let mut settings = CameraSettings::default();
    settings.source.spec = camera.spec.clone().unwrap_or(SourceSpec::Auto);
    for opt in options::all() {
        if let Target::Camera { set, .. } = opt.target {
            let texts = layers.iter().map(|layer| layer.get(opt.name)).find(|texts| !texts.is_empty());
            for text in texts.unwrap_or_default() {
                set(&mut settings, text).map_err(|why| wrong_option(opt, text, why))?;
            }
        }
    }
    if settings.source.on_demand.is_some() && settings.source.spec == SourceSpec::Pipe(PipeSpec::Stdin) {
        return Err(Problem::new(
            text!("cannot close standard input while nobody watches (on-demand)"),
            text!("it cannot be opened again"),
            text!("leave on-demand out, or let boardcam start the program itself, by pipe:COMMAND"),
        ));
    }
    Ok(settings)
}

fn check_recording(
    settings: &Settings,
    cameras: &[record::CameraSettings],
    place: Place,
) -> Result<(), Problem> {
    if settings.record.folder.is_none() && cameras.iter().any(|camera| camera.plan != Plan::Off) {
        return Err(Problem::new(
            text!("cannot record"),
            text!("no folder for the recordings is set"),
            place.example("record-folder", "/var/lib/boardcam"),
        ));
    }
    Ok(())
}

fn check_https(settings: &Settings, place: Place) -> Result<(), Problem> {
    if let (Https::Off, Some([address, ..])) = (&settings.gate.https, settings.gate.https_listen.as_deref()) {
        return Err(Problem::new(
            text!("cannot serve HTTPS on {}", address.to_string()),
            text!("there is no certificate"),
            place.example("tls", "auto"),
        ));
    }
    Ok(())
}

/// A wrong value of an option on the command line.
pub(super) fn wrong_option(opt: &Opt, text: &str, why: impl Into<Text>) -> Problem {
    Problem::new(
        text!("cannot use --{} {}", opt.name, opt.shown(text)),
        why,
        Place::Line.advice(opt, Some(text)),
    )
}

/// The first of `camera`, `camera-2`, `camera-3`... that is not taken.
fn free_name(taken: &HashSet<String>) -> String {
    let numbered = (2..).map(default_camera);
    let mut names = std::iter::once(DEFAULT_CAMERA.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}
