//! Where this program keeps what must survive a restart.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use rustix::fs::{Access, access};
use rustix::io::Errno;

use crate::problem::Problem;

/// The folder, which may not exist yet: the one that systemd made for us (systemd.exec(5), `StateDirectory=`),
/// otherwise for root that of system services, and for other users their own (XDG Base Directory Specification). `None`
/// for a user without a home.
pub fn path() -> Option<PathBuf> {
    choose(|name| env::var_os(name), rustix::process::geteuid().is_root())
}

/// Why nothing can be kept over a restart by this user; `None` if it can. Nothing is made to find that out.
pub fn problem() -> Option<Problem> {
    let Some(folder) = path() else {
        return Some(Problem::new(
            "cannot keep sign-ins and what is set on the page after a restart",
            "there is no folder for it",
            "name a folder that can be written: STATE_DIRECTORY=/path/to/folder boardcam",
        ));
    };
    // What is not there yet is made, in the nearest folder that is.
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok())?;
    let usable = access(there, Access::WRITE_OK | Access::EXEC_OK)
        .and_then(|()| if there.is_dir() { Ok(()) } else { Err(Errno::NOTDIR) });
    usable.err().map(|error| {
        Problem::new(
            format!(
                "cannot keep sign-ins and what is set on the page after a restart, in {}",
                folder.display()
            ),
            format!("{}: {}", there.display(), io::Error::from(error)),
            "let the user that boardcam runs as write there, or name another folder by STATE_DIRECTORY",
        )
    })
}

fn choose(variable: impl Fn(&str) -> Option<OsString>, root: bool) -> Option<PathBuf> {
    // The specification says to ignore relative paths; systemd may name several, separated by colons.
    let path = |name| {
        let value = variable(name)?.into_string().ok()?;
        Some(PathBuf::from(value.split(':').next()?)).filter(|path| path.is_absolute())
    };
    let own = |home: PathBuf| home.join("boardcam");
    path("STATE_DIRECTORY")
        .or_else(|| path("XDG_STATE_HOME").map(own))
        .or_else(|| root.then(|| own("/var/lib".into())))
        .or_else(|| path("HOME").map(|home| own(home.join(".local/state"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_kept_where_systemd_or_the_user_keeps_it() {
        let choose = |variables: &[(&str, &str)], root| {
            let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
            choose(|name| find(name).map(|(_, value)| value.into()), root)
        };
        let home = ("HOME", "/home/pi");
        let xdg = ("XDG_STATE_HOME", "/data");
        for (variables, root, expected) in [
            (&[home, xdg, ("STATE_DIRECTORY", "/var/lib/boardcam:/x")][..], true, Some("/var/lib/boardcam")),
            (&[home, xdg], true, Some("/data/boardcam")),
            (&[home, ("XDG_STATE_HOME", "here")], false, Some("/home/pi/.local/state/boardcam")),
            (&[("HOME", "/root")], true, Some("/var/lib/boardcam")),
            (&[], true, Some("/var/lib/boardcam")),
            (&[], false, None),
        ] {
            assert_eq!(choose(variables, root), expected.map(PathBuf::from), "{variables:?}");
        }
    }
}
