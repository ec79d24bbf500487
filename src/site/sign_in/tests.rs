use super::super::tests::{app, ask, ben, guard, header, text};
use super::super::{AppState, Guard};
use super::*;

#[test]
fn named_pages_may_show_ours_in_a_frame() {
    let app = AppState {
        guard: Guard { origins: vec!["http://mainsail.local".to_owned()], ..guard(&[]) },
        ..app()
    };
    let policy = |app: &AppState| header(&ask(app, "GET", "/", &[], ""), "Content-Security-Policy").unwrap();
    assert!(policy(&app).ends_with("frame-ancestors 'self' http://mainsail.local"));
    assert!(policy(&self::app()).ends_with("frame-ancestors 'self'"));
}

#[test]
fn where_a_frame_keeps_no_cookies_the_sign_in_page_says_so_before_anybody_types_a_password() {
    let named = "http://mainsail.local";
    let guard = Guard { origins: vec![named.to_owned()], ..guard(&[ben()]) };
    let app = AppState { guard, ..app() };
    let page = ("Referer", "http://mainsail.local/");
    let says_so = |response: Response| text(response).contains("Signing in does not work here");
    let first = ask(&app, "GET", "/sign-in", &[page], "");
    assert_eq!((first.status_code, header(&first, "Location").as_deref()), (303, Some("./sign-in?tried=1")));
    let cookie = header(&first, "Set-Cookie").unwrap();
    let cookie = ("Cookie", cookie.split(';').next().unwrap());
    assert!(says_so(ask(&app, "GET", "/sign-in?tried=1", &[page], "")));
    assert!(!says_so(ask(&app, "GET", "/sign-in?tried=1", &[page, cookie], "")), "a link on that page");
    for headers in [
        &[][..],
        &[("Referer", "http://mainsail.local.evil.example/")],
        &[page, ("Sec-Fetch-Dest", "document")],
    ] {
        assert_eq!(ask(&app, "GET", "/sign-in", headers, "").status_code, 200, "{headers:?}");
    }
    let send = |headers: &[(&str, &str)], secret: &str| {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        let body = format!("name=ben&password=password&form={secret}");
        ask(&app, "POST", "/sign-in", &[headers, &[kind]].concat(), &body)
    };
    let secret = cookie.1.split_once('=').unwrap().1;
    assert_eq!(send(&[cookie], secret).status_code, 303);
    assert_eq!(send(&[], "").status_code, 303, "a program that has no form");
    let lost = send(&[], secret);
    assert_eq!((lost.status_code, header(&lost, "Set-Cookie")), (403, None));
    assert!(says_so(lost), "a page that hides itself");
}
