//! Mistakes that a user makes, and what hostile clients send: each gets a clear answer, and the rest goes on.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use crate::boardcam::{Boardcam, File, complaint, goes_on, run};
use rustix::process::Signal;

use client::{Answer, Outcome, ensure, request, wait_for};

#[test]
fn wrong_options_are_reported_with_a_right_one() -> Outcome {
    for (options, told) in [
        (&["--quality", "0"][..], "a whole number from 1 to 100; write for example --quality 85"),
        (&["--quality", "101"], "a whole number from 1 to 100"),
        (&["--quality", "-5"], "a whole number from 1 to 100"),
        (&["--size", "0x0"], "cannot use --size 0x0: expected WIDTHxHEIGHT"),
        (&["--fps", "0"], "cannot use --fps 0"),
        (&["--bad-frames", "0"], "a whole number from 1 to 1000; write for example --bad-frames 10"),
        (&["--format", "gif"], "expected auto, mjpeg, nv12"),
        (&["--camera", "webcam"], "cannot use --camera webcam: expected auto, pattern, rpicam, pipe:COMMAND"),
        (&["--listen", "nowhere"], "cannot use --listen nowhere: expected an address and a port"),
        (&["--listen", "127.0.0.1:99999"], "cannot use --listen 127.0.0.1:99999"),
        (&["--camera", "a=auto", "--camera", "a=auto"], "two have the same name"),
        (&["--camera", "Door=auto", "--camera", "door=pattern"], "differ only in upper and lower case"),
        (&["--camera", "a=/dev/not-here", "--camera", "b=/dev/not-here"], "which only one can use"),
        (&["--camera", "Küche=pattern"], "any other text can be its title"),
    ] {
        let line = complaint(options, 2)?;
        ensure!(line.contains(told), "{options:?} said {line}");
    }
    let unknown = run(&["--qualty", "5"])?;
    let told = String::from_utf8(unknown.stderr)?;
    ensure!(
        unknown.status.code() == Some(2) && told.contains("similar argument exists: '--quality'"),
        "{told}"
    );
    Ok(())
}

#[test]
fn addresses_that_cannot_be_listened_on_are_reported() -> Outcome {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let line = complaint(&["--camera", "pattern", "--listen", &address], 1)?;
    let holder = format!("(process {}) uses port", std::process::id());
    ensure!(line.contains(&format!("cannot listen on {address}")) && line.contains(&holder), "{line}");
    ensure!(line.contains("choose another port: --listen 127.0.0.1:"), "{line}");
    let line = complaint(&["--camera", "pattern", "--listen", "198.51.100.77:8080"], 1)?;
    ensure!(line.contains("no interface of this machine has this address"), "{line}");
    Ok(())
}

#[test]
fn a_mistake_in_the_settings_file_is_reported_with_its_line() -> Outcome {
    for (text, told) in [
        ("# mine\nqualty = 5\n", "line 2 of the settings file"),
        ("qualty = 5\n", "did you mean quality?"),
        ("quality = \"high\"\n", "quality must be a whole number without quotes, not this string"),
        ("[[camera]]\nsource = 5\n", "source must be a text in quotes"),
        ("size = \n", "line 1 of the settings file"),
    ] {
        let file = File::new("mistake.toml", text)?;
        let line = complaint(&["--config", file.path(), "check"], 2)?;
        ensure!(line.contains(told), "{text:?}: {line}");
    }
    let line = complaint(&["--config", "/not/here.toml"], 2)?;
    ensure!(line.contains("cannot read the settings file /not/here.toml: no such file"), "{line}");
    let line = complaint(&["--config", "/tmp"], 2)?;
    ensure!(line.contains("not an ordinary file"), "{line}");
    Ok(())
}

#[test]
fn an_appliance_starts_with_defaults_and_says_which_line_of_its_settings_is_wrong() -> Outcome {
    let text = "fps = 7\nqualty = 5\nwifi.name = \"home\"\n";
    let file = File::new("appliance.toml", text)?;
    let options = ["--appliance", "--config", file.path()];
    let wrong = "line 2 of the settings file";

    let board = Boardcam::start(&[&options[..], &["--camera", "/dev/video-not-here"]].concat())?;
    ensure!(board.log().contains(wrong), "{}", board.log());
    let problem = &board.state()?["program"]["problem"];
    ensure!(problem["what"].as_str().is_some_and(|what| what.contains(wrong)), "{problem}");
    let card = board.get("/snapshot?card=1")?;
    ensure!(card.status == 200 && card.body.starts_with(b"\xff\xd8"), "{}", card.status);

    let told = run(&[&options[..], &["check"]].concat())?;
    let (printed, complaint) = (String::from_utf8(told.stdout)?, String::from_utf8(told.stderr)?);
    ensure!(told.status.success() && complaint.contains(wrong), "{complaint}");
    for line in ["listen = [\"[::]:80\"]", "fps = 30", "name = \"home\""] {
        ensure!(printed.contains(line), "{printed}");
    }
    let wifi = run(&[&options[..], &["wifi"]].concat())?;
    let printed = String::from_utf8(wifi.stdout)?;
    ensure!(printed.contains("\tssid=686f6d65\n"), "{printed}");

    let right = File::new("appliance-right.toml", "fps = 7\nlisten = \"[::]:81\"\n")?;
    let told = run(&["--appliance", "--config", right.path(), "check"])?;
    let printed = String::from_utf8(told.stdout)?;
    ensure!(printed.contains("fps = 7\n") && printed.contains("[::]:81"), "{printed}");

    let told = run(&["--appliance", "--config", "/not/here.toml", "check"])?;
    let complaint = String::from_utf8(told.stderr)?;
    ensure!(told.status.success() && complaint.contains("cannot read the settings file"), "{complaint}");
    Ok(())
}

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
fn a_snapshot_goes_into_a_file_or_says_why_not() -> Outcome {
    let file = File::new("picture.jpg", "")?;
    let output = run(&["--camera", "pattern", "snapshot", "-o", file.path()])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(fs::read(file.path())?.starts_with(b"\xff\xd8"), "no JPEG");
    let line = complaint(&["--camera", "pattern", "snapshot", "-o", "/not/here/picture.jpg"], 1)?;
    ensure!(line.contains("cannot write the picture to /not/here/picture.jpg"), "{line}");
    let line = complaint(&["--camera", "/dev/video-not-here", "snapshot", "-o", file.path()], 1)?;
    ensure!(line.contains("/dev/video-not-here"), "{line}");
    Ok(())
}

#[test]
fn what_is_not_a_camera_is_reported_and_the_card_is_served() -> Outcome {
    let file = File::new("no-camera", "x")?;
    for path in ["/dev/null", "/tmp", file.path(), "/dev/video-not-here"] {
        let boardcam = Boardcam::start(&["--camera", path, "--size", "320x240"])?;
        let told = wait_for("the reason", || {
            let problem = boardcam.state()?["cameras"][0]["problem"].clone();
            Ok(problem.is_object().then(|| problem.to_string()))
        })?;
        ensure!(told.contains(path), "{path}: {told}");
        ensure!(boardcam.log().contains(path), "{path} is not in the log");
        boardcam.watch("/stream")?.next()?;
        ensure!(boardcam.end_by(Signal::TERM)?.0 == Some(0), "{path}");
    }
    Ok(())
}

#[test]
fn a_request_that_announces_a_hundred_gigabytes_leaves_it_serving() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    for method in ["POST", "GET"] {
        let ask = format!("{method} / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\nx");
        let answer = Answer::read(&mut request(boardcam.address, ask.as_bytes())?)?;
        ensure!(answer.status == 413, "{method}: {}", answer.status);
    }
    boardcam.watch("/stream")?.next()?;
    Ok(())
}

#[test]
fn twelve_streams_at_once_all_get_frames_and_the_rest_is_served() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let viewers = (0..12).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    for viewer in &viewers {
        for _ in 0..5 {
            viewer.next()?;
        }
    }
    ensure!(boardcam.get("/snapshot")?.status == 200, "no snapshot beside twelve streams");
    ensure!(boardcam.state()?["viewers"].as_array().map(Vec::len) == Some(12), "{}", boardcam.state()?);
    Ok(())
}

#[test]
fn what_is_not_a_request_gets_a_reason_and_leaves_the_server_running() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(50_000));
    for (bytes, status) in [
        (&b"\x16\x03\x01\x02\x00\x01\x00"[..], 400),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/1.1\nHost: localhost\n\n", 400),
        (b"DELETE /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (long.as_bytes(), 431),
    ] {
        let answer = Answer::read(&mut request(boardcam.address, bytes)?)?;
        ensure!(answer.status == status, "{} in place of {status}", answer.status);
        ensure!(answer.body.len() > 10, "no words for {status}");
    }
    boardcam.watch("/stream")?.next()?;
    Ok(())
}

#[test]
fn clients_that_come_and_go_leave_nothing_behind() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    boardcam.watch("/stream")?.next()?; // what is made once is made now
    wait_for("the viewer to be gone", || Ok((boardcam.state()?["connections"]["open"] == 1).then_some(())))?;
    let before = boardcam.files_and_threads()?;
    for round in 0..200 {
        let ask: &[u8] = if round % 2 == 0 { b"GET /stream HTTP/1.0\r\n\r\n" } else { b"GET /st" };
        let reader = request(boardcam.address, ask)?;
        if round % 3 == 0 {
            // A reset in place of an orderly end, with bytes unread.
            socket2::SockRef::from(reader.get_ref()).set_linger(Some(std::time::Duration::ZERO))?;
        }
    }
    wait_for("them to be gone", || Ok((boardcam.state()?["connections"]["open"] == 1).then_some(())))?;
    boardcam.wait_for_no_more_than(before)
}

#[test]
fn private_headers_of_a_client_do_not_reach_the_site() -> Outcome {
    let boardcam = Boardcam::pattern()?;
    let ask =
        b"GET /state HTTP/1.1\r\nHost: localhost\r\nX-Boardcam-Key: x\r\nX-Boardcam-Serve: stream 0\r\n\r\n";
    let answer = Answer::read(&mut request(boardcam.address, ask)?)?;
    ensure!(answer.status == 200 && answer.headers["content-type"].contains("json"), "{}", answer.status);
    ensure!(!answer.headers.keys().any(|name| name.starts_with("x-boardcam")), "{:?}", answer.headers);
    Ok(())
}

#[test]
fn with_few_descriptors_it_refuses_politely_viewers_go_on_and_it_serves_again() -> Outcome {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_boardcam")]);
    let boardcam = Boardcam::start_by(shell, &["--camera", "pattern", "--size", "64x48"])?;
    let viewers = (0..2).map(|_| boardcam.watch("/stream")).collect::<Outcome<Vec<_>>>()?;
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 1))?;
    let held: Vec<_> = (0..80).map(|_| request(boardcam.address, b"G")).collect::<Outcome<_>>()?;
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 10))?;
    let mut refused = 0;
    for mut reader in held {
        reader.get_ref().set_read_timeout(Some(std::time::Duration::from_millis(1)))?;
        refused += usize::from(Answer::read(&mut reader).is_ok_and(|answer| answer.status == 503));
    }
    ensure!(refused > 0, "nobody was told");
    wait_for("it to serve again", || {
        Ok(boardcam.get("/state").is_ok_and(|a| a.status == 200).then_some(()))
    })?;
    boardcam.watch("/stream")?.next()?;
    viewers.iter().try_for_each(|viewer| goes_on(viewer, 10))?;
    let log = boardcam.log();
    ensure!(
        !log.contains("panic") && !log.contains("server ended"),
        "the site had no descriptor left: {log}"
    );
    Ok(())
}

#[test]
fn options_of_other_streamers_are_answered_with_ours() -> Outcome {
    for (options, told) in [
        (&["--port", "8090"][..], "write --listen [::]:8090"),
        (&["-p", "8090"], "write --listen [::]:8090"),
        (&["--resolution", "640x480"], "write --size 640x480"),
        (&["--device=/dev/video2"], "write --camera /dev/video2"),
        (&["--desired-fps", "15"], "write --fps 15"),
        (&["--rotate", "180"], "rpicam:--rotation 180"),
        (&["--host", "0.0.0.0"], "write --listen 0.0.0.0:8080"),
        (
            &["-i", "input_uvc.so -d /dev/video1 -r 640x480", "-o", "output_http.so"],
            "--camera /dev/video1 --size 640x480",
        ),
        (&["/dev/video0"], "write --camera /dev/video0"),
        (&["--camera", "2"], "the whole path of a device: /dev/video2"),
        (&["--camera", "rtsp://10.0.0.9/live"], "pipe:ffmpeg -v error -i rtsp://10.0.0.9/live -f mjpeg -"),
        (&["check", "--port", "1"], "write --listen [::]:1"),
        (&["\u{2014}size", "640x480"], "write --size"),
        (
            &["--cors-origin", "*"],
            "any web page that somebody in this network opens could then see the camera",
        ),
    ] {
        let line = complaint(options, 2)?;
        ensure!(line.contains(told), "{options:?} said {line}");
    }
    Ok(())
}

#[test]
fn what_other_streamers_take_is_taken() -> Outcome {
    for (options, printed) in [
        (&["--listen", "8090"][..], "listen = [\"[::]:8090\"]"),
        (&["--listen", ":8090"], "listen = [\"[::]:8090\"]"),
        (&["--listen", "localhost:8090"], "listen = [\"127.0.0.1:8090\"]"),
        (&["--format", "MJPG"], "format = \"mjpeg\""),
        (&["--format", "YUY2"], "format = \"yuyv\""),
        (&["--format", "nv12"], "format = \"nv12\""),
        (&["--cors-origin", "http://Mainsail.local/"], "cors-origin = [\"http://mainsail.local\"]"),
        (&["--record", "8:00-18:00", "--record-folder", "/tmp"], "record = \"08:00-18:00\""),
        (&["--record", "22:00-2:00", "--record-folder", "/tmp"], "record = \"22:00-02:00\""),
    ] {
        let output = run(&[options, &["check"]].concat())?;
        let told = String::from_utf8(output.stdout)?;
        ensure!(output.status.success() && told.contains(printed), "{options:?}: {told}");
    }
    Ok(())
}

/// The card's settings, as `board/card/root/etc/network` reads them.
fn wifi(path: &str) -> Outcome<(Option<i32>, String, String)> {
    let output = run(&["--appliance", "--config", path, "wifi"])?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[test]
fn wireless_settings_typed_on_a_phone_or_an_old_windows_are_read() -> Outcome {
    for name in ["wifi-curly-quotes.toml", "wifi-cp1252.toml"] {
        let path = format!("{}/tests/settings/{name}", env!("CARGO_MANIFEST_DIR"));
        let (code, printed, complaint) = wifi(&path)?;
        ensure!(code == Some(0) && complaint.is_empty(), "{name}: {complaint}");
        for line in ["country=DE\n", "\tssid=686f6d65\n", "\tpsk=\"secret12345\"\n"] {
            ensure!(printed.contains(line), "{name}: {printed}");
        }
    }
    Ok(())
}

#[test]
fn wireless_settings_that_cannot_be_read_are_never_passed_over_in_silence() -> Outcome {
    for (text, told) in [
        ("wifi.name = \u{201c}home\n", "straight quotes around it: wifi.name = \"home\""),
        (
            "\nwifi.name = \"home\"\nwifi.key = secret12345\u{201d}\n",
            "straight quotes around it: wifi.key = \"its password\"",
        ),
        ("[wifi]\nname = 7\n", "name must be a text in quotes"),
        ("[wify]\nname = \"home\"\n", "did you mean wifi?"),
    ] {
        let file = File::new("wifi.toml", text)?;
        let (code, printed, complaint) = wifi(file.path())?;
        ensure!(code == Some(2) && printed.is_empty(), "{text}: {code:?} {printed}");
        ensure!(complaint.contains(told) && !complaint.contains("secret"), "{text}: {complaint}");
        let line = complaint.lines().next().unwrap_or_default();
        let board = Boardcam::start(&["--appliance", "--config", file.path(), "--camera", "pattern"])?;
        let problem = &board.state()?["program"]["problem"];
        ensure!(problem["what"].as_str().is_some_and(|what| line.contains(what)), "{problem}");
        ensure!(board.log().contains(told), "{}", board.log());
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
fn what_ends_the_program_is_said_once() -> Outcome {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    for format in ["text", "json"] {
        let address = taken.local_addr()?.to_string();
        let output = run(&["--camera", "pattern", "--listen", &address, "--log-format", format])?;
        let told = String::from_utf8(output.stderr)?;
        ensure!(told.matches("cannot listen on").count() == 1, "{told}");
    }
    Ok(())
}
