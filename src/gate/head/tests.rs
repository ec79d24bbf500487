use super::*;

fn names() -> AllowedHosts {
    AllowedHosts::new(vec!["camera.local".to_owned()])
}

fn status(request: &str) -> u16 {
    match read(request.as_bytes(), 0, &names()) {
        None => 0,
        Some(Ok(_)) => 200,
        Some(Err(refusal)) => refusal.status,
    }
}

#[test]
fn an_ordinary_request_reaches_the_site_without_headers_that_it_must_not_see() {
    let request = "GET /stream?x=1 HTTP/1.1\r\nHost: 10.0.0.7:8080\r\nX-Boardcam-Key: guess\r\n\
                   X-Boardcam-Peer: 1.2.3.4\r\nX-Boardcam-Secure: 1\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\nGET";
    let head = read(request.as_bytes(), 0, &names()).unwrap().unwrap();
    assert_eq!(head.length, request.len() - 3);
    assert!(head.keep_alive && head.body == 0);
    assert_eq!(
        head.for_site,
        "GET /stream?x=1 HTTP/1.0\r\nhost: 10.0.0.7:8080\r\naccept: */*\r\ncontent-length: 0\r\n"
    );
}

#[test]
fn credentials_and_headers_that_say_where_a_request_comes_from_reach_the_site() {
    for line in [
        "authorization: Basic YTpi",
        "cookie: boardcam-80=b; boardcam-default=d",
        "origin: http://a",
        "sec-fetch-site: none",
        "x-forwarded-for: 1.2.3.4",
        "x-forwarded-proto: https",
    ] {
        let request = format!("POST / HTTP/1.0\r\n{line}\r\n\r\n");
        let head = read(request.as_bytes(), 0, &names()).unwrap().unwrap();
        assert!(head.for_site.contains(&format!("{line}\r\n")), "{}", head.for_site);
    }
}

#[test]
fn a_proxy_may_add_headers_with_any_bytes() {
    for line in [
        "cf-ipcity: S\u{e3}o Paulo",
        "User-Agent: J\u{f6}rg's camera",
        "Referer: http://board/K\u{fc}che",
        "X-Odd: \x01\x7f\x1b[31m",
        "Cookie: name=J\u{f6}rg",
    ] {
        let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n");
        let head = read(request.as_bytes(), 0, &names()).unwrap().expect(line);
        assert_eq!(head.for_site, "GET / HTTP/1.0\r\nhost: localhost\r\ncontent-length: 0\r\n");
    }
    let latin1 = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-City: S\xe3o Paulo\r\n\r\n";
    assert!(read(latin1, 0, &names()).unwrap().is_ok());
}

#[test]
fn cookies_of_other_programs_on_the_board_do_not_count() {
    let foreign = format!("session_P80={}; theme=d\u{fc}ster", "x".repeat(20_000));
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: {foreign};boardcam-80=abc; a=boardcam-\r\n\r\n"
    );
    let head = read(request.as_bytes(), 0, &names()).unwrap().unwrap();
    assert_eq!(
        head.for_site,
        "GET / HTTP/1.0\r\nhost: localhost\r\ncookie: boardcam-80=abc\r\ncontent-length: 0\r\n"
    );
}

#[test]
fn a_proxys_absolute_form_names_the_host() {
    let get = |target: &str, host: &str| {
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        read(request.as_bytes(), 0, &names()).unwrap().map(|head| head.for_site)
    };
    for (target, line) in [
        ("http://camera.local/snapshot?a=b", "GET /snapshot?a=b HTTP/1.0"),
        ("HTTP://camera.local", "GET / HTTP/1.0"),
        ("https://camera.local?action=stream", "GET /?action=stream HTTP/1.0"),
    ] {
        let expected = format!("{line}\r\nhost: camera.local\r\ncontent-length: 0\r\n");
        assert_eq!(get(target, "evil.example"), Ok(expected), "{target}");
    }
    for (target, status) in [
        ("http://evil.example/", 421),
        ("http://user@camera.local/", 421),
        ("http:///snapshot", 421),
        ("ftp://camera.local/", 400),
    ] {
        assert_eq!(get(target, "camera.local").map_err(|refusal| refusal.status), Err(status), "{target}");
    }
    assert_eq!(status("GET http://camera.local/ HTTP/1.1\r\n\r\n"), 400, "HTTP/1.1 without Host");
}

#[test]
fn a_refused_name_is_answered_with_the_option_that_admits_it() {
    let refusal = |host: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        read(request.as_bytes(), 0, &names()).unwrap().unwrap_err()
    };
    let named = refusal("board.example:8080");
    assert_eq!(named.status, 421);
    assert!(named.why.to_string().ends_with("start boardcam with --host board.example."), "{}", named.why);
    let dotted = refusal("Board.Example.:8080").why.to_string();
    assert!(dotted.ends_with("start boardcam with --host board.example."), "{dotted}");
    for (host, shown) in [("[::1", "\"[::1\""), ("a;b", "\"a;b\""), (&"[".repeat(20_000), "[[[[\"")] {
        let why = refusal(host).why.to_string();
        assert!(why.contains(shown) && !why.contains("--host") && why.len() < 200, "{why}");
    }
}

#[test]
fn a_header_that_says_who_asks_is_there_once() {
    for line in [
        "Origin: http://localhost",
        "Sec-Fetch-Site: same-origin",
        "Authorization: Basic YTpi",
        "X-Requested-With: boardcam",
        "Host: localhost",
    ] {
        let once = if line.starts_with("Host") { "" } else { line };
        for second in
            [line.to_owned(), line.to_ascii_lowercase(), format!("{}: x", line.split(':').next().unwrap())]
        {
            let twice = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{once}\r\n{second}\r\n\r\n");
            let twice = twice.replace("\r\n\r\n", "\r\n") + "\r\n";
            assert_eq!(status(&twice), 400, "{twice:?}");
        }
    }
    let lists = "Accept: a\r\nAccept: b\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.5\r\n";
    assert_eq!(status(&format!("GET / HTTP/1.1\r\nHost: localhost\r\n{lists}\r\n")), 200);
}

#[test]
fn simple_clients_that_are_a_little_off_are_served() {
    let get = |request: &str| read(request.as_bytes(), 0, &names()).unwrap().map(|head| head.for_site);
    let host = "Host: localhost\r\n\r\n";
    let plain = get(&format!("GET /snapshot HTTP/1.1\r\n{host}")).unwrap();
    assert_eq!(get(&format!("GET /snapshot#top HTTP/1.1\r\n{host}")), Ok(plain.clone()), "a fragment");
    let line = format!("\r\nGET /snapshot HTTP/1.1\r\n{host}");
    let head = read(line.as_bytes(), 0, &names()).unwrap().unwrap();
    assert_eq!((head.length, head.for_site), (line.len(), plain), "an empty line behind the last request");
    assert_eq!([read(b"\r", 0, &names()), read(b"\r\n", 1, &names())], [None, None]);
    assert_eq!(status(&format!("\r\n{line}")), 400, "endless empty lines");
    let options = get(&format!("OPTIONS * HTTP/1.1\r\n{host}")).unwrap();
    assert!(options.starts_with("OPTIONS / HTTP/1.0\r\n"), "{options}");
    assert_eq!(status(&format!("GET * HTTP/1.1\r\n{host}")), 400);
    assert_eq!(status(&format!("GET #top HTTP/1.1\r\n{host}")), 400);
}

#[test]
fn what_is_wrong_with_a_request_line_is_said() {
    let why = |request: &[u8]| read(request, 0, &names()).unwrap().unwrap_err().why.to_string();
    for (request, told) in [
        (&b"\x16\x03\x01"[..], "not https://"),
        (b"get / HTTP/1.1\r\n", "in capitals"),
        (b"\0", "not an HTTP request."),
        (b"GET / HTTP/2.0\r\n\r\n", "HTTP/1.1 or HTTP/1.0"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 or HTTP/1.0"),
        (b"GET /my picture HTTP/1.1\r\n\r\n", "without spaces"),
    ] {
        let why = why(request);
        assert!(why.contains(told), "{why}");
        assert!(!why.contains("https://") || request[0] == 0x16, "{why}");
    }
}

#[test]
fn a_head_that_comes_byte_by_byte_is_found_when_it_is_whole() {
    let request = b"GET / HTTP/1.0\r\n\r\n";
    for length in 0..request.len() {
        assert_eq!(read(&request[..length], length.saturating_sub(1), &names()), None);
    }
    assert!(read(request, request.len() - 1, &names()).unwrap().is_ok());
}

#[test]
fn what_two_parsers_could_read_in_two_ways_is_refused() {
    let get = |headers: &str| format!("GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
    for (headers, expected) in [
        ("", 200),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: +3\r\n", 400),
        ("Content-Length: 3, 3\r\n", 400),
        ("Content-Length: 0x3\r\n", 400),
        ("Content-Length: 100000000000\r\n", 413),
        ("Content-Length: 99999999999999999999999999\r\n", 413),
        ("Transfer-Encoding: chunked\r\n", 501),
        ("A: b\r\n c\r\n", 400),
        ("A : b\r\n", 400),
        ("A: b\nB: c\r\n", 400),
        ("A: b\0c\r\n", 400),
        ("Host: caf\u{e9}\r\n", 400),
        ("Origin: http://caf\u{e9}\r\n", 400),
        ("Content-Length: 3\x01\r\n", 400),
        ("Transfer-Encoding: \x01\r\n", 400),
        ("Conn\x01ection: close\r\n", 400),
        ("Host: localhost\r\n", 400),
    ] {
        assert_eq!(status(&get(headers)), expected, "{headers:?}");
    }
    assert_eq!(status("GET / HTTP/1.1\n\n"), 400);
    assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400, "HTTP/1.1 without Host");
    assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), 200, "HTTP/1.0 without Host");
    assert_eq!(status("\x16\x03\x01\x02\x00"), 400, "TLS on the plain port");
    assert_eq!(status("BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n"), 501);
    assert_eq!(status("GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    assert_eq!(status("GET ?action=stream HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    assert_eq!(status("GET localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
    assert_eq!(status("GET /\u{e9} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 400);
}

#[test]
fn heads_beyond_the_limits_are_refused() {
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(HEAD_MAX));
    assert_eq!(status(&long), 431);
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(HEADERS_MAX));
    assert_eq!(status(&many), 431);
}

#[test]
fn a_head_is_judged_the_same_however_the_network_cuts_it_up() {
    let long = "x".repeat(HEAD_MAX);
    for request in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\nA: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nA: {long}\nB: c\r\n\r\n"),
        format!("\x16\x03\x01{long}"),
        "\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "\rGET".to_owned(),
    ] {
        let input = request.as_bytes();
        let bytewise = (1..=input.len()).find_map(|length| read(&input[..length], length - 1, &names()));
        assert_eq!(read(input, 0, &names()), bytewise, "{request:.20}");
    }
}
