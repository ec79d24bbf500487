//! What `boardcam probe` prints: every video node, what it offers, and whether it can be used.
//!
//! Called only by the command line. Every camera is really started and must deliver a picture, so a node takes as long
//! as its camera needs for that, and a camera that another program uses is reported as busy.
//!
//! | module | what it does |
//! |---|---|
//! | `found` | what is known of a node, as plain data |
//! | `gather` | finds it out |
//! | `table` | prints it for people |
//! | `json` | prints it for programs; docs/api.md describes the form |

mod found;
mod gather;
mod json;
mod table;

use std::io::{self, Write};

use super::config::SourceConfig;
use found::{Entry, Report};

/// The result of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// At least one camera can be used.
    Usable,
    /// No camera can be used.
    Unusable,
}

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people, each camera as soon as it was tried.
    Table,
    /// As one JSON object.
    Json,
}

/// Prints the configured source, or every camera for `auto`, and tries each with these settings. `encoder` says in words
/// what hardware encoder the board has.
///
/// # Errors
/// Writing to `out` failed.
pub fn run(config: &SourceConfig, form: Form, encoder: &str, out: &mut dyn Write) -> io::Result<Verdict> {
    let mut report = Report { encoder: encoder.to_owned(), ..Report::default() };
    gather::each(config, &mut |entry| {
        match entry {
            Entry::Camera(camera) => {
                if form == Form::Table {
                    table::camera(&camera, out)?;
                }
                report.cameras.push(camera);
            }
            Entry::Other(other) => report.others.push(other),
        }
        Ok(())
    })?;
    match form {
        Form::Table => table::end(&report, out)?,
        Form::Json => json::write(&report, out)?,
    }
    let is_usable = report.cameras.iter().any(|camera| camera.tried.is_ok());
    Ok(if is_usable { Verdict::Usable } else { Verdict::Unusable })
}

#[cfg(test)]
mod tests;
