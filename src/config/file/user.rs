//! `[[user]]` tables: who may sign in. They are only in the file, since everybody on the machine can read command
//! lines.

use toml::Spanned;
use toml::de::DeValue;

use super::section::{Section, USER_ADVICE as ADVICE, USER_KEYS as KEYS};
use super::tables::Entry;
use super::{Reader, our_spelling};
use crate::auth::password::Hash;
use crate::auth::{Role, USERS_MAX, User};
use crate::config::mistakes::Mistake;
use crate::names::{NAME_MAX, is_user_name};
use crate::problem::{Text, text};

const NO_ROLE: Text =
    text!("give it one: role = \"watch\" to see everything, role = \"control\" to change things, too");

/// What a table sets.
#[derive(Default)]
struct UserValues {
    name: Option<String>,
    role: Option<Role>,
    password: Option<Hash>,
}

impl Reader<'_> {
    /// The users whose tables have no mistake; no two have the same name.
    pub(super) fn users(&self, tables: &Spanned<DeValue<'_>>) -> Vec<User> {
        let mut users: Vec<User> = Vec::new();
        let Some(array) = tables.get_ref().as_array() else {
            self.keep::<()>(Err(self.mistake(tables.span(), text!("user must be [[user]] tables"), ADVICE)));
            return users;
        };
        for table in array.iter() {
            let Some(user) = self.keep(self.user(table)) else { continue };
            if let Some(other) = users.iter().find(|other| other.name.eq_ignore_ascii_case(&user.name)) {
                let why = if other.name == user.name {
                    text!("there are two users called {}", user.name)
                } else {
                    let (first, second) = (other.name.clone(), user.name);
                    text!("there are users {} and {}, who differ only in capital letters", first, second)
                };
                self.keep::<()>(Err(self.mistake(table.span(), why, text!("give each a name of its own"))));
                continue;
            }
            if users.len() >= USERS_MAX {
                let why = text!("there are more than {} users", USERS_MAX);
                self.keep::<()>(Err(self.mistake(table.span(), why, text!("let several people share one"))));
                continue;
            }
            users.push(user);
        }
        users
    }

    fn user(&self, table: &Spanned<DeValue<'_>>) -> Result<User, Mistake> {
        let Some(entries) = table.get_ref().as_table() else {
            return Err(self.mistake(table.span(), text!("user must be [[user]] tables"), ADVICE));
        };
        let mut values = UserValues::default();
        let mut mistake = None;
        for entry in entries {
            let Err(found) = self.user_entry(entry, &mut values) else { continue };
            if let Some(former) = mistake.replace(found) {
                self.keep::<()>(Err(former));
            }
        }
        if let Some(mistake) = mistake {
            return Err(mistake);
        }
        let (why, advice) = match (values.name, values.role, values.password) {
            (Some(name), Some(role), Some(password)) => return Ok(User { name, role, password }),
            (Some(name), None, _) => (text!("user {} has no role", name), NO_ROLE),
            (Some(name), _, None) => (text!("user {} has no password", name), ADVICE),
            (None, ..) => (text!("a user needs {}", KEYS.join(", ")), ADVICE),
        };
        Err(self.mistake(table.span(), why, advice))
    }

    fn user_entry(&self, (key, value): Entry<'_, '_>, values: &mut UserValues) -> Result<(), Mistake> {
        let word = our_spelling(key.get_ref());
        let word = word.as_str();
        if !KEYS.contains(&word) {
            return Err(self.unknown((key, value), Section::User));
        }
        let advice = || Section::User.example(word).unwrap_or(ADVICE);
        let text = value.get_ref().as_str().ok_or_else(|| {
            self.mistake(value.span(), text!("{} must be a text in quotes", word), advice())
        })?;
        let named = || text!("expected a name of 1 to {} letters, digits, -, _, . and @", NAME_MAX);
        let taken = match word {
            "name" => is_user_name(text).then(|| values.name = Some(text.to_owned())).ok_or_else(named),
            "role" => parse_role(text).map(|found| values.role = Some(found)),
            _ => text.parse().map(|hash| values.password = Some(hash)),
        };
        // A password that was written instead of its hash must not get into the log.
        let shown = if word == "password" { String::new() } else { format!(" = {text:?}") };
        taken.map_err(|why| {
            self.mistake(value.span(), text!("cannot use {}{}: {}", word, shown, why), advice())
        })
    }
}

/// The role with this name.
pub(in crate::config) fn parse_role(text: &str) -> Result<Role, Text> {
    Role::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| {
        text!("expected {}", Text::list(Role::ALL.map(Role::name).map(Text::from), text!(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use crate::auth::Role;

    const HASH: &str =
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn user(name: &str, role: &str, password: &str) -> String {
        format!("[[user]]\nname = \"{name}\"\nrole = \"{role}\"\npassword = \"{password}\"\n")
    }

    #[test]
    fn users_are_read_from_the_file() {
        let text = user("anna", "control", HASH) + &user("b.e@n_1-2", "watch", HASH);
        let users = parse("test", &text).unwrap().users;
        let read: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.role)).collect();
        assert_eq!(read, [("anna", Role::Control), ("b.e@n_1-2", Role::Watch)]);
        assert_eq!(users[0].password.to_string(), HASH);
    }

    #[test]
    fn mistakes_in_users_are_reported_with_their_line_and_never_with_the_password() {
        let twice = user("anna", "control", HASH) + &user("anna", "watch", HASH);
        let many: String = (0..65).map(|number| user(&format!("u{number}"), "watch", HASH)).collect();
        let huge = HASH.replace("m=65536", "m=4194304");
        for (text, line, expected) in [
            (twice, 5, "two users called anna"),
            (
                user("anna", "control", HASH) + &user("Anna", "watch", HASH),
                5,
                "anna and Anna, who differ only",
            ),
            (many, 257, "more than 64 users"),
            (user("anna", "control", "s3cret"), 4, "expected what boardcam hash-password prints"),
            (user("anna", "control", &huge), 4, "at most 64 MiB"),
            (user("anna", "control", ""), 4, "expected what boardcam"),
            (user("anna", "admin", HASH), 3, "expected watch or control"),
            (user("an:na", "watch", HASH), 2, "expected a name"),
            (user("", "watch", HASH), 2, "expected a name"),
            ("[[user]]\n".to_owned(), 1, "a user needs name, role, password"),
            (
                "[[user]]\nname = \"anna\"\n".to_owned(),
                1,
                "user anna has no role; give it one: role = \"watch\"",
            ),
            ("[[user]]\nname = \"anna\"\nrole = \"watch\"\n".to_owned(), 1, "user anna has no password"),
            ("[[user]]\npasword = \"s3cret\"\n".to_owned(), 2, "did you mean password?"),
            ("[[user]]\npassword = 5\n".to_owned(), 2, "must be a text in quotes"),
            (user("an:na", "admin", HASH), 2, "line 3 has a mistake too"),
            ("user = \"anna\"\n".to_owned(), 1, "[[user]] tables"),
            ("user = [\"anna\"]\n".to_owned(), 1, "[[user]] tables"),
            ("[user]\nname = \"anna\"\n".to_owned(), 1, "[[user]] tables"),
        ] {
            let problem = parse("test", &text).expect_err("was accepted").to_string();
            assert!(problem.contains(&format!("line {line} ")) && problem.contains(expected), "{problem}");
            assert!(!problem.contains("s3cret"), "{problem}");
        }
    }
}
