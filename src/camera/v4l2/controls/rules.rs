//! What is known about how controls depend on each other, and their names.

use v4l2_calls::controls::{Control, Kind};

/// A control, and the automatic that keeps it from being set by hand: as kernels call them now, and before 5.18.
const PAIRS: [(&str, &str); 18] = [
    ("exposure_time_absolute", "auto_exposure"),
    ("exposure_absolute", "exposure_auto"),
    ("exposure", "auto_exposure"),
    ("iris_absolute", "auto_exposure"),
    ("white_balance_temperature", "white_balance_automatic"),
    ("white_balance_temperature", "white_balance_temperature_auto"),
    ("red_balance", "white_balance_automatic"),
    ("blue_balance", "white_balance_automatic"),
    ("white_balance_component_blue", "white_balance_component_auto"),
    ("white_balance_component_red", "white_balance_component_auto"),
    ("focus_absolute", "focus_automatic_continuous"),
    ("focus_absolute", "focus_auto"),
    ("gain", "gain_automatic"),
    ("gain", "autogain"),
    ("hue", "hue_automatic"),
    ("hue", "hue_auto"),
    ("brightness", "brightness_automatic"),
    ("iso_sensitivity", "iso_sensitivity_auto"),
];

/// The value of `auto_exposure` that leaves all to the user (V4L2_EXPOSURE_MANUAL).
const EXPOSURE_MANUAL: i64 = 1;

/// Names of those that USB cameras have, by identifier (linux/v4l2-controls.h), for those that do not say their name.
const NAMES: [(u32, &str); 24] = [
    (0x0098_0900, "brightness"),
    (0x0098_0901, "contrast"),
    (0x0098_0902, "saturation"),
    (0x0098_0903, "hue"),
    (0x0098_090c, "white_balance_automatic"),
    (0x0098_0910, "gamma"),
    (0x0098_0913, "gain"),
    (0x0098_0918, "power_line_frequency"),
    (0x0098_0919, "hue_automatic"),
    (0x0098_091a, "white_balance_temperature"),
    (0x0098_091b, "sharpness"),
    (0x0098_091c, "backlight_compensation"),
    (0x009a_0901, "auto_exposure"),
    (0x009a_0902, "exposure_time_absolute"),
    (0x009a_0903, "exposure_dynamic_framerate"),
    (0x009a_0908, "pan_absolute"),
    (0x009a_0909, "tilt_absolute"),
    (0x009a_090a, "focus_absolute"),
    (0x009a_090c, "focus_automatic_continuous"),
    (0x009a_090d, "zoom_absolute"),
    (0x009a_090e, "zoom_relative"),
    (0x009a_090f, "zoom_continuous"),
    (0x009a_0910, "privacy"),
    (0x009a_0911, "iris_absolute"),
];

/// The name of a control that the driver does not describe.
pub(super) fn known_name(id: u32) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// The automatics that may keep a control from being set.
pub(super) fn automatics(name: &str) -> impl Iterator<Item = &'static str> {
    PAIRS.iter().filter(move |(own, _)| *own == name).map(|(_, automatic)| *automatic)
}

/// Where a control has its place when several are set: automatics come first.
pub(super) fn rank(name: &str) -> u8 {
    u8::from(!PAIRS.iter().any(|(_, automatic)| *automatic == name))
}

/// The value that switches an automatic off; `None` if that cannot be told.
pub(super) fn manual(name: &str, control: &Control) -> Option<i64> {
    match control.kind {
        Kind::Boolean => Some(0),
        Kind::Menu => {
            let known = if name.contains("exposure") { EXPOSURE_MANUAL } else { 0 };
            let is_manual = |label: &str| label.to_ascii_lowercase().contains("manual");
            let item = control.menu.iter().find(|item| item.index == known && is_manual(&item.label));
            item.or_else(|| control.menu.iter().find(|item| is_manual(&item.label))).map(|item| item.index)
        }
        _ => None,
    }
}

/// The name of a control as v4l2-ctl writes it: `Exposure Time, Absolute` is `exposure_time_absolute`.
pub(super) fn name_of(label: &str) -> String {
    let words = label.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_v4l2_ctl_writes() {
        for (label, name) in [
            ("Exposure Time, Absolute", "exposure_time_absolute"),
            ("White Balance, Automatic", "white_balance_automatic"),
            ("  Integer 64 Bits (x)", "integer_64_bits_x"),
            ("\u{fffd}", ""),
        ] {
            assert_eq!(name_of(label), name);
        }
    }

    #[test]
    fn an_automatic_is_set_before_what_waits_for_it() {
        for (name, automatic) in PAIRS {
            assert!(rank(automatic) < rank(name), "{automatic} before {name}");
            assert!(automatics(name).any(|own| own == automatic));
        }
    }
}
