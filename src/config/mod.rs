//! What can be set: the command line over the settings file over the defaults.
//!
//! Called by `main` alone, once. Every mistake becomes a [`Problem`] that names the option or the line, what
//! was expected, and a right example; nothing here opens a camera or a socket.

mod file;
mod options;
mod wifi;

use std::collections::HashSet;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::auth::network::Network;
use crate::auth::{NAME_MAX, Role, User, is_name};
use crate::camera::pipe::Piped;
use crate::camera::{Encoder, Layout, Size, Wanted, Which};
use crate::gate::tls::Https;
use crate::host::log::{Format, Target};
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::problem::Problem;
use crate::record;
use crate::record::plan::Plan;
pub use options::is_camera_name;
use options::{Apply, Kind, OPTIONS, Opt};
pub use wifi::Wifi;

/// The port that is served when nothing else is said.
const DEFAULT_PORT: u16 = 8080;

/// The same where this program is a board's only service, so that browsers need no port.
const APPLIANCE_PORT: u16 = 80;

/// The name to be found under when nothing else is said, without `.local`.
const DEFAULT_NAME: &str = "boardcam";

/// What is written in place of a name by those who do not want to be found.
const UNNAMED: &str = "none";
/// The port for HTTPS when nothing else is said; 443 would be for root.
const DEFAULT_TLS_PORT: u16 = 8443;

/// Connections at once when nothing else is said.
const DEFAULT_CONNECTIONS: usize = 1024;

/// The most cameras that can be configured: each is a thread and a ring.
const MAX_CAMERAS: usize = 16;

/// Bytes in a megabyte, as disks are sold.
const MEGABYTE: u64 = 1_000_000;

/// Seconds in a day.
const DAY: u64 = 86_400;

/// What is set for a camera; `None` where it was not said.
#[derive(Debug, Default, Clone)]
struct CameraValues {
    name: Option<String>,
    which: Option<Which>,
    size: Option<Size>,
    fps: Option<u32>,
    layout: Option<Option<Layout>>,
    encoder: Option<Encoder>,
    quality: Option<u8>,
    bad_frames: Option<u32>,
    record: Option<Plan>,
    record_every: Option<u32>,
}

impl CameraValues {
    /// These values, and `other`'s where these say nothing.
    fn or(self, other: &CameraValues) -> CameraValues {
        CameraValues {
            name: self.name,
            which: self.which,
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
struct Values {
    cameras: Vec<CameraValues>,
    every_camera: CameraValues,
    listen: Vec<SocketAddr>,
    name: Option<Option<String>>,
    https: Option<Https>,
    https_listen: Vec<SocketAddr>,
    hosts: Vec<String>,
    origins: Vec<String>,
    proxies: Vec<Network>,
    users: Vec<User>,
    max_connections: Option<usize>,
    record_folder: Option<PathBuf>,
    record_segment: Option<u32>,
    record_max_bytes: Option<u64>,
    record_min_free: Option<u64>,
    record_max_age: Option<u32>,
    log: Option<Target>,
    log_format: Option<Format>,
    verbose: Option<bool>,
    wifi: Option<Wifi>,
}

impl Values {
    fn apply(&mut self, opt: &Opt, text: &str) -> Result<(), String> {
        match opt.apply {
            Apply::Camera(apply) => apply(&mut self.every_camera, text),
            Apply::Program(apply) => apply(self, text),
        }
    }
}

/// All settings, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name and wish of each camera, at least one; names are unique.
    pub cameras: Vec<(String, Wanted)>,
    /// Where to listen; `None` is [`Settings::port`] on every address there is.
    pub listen: Option<Vec<SocketAddr>>,
    /// The port where none is said.
    pub port: u16,
    /// The name to be found under, without `.local`, in lower case; `None` is not to be announced.
    pub name: Option<String>,
    /// Whether HTTPS is served, and with which certificate.
    pub https: Https,
    /// Where to listen for it; `None` is port 8443 on every address there is.
    pub https_listen: Option<Vec<SocketAddr>>,
    /// Further names of this server.
    pub hosts: Vec<String>,
    /// Web pages elsewhere whose scripts may read.
    pub origins: Vec<String>,
    /// Proxies that may say whom they speak for.
    pub proxies: Vec<Network>,
    /// Who may come in; without any, everybody.
    pub users: Vec<User>,
    /// Connections at once.
    pub max_connections: usize,
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

impl Settings {
    /// The address to listen on for HTTPS when none was given.
    pub const DEFAULT_TLS_LISTEN: SocketAddr = everywhere(DEFAULT_TLS_PORT);
}

/// The address to listen on when none was given: every one that the machine has.
pub const fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}

/// As a settings file that says the same.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |texts: Vec<String>| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
        let addresses = |given: &Option<Vec<SocketAddr>>, default| {
            let all = given.clone().unwrap_or_else(|| vec![default]);
            list(all.iter().map(SocketAddr::to_string).collect())
        };
        writeln!(f, "listen = [{}]", addresses(&self.listen, everywhere(self.port)))?;
        writeln!(f, "tls = {}", quoted(&self.https.to_string()))?;
        if self.https != Https::Off {
            let listen = addresses(&self.https_listen, Self::DEFAULT_TLS_LISTEN);
            writeln!(f, "tls-listen = [{listen}]")?;
        }
        writeln!(f, "name = \"{}\"", self.name.as_deref().unwrap_or(UNNAMED))?;
        writeln!(f, "host = [{}]", list(self.hosts.clone()))?;
        writeln!(f, "cors-origin = [{}]", list(self.origins.clone()))?;
        writeln!(f, "trusted-proxy = [{}]", list(self.proxies.iter().map(Network::to_string).collect()))?;
        writeln!(f, "max-connections = {}", self.max_connections)?;
        let record::Settings { folder, segment, limits, wishes } = &self.record;
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
        for ((name, wanted), wish) in self.cameras.iter().zip(wishes) {
            writeln!(f, "\n[[camera]]\nname = \"{name}\"\nsource = {}", quoted(&wanted.which.to_string()))?;
            writeln!(f, "size = \"{}\"\nfps = {}", wanted.size(), wanted.fps())?;
            writeln!(f, "format = \"{}\"", wanted.layout.map_or("auto", Layout::name))?;
            writeln!(f, "encoder = \"{}\"\nbad-frames = {}", wanted.encoder, wanted.bad_frames)?;
            writeln!(f, "record = \"{}\"", wish.plan)?;
            if let Some(every) = wish.every {
                writeln!(f, "record-every = {}", every.as_secs())?;
            }
            match wanted.quality {
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
fn quoted(text: &str) -> String {
    let inside = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", inside.collect::<String>())
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Serve until told to end.
    Serve,
    /// List the cameras.
    Probe,
    /// Take one picture into a file; `-` is standard output.
    Snapshot(PathBuf),
    /// Check the settings.
    Check,
    /// Print the table of a user whose password is asked for.
    HashPassword(String, Role),
    /// Print the wireless network for wpa_supplicant.
    Wifi,
}

fn command() -> Command {
    let option = |opt: &Opt| {
        let arg = Arg::new(opt.name).long(opt.name).global(true).help(match opt.kind {
            Kind::Flag => opt.help.to_owned(),
            Kind::Text | Kind::Number => format!("{} [default: {}]", opt.help, opt.default),
        });
        let arg = match opt.kind {
            Kind::Flag => arg.action(ArgAction::SetTrue),
            Kind::Text | Kind::Number => arg
                .value_name(opt.value)
                .allow_hyphen_values(opt.kind == Kind::Number)
                .action(if opt.many { ArgAction::Append } else { ArgAction::Set }),
        };
        match opt.short {
            Some(letter) => arg.short(letter),
            None => arg,
        }
    };
    Command::new("boardcam")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Shows the camera of this board live to every browser and player on the network")
        .after_help(
            "Without a command it serves: open http://ADDRESS:8080/ in a browser.\n\
             The settings file (TOML) takes the same names: size = \"640x480\"; and one [[camera]] table \
             with name, source and its own size, fps, format, quality, encoder, bad-frames, record, record-every \
             for each camera; and one [[user]] table for each user, as boardcam hash-password prints it.",
        )
        .args(OPTIONS.iter().map(option))
        .arg(
            Arg::new("config")
                .long("config")
                .value_name("FILE")
                .global(true)
                .value_parser(value_parser!(PathBuf))
                .help("Settings file; what the command line says comes first"),
        )
        .arg(
            Arg::new("appliance")
                .long("appliance")
                .global(true)
                .action(ArgAction::SetTrue)
                .help(
                    "For a board whose only service this is: port 80 unless another is set, and in place of a \
                     settings file with a mistake the defaults; log, page and card then say which line is wrong",
                ),
        )
        .subcommand(
            Command::new("probe").about("List every camera, what it offers, and whether it can be used"),
        )
        .subcommand(
            Command::new("snapshot").about("Take one picture and end").arg(
                Arg::new("output")
                    .short('o')
                    .long("output")
                    .value_name("FILE")
                    .required(true)
                    .value_parser(value_parser!(PathBuf))
                    .help("File to write the JPEG to; - is standard output"),
            ),
        )
        .subcommand(Command::new("check").about("Check the settings and print them"))
        .subcommand(
            Command::new("hash-password")
                .about("Ask for a password and print a user's table for the settings file")
                .arg(
                    Arg::new("name")
                        .value_name("NAME")
                        .required(true)
                        .value_parser(user_name)
                        .help("How the user is called"),
                )
                .arg(
                    Arg::new("role")
                        .long("role")
                        .value_name("ROLE")
                        .default_value(Role::Control.name())
                        .value_parser(file::parse_role)
                        .help("watch (see) or control (change things, too)"),
                ),
        )
        .subcommand(
            Command::new("wifi").about("Print the wireless network of the settings for wpa_supplicant"),
        )
}

/// Reads the command line and the settings file that it names.
///
/// # Errors
/// The first mistake found. Unknown options, `--help` and `--version` do not return: clap prints and ends.
pub fn read(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<(Task, Settings), Problem> {
    let matches = command().get_matches_from(args);
    let (task, matches) = match matches.subcommand() {
        None => (Task::Serve, &matches),
        Some(("probe", sub)) => (Task::Probe, sub),
        Some(("snapshot", sub)) => {
            let output = sub.get_one::<PathBuf>("output").cloned().unwrap_or_else(|| "-".into());
            (Task::Snapshot(output), sub)
        }
        Some(("hash-password", sub)) => {
            let name = sub.get_one::<String>("name").cloned().unwrap_or_default();
            let role = sub.get_one::<Role>("role").copied().unwrap_or(Role::Watch);
            (Task::HashPassword(name, role), sub)
        }
        Some(("wifi", sub)) => (Task::Wifi, sub),
        Some((_, sub)) => (Task::Check, sub),
    };
    let line = from_command_line(matches)?;
    let appliance = matches.get_flag("appliance");
    let port = if appliance { APPLIANCE_PORT } else { DEFAULT_PORT };
    let Some(path) = matches.get_one::<PathBuf>("config") else {
        return Ok((task, Settings { port, ..merge(line, Values::default())? }));
    };
    let settings = match file::read(path).and_then(|file| merge(line.clone(), file)) {
        Err(mistake) if appliance => {
            let rescued = file::rescue(path);
            // Rather no picture than one for everybody where the file says who may see it.
            if rescued.users.is_empty() && task != Task::Wifi && file::names_users(path) {
                return Err(mistake);
            }
            Settings { mistake: Some(mistake), ..merge(line, rescued)? }
        }
        read => read?,
    };
    Ok((task, Settings { port, ..settings }))
}

/// The settings that a file with this text makes alone, over the defaults; messages call the file `name`.
///
/// # Errors
/// The first mistake found, with its line where it stands in one.
pub fn from_text(name: &str, text: &str) -> Result<Settings, Problem> {
    merge(Values::default(), file::parse(name, text)?)
}

fn user_name(text: &str) -> Result<String, String> {
    let expected = || format!("expected 1 to {NAME_MAX} letters, digits, -, _, . and @");
    is_name(text).then(|| text.to_owned()).ok_or_else(expected)
}

fn from_command_line(matches: &ArgMatches) -> Result<Values, Problem> {
    let mut values = Values::default();
    for opt in OPTIONS {
        if opt.kind == Kind::Flag {
            if matches.get_flag(opt.name) {
                values.apply(opt, "true").map_err(|why| wrong_option(opt, "", why))?;
            }
            continue;
        }
        for text in matches.get_many::<String>(opt.name).into_iter().flatten() {
            values.apply(opt, text).map_err(|why| wrong_option(opt, text, why))?;
        }
    }
    Ok(values)
}

fn wrong_option(opt: &Opt, text: &str, why: String) -> Problem {
    Problem::new(
        format!("cannot use --{} {text}", opt.name),
        why,
        format!("write for example --{} {}", opt.name, opt.example),
    )
}

fn merge(line: Values, file: Values) -> Result<Settings, Problem> {
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
    let mut wishes = Vec::new();
    let cameras: Vec<(String, Wanted)> = chosen
        .into_iter()
        .map(|camera| {
            let name = camera.name.clone().unwrap_or_else(|| free_name(&taken));
            taken.insert(name.clone());
            let own = line.every_camera.clone().or(&camera).or(&file.every_camera);
            let wanted = Wanted {
                which: camera.which.unwrap_or(Which::Auto),
                size: own.size,
                fps: own.fps,
                layout: own.layout.flatten(),
                encoder: own.encoder.unwrap_or_default(),
                quality: own.quality,
                bad_frames: own.bad_frames.unwrap_or(Wanted::DEFAULT_BAD_FRAMES),
            };
            let every = own.record_every.map(|seconds| Duration::from_secs(seconds.into()));
            wishes.push(record::Wish { plan: own.record.unwrap_or_default(), every });
            (name, wanted)
        })
        .collect();
    if cameras.iter().filter(|(_, wanted)| wanted.which == Which::Pipe(Piped::Stdin)).count() > 1 {
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
        wishes,
    };
    if record.folder.is_none() && record.wishes.iter().any(|wish| wish.plan != Plan::Off) {
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
    Ok(Settings {
        cameras,
        listen,
        https,
        https_listen,
        name: line.name.or(file.name).unwrap_or_else(|| Some(DEFAULT_NAME.to_owned())),
        hosts: if line.hosts.is_empty() { file.hosts } else { line.hosts },
        origins: if line.origins.is_empty() { file.origins } else { line.origins },
        proxies: if line.proxies.is_empty() { file.proxies } else { line.proxies },
        users: file.users,
        max_connections: line.max_connections.or(file.max_connections).unwrap_or(DEFAULT_CONNECTIONS),
        record,
        log: line.log.or(file.log).unwrap_or_default(),
        port: DEFAULT_PORT,
        log_format: line.log_format.or(file.log_format).unwrap_or_default(),
        verbose: line.verbose.or(file.verbose).unwrap_or(false),
        wifi: file.wifi,
        mistake: None,
    })
}

/// The first of `camera`, `camera-2`, `camera-3`... that is not taken.
fn free_name(taken: &HashSet<String>) -> String {
    let numbered = (2..).map(|n| format!("camera-{n}"));
    let mut names = std::iter::once("camera".to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(line: &[&str], file: &str) -> Settings {
        let matches = command().try_get_matches_from([&["boardcam"], line].concat()).unwrap();
        merge(from_command_line(&matches).unwrap(), file::parse("test", file).unwrap()).unwrap()
    }

    #[test]
    fn boardcam_alone_serves_the_first_camera_that_delivers() {
        let settings = settings(&[], "");
        assert_eq!(settings.cameras[0].0, "camera");
        assert_eq!(settings.cameras[0].1.which, Which::Auto);
        assert_eq!(settings.listen, None);
        assert_eq!(settings.max_connections, DEFAULT_CONNECTIONS);
    }

    #[test]
    fn an_appliance_does_not_start_where_its_settings_keep_people_out_and_cannot_be_understood() {
        let file = std::env::temp_dir().join(format!("boardcam-appliance-{}.toml", std::process::id()));
        let start = |text: &str, task: &[&str]| {
            std::fs::write(&file, text).unwrap();
            let path = file.to_str().unwrap();
            let line = [&["boardcam", "--appliance", "--config", path], task].concat();
            read(line.into_iter().map(Into::into))
        };
        let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let user = format!("name = 'anna'\nrole = 'watch'\npassword = '{hash}'\n");
        for text in [format!("[[usr]]\n{user}"), "[[user]]\nname = 'anna'\n".to_owned()] {
            let told = start(&text, &[]).unwrap_err().to_string();
            assert!(told.contains("of the settings file"), "{told}");
            assert!(start(&text, &["wifi"]).is_ok(), "it opens nothing");
        }
        let (_, settings) = start(&format!("tls = 'auto'\nqualty = 5\n[[user]]\n{user}"), &[]).unwrap();
        assert_eq!((settings.users.len(), settings.https), (1, Https::Auto));
        assert!(settings.mistake.unwrap().to_string().contains("qualty"));
        std::fs::remove_file(&file).unwrap();
    }

    #[test]
    fn the_command_line_comes_before_the_file() {
        let file =
            "size = \"640x480\"\nquality = 50\n[[camera]]\nname = \"door\"\nsource = \"pattern\"\nfps = 5";
        let settings = settings(&["--quality", "70", "--fps", "9"], file);
        let (name, wanted) = &settings.cameras[0];
        assert_eq!((name.as_str(), &wanted.which), ("door", &Which::Pattern));
        assert_eq!((wanted.quality, wanted.fps), (Some(70), Some(9)));
        assert_eq!(wanted.size, Some(Size { width: 640, height: 480 }));
    }

    #[test]
    fn cameras_without_a_name_get_one_each() {
        let line = ["--camera", "pattern", "--camera", "camera=auto", "--camera", "/dev/video7"];
        let names: Vec<_> = settings(&line, "").cameras.into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["camera-2", "camera", "camera-3"]);
    }

    #[test]
    fn what_check_prints_is_a_settings_file_that_says_the_same() {
        let line =
            ["--camera", "door=pattern", "--camera", "/dev/video7", "--format", "yuyv", "--quality", "7"];
        let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let file = "listen = \"[::1]:80\"\nhost = \"a.b\"\nsize = \"64x48\"\nfps = 5\nrecord = \"22:00-06:00\"\n\
                    record-folder = \"/a \\\"b\"\nrecord-every = 7\nrecord-max-size = 9\nrecord-max-age = 3\n\
                    trusted-proxy = \"10.0.0.0/8\"\ncors-origin = [\"http://a.b\"]\n";
        let tls = "tls = \"/a \\\"b\\\".pem,/c,d\"\ntls-listen = [\"[::1]:443\"]\n";
        let user = format!("[[user]]\nname = \"anna\"\nrole = \"watch\"\npassword = \"{hash}\"");
        for file in [file.to_owned() + &user, file.to_owned() + tls] {
            let settings = settings(&line, &file);
            assert_eq!(settings.users.is_empty(), !file.contains(&user));
            assert_eq!(from_text("test", &settings.to_string()), Ok(settings));
        }
    }

    #[test]
    fn a_board_is_announced_under_its_name_unless_that_is_none() {
        assert_eq!(settings(&[], "").name.as_deref(), Some("boardcam"));
        for (name, expected) in [("Garden-1", Some("garden-1")), ("none", None), ("", None)] {
            let settings = settings(&["--name", name], "name = \"other\"");
            assert_eq!(settings.name.as_deref(), expected);
            let printed = from_text("test", &settings.to_string()).unwrap();
            assert_eq!(printed.name, settings.name);
        }
    }

    #[test]
    fn a_device_may_have_any_name_and_is_printed_so_that_it_is_read_again() {
        for path in ["/dev/a \"b\" \\c", "/dev/\u{1}\n\u{7f}\u{9f}", "/dev/\u{301}\u{200b}\u{e000}'\u{1f4f7}"]
        {
            let printed = settings(&["--camera", path], "").to_string();
            let again = from_text("test", &printed).unwrap();
            assert_eq!(again.cameras[0].1.which, Which::Device(path.into()), "{path:?}");
        }
    }

    #[test]
    fn commands_are_taken_as_they_are_and_printed_so_that_they_are_read_again() {
        for (text, which) in [
            ("-", Piped::Stdin),
            (
                "pipe:A='b c' ffmpeg -i \"x=y\" | tee a:b",
                Piped::Command("A='b c' ffmpeg -i \"x=y\" | tee a:b".into()),
            ),
            ("rpicam", Piped::Rpicam(String::new())),
            ("rpicam:--camera 1 --rotation=180", Piped::Rpicam("--camera 1 --rotation=180".into())),
        ] {
            for (camera, name) in [(text.to_owned(), "camera"), (format!("door={text}"), "door")] {
                let settings = settings(&["--camera", &camera], "");
                assert_eq!(settings.cameras[0].0, name);
                assert_eq!(settings.cameras[0].1.which, Which::Pipe(which.clone()), "{camera}");
                let again = from_text("test", &settings.to_string()).unwrap();
                assert_eq!(again.cameras[0].1.which, settings.cameras[0].1.which);
            }
        }
        for bad in ["pipe", "pipe:", "pipe: ", "-x", "-:x", "rpicamera", "pipes:x"] {
            assert!(bad.parse::<Which>().is_err(), "{bad}");
        }
    }

    #[test]
    fn two_cameras_cannot_both_read_standard_input() {
        let line = ["boardcam", "--camera", "a=-", "--camera", "b=-"];
        let matches = command().try_get_matches_from(line).unwrap();
        let problem = merge(from_command_line(&matches).unwrap(), Values::default()).unwrap_err();
        assert!(problem.to_string().contains("there is only one"), "{problem}");
    }

    #[test]
    fn defaults_in_the_help_are_those_that_hold() {
        let default = |name: &str| OPTIONS.iter().find(|opt| opt.name == name).unwrap().default;
        assert_eq!(default("size"), Size::DEFAULT.to_string());
        assert_eq!(default("fps"), Wanted::DEFAULT_FPS.to_string());
        assert_eq!(default("quality"), DEFAULT_QUALITY.to_string());
        assert_eq!(default("bad-frames"), Wanted::DEFAULT_BAD_FRAMES.to_string());
        assert_eq!(default("listen"), everywhere(DEFAULT_PORT).to_string());
        assert_eq!(default("record"), Plan::default().to_string());
        assert_eq!(default("record-segment"), record::Settings::DEFAULT_SEGMENT.as_secs().to_string());
        assert_eq!(default("record-min-free"), (record::Settings::DEFAULT_MIN_FREE / MEGABYTE).to_string());
        assert_eq!(default("name"), DEFAULT_NAME);
        assert_eq!(default("tls-listen"), Settings::DEFAULT_TLS_LISTEN.to_string());
        assert_eq!(default("tls"), Https::default().to_string());
        assert_eq!(default("max-connections"), DEFAULT_CONNECTIONS.to_string());
    }

    #[test]
    fn each_camera_is_recorded_as_it_says_and_without_a_folder_none() {
        let file = "record-folder = \"/r\"\nrecord = \"always\"\n[[camera]]\nname = \"a\"\n[[camera]]\nrecord = \"off\"";
        let record = settings(&[], file).record;
        assert_eq!(record.wishes.iter().map(|wish| wish.plan).collect::<Vec<_>>(), [Plan::Always, Plan::Off]);
        let problem = from_text("test", "record = \"always\"").unwrap_err().to_string();
        assert!(problem.contains("record-folder"), "{problem}");
    }

    #[test]
    fn two_cameras_of_one_name_are_refused() {
        let line = ["boardcam", "--camera", "a=auto", "--camera", "a=pattern"];
        let matches = command().try_get_matches_from(line).unwrap();
        let problem = merge(from_command_line(&matches).unwrap(), Values::default()).unwrap_err();
        assert!(problem.to_string().contains("two have the same name"), "{problem}");
    }

    #[test]
    fn a_wrong_value_is_told_with_a_right_one() {
        let matches = command().try_get_matches_from(["boardcam", "--quality", "101"]).unwrap();
        let problem = from_command_line(&matches).unwrap_err().to_string();
        assert_eq!(
            problem,
            "cannot use --quality 101: expected a whole number from 1 to 100; write for example --quality 85"
        );
    }
}
