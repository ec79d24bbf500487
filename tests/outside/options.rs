//! The command line as people type it: what is wrong is answered with what is right.

use std::fs;
use std::net::TcpListener;

use crate::boardcam::{Boardcam, File, complaint, run};
use rustix::process::Signal;

use client::{Outcome, ensure, wait_for};

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
fn options_of_other_streamers_are_answered_with_ours() -> Outcome {
    for (options, told) in [
        (&["--port", "8090"][..], "write --listen '[::]:8090'"),
        (&["-p", "8090"], "write --listen '[::]:8090'"),
        (&["--resolution", "640x480"], "write --size 640x480"),
        (&["--device=/dev/video2"], "write --camera /dev/video2"),
        (&["--desired-fps", "15"], "write --fps 15"),
        (&["--rotation", "180"], "write --rotate 180"),
        (&["--host", "0.0.0.0"], "write --listen 0.0.0.0:8080"),
        (
            &["-i", "input_uvc.so -d /dev/video1 -r 640x480", "-o", "output_http.so"],
            "--camera /dev/video1 --size 640x480",
        ),
        (&["/dev/video0"], "write --camera /dev/video0"),
        (&["--camera", "2"], "the whole path of a device; write --camera /dev/video2"),
        (&["--camera", "rtsp://10.0.0.9/live"], "pipe:ffmpeg -v error -i rtsp://10.0.0.9/live -f mjpeg -"),
        (&["check", "--port", "1"], "write --listen '[::]:1'"),
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

#[test]
fn what_is_meant_is_taken_or_said_with_the_users_own_value() -> Outcome {
    for (options, told) in [
        (&["--listen", "127.0.0.1"][..], "expected a port too; write --listen 127.0.0.1:8080"),
        (
            &["--listen", "::1:9200"],
            "expected brackets around the IPv6 address, to tell it from its port; write --listen '[::1]:9200'",
        ),
        (&["--listen", "0"], "expected a port from 1 to 65535"),
        (&["--record", "08:00-08:00"], "expected two different times"),
        (&["--camera", "pipe:"], "expected a command behind pipe:"),
        (
            &["--camera", "http://cam/a?b=1&c"],
            "write --camera 'pipe:ffmpeg -v error -i '\\''http://cam/a?b=1&c'\\'' -f mjpeg -'",
        ),
        (&["--size", "hd"], "write --size 1280x720"),
        (&["--encoder", "CPU"], "write --encoder software"),
        (&["--encoder", "HW"], "write --encoder passthrough"),
        (&["--title", "a\u{202e}b"], "expected no U+202E"),
        (&["--title", ""], "write for example --title 'Front door'"),
        (&["--title", "Front", "door"], "write --title 'Front door'"),
        (&["--vflip", "check"], "cannot use --vflip: "),
        (&["serve"], "without a command, boardcam serves"),
    ] {
        let line = complaint(options, 2)?;
        ensure!(line.contains(told), "{options:?} said {line}");
    }
    for (options, printed) in [
        (&["--size", "720p"][..], "size = \"1280x720\""),
        (&["--size", "VGA"], "size = \"640x480\""),
        (&["--fps", "29.97"], "fps = 30"),
        (&["--record-max-size", "1GB"], "record-max-size = 1000"),
        (&["--title", " Front door "], "title = \"Front door\""),
    ] {
        let output = run(&[&["--listen", "127.0.0.1:0"], options, &["check"]].concat())?;
        let told = String::from_utf8(output.stdout)?;
        ensure!(output.status.success() && told.contains(printed), "{options:?}: {told}");
    }
    Ok(())
}
