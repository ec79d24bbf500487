//! All settings, complete, and how they are printed.

use std::fmt;
use std::net::SocketAddr;

use super::wifi::Wifi;
use crate::auth::User;
use crate::auth::network::Network;
use crate::camera::SourceConfig;
use crate::gate::tls::Https;
use crate::gate::{self, every_address};
use crate::host::log::{Format, Target};
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::picture::Layout;
use crate::problem::Problem;
use crate::record;

/// The port that is served when nothing else is said.
pub(super) const DEFAULT_PORT: u16 = 8080;

/// What is written in place of a name by those who do not want to be found.
pub(super) const UNNAMED: &str = "none";

/// Bytes in a megabyte, as disks are sold.
pub(super) const MEGABYTE: u64 = 1_000_000;

/// Seconds in a day.
pub(super) const DAY: u64 = 86_400;

/// All settings, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name and wish of each camera, at least one; names are unique.
    pub cameras: Vec<(String, SourceConfig)>,
    /// Where to listen, and how.
    pub gate: gate::Settings,
    /// The name to be found under, without `.local`, in lower case; `None` is not to be announced.
    pub name: Option<String>,
    /// Further names of this server.
    pub hosts: Vec<String>,
    /// Web pages elsewhere whose scripts may read.
    pub origins: Vec<String>,
    /// Proxies that may say whom they speak for.
    pub proxies: Vec<Network>,
    /// Who may come in; without any, everybody.
    pub users: Vec<User>,
    /// What is recorded, and where.
    pub record: record::Settings,
    /// Where log lines go.
    pub log: Target,
    /// What they look like.
    pub log_format: Format,
    /// Log at debug level.
    pub verbose: bool,
    /// The wireless network that the board is to join.
    pub wifi: Option<Wifi>,
    /// Why the defaults hold in place of the settings file.
    pub mistake: Option<Problem>,
}

/// As a settings file that says the same.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |texts: Vec<String>| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
        let addresses = |given: &Option<Vec<SocketAddr>>, default| {
            let all = given.clone().unwrap_or_else(|| vec![default]);
            list(all.iter().map(SocketAddr::to_string).collect())
        };
        let gate::Settings { listen, port, https, https_listen, max_connections } = &self.gate;
        writeln!(f, "listen = [{}]", addresses(listen, every_address(*port)))?;
        writeln!(f, "tls = {}", quoted(&https.to_string()))?;
        if *https != Https::Off {
            let listen = addresses(https_listen, gate::Settings::DEFAULT_TLS_LISTEN);
            writeln!(f, "tls-listen = [{listen}]")?;
        }
        writeln!(f, "name = \"{}\"", self.name.as_deref().unwrap_or(UNNAMED))?;
        writeln!(f, "host = [{}]", list(self.hosts.clone()))?;
        writeln!(f, "cors-origin = [{}]", list(self.origins.clone()))?;
        writeln!(f, "trusted-proxy = [{}]", list(self.proxies.iter().map(Network::to_string).collect()))?;
        writeln!(f, "max-connections = {max_connections}")?;
        let record::Settings { folder, segment, limits, cameras } = &self.record;
        match folder {
            Some(folder) => writeln!(f, "record-folder = {}", quoted(&folder.to_string_lossy()))?,
            None => writeln!(f, "# record-folder: none, nothing can be recorded")?,
        }
        writeln!(f, "record-segment = {}", segment.as_secs())?;
        if let Some(bytes) = limits.max_bytes {
            writeln!(f, "record-max-size = {}", bytes / MEGABYTE)?;
        }
        writeln!(f, "record-min-free = {}", limits.min_free / MEGABYTE)?;
        if let Some(age) = limits.max_age {
            writeln!(f, "record-max-age = {}", age.as_secs() / DAY)?;
        }
        writeln!(f, "log = \"{}\"\nlog-format = \"{}\"", self.log, self.log_format)?;
        writeln!(f, "verbose = {}", self.verbose)?;
        for ((name, config), recording) in self.cameras.iter().zip(cameras) {
            writeln!(f, "\n[[camera]]\nname = \"{name}\"\nsource = {}", quoted(&config.spec.to_string()))?;
            writeln!(f, "size = \"{}\"\nfps = {}", config.size(), config.fps())?;
            writeln!(f, "format = \"{}\"", config.layout.map_or("auto", Layout::name))?;
            writeln!(f, "encoder = \"{}\"\nbad-frames = {}", config.encoder, config.bad_frames)?;
            writeln!(f, "record = \"{}\"", recording.plan)?;
            if let Some(every) = recording.every {
                writeln!(f, "record-every = {}", every.as_secs())?;
            }
            match config.quality {
                Some(quality) => writeln!(f, "quality = {quality}")?,
                None => writeln!(
                    f,
                    "# quality: {DEFAULT_QUALITY}, or what a camera that makes JPEGs takes by itself"
                )?,
            }
        }
        self.wifi.iter().try_for_each(|wifi| write!(f, "{wifi}"))?;
        self.users.iter().try_for_each(|user| write!(f, "{user}"))
    }
}

/// `text` as a TOML basic string. It has fewer escapes than Rust's, and U+007F must be escaped, unlike in JSON.
pub(super) fn quoted(text: &str) -> String {
    let inside = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", inside.collect::<String>())
}
