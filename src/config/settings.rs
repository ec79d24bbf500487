//! All settings, complete, and their defaults.

use std::path::PathBuf;

use super::mistakes::Mistakes;
use super::wifi::Wifi;
use crate::auth::User;
use crate::auth::network::Network;
use crate::camera::{SourceConfig, SourceSpec};
use crate::feed::motion;
use crate::gate;
use crate::gate::tls::Https;
use crate::host::log::{Format, Target};
use crate::notify;
use crate::record;

/// The port for plain HTTP when none is set.
pub const DEFAULT_PORT: u16 = 8080;

/// The name to be found under when none is set, without `.local`.
pub const DEFAULT_NAME: &str = "boardcam";

/// Connections at once when nothing else is set.
pub const DEFAULT_CONNECTIONS: usize = 1024;

/// All settings, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name and source of each camera, at least one; names are unique.
    pub cameras: Vec<(String, SourceConfig)>,
    /// Where to listen, and how.
    pub gate: gate::Settings,
    /// The name to be found under, without `.local`, in lower case; `None` announces nothing.
    pub name: Option<String>,
    /// Further names under which browsers may open this server.
    pub hosts: Vec<String>,
    /// Other web pages whose scripts may read streams, snapshots and state.
    pub origins: Vec<String>,
    /// Proxies whose X-Forwarded-For is trusted.
    pub proxies: Vec<Network>,
    /// The folder of a page of your own, in place of ours.
    pub page: Option<PathBuf>,
    /// Who may sign in; without users, everybody may do everything.
    pub users: Vec<User>,
    /// What is recorded, and where; for each camera in the order of [`Settings::cameras`].
    pub record: record::Settings,
    /// Whether motion is looked for; for each camera in the order of [`Settings::cameras`].
    pub motion: Vec<motion::Settings>,
    /// Who is told what happens.
    pub notify: notify::Settings,
    /// Where log lines go.
    pub log: Target,
    /// What log lines look like.
    pub log_format: Format,
    /// Log at debug level.
    pub verbose: bool,
    /// The wireless network that the board joins.
    pub wifi: Option<Wifi>,
    /// Whether this board is for nothing else, so that it runs whatever is wrong.
    pub is_appliance: bool,
    /// Why the defaults apply instead of the settings file.
    pub mistakes: Option<Mistakes>,
}

/// Defaults, without any camera.
impl Default for Settings {
    fn default() -> Self {
        Self {
            cameras: Vec::new(),
            gate: gate::Settings {
                listen: None,
                port: DEFAULT_PORT,
                https: Https::default(),
                https_listen: None,
                socket_files: Vec::new(),
                max_connections: DEFAULT_CONNECTIONS,
            },
            name: Some(DEFAULT_NAME.to_owned()),
            hosts: Vec::new(),
            origins: Vec::new(),
            proxies: Vec::new(),
            page: None,
            users: Vec::new(),
            record: record::Settings::default(),
            motion: Vec::new(),
            notify: notify::Settings::default(),
            log: Target::default(),
            log_format: Format::default(),
            verbose: false,
            wifi: None,
            is_appliance: false,
            mistakes: None,
        }
    }
}

/// What can be set for each camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraSettings {
    /// Where its pictures come from, and how.
    pub source: SourceConfig,
    /// When it is recorded.
    pub record: record::CameraSettings,
    /// Whether motion in its picture is looked for.
    pub motion: motion::Settings,
}

impl Default for CameraSettings {
    fn default() -> Self {
        let (record, motion) = Default::default();
        Self { source: SourceConfig::of(SourceSpec::Auto), record, motion }
    }
}
