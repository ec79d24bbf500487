//! The settings file: TOML with the names of the command line, `[[camera]]` for each camera, and `[[user]]` for each
//! user.

mod user;

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::options::{Apply, Kind, OPTIONS, Opt, camera_name};
use super::{CameraValues, Values};
use crate::problem::Problem;
pub(super) use user::parse_role;

/// The largest settings file, in bytes; a hundred times what all settings need.
const MAX_FILE: u64 = 64 << 10;

/// How alike a misspelt name must be to a right one to be taken for it (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

/// Keys of a `[[camera]]` table besides the options of a camera.
const CAMERA_KEYS: [&str; 2] = ["name", "source"];

/// Reads the settings file at `path`.
pub(super) fn read(path: &Path) -> Result<Values, Problem> {
    let shown = path.display().to_string();
    let unreadable = |why: String, advice: &str| {
        Problem::new(format!("cannot read the settings file {shown}"), why, advice)
    };
    let failed = |error: std::io::Error| {
        unreadable(error.to_string(), "check the path after --config and the file's permissions")
    };
    // Asked before it is opened: opening a pipe would wait for somebody to write into it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(unreadable("it is no ordinary file".to_owned(), "name a text file after --config"));
    }
    let mut text = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut text)).map_err(failed)?;
    if text.len() as u64 > MAX_FILE {
        let why = format!("it is larger than {MAX_FILE} bytes");
        return Err(unreadable(why, "is it the right file?"));
    }
    let text = String::from_utf8(text)
        .map_err(|_| unreadable("it is not UTF-8 text".to_owned(), "save it as plain text in UTF-8"))?;
    parse(&shown, text.strip_prefix('\u{feff}').unwrap_or(&text))
}

/// Understands the text of a settings file that is called `name` in messages.
pub(super) fn parse(name: &str, text: &str) -> Result<Values, Problem> {
    let reader = Reader { name, text };
    let table = DeTable::parse(text).map_err(|error| {
        let advice = "write for example size = \"640x480\"";
        reader.problem(error.span().unwrap_or(0..0), error.message().replace('\n', ", "), advice)
    })?;
    let mut values = Values::default();
    for (key, value) in table.get_ref() {
        let word = key.get_ref().as_ref();
        if word == "camera" && is_tables(value.get_ref()) {
            for table in value.get_ref().as_array().into_iter().flat_map(|array| array.iter()) {
                values.cameras.push(reader.camera(table)?);
            }
            continue;
        }
        if word == "user" {
            values.users = reader.users(value)?;
            continue;
        }
        let names = || OPTIONS.iter().map(|opt| opt.name).chain(["user"]);
        let opt = OPTIONS
            .iter()
            .find(|opt| opt.name == word)
            .ok_or_else(|| reader.unknown(key.span(), word, names()))?;
        reader.take(opt, value, |text| values.apply(opt, text))?;
    }
    Ok(values)
}

fn is_tables(value: &DeValue<'_>) -> bool {
    value.as_array().is_some_and(|array| array.iter().any(|item| item.get_ref().is_table()))
}

struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn problem(&self, at: Range<usize>, why: String, advice: impl Into<String>) -> Problem {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        Problem::new(format!("cannot use line {line} of the settings file {}", self.name), why, advice)
    }

    fn unknown<'n>(
        &self,
        at: Range<usize>,
        word: &str,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Problem {
        let alike = |name: &str| strsim::jaro_winkler(name, word);
        let nearest = names.clone().max_by(|a, b| alike(a).total_cmp(&alike(b)));
        let advice = match nearest.filter(|name| alike(name) >= ALIKE) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("there are {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.problem(at, format!("there is no setting called {word:?} here"), advice)
    }

    /// Gives the text of `value` to `apply`, each item of an array in turn.
    fn take(
        &self,
        opt: &Opt,
        value: &Spanned<DeValue<'_>>,
        mut apply: impl FnMut(&str) -> Result<(), String>,
    ) -> Result<(), Problem> {
        match value.get_ref() {
            DeValue::Array(items) if opt.many => {
                for item in items.iter() {
                    self.take_one(opt, item, &mut apply)?;
                }
                Ok(())
            }
            _ => self.take_one(opt, value, &mut apply),
        }
    }

    fn take_one(
        &self,
        opt: &Opt,
        value: &Spanned<DeValue<'_>>,
        apply: &mut impl FnMut(&str) -> Result<(), String>,
    ) -> Result<(), Problem> {
        let advice = || match opt.kind {
            Kind::Text => format!("write for example {} = \"{}\"", opt.name, opt.example),
            Kind::Number | Kind::Flag => format!("write for example {} = {}", opt.name, opt.example),
        };
        let text = match (opt.kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => text.as_ref(),
            (Kind::Number, DeValue::Integer(number)) if number.radix() == 10 => number.as_str(),
            (Kind::Flag, DeValue::Boolean(true)) => "true",
            (Kind::Flag, DeValue::Boolean(false)) => "false",
            (kind, other) => {
                let expected = match kind {
                    Kind::Text => "a text in quotes",
                    Kind::Number => "a whole number without quotes",
                    Kind::Flag => "true or false",
                };
                let why = format!("{} must be {expected}, not this {}", opt.name, other.type_str());
                return Err(self.problem(value.span(), why, advice()));
            }
        };
        apply(text).map_err(|why| {
            self.problem(value.span(), format!("cannot use {} = {text:?}: {why}", opt.name), advice())
        })
    }

    fn camera(&self, table: &Spanned<DeValue<'_>>) -> Result<CameraValues, Problem> {
        let Some(entries) = table.get_ref().as_table() else {
            let why = "camera must be all texts or all [[camera]] tables".to_owned();
            return Err(self.problem(table.span(), why, "write [[camera]] and below it source = \"auto\""));
        };
        let mut camera = CameraValues::default();
        for (key, value) in entries {
            let word = key.get_ref().as_ref();
            if CAMERA_KEYS.contains(&word) {
                let text = value.get_ref().as_str().ok_or_else(|| {
                    let why = format!("{word} must be a text in quotes");
                    self.problem(value.span(), why, format!("write for example {word} = \"auto\""))
                })?;
                let taken = match word {
                    "name" => camera_name(text).map(|name| camera.name = Some(name)),
                    _ => text.parse().map(|which| camera.which = Some(which)),
                };
                taken.map_err(|why| {
                    let advice = "write for example source = \"/dev/video0\" and name = \"door\"";
                    self.problem(value.span(), format!("cannot use {word} = {text:?}: {why}"), advice)
                })?;
                continue;
            }
            let options = OPTIONS.iter().filter_map(|opt| match opt.apply {
                Apply::Camera(apply) => Some((opt, apply)),
                Apply::Program(_) => None,
            });
            let (opt, apply) = options.clone().find(|(opt, _)| opt.name == word).ok_or_else(|| {
                let names = CAMERA_KEYS.into_iter().chain(options.map(|(opt, _)| opt.name));
                self.unknown(key.span(), word, names)
            })?;
            self.take(opt, value, |text| apply(&mut camera, text))?;
        }
        Ok(camera)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistake(text: &str) -> String {
        parse("boardcam.toml", text).expect_err("was accepted").to_string()
    }

    #[test]
    fn a_misspelt_name_is_told_with_its_line_and_the_right_one() {
        assert_eq!(
            mistake("# my camera\n\nqualty = 80\n"),
            "cannot use line 3 of the settings file boardcam.toml: there is no setting called \"qualty\" here; \
             did you mean quality?"
        );
        assert!(mistake("[[camera]]\nsorce = \"auto\"\n").contains("did you mean source?"));
        assert!(mistake("[[camera]]\nlisten = \"[::]:80\"\n").contains("there are name, source, size"));
    }

    #[test]
    fn a_wrong_type_is_told_with_a_right_line() {
        assert_eq!(
            mistake("quality = \"high\""),
            "cannot use line 1 of the settings file boardcam.toml: quality must be a whole number without quotes, \
             not this string; write for example quality = 85"
        );
        for bad in ["size = 640", "verbose = 1", "fps = 1.5", "listen = { a = 1 }", "quality = 0x10"] {
            assert!(mistake(bad).contains(" must be "), "{bad}");
        }
        for bad in ["quality = 0", "quality = 101", "size = \"big\"", "fps = -3", "listen = [\"nowhere\"]"] {
            assert!(mistake(bad).contains(": expected "), "{bad}: {}", mistake(bad));
        }
    }

    #[test]
    fn text_that_is_no_toml_is_told_with_its_line() {
        assert!(mistake("fps = 5\nsize = = 4").contains("line 2"));
        assert!(mistake("camera = [\"auto\", { source = \"auto\" }]").contains("all [[camera]] tables"));
    }

    #[test]
    fn nesting_to_the_size_of_the_file_is_refused() {
        let times = |text: &str| text.repeat(MAX_FILE as usize / text.len() / 2);
        for text in [
            format!("size = {}", times("[")),
            format!("size = {}{}", times("["), times("]")),
            format!("size = {}", times("{a=")),
            format!("{}a = 1", times("a.")),
            format!("[{}a]", times("a.")),
            format!("[[camera]]\n{}a = 1", times("a.")),
        ] {
            mistake(&text);
        }
    }

    #[test]
    fn lists_and_single_values_are_both_taken() {
        let values =
            parse("test", "camera = [\"a=pattern\", \"/dev/video2\"]\nlisten = \"[::1]:80\"").unwrap();
        assert_eq!((values.cameras.len(), values.listen.len()), (2, 1));
    }

    #[test]
    fn files_that_are_none_are_told() {
        let folder = std::env::temp_dir();
        let told = |path: &Path| read(path).expect_err("was read").to_string();
        assert!(told(&folder).contains("no ordinary file"));
        assert!(told(Path::new("/dev/zero")).contains("no ordinary file"));
        assert!(told(&folder.join("boardcam-is-not-here.toml")).contains("No such file"));
        let file = folder.join(format!("boardcam-{}.toml", std::process::id()));
        std::fs::write(&file, b"\xff\xfe\x00").unwrap();
        assert!(told(&file).contains("not UTF-8"));
        std::fs::write(&file, vec![b'#'; MAX_FILE as usize + 1]).unwrap();
        assert!(told(&file).contains("larger than"));
        std::fs::remove_file(&file).unwrap();
    }
}
