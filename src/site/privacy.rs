//! `/api/privacy`: whether cameras are closed, so that nobody sees anything. Behind a camera's name it is about that one,
//! otherwise about all.

use std::sync::Arc;

use rouille::Response;
use serde::{Deserialize, Serialize};

use super::request::RequestContext;
use super::response::ProblemJson;
use crate::feed::Feed;
use crate::problem::Problem;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    on: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    /// Whether all of them are closed.
    on: bool,
    cameras: Vec<Camera<'a>>,
    /// Why this ends with the program; `null` if it is kept.
    problem: Option<ProblemJson>,
}

#[derive(Serialize)]
struct Camera<'a> {
    name: &'a str,
    on: bool,
    /// What the settings say.
    plan: String,
    /// Why it is on although nobody may have wanted that; otherwise `null`.
    reason: Option<ProblemJson>,
}

/// `GET /api/privacy`
pub(super) fn show(ctx: &RequestContext<'_>) -> Response {
    answer(ctx, None)
}

/// `PUT /api/privacy` with `{"on": true}` or `{"on": false}`: holds until the plan next changes it, after a restart, too.
pub(super) fn switch(ctx: &RequestContext<'_>) -> Response {
    let Switch { on } = match ctx.json("{\"on\": true}") {
        Ok(switch) => switch,
        Err(refusal) => return refusal,
    };
    let kept = ctx.app.kept.switch_privacy(meant(ctx).iter().map(Arc::as_ref), on);
    answer(ctx, kept.err().as_ref())
}

/// The cameras that the request is about.
fn meant<'a>(ctx: &RequestContext<'a>) -> &'a [Arc<Feed>] {
    let feeds = &ctx.app.feeds;
    if ctx.names_camera { &feeds[ctx.camera..=ctx.camera] } else { feeds }
}

fn answer(ctx: &RequestContext<'_>, problem: Option<&Problem>) -> Response {
    let cameras: Vec<_> = meant(ctx)
        .iter()
        .map(|feed| Camera {
            name: &feed.name,
            on: feed.privacy.look(),
            plan: feed.privacy.plan().to_string(),
            reason: feed.privacy.doubt().map(|_| ProblemJson::from(&feed.why_private())),
        })
        .collect();
    let on = cameras.iter().all(|camera| camera.on);
    Response::json(&Answer { on, cameras, problem: problem.map(ProblemJson::from) }).with_no_cache()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use crate::picture::Size;
    use crate::ring::Meta;
    use crate::site::tests::{app, ask, header, text};

    #[test]
    fn one_camera_is_closed_or_all_of_them_and_no_snapshot_of_it_is_ordered_any_more() {
        let app = app();
        let put = |path: &str, body: &str| {
            let answer = ask(&app, "PUT", path, &[], body);
            (answer.status_code, text(answer))
        };
        let (status, answer) = put("/cameras/garden/api/privacy", "{\"on\": true}");
        assert!(status == 200 && answer.contains("STATE_DIRECTORY"), "{answer}");
        assert!(
            answer
                .starts_with("{\"on\":true,\"cameras\":[{\"name\":\"garden\",\"on\":true,\"plan\":\"off\",\"reason\":null}]"),
            "{answer}"
        );
        assert!(!app.feeds[0].is_private() && app.feeds[1].is_private());
        for query in ["", "?size=160x120", "?quality=20"] {
            let refused = ask(&app, "GET", &format!("/cameras/garden/snapshot{query}"), &[], "");
            assert_eq!((refused.status_code, header(&refused, "X-Boardcam-Serve")), (503, None), "{query}");
            let why = text(refused);
            assert!(why.contains("privacy is on"), "{why}");
        }
        let card = ask(&app, "GET", "/cameras/garden/snapshot?card=1", &[], "");
        assert_eq!(card.status_code, 200, "the card says so");
        assert!(text(ask(&app, "GET", "/api/privacy", &[], "")).starts_with("{\"on\":false,"));
        assert!(put("/api/privacy", "{\"on\": true}").1.starts_with("{\"on\":true,"));
        assert!(app.feeds.iter().all(|feed| feed.is_private()));
        assert!(put("/api/cameras/door/privacy", "{\"on\": false}").1.contains("\"problem\":null"));
        assert!(!app.feeds[0].is_private() && app.feeds[1].is_private());
        for wrong in ["", "{}", "{\"on\": 1}", "{\"on\": true, \"camera\": \"door\"}"] {
            assert_eq!(put("/api/privacy", wrong).0, 400, "{wrong}");
        }
    }

    #[test]
    fn the_last_picture_and_a_smaller_one_are_gone_with_the_answer() {
        use crate::camera::{SourceConfig, SourceSpec};
        use crate::feed::Feed;
        let (feed, mut writer) = Feed::new("door".to_owned(), SourceConfig::of(SourceSpec::Pattern));
        let (smaller, mut small_writer) = feed.for_variant();
        for writer in [&mut writer, &mut small_writer] {
            writer.reserve(10).unwrap();
            let meta = Meta { captured: Instant::now(), size: Size::DEFAULT, card: false };
            writer.publish::<()>(meta, |_| Ok(1)).unwrap();
        }
        let app = crate::site::AppState { feeds: vec![feed.into()], ..app() };
        let ring = &app.feeds[0].ring;
        assert!(ring.frame().is_some() && smaller.ring.frame().is_some());
        ask(&app, "PUT", "/api/privacy", &[], "{\"on\": true}");
        assert!(ring.frame().is_none() && smaller.ring.frame().is_none());
        ask(&app, "PUT", "/api/privacy", &[], "{\"on\": false}");
        assert!(ring.frame().is_none() && smaller.ring.frame().is_none(), "nor afterwards");
    }
}
