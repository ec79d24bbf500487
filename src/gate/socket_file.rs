//! A socket in the file system (unix(7)), as the settings name it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::host::accounts::Owner;
use crate::problem::{Text, text};

/// Before the path, in the settings.
pub const SCHEME: &str = "unix:";

/// Who may connect unless the settings say otherwise: owner and group. Who may write to the file may connect (unix(7)).
const MODE: u32 = 0o660;

/// The longest path in bytes: `sun_path` has 108 with the final 0 (unix(7)).
const PATH_MAX: usize = 107;

/// Where the socket is, who owns it, and who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    /// Where it is.
    pub path: PathBuf,
    /// The permission bits.
    pub mode: u32,
    /// `None` leaves it to whoever runs this program.
    pub owner: Option<Owner>,
}

impl FromStr for SocketFile {
    type Err = Text;

    /// `unix:/path`, then `,mode=660` and `,owner=USER:GROUP` in any order.
    fn from_str(text: &str) -> Result<Self, Text> {
        let mut path = text.strip_prefix(SCHEME).ok_or_else(|| text!("expected unix:/path"))?;
        let (mut mode, mut owner) = (MODE, None);
        while let Some((front, field)) = path.rsplit_once(',') {
            match field.split_once('=') {
                Some(("mode", octal)) => {
                    mode = u32::from_str_radix(octal, 8)
                        .ok()
                        .filter(|mode| *mode <= 0o777)
                        .ok_or_else(|| text!("expected a mode in octal, such as mode=660"))?;
                }
                Some(("owner", names)) => owner = Some(names.parse()?),
                Some((name, _)) if is_word(name) => {
                    return Err(text!(
                        "there is no {}= here; after the path come ,mode=660 and ,owner=USER:GROUP",
                        name
                    ));
                }
                _ => break, // a comma of the path
            }
            path = front;
        }
        if !path.starts_with('/') || path.ends_with('/') {
            return Err(text!("expected the whole path of a file, from / on"));
        }
        if path.len() > PATH_MAX {
            return Err(text!(
                "this path is longer than {} bytes, which is all that a socket may have",
                PATH_MAX
            ));
        }
        Ok(Self { path: path.into(), mode, owner })
    }
}

/// Whether it looks like the name of a field, and not like a part of a path.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic())
}

impl fmt::Display for SocketFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.path.display())?;
        if self.mode != MODE {
            write!(f, ",mode={:o}", self.mode)?;
        }
        self.owner.iter().try_for_each(|owner| write!(f, ",owner={owner}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<SocketFile, String> {
        text.parse().map_err(|why: Text| why.to_string())
    }

    #[test]
    fn path_mode_and_owner_are_read_in_any_order_and_written_back() {
        let file = parsed("unix:/run/a,b.sock,owner=www-data:video,mode=600").unwrap();
        assert_eq!((file.path.to_str(), file.mode), (Some("/run/a,b.sock"), 0o600));
        assert_eq!(file.to_string(), "unix:/run/a,b.sock,mode=600,owner=www-data:video");
        assert_eq!(parsed(&file.to_string()), Ok(file));
        assert_eq!(parsed("unix:/run/a.sock,mode=660").unwrap().to_string(), "unix:/run/a.sock");
        let misspelt = parsed("unix:/run/a.sock,mdoe=600").unwrap_err();
        assert!(misspelt.contains("there is no mdoe= here"), "{misspelt}");
        assert!(parsed("unix:/run/a,/b=c.sock").is_ok(), "a comma of the path");
        for wrong in
            ["unix:", "unix:a.sock", "unix:/", "unix:/a,mode=8", "unix:/a,mode=1777", "unix:/a,owner=", "/a"]
        {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        let long = format!("unix:/{}", "a".repeat(PATH_MAX));
        assert!(parsed(&long).unwrap_err().contains("longer than 107 bytes"));
        assert!(parsed(&long[..long.len() - 1]).is_ok());
    }
}
