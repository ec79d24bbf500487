//! The page of your own: the files of a folder that the settings name, in place of our page.
//!
//! They are opened anew for each request, so that a change is seen at once. What is sent is decided by the file that was
//! opened, and not by its name: nothing outside the folder, no link that leads out of it (openat2(2)), only ordinary
//! files, and no name that begins with a dot, also behind a link.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

use log::warn;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, OpenFile, unreadable};
use super::conditions::Conditions;
use super::types::content_type;
use super::version::Version;
use crate::host::log::bounded::{self, Subject};
use crate::problem::{Problem, Text};

/// What a URL that ends with a slash shows.
const INDEX: &str = "index.html";

/// Attempts at a file whose folders are being renamed meanwhile.
const ATTEMPTS: usize = 5;

/// Where a file is in the folder: a path that goes only downwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PagePath(String);

impl PagePath {
    /// The file that a URL's path means, whose percent-encoding is decoded; `None` if there can be none.
    pub fn of_url(path: &str) -> Option<Self> {
        let name = if path.is_empty() || path.ends_with('/') { INDEX } else { "" };
        Self::try_from(format!("{path}{name}").trim_start_matches('/').to_owned()).ok()
    }
}

/// No file of a page may have this path.
#[derive(Debug)]
pub struct NoPath;

impl std::fmt::Display for NoPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not the path of a page's file")
    }
}

impl TryFrom<String> for PagePath {
    type Error = NoPath;

    fn try_from(path: String) -> Result<Self, NoPath> {
        // A dot at the beginning is that of a hidden file, or of `.` and `..`. Some proxies take `\` for `/`.
        let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.');
        let is_odd = |c: char| c.is_control() || matches!(c, '\\' | char::REPLACEMENT_CHARACTER);
        if path.split('/').all(is_plain) && !path.contains(is_odd) { Ok(Self(path)) } else { Err(NoPath) }
    }
}

impl From<PagePath> for String {
    fn from(path: PagePath) -> Self {
        path.0
    }
}

/// A request for a page's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Which one.
    pub path: PagePath,
    /// The URL to lead to if it is a folder.
    pub as_folder: String,
    /// What is wanted of it.
    pub conditions: Conditions,
}

/// What there is at a path.
#[derive(Debug)]
enum Found {
    File(OpenFile, Version),
    Folder,
    Nothing,
}

/// Answers a request from the folder `root`.
pub(super) fn answer(root: &Path, request: &PageRequest) -> Answer {
    let PageRequest { path: PagePath(path), as_folder, conditions } = request;
    let is_head = conditions.is_head;
    let uncached = || vec![("Cache-Control", "no-store".to_owned())];
    match find(root, path) {
        Ok(Found::File(file, version)) => {
            let kind = ("Content-Type", content_type(path).to_owned());
            Answer::of_file(file, &version.into(), vec![kind], conditions)
        }
        Ok(Found::Folder) => {
            let to = ("Location", as_folder.clone());
            Answer::text(303, uncached().into_iter().chain([to]).collect(), "It is a folder.", is_head)
        }
        Ok(Found::Nothing) => {
            let why = format!(
                "There is nothing here: the page has no file {path}. The stream is at /stream, a snapshot at /snapshot."
            );
            Answer::text(404, uncached(), why, is_head)
        }
        Err(error) => {
            if bounded::may_log(Subject::Downloads, "") {
                warn!("cannot read {}: {error}", root.join(path).display());
            }
            let (status, why) = unreadable(&error);
            Answer::text(status, uncached(), why, is_head)
        }
    }
}

/// What there is at `path` in `root`.
fn find(root: &Path, path: &str) -> io::Result<Found> {
    let found = open_root(root).and_then(|root| find_below(&root, path, open_below));
    match found {
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV | Errno::NAMETOOLONG | Errno::NXIO) => {
            Ok(Found::Nothing)
        }
        found => Ok(found?),
    }
}

fn open_root(root: &Path) -> rustix::io::Result<OwnedFd> {
    openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Opens a path below a folder.
type Open = fn(&OwnedFd, &str, OFlags) -> rustix::io::Result<OwnedFd>;

/// Looks at it before it is opened for reading, since to open a device may do something, and again afterwards, since
/// another file may have taken its place.
fn find_below(root: &OwnedFd, path: &str, open: Open) -> rustix::io::Result<Found> {
    let metadata = |file: File| file.metadata().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO));
    let place = metadata(open(root, path, OFlags::PATH)?.into())?;
    if place.is_dir() {
        return Ok(Found::Folder);
    }
    if !place.is_file() {
        return Ok(Found::Nothing);
    }
    // With NONBLOCK, to open a pipe does not wait for a writer.
    let file = File::from(open(root, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?);
    let opened = file.metadata().map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    if !opened.is_file() {
        return Ok(Found::Nothing);
    }
    let version = Version::of(&opened);
    Ok(Found::File(OpenFile::of_version(file, version), version))
}

/// Links are followed as long as they stay in the folder and lead to nothing hidden; older kernels than Linux 5.6 follow
/// none.
fn open_below(root: &OwnedFd, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    for _ in 0..ATTEMPTS {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::LOOP) if resolve.contains(ResolveFlags::NO_SYMLINKS) => {
                resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            }
            // Some sandboxes say EPERM of system calls that they do not know.
            Err(Errno::NOSYS | Errno::PERM) => return open_without_links(root, path, flags),
            Ok(file) if !resolve.contains(ResolveFlags::NO_SYMLINKS) && is_hidden(root, &file) => {
                return Err(Errno::NOENT);
            }
            opened => return opened,
        }
    }
    Err(Errno::AGAIN)
}

/// Whether the name of what was found, or of a folder on the way, begins with a dot, or is not known.
fn is_hidden(root: &OwnedFd, file: &OwnedFd) -> bool {
    let path = |file: &OwnedFd| std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok();
    let (Some(root), Some(file)) = (path(root), path(file)) else { return true };
    let is_dotted = |part: &OsStr| part.as_encoded_bytes().starts_with(b".");
    file.strip_prefix(root).map_or(true, |below| below.iter().any(is_dotted))
}

fn open_without_links(root: &OwnedFd, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let open = |folder: &OwnedFd, name: &str, flags: OFlags| {
        openat(folder, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    };
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut folder: Option<OwnedFd> = None;
    for name in folders.split('/').filter(|name| !name.is_empty()) {
        folder = Some(open(folder.as_ref().unwrap_or(root), name, OFlags::PATH | OFlags::DIRECTORY)?);
    }
    open(folder.as_ref().unwrap_or(root), name, flags)
}

/// Whether the folder can be served: what will be missing is returned, such as its index.html.
///
/// # Errors
/// There is no such folder, or it cannot be read.
pub fn check(root: &Path) -> Result<Option<Problem>, Problem> {
    let problem = |why: Text, advice: &str| {
        Problem::new(format!("cannot serve the page in {}", root.display()), why, advice)
    };
    let found = open_root(root).and_then(|root| find_below(&root, INDEX, open_below));
    match found {
        Ok(Found::File(..)) => Ok(None),
        Ok(Found::Folder | Found::Nothing) => {
            Ok(Some(problem(format!("its {INDEX} is no file").into(), "/ shows that file; make it one")))
        }
        Err(Errno::NOENT) if root.is_dir() => Ok(Some(problem(
            format!("it has no {INDEX}").into(),
            "/ shows that file; create it, or open the others by their names",
        ))),
        Err(Errno::XDEV | Errno::LOOP) => {
            let why = format!("its {INDEX} is a link that leads out of the folder");
            Ok(Some(problem(why.into(), "copy the file into the folder")))
        }
        Err(error) => Err(problem(Text::from(&io::Error::from(error)), advice(root, error))),
    }
}

fn advice(root: &Path, error: Errno) -> &'static str {
    let is_hidden = ["/home", "/root", "/tmp", "/var/tmp"].iter().any(|hidden| root.starts_with(hidden));
    match error {
        Errno::NOENT | Errno::ACCESS if is_hidden => {
            "is it there, and readable? As a service, boardcam sees nothing in /home, /root and /tmp; choose another \
             folder, such as /srv/page, with --static"
        }
        Errno::NOENT => "create the folder, or name another one with --static",
        Errno::NOTDIR => "name the folder that the file is in with --static",
        Errno::ACCESS => "let the user that boardcam runs as read the folder and its files",
        _ => "name another folder with --static",
    }
}

#[cfg(test)]
mod tests;
