use super::*;
use crate::camera::SourceConfig;
use crate::config::settings::{DEFAULT_CONNECTIONS, DEFAULT_NAME, DEFAULT_PORT};
use crate::gate::tls::Https;
use crate::gate::{self, every_address};
use crate::jpeg::encode::DEFAULT_QUALITY;
use crate::picture::Size;
use crate::record;
use crate::record::plan::Plan;

fn find(name: &str) -> &'static Opt {
    all().find(|opt| opt.name == name).unwrap()
}

#[test]
fn every_option_takes_its_example_and_refuses_nonsense_in_words() {
    for opt in all() {
        assert_eq!(opt.check(opt.example), Ok(()), "--{}", opt.name);
        let refused = opt.check("\u{1}no such/thing\n");
        assert!(refused.unwrap_err().to_string().starts_with("expected "), "--{}", opt.name);
    }
}

#[test]
fn what_an_option_has_taken_it_gives_back() {
    for opt in all() {
        match opt.target {
            Target::Source => {}
            Target::Camera { set, get } => {
                let mut camera = CameraSettings::default();
                set(&mut camera, opt.example).unwrap();
                assert_eq!(get(&camera).as_deref(), Some(opt.example), "--{}", opt.name);
            }
            Target::Program { set, get } => {
                let mut settings = Settings::default();
                set(&mut settings, opt.example).unwrap();
                let texts = get(&settings);
                assert!(texts.iter().any(|text| text.starts_with(opt.example)), "--{}: {texts:?}", opt.name);
                let mut again = Settings::default();
                texts.iter().for_each(|text| set(&mut again, text).unwrap());
                assert_eq!(again, settings, "--{}", opt.name);
            }
        }
    }
}

#[test]
fn every_row_is_complete_and_its_name_unique() {
    let names: std::collections::HashSet<_> = all().map(|opt| opt.name).collect();
    assert_eq!(names.len(), all().count());
    for opt in all() {
        assert!(!opt.help.is_empty() && !opt.help.ends_with('.'), "--{}", opt.name);
        assert!(!opt.default_text().is_empty(), "--{}", opt.name);
        assert_eq!(opt.value.is_empty(), opt.kind == Kind::Flag, "--{}", opt.name);
    }
}

#[test]
fn defaults_in_the_help_are_those_that_apply() {
    for (name, default) in [
        ("size", Size::DEFAULT.to_string()),
        ("fps", SourceConfig::DEFAULT_FPS.to_string()),
        ("bad-frames", SourceConfig::DEFAULT_BAD_FRAMES.to_string()),
        ("listen", every_address(DEFAULT_PORT).to_string()),
        ("tls", Https::default().to_string()),
        ("tls-listen", gate::Settings::DEFAULT_TLS_LISTEN.to_string()),
        ("name", DEFAULT_NAME.to_owned()),
        ("max-connections", DEFAULT_CONNECTIONS.to_string()),
        ("record", Plan::default().to_string()),
        ("record-segment", record::Settings::DEFAULT_SEGMENT.as_secs().to_string()),
        ("record-min-free", (record::Settings::DEFAULT_MIN_FREE / 1_000_000).to_string()),
    ] {
        assert_eq!(find(name).default_text(), default, "--{name}");
    }
    assert!(find("quality").default_text().starts_with(&format!("{DEFAULT_QUALITY},")));
}

#[test]
fn every_option_refuses_the_wrong_values_of_its_row() {
    for opt in all() {
        assert!(!opt.wrong.is_empty(), "--{}", opt.name);
        for wrong in opt.wrong {
            assert!(opt.check(wrong).is_err(), "--{} {wrong} was accepted", opt.name);
        }
    }
}

#[test]
fn a_name_leaves_space_for_a_number_behind_it() {
    assert_eq!(find("name").check(&"a".repeat(60)), Ok(()));
    assert!(find("name").check(&"a".repeat(61)).is_err());
}
