//! Users, as the settings name them, and their roles.

use std::fmt;

use super::password::Hash;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See everything: pages, streams, snapshots, state.
    Watch,
    /// Also change things.
    Control,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 2] = [Role::Watch, Role::Control];

    /// Its name in the settings and in `/state`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Watch => "watch",
            Role::Control => "control",
        }
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Unique; see [`crate::names::is_user_name`].
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The hash of their password.
    pub password: Hash,
}

/// As a table of the settings file.
impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, role, password } = self;
        writeln!(f, "\n[[user]]\nname = \"{name}\"\nrole = \"{}\"", role.name())?;
        writeln!(f, "password = \"{password}\"")
    }
}
