//! How a request's URL is read: its path, its camera, and its query.
//!
//! A proxy may put a prefix before all our paths (`/webcam/`). Most strip it, and no request says what it was. So every
//! URL that we send to a browser is relative: [`Target::root`] leads from the request's URL to ours without its prefix.

use rouille::Request;
use rouille::percent_encoding::percent_decode_str;

/// The form for signing in.
pub(super) const SIGN_IN: &str = "/sign-in";

/// Health checks of other programs. Without users they are not redirected to HTTPS.
pub(super) const HEALTH: &str = "/healthz";

/// Before a camera's name in a URL.
const CAMERAS: &str = "/cameras/";

/// Headers in which a proxy says what it puts before our paths: of most proxies, of Home Assistant's ingress, and of
/// WSGI. Everybody may send them, since they change only which path is meant.
const PREFIXES: [&str; 3] = ["X-Forwarded-Prefix", "X-Ingress-Path", "X-Script-Name"];

/// The URL of a camera. All other paths also work behind it.
pub(super) fn camera_url(name: &str) -> String {
    format!("{CAMERAS}{name}/")
}

/// Which camera a URL is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selected {
    /// It names none: the first one.
    First,
    /// `/cameras/NAME/`
    Named(String),
    /// By its place in the settings, counted from 0, as motion (`/1/stream`, there from 1) and mjpg-streamer
    /// (`action=stream_0`) do.
    Numbered(usize),
}

/// What a request's URL means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The path as the route table has it: without proxy's prefix, camera, repeated slashes and a slash at the end.
    pub(super) path: String,
    pub(super) camera: Selected,
    /// The relative URL of `/`, as a browser resolves it from the URL that it asked for.
    pub(super) root: String,
    /// Where the page is if the URL lacks the slash at its end, without which its relative URLs lead elsewhere.
    pub(super) with_slash: Option<String>,
    /// The same for any URL that lacks it, in case that it names a folder; `None` if there is one.
    pub(super) as_folder: Option<String>,
}

impl Target {
    pub(super) fn of(request: &Request) -> Self {
        let raw = request.raw_url().split('?').next().unwrap_or_default();
        // Slashes at the beginning are repeated where the proxy's path and ours are pasted together; in the browser's
        // URL they are one.
        let mut raw = raw.trim_start_matches('/');
        let mut last = "";
        for prefix in prefixes(request) {
            match raw.strip_prefix(prefix) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    raw = rest.trim_start_matches('/');
                    last = if rest.is_empty() { prefix.rsplit('/').next().unwrap_or_default() } else { "" };
                }
                _ => {}
            }
        }
        let depth = raw.matches('/').count();
        let root = match (last, depth) {
            ("", 0) => "./".to_owned(),
            ("", depth) => "../".repeat(depth),
            (last, _) => format!("./{last}/"), // the prefix alone: from there, `./` leads to before it
        };
        let decoded = percent_decode_str(raw).decode_utf8_lossy();
        let ends_with_slash = decoded.is_empty() || decoded.ends_with('/');
        let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
        let (camera, rest, of_api) = split_camera(&segments);
        let path = format!("{of_api}/{}", rest.join("/"));
        let as_folder = match last {
            "" if ends_with_slash => None,
            "" => raw.rsplit('/').next().map(|name| format!("./{name}/")),
            _ => Some(root.clone()),
        };
        let with_slash = as_folder.clone().filter(|_| path == "/");
        Self { path, camera, root, with_slash, as_folder }
    }

    /// One of our paths as a URL that is relative to the request's.
    pub(super) fn relative(&self, path: &str) -> String {
        format!("{}{}", self.root, path.trim_start_matches('/'))
    }
}

/// The camera that a path's first segments name, the other segments, and what our path has before these.
fn split_camera<'s>(segments: &'s [&'s str]) -> (Selected, &'s [&'s str], &'static str) {
    match segments {
        ["cameras", name, rest @ ..] => (Selected::Named((*name).to_owned()), rest, ""),
        ["api", "cameras", name, rest @ ..] if !rest.is_empty() => {
            (Selected::Named((*name).to_owned()), rest, "/api")
        }
        [number, rest @ ..] => match (number.parse::<usize>(), of_motion(rest)) {
            (Ok(number), Some(ours)) => (Selected::Numbered(number.saturating_sub(1)), ours, ""),
            _ => (Selected::First, segments, ""),
        },
        [] => (Selected::First, segments, ""),
    }
}

/// Our path for one of motion's, behind a camera's number, which it counts from 1. `current` is its snapshot; newer ones
/// have `mjpg` and `static`.
fn of_motion(segments: &[&str]) -> Option<&'static [&'static str]> {
    match segments {
        ["stream" | "substream" | "source"] | ["mjpg", "stream" | "substream" | "source"] => {
            Some(&["stream"])
        }
        ["current"] | ["static", "stream" | "substream" | "source"] => Some(&["current"]),
        _ => None,
    }
}

/// What proxies say that they put before our paths, the outermost first, without slashes at the ends.
fn prefixes(request: &Request) -> impl Iterator<Item = &str> {
    let named = |header: &str| PREFIXES.iter().any(|prefix| prefix.eq_ignore_ascii_case(header));
    let values = request.headers().filter(move |(header, _)| named(header)).map(|(_, value)| value);
    values
        .flat_map(|value| value.split(','))
        .map(|prefix| prefix.trim().trim_matches('/'))
        .filter(|prefix| !prefix.is_empty())
}

/// The names and values in a request's query, as they were sent. A further `?` counts as `&`: clients glue a cache
/// buster to a URL that has a query already.
pub(super) fn raw_params(request: &Request) -> impl Iterator<Item = (&str, &str)> {
    let pairs = request.raw_query_string().split(['&', '?']).filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The value of the first parameter of this name.
pub(super) fn param(request: &Request, name: &str) -> Option<String> {
    let (_, value) = raw_params(request).find(|(own, _)| *own == name)?;
    Some(percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, headers: &[(&str, &str)]) -> Target {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Target::of(&Request::fake_http("GET", url, headers, vec![]))
    }

    #[test]
    fn slashes_that_are_repeated_or_at_the_end_change_nothing() {
        for url in
            ["/snapshot", "//snapshot", "/snapshot/", "///snapshot//", "/snapshot?a=/b/", "/%73napshot"]
        {
            let Target { path, camera, .. } = target(url, &[]);
            assert_eq!((path.as_str(), camera), ("/snapshot", Selected::First), "{url}");
        }
        for url in ["/cameras/garden/stream", "/cameras//garden//stream/", "//cameras/garden/stream"] {
            let Target { path, camera, .. } = target(url, &[]);
            assert_eq!((path.as_str(), camera), ("/stream", Selected::Named("garden".to_owned())), "{url}");
        }
    }

    #[test]
    fn relative_urls_lead_to_the_root_from_every_depth() {
        for (url, root) in [
            ("/", "./"),
            ("/sign-in", "./"),
            ("//sign-in", "./"),
            ("/sign-in/", "../"),
            ("/cameras/garden/", "../../"),
            ("/cameras/garden/state?x=/", "../../"),
            ("/cameras/garden/api/recordings/x", "../../../../"),
        ] {
            assert_eq!(target(url, &[]).root, root, "{url}");
        }
        assert_eq!(target("/cameras/garden", &[]).with_slash.as_deref(), Some("./garden/"));
        for url in ["/", "//", "/cameras/garden/", "/stream"] {
            assert_eq!(target(url, &[]).with_slash, None, "{url}");
        }
        assert_eq!(target("/a%20b/c%64?x=/", &[]).as_folder.as_deref(), Some("./c%64/"));
        assert_eq!(target("/a/b/?x", &[]).as_folder, None);
    }

    #[test]
    fn a_prefix_that_the_proxy_names_and_does_not_strip_is_stripped() {
        let webcam = ("X-Forwarded-Prefix", "/webcam/");
        for header in [webcam, ("x-ingress-path", "/webcam"), ("X-Script-Name", "webcam")] {
            for url in
                ["/webcam/cameras/garden/stream", "/cameras/garden/stream", "/webcam//cameras/garden/stream"]
            {
                let Target { path, camera, root, .. } = target(url, &[header]);
                assert_eq!(
                    (path.as_str(), camera),
                    ("/stream", Selected::Named("garden".to_owned())),
                    "{url}"
                );
                assert_eq!(root, "../../", "{url}");
            }
        }
        assert_eq!(target("/webcams/x", &[webcam]).path, "/webcams/x");
        assert_eq!(target("/a/b/state", &[("X-Forwarded-Prefix", "/a, /b")]).path, "/state");
        let Target { path, root, with_slash, .. } = target("/webcam", &[webcam]);
        assert_eq!(
            (path.as_str(), root.as_str(), with_slash.as_deref()),
            ("/", "./webcam/", Some("./webcam/"))
        );
    }

    #[test]
    fn motions_numbers_begin_at_one() {
        assert_eq!(target("/1/stream", &[]).camera, Selected::Numbered(0));
        assert_eq!(target("/0/stream", &[]).camera, Selected::Numbered(0));
        assert_eq!(target("/2/current/", &[]).camera, Selected::Numbered(1));
        assert_eq!(target("/2/state", &[]).path, "/2/state");
        for (url, path) in [
            ("/2/substream", "/stream"),
            ("/2/source", "/stream"),
            ("/2/mjpg/stream", "/stream"),
            ("/2/static/stream/", "/current"),
        ] {
            let Target { path: own, camera, .. } = target(url, &[]);
            assert_eq!((own.as_str(), camera), (path, Selected::Numbered(1)), "{url}");
        }
    }

    #[test]
    fn a_further_question_mark_separates_parameters() {
        let request = Request::fake_http("GET", "/?action=stream?nonce=1&a=b=c&d=%20+", vec![], vec![]);
        let param = |name| param(&request, name);
        assert_eq!(param("action").as_deref(), Some("stream"));
        assert_eq!(param("nonce").as_deref(), Some("1"));
        assert_eq!(param("a").as_deref(), Some("b=c"));
        assert_eq!(param("d").as_deref(), Some("  "));
        assert_eq!(param("x"), None);
    }
}
