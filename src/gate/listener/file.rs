//! Listening on a socket in the file system (unix(7)), for a proxy on this machine.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use log::{debug, info};
use rustix::fs::{Access, AtFlags, CWD, Gid, Mode, OFlags, Uid, access, chownat, openat};
use rustix::process::geteuid;
use socket2::{Domain, SockAddr, Socket, Type};

use super::super::limits::BACKLOG;
use super::super::socket_file::{SCHEME, SocketFile};
use super::Listener;
use crate::host::accounts;
use crate::problem::{Problem, Text};

/// User and group.
type Ids = (Option<u32>, Option<u32>);

/// Removes the file at the end.
#[derive(Debug)]
pub struct SocketFileGuard {
    path: PathBuf,
    /// Device and inode: another program may have put its own in the place.
    identity: (u64, u64),
}

impl Drop for SocketFileGuard {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity)
            && let Err(failure) = fs::remove_file(&self.path)
        {
            debug!("cannot remove {}: {failure}", self.path.display());
        }
    }
}

impl SocketFile {
    /// Makes the socket. One that a program left behind is replaced; any other file is left alone.
    ///
    /// # Errors
    /// A program serves there, there is another file, or owner and mode cannot be set.
    pub(super) fn open(&self) -> Result<Listener, Problem> {
        self.leftover()?;
        let failed = |error: io::Error| self.problem(&error, self.advice(&error));
        let ids =
            self.owner.as_ref().map(accounts::ids).transpose().map_err(|why| self.unknown_owner(why))?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None).map_err(failed)?;
        socket.bind(&SockAddr::unix(&self.path).map_err(failed)?).map_err(failed)?;
        // Nobody can connect before it listens.
        let guard = self.grant(ids)?;
        socket.listen(BACKLOG).map_err(failed)?;
        info!("listening on {SCHEME}{}", self.path.display());
        Ok(Listener::file(socket.into(), Some(guard)))
    }

    /// Sets mode and owner of the file that was just made, and of no other: whoever may write to its folder can put
    /// another file or a link in its place meanwhile, and would get that one.
    fn grant(&self, ids: Option<Ids>) -> Result<SocketFileGuard, Problem> {
        let failed = |error: io::Error| self.problem(&error, self.advice(&error));
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let place = openat(CWD, &self.path, flags, Mode::empty()).map_err(|error| failed(error.into()))?;
        let place = File::from(place);
        let file = place.metadata().map_err(failed)?;
        if !file.file_type().is_socket() || file.uid() != geteuid().as_raw() || file.nlink() != 1 {
            return Err(self.problem(
                "another user has put something else in its place",
                "choose a folder that only this user may write to",
            ));
        }
        let guard = SocketFileGuard { path: self.path.clone(), identity: (file.dev(), file.ino()) };
        // fchmod(2) takes no such descriptor (O_PATH); its name in /proc leads to the same file.
        let name = format!("/proc/self/fd/{}", place.as_raw_fd());
        fs::set_permissions(name, Permissions::from_mode(self.mode)).map_err(failed)?;
        if let Some((user, group)) = ids {
            let (user, group) = (user.map(Uid::from_raw), group.map(Gid::from_raw));
            chownat(&place, "", user, group, AtFlags::EMPTY_PATH).map_err(|error| {
                let why = Text::from(&io::Error::from(error));
                self.problem(format!("its owner cannot be set: {why}"), OWNER_ADVICE)
            })?;
        }
        Ok(guard)
    }

    /// Removes a socket on which nobody listens any more.
    fn leftover(&self) -> Result<(), Problem> {
        match self.holder()? {
            Holder::Nobody => Ok(()),
            Holder::Leftover => {
                fs::remove_file(&self.path).map_err(|error| self.problem(&error, self.advice(&error)))
            }
            Holder::Program => Err(self.served()),
        }
    }

    /// Who has its place.
    ///
    /// # Errors
    /// There is a file that is no socket, or one that this user may not look at.
    fn holder(&self) -> Result<Holder, Problem> {
        let Ok(file) = fs::symlink_metadata(&self.path) else { return Ok(Holder::Nobody) };
        if !file.file_type().is_socket() {
            return Err(
                self.problem("there is a file that is no socket", "choose another path, or remove that file")
            );
        }
        match connect(&self.path) {
            Ok(()) => Ok(Holder::Program),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Ok(Holder::Leftover),
                io::ErrorKind::WouldBlock => Ok(Holder::Program),
                io::ErrorKind::PermissionDenied => Err(self.problem(
                    "there is a socket of another user",
                    "end the program that serves there, or choose another path; if none does, remove that file",
                )),
                _ => Err(self.problem(&error, self.advice(&error))),
            },
        }
    }

    fn served(&self) -> Problem {
        self.problem(
            "another program serves there already",
            "end it, or choose another path with --listen unix:/path",
        )
    }

    /// What would keep it from being made, as far as that shows without making it. What is returned may be different for
    /// the service: its own socket, and its rights.
    ///
    /// # Errors
    /// Its folder or its owner is not there.
    pub(super) fn check(&self) -> Result<Option<Problem>, Problem> {
        let ids =
            self.owner.as_ref().map(accounts::ids).transpose().map_err(|why| self.unknown_owner(why))?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            return Err(self.problem(
                format!("there is no folder {}", folder.display()),
                format!("create it, or choose another path with --listen {SCHEME}/path"),
            ));
        }
        match self.holder() {
            Err(problem) => return Ok(Some(problem)),
            Ok(Holder::Program) => return Ok(Some(self.served())),
            Ok(Holder::Leftover | Holder::Nobody) => {}
        }
        if let Err(error) = access(folder, Access::WRITE_OK | Access::EXEC_OK) {
            let error = io::Error::from(error);
            return Ok(Some(self.problem(&error, self.advice(&error))));
        }
        let own = geteuid();
        let is_other = ids.is_some_and(|(user, _)| user.is_some_and(|user| user != own.as_raw()));
        Ok((is_other && !own.is_root()).then(|| self.problem("it is to have another owner", OWNER_ADVICE)))
    }

    fn unknown_owner(&self, why: String) -> Problem {
        self.problem(why, "name a user and a group of this machine, or their numbers: owner=USER:GROUP")
    }

    fn advice(&self, error: &io::Error) -> &'static str {
        match error.kind() {
            io::ErrorKind::NotFound => "create its folder first; under systemd, RuntimeDirectory= does",
            io::ErrorKind::PermissionDenied => {
                "choose a folder that this user may write to; under systemd, RuntimeDirectory= makes one"
            }
            _ => "choose another path with --listen unix:/path",
        }
    }

    fn problem(&self, why: impl Into<Text>, advice: impl Into<Text>) -> Problem {
        Problem::new(format!("cannot listen on {SCHEME}{}", self.path.display()), why, advice)
    }
}

/// Who has the place of a socket.
enum Holder {
    Nobody,
    /// A program that has ended, such as by a crash.
    Leftover,
    /// One that listens.
    Program,
}

/// What to do where a socket cannot be given to another user.
const OWNER_ADVICE: &str =
    "only root may give a file away; leave owner out, or start boardcam as root or as that user";

/// Connects without waiting: `WouldBlock` while too many others wait.
fn connect(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.connect(&SockAddr::unix(path)?)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net;

    use super::*;

    fn parsed(text: &str) -> Result<SocketFile, String> {
        text.parse().map_err(|why: Text| why.to_string())
    }

    #[test]
    fn what_another_user_puts_in_the_place_of_the_socket_keeps_its_mode_and_owner() {
        let folder = std::env::temp_dir().join(format!("boardcam-socket-swap-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir(&folder).unwrap();
        let (path, precious) = (folder.join("boardcam.sock"), folder.join("precious"));
        fs::write(&precious, "precious").unwrap();
        fs::set_permissions(&precious, Permissions::from_mode(0o600)).unwrap();
        let old = folder.join("old.sock");
        drop(net::UnixListener::bind(&old).unwrap());
        fs::set_permissions(&old, Permissions::from_mode(0o700)).unwrap();
        let file = parsed(&format!("unix:{},mode=666", path.display())).unwrap();
        let own = Some((Some(geteuid().as_raw()), None));
        for (to, is_hard) in [(&precious, false), (&precious, true), (&old, false), (&old, true)] {
            let linked =
                if is_hard { fs::hard_link(to, &path) } else { std::os::unix::fs::symlink(to, &path) };
            linked.unwrap();
            let refused = file.grant(own).unwrap_err().to_string();
            assert!(refused.contains("something else in its place"), "{to:?}, {is_hard}: {refused}");
            fs::remove_file(&path).unwrap();
        }
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&precious), mode(&old)), (0o600, 0o700));
        drop(net::UnixListener::bind(&path).unwrap());
        drop(file.grant(own).unwrap());
        assert!(!path.exists(), "ours is");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced_and_nothing_else_is() {
        let folder = std::env::temp_dir().join(format!("boardcam-socket-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder); // of an earlier run
        fs::create_dir(&folder).unwrap();
        let path = folder.join("boardcam.sock");
        let file = parsed(&format!("unix:{},mode=600", path.display())).unwrap();
        drop(net::UnixListener::bind(&path).unwrap()); // leaves its file behind

        let listener = file.open().unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap().mode() & 0o777, 0o600);
        let mut client = net::UnixStream::connect(&path).unwrap();
        let (mut stream, peer) = listener.accept().unwrap();
        assert!(crate::socket::shown(peer).starts_with("unix:"), "{peer}");
        stream.write_all(b"served").unwrap();
        drop(stream);
        let mut told = String::new();
        client.read_to_string(&mut told).unwrap();
        assert_eq!(told, "served");

        let second = file.open().unwrap_err().to_string();
        assert!(second.contains("another program serves there"), "{second}");
        let warned = file.check().unwrap().unwrap().to_string();
        assert!(warned.contains("another program serves there"), "{warned}");
        drop(listener);
        assert!(!path.exists(), "it is removed at the end");

        fs::write(&path, "precious").unwrap();
        let other = file.open().unwrap_err().to_string();
        assert!(other.contains("a file that is no socket"), "{other}");
        assert_eq!(file.check().unwrap().unwrap().to_string(), other);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let nowhere = parsed("unix:/nowhere/boardcam.sock").unwrap();
        let missing = nowhere.open().unwrap_err().to_string();
        assert!(missing.contains("(ENOENT)") && missing.contains("create its folder first"), "{missing}");
        assert!(nowhere.check().unwrap_err().to_string().contains("there is no folder /nowhere"));
        let nobody = parsed(&format!("unix:{}/a,owner=no-such-user", folder.display())).unwrap();
        assert!(nobody.check().unwrap_err().to_string().contains("no user no-such-user"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
