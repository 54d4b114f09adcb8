//! Requests over HTTP, as far as the operator granted them.
//!
//! A secret is named, never read: `{{secret:NAME}}` in the URL or in a header's value is replaced by the host, for the hosts that the
//! secret is bound to. [`crate::secrets`] tells whether there is one.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::{self, Host};
use crate::{Fault, Result};

/// A request that is being put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The method: `GET`.
    pub method: String,
    /// An absolute URL.
    pub url: String,
    /// The headers in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// Milliseconds until the whole answer has to be there; 30,000 where absent.
    pub timeout_milliseconds: Option<u32>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status: 200.
    pub status: u16,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// Where the answer came from, after redirects.
    pub url: String,
}

impl Request {
    /// A request of any method.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), ..Self::default() }
    }

    /// `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// `POST` of a JSON document.
    ///
    /// # Errors
    /// `request_not_serializable` where the document has no form in JSON.
    pub fn post_json(url: impl Into<String>, document: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(document).map_err(|error| {
            Fault::failed("request_not_serializable", format!("the request cannot be written as JSON: {error}"))
        })?;
        let request = Self { body: Some(body), ..Self::new("POST", url) };
        Ok(request.header("content-type", "application/json"))
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it and waits for the whole answer.
    ///
    /// # Errors
    /// `http_denied` and `secret_denied` for what was not granted, and what stood in the way of an answer.
    pub fn send(&self) -> Result<Response> {
        host::call(|host| Host::http_send(host, self))
    }
}

impl Response {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the status says that it went well.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as a JSON document.
    ///
    /// # Errors
    /// `response_not_json` where it is none of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Fault::failed("response_not_json", format!("the answer of {} is not what was expected: {error}", self.url))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_is_posted_with_its_type() {
        let request = Request::post_json("https://api.example.com/x", &json!({ "a": 1 })).unwrap();
        assert_eq!((request.method.as_str(), request.body.as_deref()), ("POST", Some(&br#"{"a":1}"#[..])));
        assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let response = Response { status: 204, headers: vec![("etag".into(), "7".into())], ..Response::default() };
        assert_eq!((response.header("ETag"), response.is_success()), (Some("7"), true));
        assert!(response.json::<u8>().is_err());
    }
}
