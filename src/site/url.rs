//! URLs that several modules use.

/// The form for signing in.
pub(super) const SIGN_IN: &str = "/sign-in";

/// Health checks of other programs; the only URL that is never redirected to HTTPS.
pub(super) const HEALTH: &str = "/healthz";

/// Before a camera's name in a URL.
const CAMERAS: &str = "/cameras/";

/// The URL of a camera. All other paths also work behind it.
pub(super) fn camera_url(name: &str) -> String {
    format!("{CAMERAS}{name}/")
}

/// The camera that a path names, if any, and the path behind it.
pub(super) fn split_camera(path: &str) -> (Option<&str>, String) {
    match path.strip_prefix(CAMERAS).and_then(|rest| rest.split_once('/')) {
        Some((name, rest)) => (Some(name), format!("/{rest}")),
        None => (None, path.to_owned()),
    }
}
