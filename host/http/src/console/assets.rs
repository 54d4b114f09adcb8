//! The files of the page. They hold nothing secret, so they are served to whoever asks: the login page needs them.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files under `assets/`.
const FILES: [(&str, &str, &str); 15] = [
    ("console.css", STYLE, include_str!("../../console/console.css")),
    ("favicon.svg", "image/svg+xml", kumiko_mcp::MARK),
    ("api.js", SCRIPT, include_str!("../../console/api.js")),
    ("calls.js", SCRIPT, include_str!("../../console/calls.js")),
    ("console.js", SCRIPT, include_str!("../../console/console.js")),
    ("dom.js", SCRIPT, include_str!("../../console/dom.js")),
    ("field.js", SCRIPT, include_str!("../../console/field.js")),
    ("form.js", SCRIPT, include_str!("../../console/form.js")),
    ("format.js", SCRIPT, include_str!("../../console/format.js")),
    ("login.js", SCRIPT, include_str!("../../console/login.js")),
    ("metrics.js", SCRIPT, include_str!("../../console/metrics.js")),
    ("plugins.js", SCRIPT, include_str!("../../console/plugins.js")),
    ("result.js", SCRIPT, include_str!("../../console/result.js")),
    ("schema.js", SCRIPT, include_str!("../../console/schema.js")),
    ("tools.js", SCRIPT, include_str!("../../console/tools.js")),
];

/// The pages and their files, without authentication.
pub(crate) fn open_files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page =
        |text: &'static str| get(move || async move { ([(CONTENT_TYPE, HTML), (CACHE_CONTROL, "no-cache")], text) });
    let mut router = Router::new()
        .route("/", page(include_str!("../../console/index.html")))
        .route("/login", page(include_str!("../../console/login.html")));
    for (name, kind, text) in FILES {
        let file = move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response() };
        router = router.route(&format!("/assets/{name}"), get(file));
    }
    router
}
