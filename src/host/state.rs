//! The folder for what must survive a restart.

use std::env;
use std::path::PathBuf;

/// Where a service manager says (STATE_DIRECTORY, systemd.exec(5)), else where the user's other programs keep such
/// things (XDG Base Directory Specification), else where those of the system do. It need not exist yet.
pub fn folder() -> Option<PathBuf> {
    let from = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_user = || from("XDG_STATE_HOME").or_else(|| Some(from("HOME")?.join(".local/state")));
    from("STATE_DIRECTORY")
        .or_else(|| Some(of_user().unwrap_or_else(|| PathBuf::from("/var/lib")).join(env!("CARGO_PKG_NAME"))))
}
