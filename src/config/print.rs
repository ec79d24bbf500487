//! Prints settings as a settings file that sets the same, for `boardcam check`.

use std::fmt;

use super::options::{self, Kind, Opt, Target};
use super::settings::{CameraSettings, Settings};
use super::toml_text::quoted;
use crate::names::without_passwords;

/// Everything, so that it can be read again.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_public(f, Passwords::Shown)?;
        self.wifi.iter().try_for_each(|wifi| write!(f, "{wifi}"))?;
        self.users.iter().try_for_each(|user| write!(f, "{user}"))
    }
}

/// Whether passwords in the sources of cameras, and options that may hold secrets, are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passwords {
    Shown,
    Hidden,
}

/// Settings to be shown: without passwords of cameras, without options that may hold secrets, the hashes of passwords, and the key of the wireless network.
#[derive(Debug)]
pub struct WithoutSecrets<'a>(pub &'a Settings);

impl fmt::Display for WithoutSecrets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_public(f, Passwords::Hidden)?;
        for table in
            self.0.wifi.iter().map(ToString::to_string).chain(self.0.users.iter().map(ToString::to_string))
        {
            for line in table.lines() {
                match line.split_once(" = ") {
                    Some((name @ ("key" | "password"), _)) => {
                        writeln!(f, "# {name}: hidden; check --secrets prints it")?;
                    }
                    _ => writeln!(f, "{line}")?,
                }
            }
        }
        Ok(())
    }
}

impl Settings {
    fn write_public(&self, f: &mut fmt::Formatter<'_>, passwords: Passwords) -> fmt::Result {
        for opt in options::all() {
            let Target::Program { get, .. } = opt.target else { continue };
            match get(self) {
                texts if opt.secret && passwords == Passwords::Hidden && !texts.is_empty() => {
                    writeln!(f, "# {}: hidden; check --secrets prints it", opt.name)?;
                }
                texts => write_option(f, opt, &texts)?,
            }
        }
        for (((name, source), record), motion) in
            self.cameras.iter().zip(&self.record.cameras).zip(&self.motion)
        {
            let spec = source.spec.to_string();
            let safe = without_passwords(&spec);
            match passwords {
                Passwords::Hidden if safe != spec => writeln!(
                    f,
                    "\n[[camera]]\nname = \"{name}\"\n# its password is hidden; check --secrets prints it\nsource = {}",
                    quoted(&safe)
                )?,
                _ => writeln!(f, "\n[[camera]]\nname = \"{name}\"\nsource = {}", quoted(&spec))?,
            }
            let camera =
                CameraSettings { source: source.clone(), record: record.clone(), motion: motion.clone() };
            for opt in options::all() {
                if let Target::Camera { get, .. } = opt.target {
                    write_option(f, opt, &get(&camera).into_iter().collect::<Vec<_>>())?;
                }
            }
        }
        Ok(())
    }
}

/// One line: the option as it is set, or its default as a comment.
fn write_option(f: &mut fmt::Formatter<'_>, opt: &Opt, texts: &[String]) -> fmt::Result {
    let literal = |text: &String| match opt.kind {
        Kind::Text => quoted(text),
        Kind::Number | Kind::Flag => text.clone(),
    };
    let literals: Vec<_> = texts.iter().map(literal).collect();
    match (opt.many, literals.as_slice()) {
        (_, []) => writeln!(f, "# {}: {}", opt.name, opt.unset),
        (true, _) => writeln!(f, "{} = [{}]", opt.name, literals.join(", ")),
        (false, [literal, ..]) => writeln!(f, "{} = {literal}", opt.name),
    }
}
