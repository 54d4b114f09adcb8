//! What happens to every request before and after its route: forged `Host` and `Origin` headers are refused, the answer
//! gets the headers of every answer, and whoever counts hears of its status.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::extras::Route;
use crate::headers;
use crate::router::Shared;

/// Lets a request through to its route.
pub(crate) async fn front(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let route = shared.route(request.uri().path());
    let checked = match route {
        // A load balancer asks for an instance's health by its address, whatever names the server has.
        Route::Health => Ok(()),
        _ => shared.allowed.check(request.uri(), request.headers()),
    };
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    headers::secure(response.headers_mut());
    (shared.extras.on_http)(route, response.status());
    response
}
