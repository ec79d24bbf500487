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
        ("size", format!("chosen, up to {}", Size::DEFAULT)),
        ("fps", format!("the highest up to {}", SourceConfig::DEFAULT_FPS)),
        ("bad-frames", SourceConfig::DEFAULT_BAD_FRAMES.to_string()),
        ("listen", every_address(DEFAULT_PORT).to_string()),
        ("tls", Https::default().to_string()),
        ("tls-listen", gate::Settings::DEFAULT_TLS_LISTEN.to_string()),
        ("name", DEFAULT_NAME.to_owned()),
        ("max-connections", DEFAULT_CONNECTIONS.to_string()),
        ("record", Plan::default().to_string()),
        ("record-before", record::CameraSettings::DEFAULT_BEFORE.as_secs().to_string()),
        ("record-after", record::CameraSettings::DEFAULT_AFTER.as_secs().to_string()),
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

#[test]
fn a_wrong_value_is_answered_with_what_was_meant() {
    for (name, wrong, meant) in [
        ("camera", "2", "/dev/video2"),
        ("camera", "door=video1", "door=/dev/video1"),
        ("camera", "rtsp://10.0.0.9/live", "pipe:ffmpeg -v error -i rtsp://10.0.0.9/live -f mjpeg -"),
        ("camera", "http://cam/a?b=1&c", "pipe:ffmpeg -v error -i 'http://cam/a?b=1&c' -f mjpeg -"),
        ("camera", "picamera", "rpicam"),
        ("title", "a\u{202e}b", "ab"),
        ("title", "two\nlines", "two lines"),
        ("size", "hd", "1280x720"),
        ("size", "480p", "640x480"),
        ("fps", "7.5", "8"),
        ("fps", "30fps", "30"),
        ("quality", "85%", "85"),
        ("encoder", "CPU", "software"),
        ("encoder", "HW", "passthrough"),
        ("timeout", "2m", "120"),
        ("listen", "127.0.0.1", "127.0.0.1:8080"),
        ("listen", "::1:9200", "[::1]:9200"),
        ("listen", "::1", "[::1]:8080"),
        ("listen", "localhost", "localhost:8080"),
        ("listen", "10.0.0.5:", "10.0.0.5:8080"),
        ("listen", "http://0.0.0.0:81/", "0.0.0.0:81"),
        ("tls-listen", "10.0.0.9", "10.0.0.9:8443"),
        ("name", "my_camera.local", "my-camera"),
        ("host", "https://cam.example.org:81/", "cam.example.org"),
        ("cors-origin", "mainsail.local", "http://mainsail.local"),
        ("cors-origin", "http://mainsail.local/page", "http://mainsail.local"),
        ("record", "08:00-08:00", "always"),
        ("record", "8-18", "08:00-18:00"),
        ("record", "on", "always"),
        ("record", "Motion", "motion"),
        ("record", "motion 22-6", "motion 22:00-06:00"),
        ("record-every", "10s", "10"),
        ("record-max-age", "4w", "28"),
        ("verbose", "on", "true"),
    ] {
        assert!(find(name).check(wrong).is_err(), "--{name} {wrong}");
        assert_eq!(find(name).meant_by(wrong).as_deref(), Some(meant), "--{name} {wrong}");
    }
}

#[test]
fn what_is_plain_is_taken_as_it_is_meant() {
    let set = |name: &str, value: &str| match find(name).target {
        Target::Source => String::new(),
        Target::Camera { set, get } => {
            let mut camera = CameraSettings::default();
            set(&mut camera, value).unwrap();
            get(&camera).unwrap()
        }
        Target::Program { set, get } => {
            let mut settings = Settings::default();
            set(&mut settings, value).unwrap();
            get(&settings).concat()
        }
    };
    for (name, value, taken) in [
        ("size", "720p", "1280x720"),
        ("size", "VGA", "640x480"),
        ("size", "FullHD", "1920x1080"),
        ("size", "1080p", "1920x1080"),
        ("size", "640 \u{d7} 480", "640x480"),
        ("fps", "29.97", "30"),
        ("fps", "59.94", "60"),
        ("fps", "25.0", "25"),
        ("title", " Front door ", "Front door"),
        ("record-max-size", "1GB", "1000"),
        ("record-max-size", "1.5 tb", "1500000"),
        ("record-max-size", "500 MB", "500"),
        ("record-max-size", "1GiB", "1074"),
        ("record-min-free", "2g", "2000"),
    ] {
        assert_eq!(set(name, value), taken, "--{name} {value}");
    }
}

#[test]
fn what_is_wrong_is_said_by_name() {
    for (name, value, told) in [
        ("title", "a\u{202e}b", "expected no U+202E"),
        ("camera", "pipe:", "expected a command behind pipe:"),
        ("camera", "/dev/video0,/dev/video2", "expected one device"),
        ("record-max-size", "5KB", "expected a whole number of megabytes, or a number with MB"),
        ("listen", "::1:9200", "expected brackets around the IPv6 address"),
        ("listen", "0", "expected a port from 1 to 65535"),
        ("size", "hd", "expected a size"),
        ("record", "08:00-08:00", "expected two different times"),
        ("encoder", "CPU", "expected auto, passthrough, hardware, software"),
    ] {
        let why = find(name).check(value).unwrap_err().to_string();
        assert!(why.starts_with(told), "--{name} {value}: {why}");
    }
}
