//! What command line and file say, and how complete settings come of both: the command line first, then the file,
//! then the defaults.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::options::{Apply, Opt};
use super::settings::{DAY, DEFAULT_PORT, Settings};
use super::wifi::Wifi;
use crate::auth::User;
use crate::auth::network::Network;
use crate::camera::{EncodeMode, PipeSpec, SourceConfig, SourceSpec};
use crate::gate;
use crate::gate::tls::Https;
use crate::host::log::{Format, Target};
use crate::names::DEFAULT_CAMERA;
use crate::picture::{Layout, Size};
use crate::problem::Problem;
use crate::record;
use crate::record::plan::Plan;

/// The name to be found under when nothing else is said, without `.local`.
pub(super) const DEFAULT_NAME: &str = "boardcam";

/// Connections at once when nothing else is said.
pub(super) const DEFAULT_CONNECTIONS: usize = 1024;

/// The most cameras that can be configured: each is a thread and a ring.
const MAX_CAMERAS: usize = 16;

/// What is set for a camera; `None` where it was not said.
#[derive(Debug, Default, Clone)]
pub(super) struct CameraValues {
    pub(super) name: Option<String>,
    pub(super) spec: Option<SourceSpec>,
    pub(super) size: Option<Size>,
    pub(super) fps: Option<u32>,
    pub(super) layout: Option<Option<Layout>>,
    pub(super) encoder: Option<EncodeMode>,
    pub(super) quality: Option<u8>,
    pub(super) bad_frames: Option<u32>,
    pub(super) record: Option<Plan>,
    pub(super) record_every: Option<u32>,
}

impl CameraValues {
    /// These values, and `other`'s where these say nothing.
    fn or(self, other: &CameraValues) -> CameraValues {
        CameraValues {
            name: self.name,
            spec: self.spec,
            size: self.size.or(other.size),
            fps: self.fps.or(other.fps),
            layout: self.layout.or(other.layout),
            encoder: self.encoder.or(other.encoder),
            quality: self.quality.or(other.quality),
            bad_frames: self.bad_frames.or(other.bad_frames),
            record: self.record.or(other.record),
            record_every: self.record_every.or(other.record_every),
        }
    }
}

/// What one source (command line or file) sets.
#[derive(Debug, Default, Clone)]
pub(super) struct Values {
    pub(super) cameras: Vec<CameraValues>,
    pub(super) every_camera: CameraValues,
    pub(super) listen: Vec<SocketAddr>,
    pub(super) name: Option<Option<String>>,
    pub(super) https: Option<Https>,
    pub(super) https_listen: Vec<SocketAddr>,
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
    pub(super) proxies: Vec<Network>,
    pub(super) users: Vec<User>,
    pub(super) max_connections: Option<usize>,
    pub(super) record_folder: Option<PathBuf>,
    pub(super) record_segment: Option<u32>,
    pub(super) record_max_bytes: Option<u64>,
    pub(super) record_min_free: Option<u64>,
    pub(super) record_max_age: Option<u32>,
    pub(super) log: Option<Target>,
    pub(super) log_format: Option<Format>,
    pub(super) verbose: Option<bool>,
    pub(super) wifi: Option<Wifi>,
}

impl Values {
    pub(super) fn apply(&mut self, opt: &Opt, text: &str) -> Result<(), String> {
        match opt.apply {
            Apply::Camera(apply) => apply(&mut self.every_camera, text),
            Apply::Program(apply) => apply(self, text),
        }
    }
}

/// Complete settings.
///
/// # Errors
/// What does not go together.
pub(super) fn merge(line: Values, file: Values) -> Result<Settings, Problem> {
    let chosen = if line.cameras.is_empty() { file.cameras } else { line.cameras };
    let chosen = if chosen.is_empty() { vec![CameraValues::default()] } else { chosen };
    if chosen.len() > MAX_CAMERAS {
        return Err(Problem::new(
            format!("cannot serve {} cameras", chosen.len()),
            format!("at most {MAX_CAMERAS} are possible"),
            "give fewer, and start a second boardcam on another port for the rest",
        ));
    }
    let mut taken: HashSet<String> = chosen.iter().filter_map(|camera| camera.name.clone()).collect();
    if taken.len() < chosen.iter().filter(|camera| camera.name.is_some()).count() {
        return Err(Problem::new(
            "cannot name the cameras",
            "two have the same name",
            "give each a name of its own, such as --camera door=/dev/video0 --camera garden=/dev/video2",
        ));
    }
    let mut recordings = Vec::new();
    let cameras: Vec<(String, SourceConfig)> = chosen
        .into_iter()
        .map(|camera| {
            let name = camera.name.clone().unwrap_or_else(|| free_name(&taken));
            taken.insert(name.clone());
            let own = line.every_camera.clone().or(&camera).or(&file.every_camera);
            let config = SourceConfig {
                spec: camera.spec.unwrap_or(SourceSpec::Auto),
                size: own.size,
                fps: own.fps,
                layout: own.layout.flatten(),
                encoder: own.encoder.unwrap_or_default(),
                quality: own.quality,
                bad_frames: own.bad_frames.unwrap_or(SourceConfig::DEFAULT_BAD_FRAMES),
            };
            let every = own.record_every.map(|seconds| Duration::from_secs(seconds.into()));
            recordings.push(record::CameraSettings { plan: own.record.unwrap_or_default(), every });
            (name, config)
        })
        .collect();
    if cameras.iter().filter(|(_, config)| config.spec == SourceSpec::Pipe(PipeSpec::Stdin)).count() > 1 {
        return Err(Problem::new(
            "cannot take the pictures of two cameras from standard input",
            "there is only one",
            "let the others be pipe:COMMAND, such as --camera 'pipe:cat /path/to/a/fifo'",
        ));
    }
    let default = record::Settings::default();
    let seconds = |number: u32| Duration::from_secs(number.into());
    let age = line.record_max_age.or(file.record_max_age);
    let record = record::Settings {
        folder: line.record_folder.or(file.record_folder),
        segment: line.record_segment.or(file.record_segment).map_or(default.segment, seconds),
        limits: record::Limits {
            max_bytes: line.record_max_bytes.or(file.record_max_bytes),
            min_free: line.record_min_free.or(file.record_min_free).unwrap_or(default.limits.min_free),
            max_age: age.map(|days| Duration::from_secs(u64::from(days) * DAY)),
        },
        cameras: recordings,
    };
    if record.folder.is_none() && record.cameras.iter().any(|camera| camera.plan != Plan::Off) {
        return Err(Problem::new(
            "cannot record",
            "no folder for the recordings is set",
            "name one, such as record-folder = \"/var/lib/boardcam\"",
        ));
    }
    let https = line.https.or(file.https).unwrap_or_default();
    let addresses = |line: Vec<SocketAddr>, file| Some(if line.is_empty() { file } else { line });
    let listen = addresses(line.listen, file.listen).filter(|all| !all.is_empty());
    let https_listen = addresses(line.https_listen, file.https_listen).filter(|all| !all.is_empty());
    if let (Https::Off, Some([address, ..])) = (&https, https_listen.as_deref()) {
        return Err(Problem::new(
            format!("cannot serve HTTPS on {address}"),
            "there is no certificate",
            "let boardcam make one: --tls auto",
        ));
    }
    let gate = gate::Settings {
        listen,
        port: DEFAULT_PORT,
        https,
        https_listen,
        max_connections: line.max_connections.or(file.max_connections).unwrap_or(DEFAULT_CONNECTIONS),
    };
    Ok(Settings {
        cameras,
        gate,
        name: line.name.or(file.name).unwrap_or_else(|| Some(DEFAULT_NAME.to_owned())),
        hosts: if line.hosts.is_empty() { file.hosts } else { line.hosts },
        origins: if line.origins.is_empty() { file.origins } else { line.origins },
        proxies: if line.proxies.is_empty() { file.proxies } else { line.proxies },
        users: file.users,
        record,
        log: line.log.or(file.log).unwrap_or_default(),
        log_format: line.log_format.or(file.log_format).unwrap_or_default(),
        verbose: line.verbose.or(file.verbose).unwrap_or(false),
        wifi: file.wifi,
        mistake: None,
    })
}

/// The first of `camera`, `camera-2`, `camera-3`... that is not taken.
fn free_name(taken: &HashSet<String>) -> String {
    let numbered = (2..).map(|n| format!("camera-{n}"));
    let mut names = std::iter::once(DEFAULT_CAMERA.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}
