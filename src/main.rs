//! Reads the command line and starts the task that it names.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use boardcam::auth::User;
use boardcam::auth::password::{self, Hash, PASSWORD_MAX};
use boardcam::camera::encoders;
use boardcam::camera::probe::{self, Form, Verdict};
use boardcam::config::{self, Mistakes, Settings, Task};
use boardcam::host::log::Format;
use boardcam::host::{self, terminal};
use boardcam::problem::Problem;
use boardcam::{check, gate, serve, snapshot};
use log::{Level, LevelFilter};

/// Exit status for a wrong command line or settings file; clap uses the same.
const USAGE: u8 = 2;

/// Exit status for every other failure.
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let (task, settings) = match config::read(std::env::args_os()) {
        Ok(read) => read,
        // The log's settings are not known yet.
        Err(mistakes) => {
            mistakes.each().for_each(|mistake| host::log::report_fatal(mistake, Format::Text));
            return ExitCode::from(USAGE);
        }
    };
    // Commands that print a result do not mix log lines into it.
    let level = match (&task, settings.verbose) {
        (_, true) => LevelFilter::Debug,
        (Task::Serve, false) => LevelFilter::Info,
        (_, false) => LevelFilter::Off,
    };
    let done = match host::log::init(settings.log, settings.log_format, level) {
        Ok(_logging) => run(&task, &settings).inspect_err(|failure| {
            if host::log::is_syslog() {
                log::error!("{}", failure.problem);
            }
        }),
        Err(problem) => Err(problem.into()),
    };
    done.unwrap_or_else(|failure| {
        if host::log::stderr_is_for_people() {
            host::log::report_fatal(&failure.problem, settings.log_format);
        }
        ExitCode::from(failure.status)
    })
}

/// Why the program ends, and its exit status.
struct Failure {
    problem: Box<Problem>,
    status: u8,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), status: FAILURE }
    }
}

impl Failure {
    /// Wrong settings.
    fn usage(problem: Problem) -> Self {
        Self { problem: Box::new(problem), status: USAGE }
    }
}

fn run(task: &Task, settings: &Settings) -> Result<ExitCode, Failure> {
    match task {
        Task::Serve => {
            gate::check_distinct(&settings.gate).map_err(Failure::usage)?;
            gate::check_certificate(&settings.gate).map_err(Failure::usage)?;
            serve::serve(settings)?;
        }
        Task::Snapshot { output, camera } => {
            let notify = |words: &str| host::log::report(Level::Info, &words, settings.log_format);
            snapshot::take(&settings.cameras, camera.as_deref(), output, &notify)?;
        }
        Task::HashPassword(name, role) => {
            let password = terminal::password(PASSWORD_MAX)?;
            if let Some(problem) = password::weakness(name, &password) {
                let _ = writeln!(io::stderr(), "boardcam: warning: {problem}"); // the user is made nevertheless
            }
            let password = Hash::of(&password)?;
            print(|out| write!(out, "{}", User { name: name.clone(), role: *role, password }))?;
        }
        Task::Check { secrets } => {
            let report = check::check(settings, *secrets);
            print(|out| out.write_all(report.text.as_bytes()))?;
            report_mistakes(settings); // the service starts nevertheless
            report.refusal.map_or(Ok(()), |problem| Err(Failure::usage(problem)))?;
        }
        Task::Wifi => return Ok(wifi(settings)?),
        Task::Probe { json } => {
            let form = if *json { Form::Json } else { Form::Table };
            let mut verdict = Verdict::Unusable;
            print(|out| {
                verdict = probe::run(&settings.cameras[0].1, form, &encoders::describe(), out)?;
                Ok(())
            })?;
            return Ok(match verdict {
                Verdict::Usable => ExitCode::SUCCESS,
                Verdict::Unusable => ExitCode::FAILURE,
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what is wrong with a settings file in whose place the defaults apply.
fn report_mistakes(settings: &Settings) {
    for mistake in settings.mistakes.iter().flat_map(Mistakes::each) {
        host::log::report_fatal(mistake, settings.log_format);
    }
}

/// Prints the wireless network. A mistake in the settings is said too, and is a failure where it keeps the network from
/// being read.
fn wifi(settings: &Settings) -> Result<ExitCode, Problem> {
    print(|out| {
        settings.wifi.as_ref().map_or(Ok(()), |wifi| out.write_all(wifi.for_supplicant().as_bytes()))
    })?;
    if settings.mistakes.is_some() {
        report_mistakes(settings);
        return Ok(if settings.wifi.is_none() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS });
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints to standard output; a reader that stops early (`| head`) is not an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::new("cannot print", error.to_string(), "check where the output goes"))
        }
        _ => Ok(()),
    }
}
