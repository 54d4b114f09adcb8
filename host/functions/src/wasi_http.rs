//! `wasi:http` for components in other languages: the same way out as `kumiko:host/http`, under the same grants.

use http_body_util::{BodyExt as _, Full, Limited};
use kumiko_egress::{Egress, Request};
use kumiko_grants::Access;
use kumiko_vocabulary::FaultKind;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// The largest body of a request, in bytes: what `kumiko:host/http` takes.
const REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// Sends what a component hands to `wasi:http/outgoing-handler`.
pub(crate) struct Outgoing {
    pub(crate) egress: Egress,
    pub(crate) access: Access,
}

/// What comes of a request: the answer, and whatever has to go on for its body to arrive, which is nothing here.
type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let (egress, access) = (self.egress.clone(), self.access.clone());
        Box::new(async move { send(&egress, &access, request, options).await })
    }
}

async fn send(
    egress: &Egress,
    access: &Access,
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Sent, Error> {
    let denied = |_| Error::HttpRequestDenied;
    let policy = kumiko_egress::Policy::parse(access.plugin(), &access.grants().http).map_err(denied)?;
    let secrets = kumiko_egress::SecretAccess::parse(access.plugin(), &access.grants().secrets).map_err(denied)?;
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, REQUEST_BYTES).collect().await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(Some(REQUEST_BYTES as u64)))?.to_bytes();
    let mut outgoing = Request::new(parts.method.as_str(), parts.uri.to_string());
    for (name, value) in &parts.headers {
        // The connection's own headers are the host's.
        if name != http::header::HOST && name != http::header::CONTENT_LENGTH {
            outgoing = outgoing.header(name.as_str(), value.as_bytes());
        }
    }
    outgoing.body = body;
    outgoing.timeout = options.and_then(|options| options.first_byte_timeout);
    // A library of the guest's language follows redirects by itself; each of its requests is judged here.
    outgoing.follow_redirects = false;
    let response = egress.send(&policy, &secrets, outgoing).await.map_err(|error| match error.kind() {
        FaultKind::Denied => Error::HttpRequestDenied,
        FaultKind::InvalidArguments => Error::HttpRequestUriInvalid,
        FaultKind::Stopped => Error::HttpResponseBodySize(None),
        _ if error.code() == "http_timeout" => Error::HttpResponseTimeout,
        _ if error.code() == "http_name_unresolved" => Error::DestinationNotFound,
        _ => Error::DestinationUnavailable,
    })?;
    let mut answer = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        answer = answer.header(name, value);
    }
    let body = Full::new(response.body).map_err(|never| match never {}).boxed_unsync();
    let answer = answer.body(body).map_err(|_| Error::HttpProtocolError)?;
    Ok((answer, Box::new(std::future::ready(Ok(())))))
}

/// The hooks of one call.
pub(crate) fn outgoing(egress: &Egress, access: &Access) -> Outgoing {
    Outgoing { egress: egress.clone(), access: access.clone() }
}
