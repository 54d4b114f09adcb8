//! What stands at the end of the way: the network, or in tests of plugins somebody who answers.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::send::failed;
use crate::{Error, Origin, Request, Resolver, Response};

/// Answers the requests that would have gone out.
pub trait Answers: Send + Sync {
    /// The answer to a request as it would be on the wire: names of headers in lower case, secrets in their places. A
    /// redirect that is followed is a request of its own. The answer's `url` is not looked at.
    ///
    /// # Errors
    /// What the request fails with.
    fn answer(&self, request: &Request) -> Result<Response, Error>;
}

/// Where requests that may go out go.
pub(crate) enum Way {
    /// To the judged addresses.
    Network(reqwest::Client),
    /// To somebody in this process.
    Answers(Arc<dyn Answers>),
}

impl Way {
    /// Hands a request over and waits for the head of its answer.
    pub(crate) async fn carry(&self, origin: &Origin, wire: reqwest::Request) -> Result<reqwest::Response, Error> {
        match self {
            Self::Network(client) => client.execute(wire).await.map_err(|error| failed(origin, error)),
            Self::Answers(answers) => {
                let unusable =
                    |error: http::Error| Error::Broken { origin: origin.to_string(), reason: error.to_string() };
                answer(answers.answer(&request(&wire))?).map_err(unusable)
            }
        }
    }
}

/// A request on the wire in the words of this crate.
fn request(wire: &reqwest::Request) -> Request {
    let mut request = Request::new(wire.method().as_str(), wire.url().as_str());
    for (name, value) in wire.headers() {
        request = request.header(name.as_str(), value.as_bytes());
    }
    request.body(wire.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice).unwrap_or_default())
}

/// An answer as it would come from the wire.
fn answer(response: Response) -> Result<reqwest::Response, http::Error> {
    let mut answer = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        answer = answer.header(name, value);
    }
    Ok(answer.body(response.body)?.into())
}

/// Resolves every name to one public address, which nobody connects to.
pub(crate) struct Nowhere;

#[async_trait]
impl Resolver for Nowhere {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![IpAddr::V4(Ipv4Addr::new(1, 1, 1, 1))])
    }
}
