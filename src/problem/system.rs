//! What the system answers, as texts that can be translated.

use std::io;

use rustix::io::Errno;

use super::{Text, text};

impl From<&io::Error> for Text {
    fn from(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::NOENT) => text!("no such file or folder (ENOENT)"),
            Some(Errno::ACCESS) => text!("permission denied (EACCES)"),
            Some(Errno::PERM) => text!("not permitted (EPERM)"),
            Some(Errno::EXIST) => text!("it exists already (EEXIST)"),
            Some(Errno::NOTDIR) => text!("part of the path is not a folder (ENOTDIR)"),
            Some(Errno::ISDIR) => text!("it is a folder (EISDIR)"),
            Some(Errno::ROFS) => text!("the disk is read-only (EROFS)"),
            Some(Errno::NOSPC) => text!("the disk is full (ENOSPC)"),
            Some(Errno::DQUOT) => text!("the disk quota is used up (EDQUOT)"),
            Some(Errno::FBIG) => text!("the file is too large (EFBIG)"),
            Some(Errno::IO) => text!("reading or writing failed (EIO)"),
            Some(Errno::NODEV) => text!("the device is gone (ENODEV)"),
            Some(Errno::STALE) => text!("the network share is gone (ESTALE)"),
            Some(Errno::BUSY) => text!("it is in use (EBUSY)"),
            Some(Errno::TIMEDOUT) => text!("no answer came (ETIMEDOUT)"),
            Some(Errno::LOOP) => text!("its links lead nowhere (ELOOP)"),
            Some(Errno::NAMETOOLONG) => text!("the path is too long (ENAMETOOLONG)"),
            Some(Errno::MFILE | Errno::NFILE) => text!("too many files are open (EMFILE)"),
            Some(Errno::NOMEM) => text!("there is not enough memory (ENOMEM)"),
            Some(Errno::AGAIN) => text!("too many processes or threads are running (EAGAIN)"),
            _ => error.to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_answers_has_a_name_to_search_for() {
        let text = |code| Text::from(&io::Error::from_raw_os_error(code)).to_string();
        assert_eq!(text(2), "no such file or folder (ENOENT)");
        assert!(text(18).contains("os error 18"), "{}", text(18));
        assert_eq!(Text::from(&io::Error::other("no such thing")).to_string(), "no such thing");
    }
}
