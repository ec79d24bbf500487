//! The tables of the settings file, and the values of options.

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::mend::is_curly;
use super::section::{CAMERA_KEYS, Section};
use super::{Reader, our_spelling};
use crate::config::mistakes::Mistake;
use crate::config::options::{self, Kind, Opt, camera_name};
use crate::config::values::{CameraValues, Values};
use crate::config::wifi::{Wifi, WifiValues};
use crate::problem::{Text, text};

/// A key of a table, and what stands behind it.
pub(super) type Entry<'a, 't> = (&'a Spanned<DeString<'t>>, &'a Spanned<DeValue<'t>>);

impl Reader<'_> {
    /// One entry above all tables, or a table.
    pub(super) fn entry(&self, (key, value): Entry<'_, '_>, values: &mut Values) -> Result<(), Mistake> {
        let word = our_spelling(key.get_ref());
        match word.as_str() {
            "camera" if value.get_ref().is_table() => Err(self.mistake(
                key.span(),
                text!("it makes one table of all cameras"),
                text!("write [[camera]], with two brackets, above each camera"),
            )),
            "camera" if is_tables(value.get_ref()) => {
                let tables = value.get_ref().as_array().into_iter().flat_map(|array| array.iter());
                values.cameras.extend(tables.filter_map(|table| self.keep(self.camera(table))));
                Ok(())
            }
            "wifi" => self.wifi(value).map(|wifi| values.wifi = Some(wifi)),
            "user" => {
                values.users = self.users(value);
                Ok(())
            }
            word => {
                let opt = options::all().find(|opt| opt.name == word);
                let opt = opt.ok_or_else(|| self.unknown((key, value), Section::Top))?;
                self.take(opt, value, Section::Top, |text| values.set(opt, text))
            }
        }
    }

    /// A name that is none of this part of the file.
    pub(super) fn unknown(&self, (key, value): Entry<'_, '_>, section: Section) -> Mistake {
        let written = written(value.get_ref());
        let (why, advice) = section.unknown(&our_spelling(key.get_ref()), written);
        self.mistake(key.span(), why, advice)
    }

    /// Gives the text of `value` to `apply`, each item of an array in turn.
    pub(super) fn take(
        &self,
        opt: &Opt,
        value: &Spanned<DeValue<'_>>,
        section: Section,
        mut apply: impl FnMut(&str) -> Result<(), Text>,
    ) -> Result<(), Mistake> {
        match value.get_ref() {
            DeValue::Array(items) if opt.many => {
                items.iter().try_for_each(|item| self.take_one(opt, item, section, &mut apply))
            }
            _ => self.take_one(opt, value, section, &mut apply),
        }
    }

    fn take_one(
        &self,
        opt: &Opt,
        value: &Spanned<DeValue<'_>>,
        section: Section,
        apply: &mut impl FnMut(&str) -> Result<(), Text>,
    ) -> Result<(), Mistake> {
        let written = written(value.get_ref());
        let advice = || section.place().advice(opt, written);
        let text = match (opt.kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => text.as_ref(),
            (Kind::Number, DeValue::Integer(number)) if number.radix() == 10 => number.as_str(),
            // A number in quotes, a port without them, or a rate with decimals: what it means is plain.
            (Kind::Flag, DeValue::Boolean(_)) => written.unwrap_or_default(),
            (_, DeValue::String(text)) if opt.check(text).is_ok() => text.as_ref(),
            (_, DeValue::Integer(_)) | (Kind::Number, DeValue::Float(_))
                if written.is_some_and(|text| opt.check(text).is_ok()) =>
            {
                written.unwrap_or_default()
            }
            (kind, other) => {
                let expected = match kind {
                    Kind::Text => text!("a text in quotes"),
                    Kind::Number => text!("a whole number without quotes"),
                    Kind::Flag => text!("true or false"),
                };
                let why = text!("{} must be {}, not this {}", opt.name, expected, other.type_str());
                return Err(self.mistake(value.span(), why, advice()));
            }
        };
        apply(text).map_err(|why| {
            self.mistake(
                value.span(),
                text!("cannot use {} = \"{}\": {}", opt.name, opt.shown(text), why),
                advice(),
            )
        })
    }

    pub(super) fn wifi(&self, table: &Spanned<DeValue<'_>>) -> Result<Wifi, Mistake> {
        const ADVICE: Text =
            text!("write [wifi] and below it name = \"my network\" and key = \"its password\"");
        let entries = table.get_ref().as_table().ok_or_else(|| {
            let why = text!("{} must be a table, not this {}", "wifi", table.get_ref().type_str());
            self.mistake(table.span(), why, ADVICE)
        })?;
        let mut wifi = WifiValues::default();
        let mut mistake = None;
        for (key, value) in entries {
            let Err(found) = self.wifi_entry((key, value), &mut wifi) else { continue };
            if let Some(former) = mistake.replace(found) {
                self.keep::<()>(Err(former));
            }
        }
        match mistake {
            Some(mistake) => Err(mistake),
            None => wifi.finish().map_err(|why| self.mistake(table.span(), why, ADVICE)),
        }
    }

    fn wifi_entry(&self, (key, value): Entry<'_, '_>, wifi: &mut WifiValues) -> Result<(), Mistake> {
        let word = our_spelling(key.get_ref());
        let word = word.as_str();
        if !WifiValues::KEYS.contains(&word) {
            return Err(self.unknown((key, value), Section::Wifi));
        }
        let example = || Section::Wifi.example(word).unwrap_or_else(|| text!(""));
        let text = value.get_ref().as_str().ok_or_else(|| {
            let (expected, found) = (text!("a text in quotes"), value.get_ref().type_str());
            self.mistake(value.span(), text!("{} must be {}, not this {}", word, expected, found), example())
        })?;
        // Only of a text that is not TOML such quotes are left: they are no part of the name.
        let written = self.text.get(value.span()).unwrap_or_default();
        if written.starts_with(is_curly) || !written.starts_with(['"', '\'']) && written.ends_with(is_curly) {
            let why = text!("the quotes around {} are not straight ones", word);
            return Err(self.mistake(value.span(), why, example()));
        }
        // The message does not contain the key.
        wifi.apply(word, text)
            .map_err(|why| self.mistake(value.span(), text!("cannot use this {}: {}", word, why), example()))
    }

    fn camera(&self, table: &Spanned<DeValue<'_>>) -> Result<CameraValues, Mistake> {
        let Some(entries) = table.get_ref().as_table() else {
            let why = text!("camera must be all texts or all [[camera]] tables");
            let advice = text!("write [[camera]] and below it source = \"auto\"");
            return Err(self.mistake(table.span(), why, advice));
        };
        let mut camera = CameraValues::default();
        for entry in entries {
            self.keep(self.camera_entry(entry, &mut camera));
        }
        Ok(camera)
    }

    fn camera_entry(&self, (key, value): Entry<'_, '_>, camera: &mut CameraValues) -> Result<(), Mistake> {
        let word = our_spelling(key.get_ref());
        let word = word.as_str();
        if !CAMERA_KEYS.contains(&word) {
            let opt = options::all().find(|opt| opt.name == word && opt.is_for_cameras());
            let opt = opt.ok_or_else(|| self.unknown((key, value), Section::Camera))?;
            return self.take(opt, value, Section::Camera, |text| camera.texts.set(opt, text));
        }
        let advice = || {
            let source = options::all().find(|opt| opt.name == "camera" && word == "source");
            let source = source.map(|opt| Section::Camera.place().advice(opt, written(value.get_ref())));
            source.or_else(|| Section::Camera.example(word)).unwrap_or_else(|| text!(""))
        };
        let text = value.get_ref().as_str().ok_or_else(|| {
            self.mistake(value.span(), text!("{} must be a text in quotes", word), advice())
        })?;
        let taken = match word {
            "name" => camera_name(text).map(|name| camera.name = Some(name)),
            _ => text.parse().map(|spec| camera.spec = Some(spec)),
        };
        taken.map_err(|why| {
            self.mistake(value.span(), text!("cannot use {} = \"{}\": {}", word, text, why), advice())
        })
    }
}

fn is_tables(value: &DeValue<'_>) -> bool {
    value.as_array().is_some_and(|array| array.iter().any(|item| item.get_ref().is_table()))
}

/// What was written for a single value, without quotes.
fn written<'a>(value: &'a DeValue<'_>) -> Option<&'a str> {
    match value {
        DeValue::String(text) => Some(text),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
        DeValue::Float(number) => Some(number.as_str()),
        DeValue::Boolean(true) => Some("true"),
        DeValue::Boolean(false) => Some("false"),
        _ => None,
    }
}
