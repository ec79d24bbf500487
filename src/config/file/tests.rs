use super::*;

fn mistake(text: &str) -> String {
    parse("boardcam.toml", text).expect_err("was accepted").to_string()
}

#[test]
fn a_misspelt_name_is_reported_with_its_line_and_the_right_one() {
    assert_eq!(
        mistake("# my camera\n\nqualty = 80\n"),
        "cannot use line 3 of the settings file boardcam.toml: there is no setting called \"qualty\" here; \
         did you mean quality?"
    );
    assert!(mistake("[[camera]]\nsorce = \"auto\"\n").contains("did you mean source?"));
    assert!(mistake("[[camera]]\nxyz = 5\n").contains("there are name, source, title, size"));
}

#[test]
fn a_wrong_type_is_reported_with_a_right_line() {
    assert_eq!(
        mistake("quality = \"high\""),
        "cannot use line 1 of the settings file boardcam.toml: quality must be a whole number without quotes, \
         not this string; write for example quality = 85"
    );
    for bad in ["size = 640", "verbose = 1", "fps = 1.5", "listen = { a = 1 }", "quality = 0x10"] {
        assert!(mistake(bad).contains(" must be "), "{bad}");
    }
    for bad in ["quality = 0", "quality = 101", "size = \"big\"", "fps = -3", "listen = [\"nowhere\"]"] {
        assert!(mistake(bad).contains(": expected "), "{bad}: {}", mistake(bad));
    }
}

#[test]
fn text_that_is_not_toml_is_reported_with_its_line() {
    assert!(mistake("fps = 5\nsize = = 4").contains("line 2"));
    assert!(mistake("camera = [\"auto\", { source = \"auto\" }]").contains("all [[camera]] tables"));
}

#[test]
fn nesting_to_the_size_of_the_file_is_refused() {
    let times = |text: &str| text.repeat(MAX_FILE as usize / text.len() / 2);
    for text in [
        format!("size = {}", times("[")),
        format!("size = {}{}", times("["), times("]")),
        format!("size = {}", times("{a=")),
        format!("{}a = 1", times("a.")),
        format!("[{}a]", times("a.")),
        format!("[[camera]]\n{}a = 1", times("a.")),
    ] {
        mistake(&text);
    }
}

#[test]
fn lists_and_single_values_are_both_taken() {
    let values = parse("test", "camera = [\"a=pattern\", \"/dev/video2\"]\nlisten = \"[::1]:80\"").unwrap();
    assert_eq!((values.cameras.len(), values.texts.get("listen").len()), (2, 1));
}

#[test]
fn files_that_cannot_be_read_are_reported() {
    let folder = std::env::temp_dir();
    let problem = |path: &Path| read(path).expect_err("was read").to_string();
    assert!(problem(&folder).contains("not an ordinary file"));
    assert!(problem(Path::new("/dev/zero")).contains("not an ordinary file"));
    assert!(problem(&folder.join("boardcam-is-not-here.toml")).contains("no such file"));
    let file = folder.join(format!("boardcam-{}.toml", std::process::id()));
    for bytes in [b"\xff\xfe\x00".as_slice(), b"#\0\xff", b"\xfe\xff\xd8\x00\x00#"] {
        std::fs::write(&file, bytes).unwrap();
        assert!(problem(&file).contains("not UTF-8"));
    }
    std::fs::write(&file, vec![b'#'; MAX_FILE as usize + 1]).unwrap();
    assert!(problem(&file).contains("larger than"));
    // A gigabyte, of which the disk holds nothing.
    File::options().write(true).open(&file).unwrap().set_len(1 << 30).unwrap();
    assert!(problem(&file).contains("larger than"));
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn what_windows_saves_is_read() {
    let text = "# Zo\u{eb} \u{1f4f7}\r\nfps = 7\r\n\r\nquality = 70\r\n";
    let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{text}");
        text.encode_utf16().flat_map(unit).collect()
    };
    for bytes in [
        text.as_bytes().to_vec(),
        format!("\u{feff}{text}").into_bytes(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ] {
        let values = parse("FILE", &decode(&bytes).unwrap()).unwrap();
        assert_eq!(
            (values.texts.get("fps"), values.texts.get("quality")),
            (&["7".to_owned()][..], &["70".to_owned()][..])
        );
    }
    let crlf = parse("FILE", "fps = 7\r\n\r\nqualty = 70\r\n").unwrap_err().to_string();
    assert!(crlf.contains("line 3"), "{crlf}");
}

#[test]
fn a_mistake_lets_nobody_in() {
    let file = std::env::temp_dir().join(format!("boardcam-users-{}.toml", std::process::id()));
    let hash = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let user = |word: &str| format!("[[{word}]]\nname = 'a'\nrole = 'watch'\npassword = '{hash}'\n");
    for (text, readable) in [
        ("qualty = 5\n".to_owned() + &user("user"), 1),
        (user("user") + "[[user]]\nname = 'b'\n", 1),
        (user("usr"), 0),
        ("[[user]]\nname = 'b'\n".to_owned(), 0),
        ("user = []\nqualty = 5".to_owned(), 0),
        ("[[user\nname = 'b'\n".to_owned(), 0),
        ("# mine\r[[user]]\rname = 'b'\r".to_owned(), 0),
        ("[[\u{a0}User]]\nname = 'b'\n".to_owned(), 0),
        ("[[“user”]]\nname = 'b'\n".to_owned(), 0),
    ] {
        std::fs::write(&file, &text).unwrap();
        assert_eq!((rescue(&file).users.len(), names_users(&file)), (readable, true), "{text}");
    }
    for text in ["qualty = 5\n", "# [[user]]\nqualty = 5", ""] {
        std::fs::write(&file, text).unwrap();
        assert!(!names_users(&file), "{text}");
    }
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    for bytes in [
        [b"\xff\xfe\xfd\n", user("user").as_bytes()].concat(),
        utf16("user = []"),
        utf16("\u{feff}user = []\nqualty = 5"),
        "\u{feff}user = []\nqualty = 5".into(),
    ] {
        std::fs::write(&file, bytes).unwrap();
        assert!(read(&file).is_err() && names_users(&file), "the file says who may watch");
    }
    for (text, named) in [(user("user"), true), (String::new(), false)] {
        std::fs::write(&file, text + &" ".repeat(MAX_FILE as usize + 1)).unwrap();
        assert!(read(&file).is_err());
        assert_eq!(names_users(&file), named, "the first part of a file that is too large counts");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(!names_users(&file) && names_users(&std::env::temp_dir()));
}

#[test]
fn of_a_file_with_a_mistake_the_wireless_network_and_https_still_hold() {
    let file = std::env::temp_dir().join(format!("boardcam-rescue-{}.toml", std::process::id()));
    let rescued = |text: &str| {
        std::fs::write(&file, text).unwrap();
        rescue(&file)
    };
    for text in
        ["qualty = 5\n[wifi]\nname = 'x'", "wifi.name = 'x'\nsize = = 4\n", "size = \"\n[wifi]\nname = 'x'"]
    {
        assert!(rescued(text).wifi.is_some(), "{text}");
    }
    let unclosed = ["wifi.name = “home", "wifi.name = home”", "[wifi]\nname = \"x\"\nkey = “secret12345"];
    for text in ["[wifi]\nname = 7", "wifi = 3", "[wifi", ""].into_iter().chain(unclosed) {
        assert!(rescued(text).wifi.is_none(), "{text}");
    }
    let values = rescued("fps = 3\nqualty = 5\nname = 'garden'");
    assert_eq!((values.texts.get("fps"), values.texts.get("name")), (&[][..], &["garden".to_owned()][..]));
    assert_eq!(rescued("qualty = 5\nname = true").texts.get("name"), [""; 0]);
    let values = rescued("qualty = 5\ntls = 'auto'\ntls-listen = '[::1]:443'\nhost = 'a.b'");
    for (name, text) in [("tls", "auto"), ("tls-listen", "[::1]:443"), ("host", "a.b")] {
        assert_eq!(values.texts.get(name), [text]);
    }
    assert_eq!(rescued("tls = 5\ntls-listen = '[::1]:443'").texts.get("tls-listen"), [""; 0]);
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn one_camera_table_with_single_brackets_is_answered_with_two() {
    for text in ["fps = 5\n[camera]\nsource = \"auto\"", "\ncamera.source = \"auto\""] {
        let told = mistake(text);
        assert!(told.contains("line 2 ") && told.contains("write [[camera]]"), "{told}");
    }
}

#[test]
fn names_of_other_streamers_are_answered_with_ours_and_their_value() {
    for (text, ours) in [
        ("port = 9200", "write listen = \"[::]:9200\""),
        ("resolution = \"640x480\"", "write size = \"640x480\""),
        ("resolution = \"720p\"", "write size = \"720p\""),
        ("stream_quality = 50", "write quality = 50"),
        ("rotation = 180", "write rotate = 180"),
        ("flip_axis = \"horizontal\"", "write flip = \"vertical\""),
        ("stream_localhost = true", "write listen = \"localhost:8080\""),
        ("stream_localhost=false", "leave it out: other devices are served unless you write listen = "),
        ("webcontrol_localhost = \"on\"", "write listen = \"localhost:8080\""),
        ("stream_port = 8081", "write listen = \"[::]:8081\""),
        (
            "netcam_url = \"rtsp://a:geheim@cam/x\"",
            "write camera = \"pipe:ffmpeg -v error -i rtsp://***@cam/x -f mjpeg -\"",
        ),
        ("[[camera]]\ndevice = \"/dev/video2\"", "write for example source = \"/dev/video0\""),
        ("[[camera]]\nmax_fps = 15", "write fps = 15"),
        ("[[camera]]\nport = 8081", "write listen = \"[::]:8081\", above the first line with brackets"),
    ] {
        assert!(mistake(text).contains(ours), "{text}: {}", mistake(text));
        assert!(
            !mistake(text).contains(" --listen") && !mistake(text).contains("geheim"),
            "{}",
            mistake(text)
        );
    }
}

#[test]
fn each_mistake_is_reported_and_the_first_by_its_line() {
    let text =
        "verbose = true\nqualty = 5\n\n[[camera]]\nfps = 0\nsorce = \"auto\"\n[wifi]\nnam = \"x\"\nkey = 5\n";
    let mistakes = parse("FILE", text).expect_err("was accepted");
    let lines: Vec<_> = mistakes.each().map(|problem| problem.what.to_string()).collect();
    let expected = [2, 5, 6, 8, 9].map(|line| format!("cannot use line {line} of the settings file FILE"));
    assert_eq!(lines, expected);
    assert!(
        mistakes.to_string().ends_with("did you mean quality?; lines 5, 6, 8, 9 have mistakes too"),
        "{mistakes}"
    );
    assert!(mistake("size = 5\nfps = 0").ends_with("; line 2 has a mistake too"));
    let told = mistake("fps 5\nsize = = 4\nencoder = \"auto\"\nquality = high\n");
    assert!(told.ends_with("; lines 2, 4 have mistakes too"), "{told}");
    let told = mistake("name = \"garden\"\n[wifi\nname = \"home\"\nkey = secret12345\n");
    assert!(told.contains("line 2 ") && told.ends_with("write [wifi]; line 4 has a mistake too"), "{told}");
    let many: String = (0..9).map(|number| format!("x{number} = 1\n")).collect();
    assert!(mistake(&many).ends_with("; 8 more lines have mistakes"));
}

#[test]
fn what_is_not_toml_is_answered_with_a_right_line_for_this_setting() {
    for (text, why, advice) in [
        ("fps 15", "there is no = between name and value", "write fps = 15"),
        ("fps: 15", "there is no = between name and value", "write fps = 15"),
        ("max_fps: 15", "there is no = between name and value", "write fps = 15"),
        ("--size 640x480", "there is no = between name and value", "write size = \"640x480\""),
        ("framerate 15", "there is no =", "write fps = 15"),
        ("stream_port 8081", "there is no =", "write listen = \"[::]:8081\""),
        ("stream_localhost off", "there is no =", "leave it out: other devices are served"),
        ("size = 640x480", "size must be a text in quotes", "write size = \"640x480\""),
        ("listen = [::]:8090", "it is not TOML", "write listen = \"[::]:8090\""),
        ("listen = 0.0.0.0:8090", "", "write listen = \"0.0.0.0:8090\""),
        ("record = 8:00-18:00", "", "write record = \"8:00-18:00\""),
        ("record-max-size = 8GB", "", "write record-max-size = \"8GB\""),
        ("verbose = yes", "", "write verbose = true"),
        ("verbose = True", "", "write verbose = true"),
        ("fps = 015", "it is not TOML", "write fps = 15"),
        ("fps =", "fps has no value", "write for example fps = 15"),
        ("fps = # none", "fps has no value", "write for example fps = 15"),
        ("size = \"640x480", "the quotes around size do not match", "write size = \"640x480\""),
        ("size = 640x480\"", "size must be a text in quotes", "write size = \"640x480\""),
        ("fps = 5\nfps = 6", "fps is there twice", "leave one of the two out"),
        ("host = \"a.b\"\nhost = \"c.d\"", "host is there twice", "write both in one line: host = ["),
        ("[wifi]\nname = 'x'\n[wifi]\nkey = 'secret12345'", "the table is there twice", "write [wifi] once"),
        ("[[camera]\nsource = 'auto'", "it is not TOML", "write [[camera]]"),
        ("[cam 1]\nmode: ustreamer", "it is not TOML", "write [[camera]]"),
        (
            "[[camera]]\nsource = /dev/video2",
            "source must be a text in quotes",
            "write source = \"/dev/video2\"",
        ),
        ("[[camera]]\nname = door", "name must be a text in quotes", "write for example name = \"door\""),
        (
            "[wifi]\nkey = secret12345",
            "key must be a text in quotes",
            "write for example key = \"its password\"",
        ),
        (
            "wifi.key = secret12345",
            "key must be a text in quotes",
            "write for example key = \"its password\"",
        ),
        (
            "[[user]]\npassword = secret12345",
            "password must be a text in quotes",
            "let boardcam hash-password NAME",
        ),
        (
            "my camera at home",
            "it is not TOML",
            "write NAME = VALUE, such as size = \"640x480\"; a remark begins with #",
        ),
    ] {
        let told = mistake(text);
        assert!(told.contains(&format!(": {why}")) && told.contains(advice), "{text:?}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn no_text_that_is_not_toml_is_taken_for_settings() {
    for text in [
        "\"\"\"\n\n",
        "a = \"\"\"\nxx\n\n",
        "\n\n[",
        "a = [\n\n",
        "a = {\n",
        "=\n",
        "'\n",
        "a = 1 b\n",
        "\u{1}",
        "a.\n",
    ] {
        let told = mistake(text);
        assert!(told.contains("of the settings file boardcam.toml: "), "{text:?}: {told}");
    }
    let typed = mistake("[wifi]\npsk = \u{201c}secret12345\n[[user]]\npasswd = \u{201c}secret12345\n");
    assert!(!typed.contains("secret"), "{typed}");
}

#[test]
fn a_setting_in_the_wrong_part_of_the_file_is_told_where_it_belongs() {
    for (text, why, advice) in [
        (
            "[[camera]]\nlisten = \"[::]:80\"",
            "listen is no setting of [[camera]]",
            "above the first line with brackets",
        ),
        (
            "[[camera]]\nsource = 'auto'\nrecord-folder = '/r'",
            "record-folder is no setting of [[camera]]",
            "move this line up",
        ),
        ("[wifi]\nname = 'x'\nfps = 5", "fps is no setting of [wifi]", "move this line up"),
        ("[[user]]\ntls = 'auto'", "tls is no setting of [[user]]", "move this line up"),
        ("source = \"/dev/video0\"", "source belongs below [[camera]]", "write [[camera]] above it"),
        ("ssid = 'x'", "ssid belongs below [wifi]", "write [wifi] above it"),
        ("role = 'watch'", "role belongs below [[user]]", "write [[user]] above it"),
        (
            "[wifi]\nname = 'x'\npassword = 'secret12345'",
            "no setting called \"password\"",
            "write for example key = \"its password\"",
        ),
        ("[wifi]\nssid = 'x'", "no setting called \"ssid\"", "write for example name = \"my network\""),
        ("[[user]]\nusername = 'x'", "no setting called \"username\"", "write for example name = \"anna\""),
        ("[[user]]\nrights = 'watch'", "no setting called \"rights\"", "write for example role = \"watch\""),
    ] {
        let told = mistake(text);
        assert!(told.contains(why) && told.contains(advice), "{text:?}: {told}");
        assert!(!told.contains("secret"), "{told}");
    }
}

#[test]
fn messages_about_the_file_are_spelt_as_in_the_file() {
    let told = |text: &str| crate::config::from_text("FILE", text).expect_err("was accepted").to_string();
    for (text, advice) in [
        ("record = 'always'", "write for example record-folder = \"/var/lib/boardcam\""),
        ("tls-listen = '[::]:443'", "write for example tls = \"auto\""),
        ("[[camera]]\nname = 'a'\n[[camera]]\nname = 'a'\nsource = 'pattern'", "such as name = \"garden\""),
        (
            "[[camera]]\nsource = 'rpicam'\n[[camera]]\nsource = 'rpicam'",
            "such as source = \"rpicam:--camera 1\"",
        ),
        (
            "[[camera]]\nsource = '-'\n[[camera]]\nsource = '-'",
            "such as source = \"pipe:cat /path/to/a/fifo\"",
        ),
        ("listen = '127.0.0.1'", "write listen = \"127.0.0.1:8080\""),
        ("[[camera]]\nsource = '2'", "write source = \"/dev/video2\""),
        ("encoder = 'CPU'", "write encoder = \"software\""),
    ] {
        assert!(told(text).contains(advice) && !told(text).contains(" --tls"), "{text}: {}", told(text));
        assert!(!told(text).contains(" --camera door"), "{}", told(text));
    }
    assert_eq!(parse("FILE", "title = 'Front door '").unwrap().texts.get("title"), ["Front door "]);
}

#[test]
fn what_a_phone_types_is_read() {
    let text = "Fps\u{a0}= “15”\nrecord_folder = “/data”\nListen = 8090\n[[Camera]]\nName = ‘door’\nSource = “pattern”\n\
                [Wifi]\nName = “home”\nKey = „secret 12345“\n";
    let values = parse("FILE", text).unwrap();
    assert_eq!(values.texts.get("fps"), ["15"]);
    assert_eq!(values.texts.get("record-folder"), ["/data"]);
    assert_eq!(values.texts.get("listen"), ["8090"]);
    assert_eq!(values.cameras[0].name.as_deref(), Some("door"));
    let wifi = values.wifi.unwrap().for_supplicant();
    assert!(wifi.contains("ssid=686f6d65\n") && wifi.contains("psk=\"secret 12345\"\n"), "{wifi}");
}

#[test]
fn a_curly_quote_without_an_end_is_reported_with_straight_ones_and_no_key() {
    let told = mistake("fps = 5\nwifi.name = “home\n");
    assert!(
        told.contains("line 2 ") && told.contains("straight quotes around it: wifi.name = \"home\""),
        "{told}"
    );
    let told = mistake("wifi.name = \"home\"\nwifi.key = “secret12345\n");
    assert!(told.contains("line 2 ") && !told.contains("secret"), "{told}");
}
