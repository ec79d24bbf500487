//! The users and groups of this machine, as `/etc/passwd` and `/etc/group` list them (passwd(5), group(5)).

use std::fmt;
use std::fs;
use std::str::FromStr;

use crate::problem::{Text, text};

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// The owner of a file, by name or number: a user, a group, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    user: Option<String>,
    group: Option<String>,
}

impl FromStr for Owner {
    type Err = Text;

    /// `USER`, `USER:GROUP` or `:GROUP`.
    fn from_str(text: &str) -> Result<Self, Text> {
        let (user, group) = text.split_once(':').unwrap_or((text, ""));
        let name = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let owner = Owner { user: name(user), group: name(group) };
        if owner == (Owner { user: None, group: None }) || group.contains(':') {
            return Err(text!("expected an owner such as owner=www-data or owner=USER:GROUP"));
        }
        Ok(owner)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.user.as_deref().unwrap_or_default())?;
        self.group.iter().try_for_each(|group| write!(f, ":{group}"))
    }
}

/// The numbers of user and group; `None` for what the owner leaves open.
///
/// # Errors
/// Which of them this machine does not have.
pub fn ids(owner: &Owner) -> Result<(Option<u32>, Option<u32>), String> {
    let user = owner.user.as_ref().map(|name| number(name, USERS).ok_or(format!("there is no user {name}")));
    let group =
        owner.group.as_ref().map(|name| number(name, GROUPS).ok_or(format!("there is no group {name}")));
    Ok((user.transpose()?, group.transpose()?))
}

fn number(name: &str, file: &str) -> Option<u32> {
    name.parse().ok().or_else(|| listed(name, &fs::read_to_string(file).ok()?))
}

/// The third field of the line that begins with this name.
fn listed(name: &str, list: &str) -> Option<u32> {
    let mut lines = list.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_name_and_by_number() {
        let list = "root:x:0:0::/root:/bin/sh\n\nwww-data:x:33:33::/:/bin/false\nbad:x:many\n";
        assert_eq!(
            ["root", "www-data", "www", "bad"].map(|name| listed(name, list)),
            [Some(0), Some(33), None, None]
        );
        let of = |text: &str| ids(&text.parse().unwrap());
        assert_eq!(of("root"), Ok((Some(0), None)));
        assert_eq!(of(":12"), Ok((None, Some(12))));
        assert_eq!(of("7:root"), Ok((Some(7), Some(0))));
        assert_eq!(of("no-such-user"), Err("there is no user no-such-user".to_owned()));
        assert_eq!(of("root:no-such-group"), Err("there is no group no-such-group".to_owned()));
        for wrong in ["", ":", "a:b:c"] {
            assert!(wrong.parse::<Owner>().is_err(), "{wrong}");
        }
    }
}
