//! Values of controls as texts, as people write them.

use serde::Serialize;
use v4l2_calls::controls::{Control, Kind, Value};

use super::rules::name_of;
use crate::problem::{Text, text};

/// As many items of a menu are named in a message.
const NAMED_MAX: usize = 12;

/// A value in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// Of a switch.
    Switch(bool),
    /// Of a number, bits, or a menu.
    Number(i64),
    /// Of a text.
    Text(String),
}

/// The name of a kind in JSON.
pub(super) fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
        Kind::Menu => "menu",
        Kind::Button => "button",
        Kind::Integer64 => "integer64",
        Kind::String => "string",
        Kind::Bitmask => "bitmask",
        Kind::IntegerMenu => "integer_menu",
    }
}

/// A value for JSON.
pub(super) fn shown(kind: Kind, value: Value) -> Shown {
    match value {
        Value::Number(number) if kind == Kind::Boolean => Shown::Switch(number != 0),
        Value::Number(number) => Shown::Number(number),
        Value::Text(text) => Shown::Text(text),
    }
}

/// The value that a text means for a control.
///
/// # Errors
/// What is expected, with the range.
pub(super) fn parse(name: &str, text: &str, control: &Control) -> Result<Value, Text> {
    let number = match control.kind {
        Kind::String => return string(name, text, control),
        Kind::Boolean => {
            switch(text).ok_or_else(|| text!("{} cannot be {}: expected true or false.", name, text))?.into()
        }
        Kind::Button if switch(text) == Some(true) => 1,
        Kind::Button => return Err(text!("{} cannot be {}: true presses this button.", name, text)),
        Kind::Menu | Kind::IntegerMenu => item(name, text, control)?,
        Kind::Integer | Kind::Integer64 => {
            let (min, max) = (control.minimum, control.maximum);
            let number = whole(text);
            // Limits that contradict each other mean nothing: the driver decides.
            number.filter(|number| min > max || (min..=max).contains(number)).ok_or_else(|| {
                text!(
                    "{} cannot be {}: expected a whole number from {} to {}.",
                    name,
                    text,
                    min.to_string(),
                    max.to_string()
                )
            })?
        }
        Kind::Bitmask => {
            let all = control.maximum & i64::from(u32::MAX);
            whole(text).filter(|bits| bits & !all == 0).ok_or_else(|| {
                text!("{} cannot be {}: expected bits of {}.", name, text, format!("{all:#x}"))
            })?
        }
    };
    Ok(Value::Number(number))
}

fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn item(name: &str, text: &str, control: &Control) -> Result<i64, Text> {
    let number = whole(text);
    let by_number = control.menu.iter().find(|item| Some(item.index) == number);
    let by_name = || {
        let is_it =
            |label: &str| label == text || (!name_of(text).is_empty() && name_of(label) == name_of(text));
        control.menu.iter().find(|item| is_it(&item.label))
    };
    by_number.or_else(by_name).map(|item| item.index).ok_or_else(|| {
        let named = control.menu.iter().take(NAMED_MAX);
        let items: Vec<_> = named.map(|item| format!("{} ({})", item.label, item.index)).collect();
        text!("{} cannot be {}: expected one of {}.", name, text, items.join(", "))
    })
}

fn string(name: &str, text: &str, control: &Control) -> Result<Value, Text> {
    let (min, max) = (control.minimum, control.maximum);
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if (min <= max && !(min..=max).contains(&length)) || text.contains('\0') {
        return Err(text!(
            "{} cannot be {}: expected a text of {} to {} bytes.",
            name,
            text,
            min.to_string(),
            max.to_string()
        ));
    }
    Ok(Value::Text(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use v4l2_calls::controls::Item;

    use super::*;

    fn control(kind: Kind, minimum: i64, maximum: i64) -> Control {
        let menu = vec![
            Item { index: 1, label: "Manual Mode".to_owned() },
            Item { index: 3, label: "Aperture Priority Mode".to_owned() },
        ];
        Control { id: 1, label: String::new(), kind, minimum, maximum, step: 0, default: 0, flags: 0, menu }
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_range() {
        let said = |kind, min, max, text| parse("x", text, &control(kind, min, max)).unwrap_err().to_string();
        assert_eq!(said(Kind::Integer, 1, 5, "6"), "x cannot be 6: expected a whole number from 1 to 5.");
        assert_eq!(said(Kind::Boolean, 0, 1, "2"), "x cannot be 2: expected true or false.");
        assert_eq!(
            said(Kind::Menu, 0, 3, "2"),
            "x cannot be 2: expected one of Manual Mode (1), Aperture Priority Mode (3)."
        );
        assert_eq!(said(Kind::String, 2, 4, "abcde"), "x cannot be abcde: expected a text of 2 to 4 bytes.");
        assert_eq!(said(Kind::Bitmask, 0, 0xf, "16"), "x cannot be 16: expected bits of 0xf.");
        assert_eq!(said(Kind::Button, 0, 0, "false"), "x cannot be false: true presses this button.");
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        let read = |kind, min, max, text| parse("x", text, &control(kind, min, max)).unwrap();
        assert_eq!(read(Kind::Integer, -5, 5, "-5"), Value::Number(-5));
        assert_eq!(read(Kind::Integer, 5, -5, "77"), Value::Number(77), "limits that contradict each other");
        assert_eq!(read(Kind::Menu, 0, 3, "manual mode"), Value::Number(1));
        assert_eq!(read(Kind::Menu, 0, 3, "3"), Value::Number(3));
        assert_eq!(read(Kind::Boolean, 0, 1, "off"), Value::Number(0));
        assert_eq!(read(Kind::Bitmask, 0, -1, "0x80000000"), Value::Number(0x8000_0000));
        assert_eq!(read(Kind::String, 0, 4, "abc"), Value::Text("abc".to_owned()));
    }
}
