//! What can be set: the command line over the settings file over the defaults.
//!
//! Called once, by `main`. Everything that can be set is a row in [`options`]. Every mistake becomes a [`Problem`]
//! that names the option or the line, what was expected, and a right example. Nothing here opens a camera or a socket.

mod advice;
mod distinct;
mod file;
mod foreign;
mod line;
mod mistakes;
pub mod options;
mod print;
mod settings;
mod toml_text;
mod values;
mod wifi;

use std::ffi::OsString;
use std::path::PathBuf;

use crate::auth::Role;
use crate::problem::Problem;
pub use line::Task;
pub use line::command;
use line::from_command_line;
pub use mistakes::Mistakes;
pub use print::WithoutSecrets;
use settings::DEFAULT_PORT;
pub use settings::{DEFAULT_NAME, Settings};
use values::{Values, merge};
pub use wifi::Wifi;

/// The port for plain HTTP on a board whose only service this is, so that URLs need no port.
const APPLIANCE_PORT: u16 = 80;

/// Reads the command line and the settings file that it names.
///
/// # Errors
/// All mistakes of the file, or the first one elsewhere. Unknown options, `--help` and `--version` do not return: clap
/// prints and ends. Options of other streamers do.
pub fn read(args: impl IntoIterator<Item = OsString>) -> Result<(Task, Settings), Mistakes> {
    let args: Vec<OsString> = args.into_iter().collect();
    let matches = match command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return Err(foreign::on_line(&error, &args).unwrap_or_else(|| error.exit()).into()),
    };
    let (task, matches) = match matches.subcommand() {
        None => (Task::Serve, &matches),
        Some(("probe", sub)) => (Task::Probe { json: sub.get_flag("json") }, sub),
        Some(("snapshot", sub)) => {
            let output = sub.get_one::<PathBuf>("output").cloned().unwrap_or_else(|| "-".into());
            (Task::Snapshot { output, camera: sub.get_one::<String>("of").cloned() }, sub)
        }
        Some(("hash-password", sub)) => {
            let name = sub.get_one::<String>("name").cloned().unwrap_or_default();
            let role = sub.get_one::<Role>("role").copied().unwrap_or(Role::Watch);
            (Task::HashPassword(name, role), sub)
        }
        Some(("wifi", sub)) => (Task::Wifi, sub),
        Some((_, sub)) => (Task::Check { secrets: sub.get_flag("secrets") }, sub),
    };
    let line = from_command_line(matches)?;
    let appliance = matches.get_flag("appliance");
    let port = if appliance { APPLIANCE_PORT } else { DEFAULT_PORT };
    let with_port = |mut settings: Settings| {
        settings.gate.port = port;
        settings.is_appliance = appliance;
        settings
    };
    let Some(path) = matches.get_one::<PathBuf>("config") else {
        return Ok((task, with_port(merge(&line, &Values::default())?)));
    };
    let settings = match file::read(path).and_then(|file| Ok(merge(&line, &file)?)) {
        Err(mistakes) if appliance => {
            let rescued = file::rescue(path);
            // If the file says who may watch, no picture is better than a picture for everybody.
            if rescued.users.is_empty() && task != Task::Wifi && file::names_users(path) {
                return Err(mistakes);
            }
            Settings { mistakes: Some(mistakes), ..merge(&line, &rescued)? }
        }
        read => read?,
    };
    Ok((task, with_port(settings)))
}

/// The settings from a file with this text, without a command line. Messages call the file `name`.
///
/// # Errors
/// The first mistake found, with its line if it is in the settings file, and the lines of others.
pub fn from_text(name: &str, text: &str) -> Result<Settings, Problem> {
    let values = file::parse(name, text).map_err(|mistakes| mistakes.in_one())?;
    merge(&Values::default(), &values)
}

#[cfg(test)]
mod tests;
