//! The page in a frame of another server's page, which the settings must name (`--cors-origin`).
//!
//! There, a browser keeps no cookie of ours that is `SameSite=Lax`. Over HTTPS it keeps one that is `SameSite=None`, and
//! `Partitioned` limits that one to frames of the same site's pages (CHIPS). [`may_use_session`] then does what
//! `SameSite` does no more, also in browsers that do not know `Partitioned`.

use rouille::Request;

use super::guard::{Guard, Permission};

/// Whether the browser says that the request is for a frame. Over plain HTTP it does not say.
fn is_for_frame(request: &Request) -> bool {
    matches!(request.header("Sec-Fetch-Dest"), Some("iframe" | "frame" | "embed" | "object"))
}

/// Whether the answer may be shown in a frame of another page: the browser says so, or, where it does not say, the
/// request comes from a page that may have us in a frame. A link on such a page looks the same.
pub(super) fn may_be_in_frame(guard: &Guard, request: &Request) -> bool {
    let named = |referer: &str| {
        let is_of =
            |origin: &String| referer.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/'));
        guard.origins.iter().any(is_of)
    };
    match request.header("Sec-Fetch-Dest") {
        Some(_) => !guard.origins.is_empty() && is_for_frame(request),
        None => request.header("Referer").is_some_and(named),
    }
}

/// The attributes of a cookie that shall be sent to our pages, and in no request that another page makes for itself.
pub(super) fn cookie_attributes(guard: &Guard, request: &Request) -> &'static str {
    match guard.is_secure(request) {
        false => "SameSite=Lax",
        true if !guard.origins.is_empty() && is_for_frame(request) => "SameSite=None; Secure; Partitioned",
        true => "SameSite=Lax; Secure",
    }
}

/// Whether the cookie of a session counts: not if the page of another site wants a picture for itself. Such a page may
/// lead to ours, and show our page in a frame if it is named, which [`super::page`] makes sure of.
pub(super) fn may_use_session(guard: &Guard, request: &Request, permission: Permission) -> bool {
    if request.header("Sec-Fetch-Site") != Some("cross-site")
        || request.header("Sec-Fetch-Dest") == Some("document")
    {
        return true;
    }
    let is_named =
        request.header("Origin").is_some_and(|origin| guard.origins.iter().any(|own| own == origin));
    is_named || is_for_frame(request) && permission == Permission::Page
}

#[cfg(test)]
mod tests {
    use super::super::tests::guard;
    use super::*;
    use crate::protocol::SECURE_HEADER;

    const NAMED: &str = "http://mainsail.local";

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::fake_http("GET", "/", headers, vec![])
    }

    fn naming() -> Guard {
        Guard { origins: vec![NAMED.to_owned()], ..guard(&[]) }
    }

    #[test]
    fn only_in_a_frame_of_a_named_page_over_https_is_a_cookie_sent_for_other_sites() {
        let (https, frame) = ((SECURE_HEADER, "1"), ("Sec-Fetch-Dest", "iframe"));
        let none = "SameSite=None; Secure; Partitioned";
        assert_eq!(cookie_attributes(&naming(), &request(&[https, frame])), none);
        assert_eq!(
            cookie_attributes(&naming(), &request(&[https, ("Sec-Fetch-Dest", "document")])),
            "SameSite=Lax; Secure"
        );
        assert_eq!(cookie_attributes(&naming(), &request(&[https])), "SameSite=Lax; Secure");
        assert_eq!(cookie_attributes(&naming(), &request(&[frame])), "SameSite=Lax");
        assert_eq!(cookie_attributes(&guard(&[]), &request(&[https, frame])), "SameSite=Lax; Secure");
    }

    #[test]
    fn a_page_elsewhere_shows_no_picture_by_the_session_of_its_reader() {
        let may_use = |permission, site, dest, origin: Option<&str>| {
            let origin = origin.map(|origin| ("Origin", origin));
            let headers: Vec<_> =
                [("Sec-Fetch-Site", site), ("Sec-Fetch-Dest", dest)].into_iter().chain(origin).collect();
            may_use_session(&naming(), &request(&headers), permission)
        };
        use Permission::{Page, Watch};
        assert!(may_use(Watch, "same-origin", "image", None) && may_use(Watch, "same-site", "image", None));
        assert!(may_use(Page, "cross-site", "document", None), "a link");
        assert!(may_use(Page, "cross-site", "iframe", None), "a frame, which the page's policy judges");
        assert!(may_use(Watch, "cross-site", "empty", Some(NAMED)), "a script that may read it");
        assert!(may_use_session(&naming(), &request(&[]), Watch), "a program");
        for dest in ["image", "iframe", "object", "video", "empty", ""] {
            assert!(!may_use(Watch, "cross-site", dest, None), "{dest}");
        }
        assert!(!may_use(Watch, "cross-site", "empty", Some("http://evil.example")));
    }
}
