use std::sync::Arc;
use std::time::Instant;

use rouille::{Request, Response};

use super::route::dispatch;
use super::*;
use crate::auth::password::Hash;
use crate::auth::{Access, Role, User};
use crate::camera::{EncodeMode, SourceConfig, SourceInfo, SourceSpec};
use crate::feed::{CaptureState, Feed};
use crate::host::board::Board;
use crate::host::discovery::AnnouncedName;
use crate::host::shutdown::Shutdown;
use crate::motion::Detection;
use crate::picture::Size;
use crate::protocol::{CHECK_HEADER, KEY_HEADER};
use crate::record::Recordings;
use crate::variants::{VARIANTS_MAX, Variants};

pub(super) fn app() -> AppState {
    app_with_cameras(&["door", "garden"])
}

pub(super) fn app_with_cameras(cameras: &[&str]) -> AppState {
    let config = SourceConfig::of(SourceSpec::Auto);
    let feed = |name: &&str| Arc::new(Feed::new((*name).to_owned(), config.clone()).0);
    let feeds: Vec<_> = cameras.iter().map(feed).collect();
    AppState {
        feeds: feeds.clone(),
        kept: Arc::default(),
        motion: Detection::new(feeds.clone(), Arc::default(), Shutdown::default()),
        variants: Variants::new(feeds, Box::new(|| {})),
        viewers: Arc::default(),
        guard: guard(&[]),
        recordings: Recordings::new(&recordings::tests::settings()),
        targets: Arc::default(),
        events: Arc::default(),
        connections: Arc::default(),
        board: Board::default(),
        addresses: vec![],
        board_name: "board".to_owned(),
        announced: AnnouncedName::default(),
        has_own_page: false,
        https_port: None,
        started: Instant::now(),
        instance: "test".to_owned(),
    }
}

/// A hash that takes no time.
fn quick(password: &str) -> Hash {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
    argon2.hash_password_with_salt(password.as_bytes(), b"somesalt").unwrap().to_string().parse().unwrap()
}

/// A user who may watch.
pub(super) fn ben() -> User {
    User { name: "ben".to_owned(), role: Role::Watch, password: quick("password") }
}

pub(super) fn guard(users: &[User]) -> Guard {
    let access = Access::new(users, None).unwrap();
    Guard { access, origins: Vec::new(), proxies: Vec::new() }
}

pub(super) fn ask(app: &AppState, method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Response {
    let turn = [(CHECK_HEADER, "1")]; // as if it had waited for its turn
    let headers =
        headers.iter().chain(&turn).map(|(name, value)| (name.to_string(), value.to_string())).collect();
    dispatch(ROUTES, app, &Request::fake_http(method, url, headers, body.as_bytes().to_vec()))
}

fn get(url: &str) -> Response {
    ask(&app(), "GET", url, &[], "")
}

pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    let found = response.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_string())
}

#[test]
fn every_url_that_other_programs_use_leads_to_the_stream() {
    for url in ["/stream", "/video_feed", "/stream.mjpg", "/?action=stream", "/stream?1699=x&cacheBust=1"] {
        assert_eq!(header(&get(url), "X-Boardcam-Serve").as_deref(), Some("stream camera=0"), "{url}");
    }
    for url in ["/cameras/garden/stream", "/cameras/garden/?action=stream"] {
        assert_eq!(header(&get(url), "X-Boardcam-Serve").as_deref(), Some("stream camera=1"), "{url}");
    }
    for url in [
        "/stream/",
        "//stream",
        "/?action=stream_0",
        "/?action=stream?nonce=1",
        "/?action=stream/",
        "/0/stream",
    ] {
        assert_eq!(header(&get(url), "X-Boardcam-Serve").as_deref(), Some("stream camera=0"), "{url}");
    }
    for url in
        ["/?action=stream_1", "//?action=stream_1&1699", "/2/stream", "/cameras/garden/?action=stream_0"]
    {
        assert_eq!(header(&get(url), "X-Boardcam-Serve").as_deref(), Some("stream camera=1"), "{url}");
    }
    for (url, order) in [
        ("/snapshot?size=160x120?1699&card=1", "card camera=0 quality=85 size=160x120"),
        ("//snapshot/?card=1", "card camera=0"),
        ("/?action=snapshot_1&card=1", "card camera=1"),
        ("/2/current?card=1", "card camera=1"),
        ("/2/static/stream?card=1", "card camera=1"),
        ("/2/mjpg/stream", "stream camera=1"),
        ("/stream?key=pikvm", "stream camera=0 id=pikvm"),
        ("/stream?extra_headers=1&dual_final_frames=1&zero_data=1", "stream camera=0"),
        ("/shot.jpg?card=1", "card camera=0"),
        ("/stream?id=page-1", "stream camera=0 id=page-1"),
        ("/stream?id=a%20b", "stream camera=0"),
        ("/?action=stream&size=64x48&quality=9", "stream camera=0 quality=10 size=64x48"),
        ("/video_feed?fps=0.5&advance_headers=1", "stream camera=0 fps=0.5 advance=1"),
    ] {
        let given = header(&get(url), "X-Boardcam-Serve").unwrap_or_default();
        assert_eq!(given.split(" client=").next(), Some(order), "{url}");
    }
}

#[test]
fn smaller_pictures_count_for_the_user_or_else_for_the_address() {
    let client = |app: &AppState, from: &str, credentials: &str| {
        let headers = [("X-Boardcam-Peer", from), ("Authorization", credentials)];
        let answer = ask(app, "GET", "/stream?size=640x360", &headers, "");
        header(&answer, "X-Boardcam-Serve").unwrap().split_once(" client=").unwrap().1.to_owned()
    };
    let (ben, nobody) = ("Basic YmVuOnBhc3N3b3Jk", "");
    let guarded = AppState { guard: guard(&[self::ben()]), ..app() };
    assert_eq!(client(&guarded, "192.0.2.1", ben), client(&guarded, "192.0.2.2", ben));
    assert_ne!(client(&app(), "192.0.2.1", nobody), client(&app(), "192.0.2.2", nobody));
    assert_eq!(client(&app(), "2001:db8::1", nobody), client(&app(), "2001:db8::2", nobody));
}

#[test]
fn an_unknown_url_is_answered_with_what_there_is() {
    assert_eq!(get("/nowhere").status_code, 404);
    assert_eq!(get("/cameras/attic/stream").status_code, 404);
    let post = Request::fake_http("POST", "/state", vec![], vec![]);
    assert_eq!(dispatch(ROUTES, &app(), &post).status_code, 405);
}

pub(super) fn text(response: Response) -> String {
    let mut text = String::new();
    let (mut body, _) = response.data.into_reader_and_size();
    std::io::Read::read_to_string(&mut body, &mut text).unwrap();
    text
}

#[test]
fn a_player_that_asks_for_an_unknown_action_or_camera_gets_no_page_but_what_there_is() {
    for (url, told) in [
        ("/?action=anything-else", "action=stream, action=stream_N, action=snapshot, action=snapshot_N"),
        ("/?action=", "There is no such action"),
        ("/?action=stream_", "There is no such action"),
        ("/?action=stream_x", "There is no such action"),
        ("/?action=command&id=1&value=2", "/api/quality"),
        ("/?action=program", "/state"),
        ("/?action=take&filename=x.jpg", "action=take. A snapshot is at /snapshot"),
        ("/input_0.json", "/state, as JSON"),
        ("/program.json", "/state, as JSON"),
        ("/0/detection/status", "What moves is at /api/motion"),
        ("/1/action/snapshot", "/snapshot"),
        ("/1/config/list", "settings"),
        ("/control.htm", "The page is at /"),
        ("/?action=stream_2", "There are cameras 0 to 1: door, garden."),
        ("/?action=snapshot_99999999999999999999", "There is no such action"),
        ("/3/stream", "There are cameras 1 to 2: door, garden."),
        ("/cameras/garden/?action=stream_1", "there is only number 0"),
        ("/cameras/attic/stream", "Cameras: door, garden."),
        ("/webcam/stream", "X-Forwarded-Prefix"),
    ] {
        let response = get(url);
        assert_eq!((response.status_code, header(&response, "X-Boardcam-Serve")), (404, None), "{url}");
        let text = text(response);
        assert!(text.contains(told), "{url}: {text}");
    }
    let guarded = AppState { guard: guard(&[ben()]), ..app() };
    for url in ["/?action=stream_2", "/3/stream", "/cameras/attic/"] {
        let text = text(ask(&guarded, "GET", url, &[], ""));
        assert!(!text.contains("garden"), "{url} tells everybody the cameras' names: {text}");
    }
    assert_eq!(header(&get("/cameras/garden"), "Location").as_deref(), Some("./garden/"));
}

#[test]
fn a_client_that_may_not_watch_is_told_what_is_wrong_with_what_it_sent() {
    let app = AppState { guard: guard(&[ben()]), ..app() };
    for (url, headers, told) in [
        ("/stream", &[][..], "You need a user name"),
        ("/stream?token=nonsense", &[], "no such token"),
        ("/stream", &[("Authorization", "Basic YmVuOm5v")], "Wrong user name or password."),
        ("/stream", &[("Authorization", "Bearer x")], "must be Basic"),
        ("/stream", &[("Host", "board:8080"), ("Cookie", "boardcam-8080=out")], "not signed in any more"),
        ("/stream", &[("Host", "board:8080"), ("Cookie", "boardcam-80=x")], "You need a user name"),
    ] {
        let response = ask(&app, "GET", url, headers, "");
        assert_eq!(response.status_code, 401, "{headers:?}");
        let text = text(response);
        assert!(text.contains(told), "{headers:?}: {text}");
    }
}

#[test]
fn behind_a_proxy_that_hides_the_origin_our_own_pages_still_work() {
    let app = AppState { guard: guard(&[ben()]), ..app() };
    let proxied = [("Host", "mjpgstreamer1"), ("Origin", "http://192.168.1.5")];
    let form = ask(&app, "GET", "/sign-in", &proxied, "");
    let set = header(&form, "Set-Cookie").unwrap();
    assert!(!set.contains("Path"), "{set}: the cookie is for other paths than those that the browser sees");
    let cookie = set.split(';').next().unwrap().to_owned();
    let secret = cookie.split_once('=').unwrap().1.to_owned();
    assert!(text(form).contains(&format!("name=\"form\" value=\"{secret}\"")));
    let send = |cookie: &str, secret: &str| {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [&proxied[..], &[kind, ("Cookie", cookie)]].concat();
        let body = format!("name=ben&password=password&form={secret}");
        let response = ask(&app, "POST", "/sign-in", &headers, &body);
        (response.status_code, header(&response, "Location"))
    };
    assert_eq!(send(&cookie, &secret), (303, Some("./".to_owned())));
    assert_eq!(send("", &secret).0, 403, "any page could know a secret, but no cookie");
    assert_eq!(send(&cookie, "").0, 403);
    assert_eq!(send("boardcam-form-default=", "").0, 403);
    let ours = [&proxied[..], &[("X-Requested-With", "boardcam")]].concat();
    assert_eq!(ask(&app, "POST", "/sign-out", &ours, "").status_code, 303);
    assert_eq!(ask(&app, "POST", "/sign-out", &proxied, "").status_code, 403);
    let foreign = [&ours[..], &[("Sec-Fetch-Site", "cross-site")]].concat();
    assert_eq!(ask(&app, "POST", "/sign-out", &foreign, "").status_code, 403);
}

#[test]
fn a_picture_of_the_root_shows_the_stream_as_motions_port_does() {
    let serves = |url: &str, accept: &str| {
        header(&ask(&app(), "GET", url, &[("Accept", accept)], ""), "X-Boardcam-Serve").is_some()
    };
    for accept in [
        "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", // Chromium
        "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", // Firefox
    ] {
        assert!(serves("/", accept) && serves("/cameras/garden/", accept), "{accept}");
        assert!(!serves("/icon.svg", accept));
    }
    for accept in ["text/html,application/xhtml+xml,image/avif,image/webp,*/*;q=0.8", "*/*", ""] {
        assert!(!serves("/", accept), "{accept}");
    }
}

#[test]
fn a_page_that_a_browser_or_proxy_has_is_not_sent_again() {
    let tag = header(&get("/page.css"), "ETag").unwrap();
    let status = |tags: &str| ask(&app(), "GET", "/page.css", &[("If-None-Match", tags)], "").status_code;
    for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        assert_eq!(status(&tags), 304, "{tags}");
    }
    assert_eq!(status("\"other\""), 200);
}

#[test]
fn a_head_request_opens_no_stream() {
    let head = Request::fake_http("HEAD", "/stream", vec![], vec![]);
    let response = dispatch(ROUTES, &app(), &head);
    assert_eq!(header(&response, "X-Boardcam-Serve"), None);
    assert_eq!(header(&response, "Content-Type").as_deref(), Some(crate::multipart::CONTENT_TYPE));
}

#[test]
fn without_a_camera_a_snapshot_is_refused_with_the_reason() {
    let response = get("/snapshot");
    assert_eq!((response.status_code, header(&response, "X-Boardcam-Serve")), (503, None));
    assert_eq!(header(&get("/snapshot?card=1"), "X-Boardcam-Serve").as_deref(), Some("card camera=0"));
    assert_eq!(get("/healthz").status_code, 503);
}

#[test]
fn wrong_parameters_are_refused_in_words_on_every_url() {
    for url in ["/stream?size=0x0", "/?action=stream&fps=-1", "/snapshot?quality=abc", "/snapshot.jpg?size="]
    {
        let response = get(url);
        assert_eq!((response.status_code, header(&response, "X-Boardcam-Serve")), (400, None), "{url}");
    }
}

#[test]
fn an_order_demands_no_frames_since_the_viewer_does() {
    let app = app();
    for quality in 1..=VARIANTS_MAX + 1 {
        let url = format!("/stream?quality={quality}");
        let response = dispatch(ROUTES, &app, &Request::fake_http("GET", url, vec![], vec![]));
        assert!(header(&response, "X-Boardcam-Serve").is_some_and(|order| order.contains("quality")));
    }
    assert!(app.variants.list().is_empty());
}

#[test]
fn every_route_but_a_few_needs_a_user() {
    let mut app = AppState { guard: guard(&[ben()]), ..app() };
    for Route { method, path, action, permission, page, .. } in ROUTES {
        app.has_own_page = *page == PageKind::Own;
        let is_get = *method == Method::Get;
        let method = method.names()[0];
        let url = action.map_or_else(|| path.replace('*', "x"), |action| format!("{path}?action={action}"));
        let response = dispatch(ROUTES, &app, &Request::fake_http(method, url, vec![], vec![]));
        let form = matches!(*path, SIGN_IN | "/sign-out");
        let file = matches!(
            *path,
            "/page.css"
                | "/page.js"
                | "/panel.css"
                | "/panel.js"
                | "/recordings.css"
                | "/recordings.js"
                | "/messages.json"
                | "/icon.svg"
                | "/sign-in.css"
                | "/sign-in.svg"
        );
        match permission {
            Permission::Public => assert!(form || file, "{method} {path}"),
            Permission::Page => {
                assert_eq!(header(&response, "Location").as_deref(), Some("./sign-in"), "{path}")
            }
            Permission::Watch | Permission::Control => {
                assert_eq!(response.status_code, 401, "{method} {path}")
            }
        }
        assert!(is_get || form || *permission == Permission::Control, "{method} {path} changes something");
    }
}

#[test]
fn quality_is_not_changed_if_the_cameras_jpegs_are_to_be_left_as_they_are() {
    let app = app();
    let put = |encoder| {
        let info = SourceInfo::of_jpegs(
            crate::camera::SourceKind::Device,
            String::new(),
            Size { width: 8, height: 8 },
        );
        let (feed, _) =
            Feed::new("door".to_owned(), SourceConfig { encoder, ..SourceConfig::of(SourceSpec::Auto) });
        feed.status().state = CaptureState::Live(info);
        let app = AppState { feeds: vec![Arc::new(feed)], guard: guard(&[]), ..self::app() };
        let body = b"{\"quality\":7}".to_vec();
        let response = dispatch(ROUTES, &app, &Request::fake_http("PUT", "/api/quality", vec![], body));
        (response.status_code, app.feeds[0].quality())
    };
    let before = app.feeds[0].quality();
    assert_eq!(put(EncodeMode::Passthrough), (409, before));
    assert_eq!(put(EncodeMode::Auto), (200, 7));
    assert_eq!(put(EncodeMode::Software), (200, 7));
}

#[test]
fn a_request_that_did_not_come_through_the_gate_is_refused() {
    let with = |key: &str| {
        let headers = vec![(KEY_HEADER.to_owned(), key.to_owned())];
        server::answer(ROUTES, &app(), "right", &Request::fake_http("GET", "/state", headers, vec![]))
            .status_code
    };
    assert_eq!((with("right"), with("wrong"), with("")), (200, 403, 403));
}
