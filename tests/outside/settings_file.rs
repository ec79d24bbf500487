//! The settings file as people write it: each mistake is reported with its line, and an appliance starts nevertheless.

use crate::boardcam::{Boardcam, File, complaint, run};

use client::{Outcome, ensure};

#[test]
fn a_mistake_in_the_settings_file_is_reported_with_its_line() -> Outcome {
    for (text, told) in [
        ("# mine\nqualty = 5\n", "line 2 of the settings file"),
        ("qualty = 5\n", "did you mean quality?"),
        ("quality = \"high\"\n", "quality must be a whole number without quotes, not this string"),
        ("[[camera]]\nsource = 5\n", "source must be a text in quotes; write source = \"/dev/video5\""),
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
    for line in ["listen = [\"[::]:80\"]", "# fps: the highest up to 30", "name = \"home\""] {
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
fn all_mistakes_of_a_settings_file_are_said_each_with_its_line_and_a_right_one() -> Outcome {
    let text = "fps = 15\nport = 9200\nstream_localhost = true\n[[camera]]\nsource = \"pattern\"\nlisten = 8090\n\
                [wifi]\nname = \"home\"\npassword = \"secret12345\"\n";
    let file = File::new("mistakes.toml", text)?;
    let told = String::from_utf8(run(&["--config", file.path(), "check"])?.stderr)?;
    let expected = [
        ("line 2 ", "write listen = \"[::]:9200\""),
        ("line 3 ", "write listen = \"localhost:8080\""),
        ("line 6 ", "move this line up, above the first line with brackets"),
        ("line 9 ", "write for example key = \"its password\""),
    ];
    ensure!(told.lines().count() == expected.len() && !told.contains("secret"), "{told}");
    for (line, (number, advice)) in told.lines().zip(expected) {
        ensure!(line.contains(number) && line.ends_with(advice), "{line}");
    }
    let file = File::new("not.toml", "max_fps: 15\nquality = high\nsize = 640x480\n")?;
    let told = String::from_utf8(run(&["--config", file.path()])?.stderr)?;
    let advice = ["write fps = 15", "write for example quality = 85", "write size = \"640x480\""];
    ensure!(told.lines().count() == advice.len(), "{told}");
    for (line, advice) in told.lines().zip(advice) {
        ensure!(line.ends_with(advice), "{line}");
    }

    let board = Boardcam::start(&["--appliance", "--config", file.path(), "--camera", "pattern"])?;
    let problem = &board.state()?["program"]["problem"];
    let advice = problem["advice"].as_str().unwrap_or_default();
    ensure!(advice == "write fps = 15; lines 2, 3 have mistakes too", "{problem}");
    ensure!(board.log().matches("of the settings file").count() >= 3, "{}", board.log());
    Ok(())
}
