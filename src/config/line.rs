//! The command line, as clap takes it apart.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::file;
use super::options::{Kind, OPTIONS, Opt};
use super::values::Values;
use crate::auth::Role;
use crate::names::{NAME_MAX, is_user_name};
use crate::problem::Problem;

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

pub(super) fn command() -> Command {
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

fn user_name(text: &str) -> Result<String, String> {
    let expected = || format!("expected 1 to {NAME_MAX} letters, digits, -, _, . and @");
    is_user_name(text).then(|| text.to_owned()).ok_or_else(expected)
}

/// What its options set.
///
/// # Errors
/// The first mistake found.
pub(super) fn from_command_line(matches: &ArgMatches) -> Result<Values, Problem> {
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
