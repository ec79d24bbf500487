//! The command line, parsed by clap.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::file;
use super::options::{self, GROUPS, Kind, Opt};
use super::values::{Values, wrong_option};
use crate::auth::Role;
use crate::names::{NAME_MAX, is_user_name};
use crate::problem::Problem;

/// The task that the command line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Serve until a signal ends the program.
    Serve,
    /// List the cameras, as a table or as JSON.
    Probe {
        /// Whether the list is JSON.
        json: bool,
    },
    /// Take one picture into a file; `-` is standard output.
    Snapshot {
        /// The file; `-` is standard output.
        output: PathBuf,
        /// The name of the camera; the first one without it.
        camera: Option<String>,
    },
    /// Check the settings, and print them, with passwords' hashes and the wireless key if asked for.
    Check {
        /// Whether those are printed too.
        secrets: bool,
    },
    /// Ask for a user's password and print the table.
    HashPassword(String, Role),
    /// Print the wireless network for wpa_supplicant.
    Wifi,
}

/// The command line with all options and commands; man page and completions are made from it too.
pub fn command() -> Command {
    Command::new("boardcam")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Shows the camera of this board live to every browser and player on the network")
        .after_help(
            format!(
                "Without a command it serves: open http://ADDRESS:8080/ in a browser.\n\
                 The settings file (TOML) takes the same names: size = \"640x480\". It may have a [[camera]] table for \
                 each camera, with name, source, and {} of its own; and a [[user]] table for each user, as boardcam \
                 hash-password prints it.",
                options::all().filter(|opt| opt.is_for_cameras()).map(|opt| opt.name).collect::<Vec<_>>().join(", ")
            ),
        )
        .args(GROUPS.iter().flat_map(|(heading, options)| {
            options.iter().map(|opt| option(opt).help_heading(*heading))
        }))
        .args(settings_arguments())
        .subcommands(subcommands())
}

/// An option as clap has it.
fn option(opt: &'static Opt) -> Arg {
    let arg = Arg::new(opt.name).long(opt.name).global(true).help(match opt.kind {
        Kind::Flag => opt.help.to_owned(),
        Kind::Text | Kind::Number => format!("{} [default: {}]", opt.help, opt.default_text()),
    });
    let arg = match opt.kind {
        Kind::Flag => arg.action(ArgAction::SetTrue).overrides_with(opt.name), // -vv is not more than -v
        Kind::Text | Kind::Number => arg
            .value_name(opt.value)
            .allow_hyphen_values(opt.kind == Kind::Number)
            .action(if opt.many { ArgAction::Append } else { ArgAction::Set }),
    };
    match opt.short {
        Some(letter) => arg.short(letter),
        None => arg,
    }
}

/// The options that say where the other settings come from.
fn settings_arguments() -> [Arg; 2] {
    [
        Arg::new("config")
            .long("config")
            .value_name("FILE")
            .global(true)
            .value_parser(value_parser!(PathBuf))
            .help("Settings file; the command line takes precedence over it"),
        Arg::new("appliance").long("appliance").global(true).action(ArgAction::SetTrue).help(
            "For a board whose only service this is: port 80 unless another is set, and the defaults if the settings \
             file has a mistake. Log, page and placeholder picture then say which line is wrong; users, HTTPS, names and Wi-Fi of the \
             file stay in force",
        ),
    ]
}

fn subcommands() -> [Command; 5] {
    let output = Arg::new("output")
        .short('o')
        .long("output")
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("File to write the JPEG to; - is standard output");
    let of = Arg::new("of")
        .value_name("CAMERA")
        .help("Name of the camera in the settings; the first one if it is left out");
    let secrets = Arg::new("secrets")
        .long("secrets")
        .action(ArgAction::SetTrue)
        .help("Also print the hashes of passwords and the key of the wireless network");
    let json =
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print one JSON object, for programs");
    let name =
        Arg::new("name").value_name("NAME").required(true).value_parser(user_name).help("Name of the user");
    let role = Arg::new("role")
        .long("role")
        .value_name("ROLE")
        .default_value(Role::Control.name())
        .value_parser(file::parse_role)
        .help("watch (see everything) or control (change things too)");
    [
        Command::new("probe")
            .about("List every camera, what it offers, and whether it can be used")
            .arg(json),
        Command::new("snapshot").about("Take one picture and exit").args([output, of]),
        Command::new("check").about("Check the settings and print them").arg(secrets),
        Command::new("hash-password")
            .about("Ask for a password and print the user's table for the settings file")
            .args([name, role]),
        Command::new("wifi").about("Print the wireless network of the settings for wpa_supplicant"),
    ]
}

fn user_name(text: &str) -> Result<String, String> {
    let expected = || format!("expected 1 to {NAME_MAX} letters, digits, -, _, . and @");
    is_user_name(text).then(|| text.to_owned()).ok_or_else(expected)
}

/// The values that the options on the command line set.
///
/// # Errors
/// The first mistake found.
pub(super) fn from_command_line(matches: &ArgMatches) -> Result<Values, Problem> {
    let mut values = Values::default();
    for opt in options::all() {
        if opt.kind == Kind::Flag {
            if matches.get_flag(opt.name) {
                values.set(opt, "true").map_err(|why| wrong_option(opt, "", why))?;
            }
            continue;
        }
        for text in matches.get_many::<String>(opt.name).into_iter().flatten() {
            values.set(opt, text).map_err(|why| wrong_option(opt, text, why))?;
        }
    }
    Ok(values)
}
