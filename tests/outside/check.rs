//! `boardcam check`: what starting would refuse, what is in force, and no secrets.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::boardcam::{Boardcam, File, complaint, run};
use crate::recording::Place;

use client::{Outcome, ensure, wait_for};

#[test]
fn check_prints_the_settings_in_force() -> Outcome {
    let text = "quality = 70\n[[camera]]\nname = \"door\"\nsource = \"pattern\"\nbad-frames = 3\n";
    let file = File::new("right.toml", text)?;
    let output = run(&["--config", file.path(), "check", "--fps", "5"])?;
    let told = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{told}");
    for line in ["name = \"door\"", "source = \"pattern\"", "quality = 70", "fps = 5", "bad-frames = 3"] {
        ensure!(told.contains(line), "{line} is missing in {told}");
    }
    Ok(())
}

#[test]
fn a_time_zone_that_is_not_there_is_said_where_hours_are_recorded() -> Outcome {
    let start = |options: &[&str]| {
        let mut command = Command::new(crate::boardcam::PROGRAM);
        command.env("TZ", "Asia/Tokio");
        Boardcam::start_by(command, &[&["--camera", "pattern", "--size", "64x48"], options].concat())
    };
    let hours = start(&["--record", "22:00-23:00", "--record-folder", "/tmp"])?;
    ensure!(hours.log().contains("cannot use the time zone TZ=Asia/Tokio"), "{}", hours.log());
    let none = start(&[])?;
    ensure!(!none.log().contains("time zone"), "{}", none.log());
    Ok(())
}

#[test]
fn check_refuses_what_starting_refuses_and_says_ok_otherwise() -> Outcome {
    for options in
        [&["--tls", "/no.pem,/no.key"][..], &["--listen", "127.0.0.1:0", "--tls", "/no.pem,/no.key"]]
    {
        for task in [&["check"][..], &[]] {
            let line = complaint(&[options, &["--camera", "pattern"], task].concat(), 2)?;
            ensure!(line.contains("cannot serve HTTPS with /no.pem and /no.key: "), "{line}");
        }
    }
    let line = complaint(&["--listen", "198.51.100.77:8080", "check"], 2)?;
    ensure!(line.contains("no interface of this machine has this address"), "{line}");

    let check = |options: &[&str]| -> Outcome<String> {
        let output = run(&[options, &["check"]].concat())?;
        let told = String::from_utf8(output.stdout)?;
        ensure!(output.status.success() && output.stderr.is_empty(), "{options:?}: {told}");
        Ok(told)
    };
    let told = check(&["--listen", "127.0.0.1:0", "--record-folder", "/tmp"])?;
    ensure!(told.contains("\n# time zone: ") && told.ends_with("\n# OK\n"), "{told}");
    // The service's own port, and a disk that is not there yet: boardcam would start.
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let told = check(&["--listen", &taken.local_addr()?.to_string(), "--record-folder", "/not/here"])?;
    for warning in
        ["# warning: cannot listen on 127.0.0.1:", "# warning: cannot record into /not/here: no such file"]
    {
        ensure!(told.contains(warning), "{told}");
    }
    ensure!(told.ends_with("\n# OK, but for the warnings\n"), "{told}");
    let told = check(&["--listen", "127.0.0.1:0", "--camera", "pattern", "--encoder", "passthrough"])?;
    ensure!(told.contains("# warning: cannot open the test pattern: it makes no JPEGs of its own"), "{told}");
    Ok(())
}

#[test]
fn check_shows_secrets_only_when_asked_and_the_time_zone() -> Outcome {
    let file = File::new(
        "secrets.toml",
        "listen = \"127.0.0.1:0\"\nwifi.name = \"home\"\nwifi.key = \"secret12345\"\n",
    )?;
    let check = |zone: &str, options: &[&str]| -> Outcome<String> {
        let mut command = Command::new(crate::boardcam::PROGRAM);
        let output =
            command.args(["--config", file.path(), "check"]).args(options).env("TZ", zone).output()?;
        Ok(String::from_utf8(output.stdout)?)
    };
    let told = check("CET-1", &[])?;
    ensure!(told.contains("name = \"home\"\n# key: hidden; check --secrets prints it\n"), "{told}");
    ensure!(!told.contains("secret12345") && told.contains("UTC+01:00"), "{told}");
    ensure!(check("CET-1", &["--secrets"])?.contains("key = \"secret12345\""), "it was asked for");
    let told = check("Asia/Tokio", &[])?;
    ensure!(told.contains("# warning: cannot use the time zone TZ=Asia/Tokio: "), "{told}");
    Ok(())
}

#[test]
fn one_port_named_twice_is_refused_by_check_and_by_starting() -> Outcome {
    for (options, told) in [
        (&["--listen", "127.0.0.1:9", "--listen", "127.0.0.1:9"][..], "cannot listen on 127.0.0.1:9 twice"),
        (
            &["--listen", "127.0.0.1:9", "--tls", "auto", "--tls-listen", "127.0.0.1:9"],
            "HTTP and HTTPS cannot share a port; choose another port for one, such as --tls-listen 127.0.0.1:8443",
        ),
        (&["--listen", "127.0.0.1:9", "--listen", "[::]:9"], "every address of this machine"),
    ] {
        for task in [&["check"][..], &[]] {
            let line = complaint(&[options, &["--camera", "pattern"], task].concat(), 2)?;
            ensure!(line.contains(told), "{options:?} {task:?}: {line}");
        }
    }
    Ok(())
}

#[test]
fn the_password_of_a_network_camera_is_shown_only_when_asked_for() -> Outcome {
    let camera = "rtsp://anna:geheim@10.0.0.9/live";
    let pipe = format!("pipe:ffmpeg -i {camera} -f mjpeg -");
    for options in [
        &["--camera", camera][..],
        &["--device", camera],
        &[camera],
        &["--camera", "a b=rtsp://anna:geheim@10.0.0.9/live"],
        &["--listen", "127.0.0.1:0", "--camera", &pipe, "check"],
    ] {
        let output = run(options)?;
        let told = String::from_utf8([output.stdout, output.stderr].concat())?;
        ensure!(told.contains("rtsp://***@10.0.0.9/live") && !told.contains("geheim"), "{options:?}: {told}");
    }
    let file = File::new("camera.toml", &format!("[[camera]]\nsource = \"{camera}\"\n"))?;
    let line = complaint(&["--config", file.path(), "check"], 2)?;
    ensure!(line.contains("***@10.0.0.9") && !line.contains("geheim"), "{line}");

    let output = run(&["--listen", "127.0.0.1:0", "--camera", &pipe, "check", "--secrets"])?;
    ensure!(String::from_utf8(output.stdout)?.contains(&format!("source = \"{pipe}\"")), "it was asked for");
    let board = Boardcam::start(&["--camera", "pipe:echo rtsp://anna:geheim@10.0.0.9/live >&2; exit 1"])?;
    let told = wait_for("the command to end", || {
        let told = board.state()?["cameras"][0]["problem"].to_string();
        Ok(told.contains("10.0.0.9").then_some(told))
    })?;
    ensure!(!told.contains("geheim") && !board.log().contains("geheim"), "{told} {}", board.log());
    Ok(())
}

#[test]
fn a_state_folder_that_cannot_be_written_is_said_before_something_is_lost() -> Outcome {
    let place = Place::new()?;
    let file = place.0.join("file");
    std::fs::write(&file, "")?;
    let check = |state: &Path| -> Outcome<String> {
        let mut command = Command::new(crate::boardcam::PROGRAM);
        command.args(["--listen", "127.0.0.1:0", "check"]).env("STATE_DIRECTORY", state);
        Ok(String::from_utf8(command.output()?.stdout)?)
    };
    for below in [file.clone(), file.join("state")] {
        let told = check(&below)?;
        let warning = "# warning: cannot keep sign-ins and what is set on the page after a restart, in ";
        ensure!(told.contains(warning) && told.contains("STATE_DIRECTORY"), "{told}");
    }
    let told = check(&place.0.join("not/there/yet"))?;
    ensure!(told.ends_with("\n# OK\n") && !place.0.join("not").exists(), "{told}");
    Ok(())
}

#[test]
fn a_file_that_is_no_edid_is_said_whatever_the_camera_is() -> Outcome {
    for (file, why) in [("/no/such.bin", "/no/such.bin: "), ("/dev/null", "/dev/null: it has 0 bytes")] {
        let output = run(&["--camera", "pattern", "--edid", file, "check"])?;
        let told = String::from_utf8(output.stdout)?;
        ensure!(told.contains("# warning: ") && told.contains("cannot use the EDID in"), "{told}");
        ensure!(told.contains(why), "{told}");
    }
    Ok(())
}
