use super::settings::DEFAULT_CONNECTIONS;
use super::*;
use crate::camera::{PipeSpec, SourceSpec};
use crate::feed::motion::{name_of, zones_text};
use crate::gate::tls::Https;
use crate::picture::Size;
use crate::record::plan::Plan;
use std::time::Duration;

fn settings(line: &[&str], file: &str) -> Settings {
    let matches = command().try_get_matches_from([&["boardcam"], line].concat()).unwrap();
    merge(&from_command_line(&matches).unwrap(), &file::parse("test", file).unwrap()).unwrap()
}

#[test]
fn boardcam_alone_serves_the_first_camera_that_delivers() {
    let settings = settings(&[], "");
    assert_eq!(settings.cameras[0].0, "camera");
    assert_eq!(settings.cameras[0].1.spec, SourceSpec::Auto);
    assert_eq!(settings.gate.listen, None);
    assert_eq!(settings.gate.max_connections, DEFAULT_CONNECTIONS);
}

#[test]
fn an_appliance_does_not_start_if_it_cannot_read_who_may_sign_in() {
    let file = std::env::temp_dir().join(format!("boardcam-appliance-{}.toml", std::process::id()));
    let start = |text: &str, task: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let path = file.to_str().unwrap();
        let line = [&["boardcam", "--appliance", "--config", path], task].concat();
        read(line.into_iter().map(Into::into))
    };
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let user = format!("name = 'anna'\nrole = 'watch'\npassword = '{hash}'\n");
    for text in [format!("[[usr]]\n{user}"), "[[user]]\nname = 'anna'\n".to_owned()] {
        let problem = start(&text, &[]).unwrap_err().to_string();
        assert!(problem.contains("of the settings file"), "{problem}");
        assert!(start(&text, &["wifi"]).is_ok(), "it opens nothing");
    }
    let (_, settings) = start(&format!("tls = 'auto'\nqualty = 5\n[[user]]\n{user}"), &[]).unwrap();
    assert_eq!((settings.users.len(), settings.gate.https), (1, Https::Auto));
    assert!(settings.mistakes.unwrap().to_string().contains("qualty"));
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_command_line_comes_before_the_file() {
    let file = "size = \"640x480\"\nquality = 50\n[[camera]]\nname = \"door\"\nsource = \"pattern\"\nfps = 5";
    let settings = settings(&["--quality", "70", "--fps", "9"], file);
    let (name, config) = &settings.cameras[0];
    assert_eq!((name.as_str(), &config.spec), ("door", &SourceSpec::Pattern));
    assert_eq!((config.quality, config.fps), (Some(70), Some(9)));
    assert_eq!(config.size, Some(Size { width: 640, height: 480 }));
}

#[test]
fn cameras_without_a_name_get_one_each() {
    let line = ["--camera", "pattern", "--camera", "camera=auto", "--camera", "/dev/video7"];
    let names: Vec<_> = settings(&line, "").cameras.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["camera-2", "camera", "camera-3"]);
}

#[test]
fn what_check_prints_is_a_settings_file_that_says_the_same() {
    let line = ["--camera", "door=pattern", "--camera", "/dev/video7", "--format", "yuyv", "--quality", "7"];
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let file = "listen = \"[::1]:80\"\nhost = \"a.b\"\nsize = \"64x48\"\nfps = 5\nrecord = \"22:00-06:00\"\n\
                record-folder = \"/a \\\"b\"\nrecord-every = 7\nrecord-max-size = 9\nrecord-max-age = 3\n\
                trusted-proxy = \"10.0.0.0/8\"\ncors-origin = [\"http://a.b\"]\n";
    let tls = "tls = \"/a \\\"b\\\".pem,/c,d\"\ntls-listen = [\"[::1]:443\"]\n";
    let user = format!("[[user]]\nname = \"anna\"\nrole = \"watch\"\npassword = \"{hash}\"");
    for file in [file.to_owned() + &user, file.to_owned() + tls] {
        let settings = settings(&line, &file);
        assert_eq!(settings.users.is_empty(), !file.contains(&user));
        assert_eq!(from_text("test", &settings.to_string()), Ok(settings));
    }
}

#[test]
fn a_board_is_announced_under_its_name_unless_that_is_none() {
    assert_eq!(settings(&[], "").name.as_deref(), Some("boardcam"));
    for (name, expected) in [("Garden-1", Some("garden-1")), ("none", None), ("", None)] {
        let settings = settings(&["--name", name], "name = \"other\"");
        assert_eq!(settings.name.as_deref(), expected);
        let printed = from_text("test", &settings.to_string()).unwrap();
        assert_eq!(printed.name, settings.name);
    }
}

#[test]
fn a_device_may_have_any_name_and_is_printed_so_that_it_is_read_again() {
    for path in ["/dev/a \"b\" \\c", "/dev/\u{1}\n\u{7f}\u{9f}", "/dev/\u{301}\u{200b}\u{e000}'\u{1f4f7}"] {
        let printed = settings(&["--camera", path], "").to_string();
        let again = from_text("test", &printed).unwrap();
        assert_eq!(again.cameras[0].1.spec, SourceSpec::Device(path.into()), "{path:?}");
    }
}

#[test]
fn commands_are_taken_as_they_are_and_printed_so_that_they_are_read_again() {
    for (text, spec) in [
        ("-", PipeSpec::Stdin),
        (
            "pipe:A='b c' ffmpeg -i \"x=y\" | tee a:b",
            PipeSpec::Command("A='b c' ffmpeg -i \"x=y\" | tee a:b".into()),
        ),
        ("rpicam", PipeSpec::Rpicam(String::new())),
        ("rpicam:--camera 1 --rotation=180", PipeSpec::Rpicam("--camera 1 --rotation=180".into())),
    ] {
        for (camera, name) in [(text.to_owned(), "camera"), (format!("door={text}"), "door")] {
            let settings = settings(&["--camera", &camera], "");
            assert_eq!(settings.cameras[0].0, name);
            assert_eq!(settings.cameras[0].1.spec, SourceSpec::Pipe(spec.clone()), "{camera}");
            let again = from_text("test", &settings.to_string()).unwrap();
            assert_eq!(again.cameras[0].1.spec, settings.cameras[0].1.spec);
        }
    }
    for bad in ["pipe", "pipe:", "pipe: ", "-x", "-:x", "rpicamera", "pipes:x"] {
        assert!(bad.parse::<SourceSpec>().is_err(), "{bad}");
    }
}

#[test]
fn two_cameras_cannot_both_read_standard_input() {
    let line = ["boardcam", "--camera", "a=-", "--camera", "b=-"];
    let matches = command().try_get_matches_from(line).unwrap();
    let problem = merge(&from_command_line(&matches).unwrap(), &Values::default()).unwrap_err();
    assert!(problem.to_string().contains("there is only one"), "{problem}");
}

#[test]
fn each_camera_is_recorded_as_it_says_and_without_a_folder_none() {
    let file =
        "record-folder = \"/r\"\nrecord = \"always\"\n[[camera]]\nname = \"a\"\n[[camera]]\nrecord = \"off\"";
    let record = settings(&[], file).record;
    assert_eq!(
        record.cameras.iter().map(|camera| camera.plan).collect::<Vec<_>>(),
        [Plan::Always, Plan::Off]
    );
    let problem = from_text("test", "record = \"always\"").unwrap_err().to_string();
    assert!(problem.contains("record-folder"), "{problem}");
}

#[test]
fn two_cameras_of_one_name_are_refused() {
    let line = ["boardcam", "--camera", "a=auto", "--camera", "a=pattern"];
    let matches = command().try_get_matches_from(line).unwrap();
    let problem = merge(&from_command_line(&matches).unwrap(), &Values::default()).unwrap_err();
    assert!(problem.to_string().contains("two have the same name"), "{problem}");
}

#[test]
fn a_wrong_value_is_reported_with_a_right_one() {
    let matches = command().try_get_matches_from(["boardcam", "--quality", "101"]).unwrap();
    let problem = from_command_line(&matches).unwrap_err().to_string();
    assert_eq!(
        problem,
        "cannot use --quality 101: expected a whole number from 1 to 100; write for example --quality 85"
    );
}

#[test]
fn verbose_twice_is_verbose() {
    assert!(settings(&["-vv"], "").verbose && settings(&["-v", "--verbose"], "").verbose);
}

#[test]
fn standard_input_cannot_be_opened_on_demand() {
    let refused = |line: &[&str], file| {
        let matches = command().try_get_matches_from([&["boardcam"], line].concat()).unwrap();
        merge(&from_command_line(&matches).unwrap(), &file).unwrap_err().to_string()
    };
    let problem = refused(&["--camera", "-", "--on-demand", "5"], Values::default());
    assert!(problem.contains("standard input") && problem.contains("pipe:COMMAND"), "{problem}");
    let file = "[[camera]]\nname = \"a\"\non-demand = 5\n[[camera]]\nname = \"b\"\nsource = \"pattern\"";
    let on_demand: Vec<_> =
        settings(&[], file).cameras.into_iter().map(|(_, camera)| camera.on_demand).collect();
    assert_eq!(on_demand, [Some(Duration::from_secs(5)), None]);
}

#[test]
fn where_what_moves_is_recorded_motion_is_looked_for() {
    let names = |line: &[&str]| {
        let line = [&["--record-folder", "/"], line].concat();
        settings(&line, "").motion.iter().map(|motion| name_of(motion.sensitivity)).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--record", "motion"]), ["medium"]);
    assert_eq!(names(&["--record", "motion 22:00-06:00", "--motion", "high"]), ["high"]);
    assert_eq!(names(&["--record", "always"]), ["off"]);
}

#[test]
fn of_an_option_that_is_given_several_times_for_a_camera_all_values_count() {
    let line = [
        "--control",
        "a=1",
        "--control",
        "b=2,c=3",
        "--motion-ignore",
        "0,0,10,10",
        "--motion-ignore",
        "0,50,10,10",
    ];
    let file = "control = [\"x=1\", \"y=2\"]\nmotion-ignore = [\"1,1,1,1\", \"2,2,2,2\"]";
    for (line, controls, zones) in
        [(&line[..], "a b c", "0,0,10,10 0,50,10,10"), (&[], "x y", "1,1,1,1 2,2,2,2")]
    {
        let settings = settings(line, file);
        let names: Vec<_> = settings.cameras[0].1.controls.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(" "), controls);
        assert_eq!(zones_text(&settings.motion[0].ignored), zones);
    }
}
