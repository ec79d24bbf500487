//! The page of your own, in place of ours: files of the folder that the settings name ([`crate::files::page`]).
//!
//! It may hold what its author likes, scripts and parts from elsewhere too: unlike our page, it has no policy that
//! forbids them. It cannot be shown in frames of other pages than ours can.

use rouille::Response;

use super::super::request::RequestContext;
use super::super::response::plain_text;
use super::FRAMES;
use crate::files::page::{PagePath, PageRequest};
use crate::protocol::{FileOrder, HEADER, PageOrder};

/// `GET /*`
pub(in crate::site) fn file(ctx: &RequestContext<'_>) -> Response {
    if let Some(url) = &ctx.target.with_slash {
        return Response::redirect_303(url.clone()).with_no_cache();
    }
    let slash = if ctx.target.as_folder.is_none() { "/" } else { "" };
    let Some(path) = PagePath::of_url(&format!("{}{slash}", ctx.target.path)) else {
        return plain_text(404, "There is nothing here, and no file of a page may have this name.");
    };
    let query = ctx.request.raw_query_string();
    let mut as_folder = ctx.target.as_folder.clone().unwrap_or_default();
    if !query.is_empty() {
        as_folder += &format!("?{query}");
    }
    let request = PageRequest { path, as_folder, conditions: ctx.conditions() };
    let order = FileOrder::Page(PageOrder { request, client: ctx.client(), pass: ctx.pass() });
    let response = Response { headers: Vec::new(), ..Response::text("") };
    super::with_policy(ctx, response, FRAMES).with_additional_header(HEADER, order.to_header())
}
