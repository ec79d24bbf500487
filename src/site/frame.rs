//! The page in a frame of another server's page, which the settings must name (`--cors-origin`).
//!
//! There, a browser keeps no cookie of ours that is `SameSite=Lax`. Over HTTPS it keeps one that is `SameSite=None`, and
//! `Partitioned` limits that one to frames of the same site's pages (CHIPS). [`may_use_session`] then does what
//! `SameSite` no longer does, also in browsers that do not know `Partitioned`.

use rouille::Request;

/// Whether the browser says that the request is for a frame. Over plain HTTP it does not say.
fn is_for_frame(request: &Request) -> bool {
    matches!(request.header("Sec-Fetch-Dest"), Some("iframe" | "frame" | "embed" | "object"))
}

/// Whether the answer may be shown in a frame of another page: the browser says so, or, where it does not say, the
/// request comes from a page at one of `origins`, which may have us in a frame. A link on such a page looks the same.
pub(super) fn may_be_in_frame(origins: &[String], request: &Request) -> bool {
    let named = |referer: &str| {
        let is_of =
            |origin: &String| referer.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/'));
        origins.iter().any(is_of)
    };
    match request.header("Sec-Fetch-Dest") {
        Some(_) => !origins.is_empty() && is_for_frame(request),
        None => request.header("Referer").is_some_and(named),
    }
}

/// The attributes of a cookie that shall be sent to our pages, and in no request that another page makes for itself.
pub(super) fn cookie_attributes(origins: &[String], is_secure: bool, request: &Request) -> &'static str {
    match is_secure {
        false => "SameSite=Lax",
        true if !origins.is_empty() && is_for_frame(request) => "SameSite=None; Secure; Partitioned",
        true => "SameSite=Lax; Secure",
    }
}

/// Whether the cookie of a session counts: not if the page of another site wants a picture for itself. Such a page may
/// lead to ours, and show our page in a frame if it is named, which [`super::page`] makes sure of.
pub(super) fn may_use_session(origins: &[String], request: &Request, is_page: bool) -> bool {
    if request.header("Sec-Fetch-Site") != Some("cross-site")
        || request.header("Sec-Fetch-Dest") == Some("document")
    {
        return true;
    }
    let is_named = request.header("Origin").is_some_and(|origin| origins.iter().any(|own| own == origin));
    is_named || is_for_frame(request) && is_page
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMED: &str = "http://mainsail.local";

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request::fake_http("GET", "/", headers, vec![])
    }

    fn named() -> Vec<String> {
        vec![NAMED.to_owned()]
    }

    #[test]
    fn only_in_a_frame_of_a_named_page_over_https_is_a_cookie_sent_for_other_sites() {
        let attributes = |origins: &[String], is_secure, dest: Option<&str>| {
            let dest: Vec<_> = dest.into_iter().map(|dest| ("Sec-Fetch-Dest", dest)).collect();
            cookie_attributes(origins, is_secure, &request(&dest))
        };
        let frame = Some("iframe");
        assert_eq!(attributes(&named(), true, frame), "SameSite=None; Secure; Partitioned");
        for dest in [Some("document"), None] {
            assert_eq!(attributes(&named(), true, dest), "SameSite=Lax; Secure");
        }
        assert_eq!(attributes(&[], true, frame), "SameSite=Lax; Secure");
        assert_eq!(attributes(&named(), false, frame), "SameSite=Lax");
    }

    #[test]
    fn a_page_elsewhere_shows_no_picture_by_the_session_of_its_reader() {
        let may_use = |is_page, site, dest, origin: Option<&str>| {
            let origin = origin.map(|origin| ("Origin", origin));
            let headers: Vec<_> =
                [("Sec-Fetch-Site", site), ("Sec-Fetch-Dest", dest)].into_iter().chain(origin).collect();
            may_use_session(&named(), &request(&headers), is_page)
        };
        let (page, picture) = (true, false);
        assert!(
            may_use(picture, "same-origin", "image", None) && may_use(picture, "same-site", "image", None)
        );
        assert!(may_use(page, "cross-site", "document", None), "a link");
        assert!(may_use(page, "cross-site", "iframe", None), "a frame, which the page's policy judges");
        assert!(may_use(picture, "cross-site", "empty", Some(NAMED)), "a script that may read it");
        assert!(may_use_session(&named(), &request(&[]), picture), "a program");
        for dest in ["image", "iframe", "object", "video", "empty", ""] {
            assert!(!may_use(picture, "cross-site", dest, None), "{dest}");
        }
        assert!(!may_use(picture, "cross-site", "empty", Some("http://evil.example")));
    }
}
