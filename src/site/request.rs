//! One request, with what the dispatcher knows about it. Every handler gets one.

use std::io::Read;

use rouille::{Request, Response};
use serde::Deserialize;

use super::app::AppState;
use super::response::plain_text;
use super::url::{Target, param};
use crate::auth::Identity;
use crate::auth::network::client_of;
use crate::auth::passes::Pass;
use crate::feed::{ClientId, Feed};
use crate::files::conditions::Conditions;
use crate::gate::limits::BODY_MAX;
use crate::problem::text;

/// A request that may be answered.
pub(super) struct RequestContext<'a> {
    pub(super) app: &'a AppState,
    pub(super) request: &'a Request,
    /// What its URL means.
    pub(super) target: &'a Target,
    /// Who sent it; `None` if the route is public.
    pub(super) identity: Option<Identity>,
    /// The index in [`AppState::feeds`] of the camera that the request is about.
    pub(super) camera: usize,
    /// Whether the URL names the camera.
    pub(super) names_camera: bool,
}

impl RequestContext<'_> {
    /// The camera that the request is about.
    pub(super) fn feed(&self) -> &Feed {
        &self.app.feeds[self.camera]
    }

    /// The value of a parameter in the query.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        param(self.request, name)
    }

    /// Leads a browser to one of our paths.
    pub(super) fn redirect(&self, path: &str) -> Response {
        Response::redirect_303(self.target.relative(path)).with_no_cache()
    }

    pub(super) fn is_head(&self) -> bool {
        self.request.method() == "HEAD"
    }

    /// What is wanted of a file.
    pub(super) fn conditions(&self) -> Conditions {
        let header = |name| self.request.header(name).map(str::to_owned);
        Conditions {
            is_head: self.is_head(),
            if_none_match: header("If-None-Match"),
            if_range: header("If-Range"),
            range: header("Range"),
        }
    }

    /// Stands for the user, or for the client's address where there is none.
    pub(super) fn client(&self) -> ClientId {
        match self.identity.as_ref().and_then(|identity| identity.user.as_deref()) {
            Some(user) => ClientId::of(user),
            None => ClientId::of(client_of(self.app.guard.address(self.request))),
        }
    }

    /// The pass whose end also ends the answer, if it has one.
    pub(super) fn pass(&self) -> Option<Pass> {
        self.identity.as_ref().and_then(|identity| identity.pass)
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    /// The answer to a body that is something else; it shows `example`.
    pub(super) fn json<T: for<'d> Deserialize<'d>>(&self, example: &str) -> Result<T, Response> {
        let mut bytes = Vec::new();
        let read = self.request.data().map(|body| body.take(BODY_MAX as u64).read_to_end(&mut bytes));
        if !matches!(read, Some(Ok(_))) {
            return Err(plain_text(400, text!("The body could not be read.")));
        }
        serde_json::from_slice(&bytes)
            .map_err(|_| plain_text(400, text!("The body must look like {}", example)))
    }
}
