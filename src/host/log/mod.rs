//! Where log lines go. Called by `main` once; all other code uses crate `log`.
//!
//! Logging never waits for a reader of the log. Where nobody reads it, lines are lost rather than frames.

mod allowance;
pub mod bounded;
mod json;
mod stderr;
pub mod tallies;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use log::{Level, LevelFilter, Log, Metadata, Record};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use syslog::{Facility, Formatter3164, LoggerBackend};

use crate::problem::Problem;
use crate::sync::lock;
pub use allowance::{AGAIN, Allowance};
pub use json::camera_scope;
use stderr::Stderr;

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Syslog if stderr leads nowhere (a daemon's /dev/null) and there is a syslog; otherwise stderr.
    #[default]
    Auto,
    /// Standard error, each line with its time in UTC.
    Stderr,
    /// The local syslog, facility daemon.
    Syslog,
}

impl Target {
    /// All choices.
    pub const ALL: [Target; 3] = [Target::Auto, Target::Stderr, Target::Syslog];

    /// The name on the command line and in the settings file.
    pub const fn name(self) -> &'static str {
        match self {
            Target::Auto => "auto",
            Target::Stderr => "stderr",
            Target::Syslog => "syslog",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What log lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object each, with time, level, target, message, and camera where it is known.
    Json,
}

impl Format {
    /// All choices.
    pub const ALL: [Format; 2] = [Format::Text, Format::Json];

    /// The name on the command line and in the settings file.
    pub const fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The longest that a line waits for a syslog that is connected by a stream.
const SYSLOG_PATIENCE: Duration = Duration::from_millis(100);

/// The running log. Dropping it, also in a panic, writes the lines that are still waiting.
#[derive(Debug)]
#[must_use]
pub struct LogGuard(());

impl Drop for LogGuard {
    fn drop(&mut self) {
        log::logger().flush();
    }
}

/// Starts logging.
///
/// # Errors
/// When syslog was asked for and there is none, or the system has no thread left.
pub fn init(target: Target, format: Format, level: LevelFilter) -> Result<LogGuard, Problem> {
    let syslog = match target {
        Target::Stderr => None,
        Target::Syslog => Some(Syslog::connect(None, format).map_err(|error| {
            let advice = "start a syslog daemon, or use --log stderr";
            Problem::new("cannot log to syslog", error.to_string(), advice)
        })?),
        Target::Auto if stderr_leads_nowhere() => Syslog::connect(None, format).ok(),
        Target::Auto => None,
    };
    let logger: Box<dyn Log> = match syslog {
        Some(syslog) => Box::new(SYSLOG.get_or_init(|| syslog)),
        None => Box::new(Stderr::start(level, format).map_err(|error| {
            Problem::new("cannot start the log's thread", error.to_string(), "is the system out of memory?")
        })?),
    };
    log::set_max_level(level);
    // Fails only if a logger was set before, and nothing else sets one.
    let _ = log::set_boxed_logger(logger);
    Ok(LogGuard(()))
}

/// The log, if it is a syslog.
static SYSLOG: OnceLock<Syslog> = OnceLock::new();

/// Reconnects to syslog if that is the log; stderr needs nothing.
pub fn reopen() {
    if let Some(syslog) = SYSLOG.get() {
        *syslog.connection() = open(syslog.socket.as_ref()).ok();
    }
}

/// Whether what ended the program is to be reported on stderr too: unless the log is a syslog and nobody looks at
/// stderr. What the journal reads from stderr would be there twice.
pub fn stderr_is_for_people() -> bool {
    SYSLOG.get().is_none() || io::stderr().is_terminal()
}

/// Whether log lines go to a syslog.
pub fn is_syslog() -> bool {
    SYSLOG.get().is_some()
}

/// Writes what ended the program to stderr, whatever the log is, unless that would wait for a reader.
pub fn report_fatal(problem: &Problem, format: Format) {
    report(Level::Error, problem, format);
}

/// Writes a line to stderr, whatever the log is, unless that would wait for a reader.
pub fn report(level: Level, words: &dyn fmt::Display, format: Format) {
    if !stderr_takes_a_line() {
        return;
    }
    let line = match format {
        Format::Text => format!("boardcam: {words}"),
        Format::Json => json::line(
            &Record::builder().level(level).target("boardcam").args(format_args!("{words}")).build(),
        ),
    };
    let _ = writeln!(io::stderr(), "{line}"); // nowhere else to report it
}

/// Whether a line can be written to stderr without waiting for a reader: a pipe that poll(2) calls writable takes at
/// least 4,096 bytes (PIPE_BUF).
fn stderr_takes_a_line() -> bool {
    let stderr = io::stderr();
    let mut files = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut files, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

/// Whether stderr is closed or /dev/null, as for a daemon.
fn stderr_leads_nowhere() -> bool {
    let Ok(stat) = rustix::fs::fstat(io::stderr()) else { return true };
    // 1:3 is /dev/null (Linux, admin-guide/devices.txt).
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) == (1, 3)
}

type Connection = syslog::Logger<LoggerBackend, Formatter3164>;

/// Crate syslog's logger, which reconnects after syslogd was restarted (rust-syslog issue 21) and never waits for a
/// syslogd that does not read: lines are lost rather than frames.
struct Syslog {
    /// A socket other than the system's, for tests.
    socket: Option<PathBuf>,
    connection: Mutex<Option<Connection>>,
    format: Format,
}

impl Syslog {
    fn connect(socket: Option<PathBuf>, format: Format) -> Result<Self, syslog::Error> {
        let connection = Mutex::new(Some(open(socket.as_ref())?));
        Ok(Self { socket, connection, format })
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        lock(&self.connection)
    }
}

fn open(socket: Option<&PathBuf>) -> Result<Connection, syslog::Error> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_DAEMON,
        hostname: None,
        process: "boardcam".to_owned(),
        pid: std::process::id(),
    };
    let connection = match socket {
        Some(path) => syslog::unix_custom(formatter, path)?,
        None => syslog::unix(formatter)?,
    };
    match &connection.backend {
        LoggerBackend::Unix(socket) => socket.set_nonblocking(true)?,
        LoggerBackend::UnixStream(socket) => socket.get_ref().set_write_timeout(Some(SYSLOG_PATIENCE))?,
        LoggerBackend::Udp(..) | LoggerBackend::Tcp(_) => {}
    }
    Ok(connection)
}

fn send(connection: &mut Connection, level: log::Level, line: &str) -> Result<(), syslog::Error> {
    match level {
        log::Level::Error => connection.err(line),
        log::Level::Warn => connection.warning(line),
        log::Level::Info => connection.info(line),
        log::Level::Debug | log::Level::Trace => connection.debug(line),
    }
}

impl Log for &'static Syslog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Time and level are in the syslog header too; the object repeats them so that it is whole wherever it is read.
        let line = match self.format {
            Format::Text => record.args().to_string(),
            Format::Json => json::line(record),
        };
        let mut connection = self.connection();
        let sent = match connection.as_mut() {
            Some(connection) => send(connection, record.level(), &line).is_ok(),
            None => false,
        };
        if !sent {
            *connection = open(self.socket.as_ref()).ok();
            if let Some(connection) = connection.as_mut() {
                let _ = send(connection, record.level(), &line); // the line is lost if this fails too: there is no syslog
            }
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    fn line(log: &'static Syslog, text: &str) {
        log.log(&Record::builder().level(log::Level::Error).args(format_args!("{text}")).build());
    }

    fn received(daemon: &UnixDatagram) -> String {
        daemon.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut buffer = [0; 512];
        let length = daemon.recv(&mut buffer).expect("no line came");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn a_json_line_reaches_syslog_as_the_whole_message() {
        log::set_max_level(LevelFilter::Info);
        let path = std::env::temp_dir().join(format!("boardcam-log-json-{}", std::process::id()));
        let daemon = UnixDatagram::bind(&path).unwrap();
        let log = Box::leak(Box::new(Syslog::connect(Some(path.clone()), Format::Json).unwrap()));
        line(log, "over\nthere");
        let received = received(&daemon);
        std::fs::remove_file(&path).unwrap();
        let (_, message) = received.split_once("]: ").unwrap();
        let object: serde_json::Value = serde_json::from_str(message).unwrap();
        assert_eq!(
            (object["level"].as_str(), object["message"].as_str()),
            (Some("error"), Some("over\nthere"))
        );
    }

    #[test]
    fn lines_reach_syslog_again_after_syslogd_was_restarted() {
        log::set_max_level(LevelFilter::Info);
        let path = std::env::temp_dir().join(format!("boardcam-log-{}", std::process::id()));
        let daemon = UnixDatagram::bind(&path).unwrap();
        let log = Box::leak(Box::new(Syslog::connect(Some(path.clone()), Format::Text).unwrap()));
        line(log, "before");
        let first = received(&daemon);
        assert!(
            first.starts_with("<27>") && first.contains("boardcam[") && first.ends_with(": before"),
            "{first}"
        );
        drop(daemon);
        std::fs::remove_file(&path).unwrap();
        line(log, "while it is away");
        let daemon = UnixDatagram::bind(&path).unwrap();
        line(log, "after");
        assert!(received(&daemon).ends_with(": after"));
        std::fs::remove_file(&path).unwrap();
    }
}
