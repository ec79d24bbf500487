//! The page, and its parts. It loads nothing from other servers, and has no inline scripts.
//!
//! Its texts are in `lang/`, one file for each language. To add a language, copy `en.json` to `TAG.json` (TAG as in
//! RFC 5646: `de`, `pt-BR`) and translate the texts, but leave `{words}` in braces as they are. The build finds the
//! file, and a test reports missing texts. `messages/TAG.json` has the server's messages ([`crate::problem::Text`]) by
//! their English templates; a translation may number its blanks to change their order: `{1}`, then `{0}`.

pub(super) mod own;

use std::collections::BTreeMap;

use rouille::input::parse_priority_header;
use rouille::{Request, Response};

use super::request::RequestContext;
use crate::files::version::names_etag;

/// What the page may load: images, style, script and data of this server.
const POLICY: &str = "default-src 'none'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// Who may show a page in a frame: this server.
const FRAMES: &str = "frame-ancestors 'self'";

const INDEX: &str = include_str!("index.html");
const STYLE: &str = include_str!("page.css");
const ICON: &str = include_str!("icon.svg");

/// The page's script. Its files are sent as one, so that the page takes few requests over a poor network.
const SCRIPT: &str = concat!(
    include_str!("common.js"),
    include_str!("messages.js"),
    include_str!("stream_share.js"),
    include_str!("tile.js"),
    include_str!("zoom.js"),
    include_str!("controls.js"),
    include_str!("privacy.js"),
    include_str!("record.js"),
    include_str!("status.js"),
    include_str!("main.js"),
);

/// The script of the camera's controls, which the page's script fetches when somebody opens them.
const PANEL: &str = concat!(include_str!("panel.js"), include_str!("settings.js"), include_str!("motion.js"));
const PANEL_STYLE: &str = include_str!("panel.css");

/// The script of the view of recordings, which the page's script fetches when somebody opens it.
const RECORDINGS: &str = concat!(
    include_str!("timeline.js"),
    include_str!("player.js"),
    include_str!("player_controls.js"),
    include_str!("recordings_data.js"),
    include_str!("recordings_list.js"),
    include_str!("recordings.js"),
);
const RECORDINGS_STYLE: &str = include_str!("recordings.css");

/// The tag and the texts (JSON) of each language; made by build.rs.
const LANGUAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/languages.rs"));

/// The server's messages in each language but English: tag, and translations by template (JSON); made by build.rs.
const MESSAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// The language of browsers that want none of ours.
const FALLBACK: &str = "en";

/// The form for signing in; words in braces stand for texts.
pub(super) const SIGN_IN: &str = include_str!("sign-in.html");

/// What is shown in its place where a browser keeps no cookies.
pub(super) const NO_COOKIES: &str = include_str!("no-cookies.html");

/// Names of the form's texts begin with this. No script gets them.
const FORM_PREFIX: &str = "form_";

/// Names of texts that only the camera's controls need: of the panel, and of settings, classes, controls and menus' items.
const PANEL_PREFIXES: [&str; 5] = ["panel_", "setting_", "class_", "label_", "item_"];

fn is_of_panel(key: &str) -> bool {
    PANEL_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// Names of texts that only the view of recordings needs begin with this.
const RECORDINGS_PREFIX: &str = "play_";

fn script_with(mut texts: BTreeMap<String, String>) -> String {
    let is_elsewhere =
        |key: &str| key.starts_with(FORM_PREFIX) || key.starts_with(RECORDINGS_PREFIX) || is_of_panel(key);
    texts.retain(|key, _| !is_elsewhere(key));
    format!("'use strict';\nconst TEXT = {};\n{}", serde_json::json!(texts), minified(SCRIPT))
}

fn panel_with(texts: BTreeMap<String, String>) -> String {
    part_with(texts, is_of_panel, PANEL)
}

fn recordings_with(texts: BTreeMap<String, String>) -> String {
    part_with(texts, |key| key.starts_with(RECORDINGS_PREFIX), RECORDINGS)
}

/// A script that is fetched later, with the texts that only it needs.
fn part_with(mut texts: BTreeMap<String, String>, is_its: fn(&str) -> bool, script: &str) -> String {
    texts.retain(|key, _| is_its(key));
    format!("'use strict';\nObject.assign(TEXT, {});\n{}", serde_json::json!(texts), minified(script))
}

/// A style or script without indentation and comment lines.
fn minified(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The texts in the browser's language.
pub(super) fn texts(request: &Request) -> BTreeMap<String, String> {
    let (_, texts) = language(request.header("Accept-Language").unwrap_or_default());
    serde_json::from_str(texts).unwrap_or_default() // a test makes sure that it parses
}

/// A page with the texts in place of its `{words}`.
pub(super) fn filled(page: &str, texts: &BTreeMap<String, String>) -> String {
    texts.iter().fold(page.to_owned(), |page, (word, text)| page.replace(&format!("{{{word}}}"), text))
}

/// A page that is made for this request.
pub(super) fn html(ctx: &RequestContext<'_>, text: &str) -> Response {
    with_policy(ctx, Response::from_data("text/html; charset=utf-8", text), POLICY)
}

/// Adds what browsers must know of a page. The pages of other servers that the settings name may show it in a frame:
/// `policy` ends with who may.
fn with_policy(ctx: &RequestContext<'_>, response: Response, policy: &str) -> Response {
    let policy = ctx.app.guard.origins.iter().fold(policy.to_owned(), |policy, origin| policy + " " + origin);
    response
        .with_additional_header("Content-Security-Policy", policy)
        // Other servers get no Referer. With no-referrer, our own forms would be sent with `Origin: null`.
        .with_additional_header("Referrer-Policy", "same-origin")
}

/// `GET /`
pub(super) fn index(ctx: &RequestContext<'_>) -> Response {
    if let Some(url) = &ctx.target.with_slash {
        return Response::redirect_303(url.clone()).with_no_cache();
    }
    let page = INDEX.replace("{root}", &ctx.target.root);
    with_policy(ctx, file(ctx, "text/html; charset=utf-8", page, ""), POLICY)
}

/// `GET /page.css`, `GET /sign-in.css`
pub(super) fn style(ctx: &RequestContext<'_>) -> Response {
    file(ctx, "text/css; charset=utf-8", minified(STYLE), "")
}

/// `GET /panel.css`
pub(super) fn panel_style(ctx: &RequestContext<'_>) -> Response {
    file(ctx, "text/css; charset=utf-8", minified(PANEL_STYLE), "")
}

/// `GET /page.js`, with the texts in the browser's language
pub(super) fn script(ctx: &RequestContext<'_>) -> Response {
    script_file(ctx, script_with)
}

/// `GET /panel.js`: what the script fetches when somebody opens the camera's controls
pub(super) fn panel(ctx: &RequestContext<'_>) -> Response {
    script_file(ctx, panel_with)
}

/// `GET /recordings.css`
pub(super) fn recordings_style(ctx: &RequestContext<'_>) -> Response {
    file(ctx, "text/css; charset=utf-8", minified(RECORDINGS_STYLE), "")
}

/// `GET /recordings.js`: what the script fetches when somebody opens the view of recordings
pub(super) fn recordings(ctx: &RequestContext<'_>) -> Response {
    script_file(ctx, recordings_with)
}

fn script_file(ctx: &RequestContext<'_>, with: fn(BTreeMap<String, String>) -> String) -> Response {
    let texts = texts(ctx.request);
    let tag = texts.get("lang").cloned().unwrap_or_default();
    let script = with(texts);
    file(ctx, "text/javascript; charset=utf-8", script, &tag)
        .with_additional_header("Vary", "Accept-Language")
}

/// `GET /messages.json`: the server's messages in the browser's language, by template; none for English
pub(super) fn messages(ctx: &RequestContext<'_>) -> Response {
    let (tag, _) = language(ctx.request.header("Accept-Language").unwrap_or_default());
    let json = MESSAGES.iter().find(|(ours, _)| *ours == tag).map_or("{}", |(_, json)| *json);
    file(ctx, "application/json", json, tag).with_additional_header("Vary", "Accept-Language")
}

/// `GET /icon.svg`, `GET /sign-in.svg`
pub(super) fn icon(ctx: &RequestContext<'_>) -> Response {
    file(ctx, "image/svg+xml", ICON, "")
}

/// A part of the page. Browsers may keep it until the program is restarted. `variant` tells apart parts that depend on
/// the language.
fn file(
    ctx: &RequestContext<'_>,
    content_type: &'static str,
    text: impl Into<String>,
    variant: &str,
) -> Response {
    let tag = format!("\"{}{variant}\"", ctx.app.instance);
    let is_known = ctx.request.header("If-None-Match").is_some_and(|tags| names_etag(tags, &tag));
    let response = if is_known {
        Response::from_data(content_type, Vec::new()).with_status_code(304)
    } else {
        Response::from_data(content_type, text.into())
    };
    response.with_unique_header("Cache-Control", "no-cache").with_unique_header("ETag", tag)
}

/// The best of our languages for an Accept-Language header (RFC 9110 section 12.5.4): tag and texts.
fn language(accepted: &str) -> (&'static str, &'static str) {
    let ours = |tag: &str| LANGUAGES.iter().find(|(ours, _)| ours.eq_ignore_ascii_case(tag));
    let of = |tag: &str| ours(tag).or_else(|| ours(tag.split('-').next()?));
    parse_priority_header(accepted)
        .filter(|(_, weight)| *weight > 0.0)
        .filter_map(|(tag, weight)| Some((of(tag)?, weight)))
        .min_by(|one, other| other.1.total_cmp(&one.1)) // the first of equals; max_by would take the last
        .map(|(language, _)| language)
        .or_else(|| ours(FALLBACK))
        .copied()
        .unwrap_or((FALLBACK, "{}")) // a test makes sure that the fallback is there
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// The largest size of the page, all parts together, in bytes.
    const SIZE_MAX: usize = 78_000;

    /// That of what is fetched when somebody opens the camera's controls: most people never do.
    const PANEL_SIZE_MAX: usize = 42_000;

    fn texts(json: &str) -> BTreeMap<String, String> {
        serde_json::from_str(json).unwrap()
    }

    /// That of the view of recordings, likewise.
    const RECORDINGS_SIZE_MAX: usize = 64_000;

    /// The words in braces in a text.
    fn blanks(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_blanks() {
        let english = texts(language("").1);
        for (tag, json) in LANGUAGES {
            assert!(!json.contains(['<', '&']), "{tag}: the form's texts are put into HTML without escaping");
            let theirs = texts(json);
            assert_eq!(theirs["lang"], *tag);
            let keys = |texts: &BTreeMap<String, String>| texts.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(&theirs), keys(&english), "{tag}");
            for (key, text) in &theirs {
                assert_eq!(blanks(text), blanks(&english[key]), "{key} in {tag}");
                assert!(!text.trim().is_empty(), "{key} in {tag}");
            }
        }
    }

    #[test]
    fn every_text_is_used_and_every_used_text_exists() {
        let named = |before: &str| {
            let code = [SCRIPT, PANEL, RECORDINGS, INDEX, SIGN_IN, NO_COOKIES, include_str!("../sign_in.rs")]
                .concat();
            let word = |rest: &str| {
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
            };
            // Here the prefix is part of the name.
            let prefix = if before.ends_with(FORM_PREFIX) { FORM_PREFIX } else { "" };
            let names = code.split(before).skip(1).map(|rest| format!("{prefix}{}", word(rest)));
            names.filter(|name| name != FORM_PREFIX).collect::<BTreeSet<_>>()
        };
        let used: BTreeSet<_> = ["TEXT.", "data-text=\"", "data-label=\"", "{form_", "\"form_"]
            .into_iter()
            .flat_map(named)
            .collect();
        let there: BTreeSet<_> = texts(language("").1).into_keys().collect();
        // The script looks these up by the name of a state, a direction, a setting, or a control and its items.
        let looked_up = ["state_", "flipped_", "setting_", "panel_motion_", "class_", "label_", "item_"];
        let is_looked_up = |key: &str| looked_up.iter().any(|prefix| key.starts_with(prefix));
        let unused: Vec<_> = there.difference(&used).filter(|key| !is_looked_up(key)).collect();
        assert_eq!(unused, Vec::<&String>::new(), "unused texts");
        assert_eq!(used.difference(&there).collect::<Vec<_>>(), Vec::<&String>::new(), "no such text");
    }

    #[test]
    fn the_browser_gets_the_language_it_prefers_of_those_we_have() {
        for (accepted, expected) in [
            ("", "en"),
            ("ru", "ru"),
            ("RU-ru,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
            ("en-GB,en;q=0.9,ru;q=0.8", "en"),
            ("xx, en;q=0.5, ru;q=0.6", "ru"),
            ("ru;q=0, xx", "en"),
            ("ru;q=NaN,,;;q=,-", "en"),
            ("*", "en"),
        ] {
            assert_eq!(language(accepted).0, expected, "{accepted}");
        }
    }

    /// All three scripts run in one page: the second declaration would keep a script from running at all.
    #[test]
    fn no_name_is_declared_twice_by_the_scripts() {
        let declared = [SCRIPT, PANEL, RECORDINGS].concat();
        let declared = declared.lines().filter_map(|line| {
            let line = line.strip_prefix("async ").unwrap_or(line);
            let (kind, rest) = line.split_once(' ')?;
            let is_name = ["const", "let", "class", "function"].contains(&kind);
            is_name.then(|| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
        });
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = declared.filter(|name| !seen.insert(*name)).collect();
        assert_eq!(twice, Vec::<&str>::new());
        assert!(seen.contains("Timeline") && seen.contains("poll"), "{seen:?}");
    }

    #[test]
    fn the_whole_page_is_small() {
        let longest = |with: fn(BTreeMap<String, String>) -> String| {
            LANGUAGES.iter().map(|(_, json)| with(texts(json)).len()).max().unwrap()
        };
        let size =
            [INDEX.len(), minified(STYLE).len(), ICON.len(), longest(script_with)].iter().sum::<usize>();
        assert!(size < SIZE_MAX, "{size} bytes");
        let size = minified(PANEL_STYLE).len() + longest(panel_with);
        assert!(size < PANEL_SIZE_MAX, "{size} bytes of the camera's controls");
        let size = minified(RECORDINGS_STYLE).len() + longest(recordings_with);
        assert!(size < RECORDINGS_SIZE_MAX, "{size} bytes of the view of recordings");
    }

    #[test]
    fn the_page_has_nothing_that_its_policy_forbids() {
        assert!(POLICY.starts_with("default-src 'none';"));
        assert!(!POLICY.contains("unsafe") && !POLICY.contains('*') && !POLICY.contains("http"), "{POLICY}");
        for tag in [INDEX, SIGN_IN, NO_COOKIES].concat().split('<') {
            let tag = tag.split('>').next().unwrap_or_default();
            assert!(!tag.starts_with("style") && !tag.contains(" style="), "{tag}");
            assert!(!tag.starts_with("script") || tag.contains(" src=\"page.js\""), "{tag}");
            let handler = |word: &str| word.starts_with("on") && word.contains('=');
            assert!(!tag.split_whitespace().any(handler), "{tag}");
        }
        for word in ["eval(", "innerHTML", "http://", "https://", "setAttribute('style'"] {
            assert!([SCRIPT, PANEL, RECORDINGS].iter().all(|script| !script.contains(word)), "{word}");
        }
    }
}
