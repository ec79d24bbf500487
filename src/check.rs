//! `boardcam check`: prints the settings, and looks at what starting would look at: certificate, addresses, folders,
//! time zone. It opens no camera (but the encoders of the board, if hardware is asked for), and leaves nothing behind.
//! Called only by `main`.

use std::fmt::Write;

use crate::camera::encoders;
use crate::camera::pattern::Pattern;
use crate::camera::v4l2::check_edid;
use crate::camera::{EncodeMode, SourceConfig, SourceSpec};
use crate::config::{Settings, WithoutSecrets};
use crate::files::page;
use crate::gate;
use crate::host::{state_dir, zone};
use crate::problem::Problem;

/// What to print, and what would keep boardcam from starting with these settings.
#[derive(Debug)]
pub struct Report {
    /// The settings, and warnings as comments.
    pub text: String,
    /// What would keep it from starting.
    pub refusal: Option<Problem>,
}

/// Checks the settings.
pub fn check(settings: &Settings, secrets: bool) -> Report {
    let printed = if secrets { settings.to_string() } else { WithoutSecrets(settings).to_string() };
    let mut text = format!("{printed}\n# time zone: {}\n", zone::describe());
    let addresses = gate::check_distinct(&settings.gate)
        .and_then(|()| gate::check_certificate(&settings.gate))
        .and_then(|()| gate::check_addresses(&settings.gate));
    let (mut warnings, mut refusal) = match addresses {
        Ok(warnings) => (warnings, None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    match settings.page.as_deref().map(page::check) {
        Some(Ok(warning)) => warnings.extend(warning),
        Some(Err(problem)) if settings.is_appliance => warnings.push(problem),
        Some(Err(problem)) => refusal = refusal.or(Some(problem)),
        None => {}
    }
    warnings.extend(settings.cameras.iter().flat_map(|(_, camera)| camera_problems(camera)));
    warnings.extend(settings.record.folder_problem());
    warnings.extend(state_dir::problem());
    warnings.extend(zone::problem());
    if settings.cameras.iter().any(|(_, camera)| camera.encoder == EncodeMode::Hardware) {
        let _ = writeln!(text, "# hardware encoder: {}", encoders::describe());
    }
    for warning in &warnings {
        let _ = writeln!(text, "# warning: {warning}"); // writing to a String cannot fail
    }
    if refusal.is_none() && settings.mistakes.is_none() {
        text += if warnings.is_empty() { "# OK\n" } else { "# OK, but for the warnings\n" };
    }
    Report { text, refusal }
}

/// What would keep a camera from being opened, as far as the settings say.
fn camera_problems(camera: &SourceConfig) -> impl Iterator<Item = Problem> + use<> {
    let pattern = match camera.spec {
        SourceSpec::Pattern => Pattern::check(camera).err(),
        _ => None,
    };
    pattern.into_iter().chain(camera.capture.edid.as_deref().and_then(check_edid))
}
