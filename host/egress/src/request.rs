//! What a guest asks for and what it gets.
//!
//! A [`Request`] becomes a [`Hop`] when its shape is in order, before anybody looks at where it goes.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method};
use url::Url;

use crate::{Error, Settings, headers, policy, secrets::template::Template, urls};

/// A request as a guest writes it. The URL's path and query, header values, and with `secrets_in_body` the body, may
/// hold `{{secret:NAME}}` where the value of a secret belongs.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST` …
    pub method: String,
    /// An absolute URL; its fragment is not sent.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// How long the request may take as a whole; never more than the settings allow.
    pub timeout: Option<Duration>,
    /// Whether redirects are followed. Otherwise the response is the redirect itself.
    pub follow_redirects: bool,
    /// Whether the body has places for secrets. The values are put in as they are, without any escaping.
    pub secrets_in_body: bool,
}

impl Request {
    /// A request without headers and body that follows redirects.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            timeout: None,
            follow_redirects: true,
            secrets_in_body: false,
        }
    }

    /// The same request with one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same request with a body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// The answer to a request, with every known secret masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body, as the server encoded it.
    pub body: Bytes,
    /// Where the answer came from, after redirects.
    pub url: String,
}

/// A request, or what a redirect made of it, in a form that can be sent once it is allowed.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) method: Method,
    /// Without fragment and user information, the host in its one form.
    pub(crate) url: Url,
    /// Path and query, with places for secrets. Only a guest's own URL has them; what a server writes into a redirect
    /// is text.
    pub(crate) path: Template,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) body: Template,
}

impl Hop {
    /// Checks the shape of a guest's request.
    pub(crate) fn first(request: &Request, settings: &Settings) -> Result<Self, Error> {
        let method = policy::method(&request.method).map_err(|reason| Error::Method { reason })?;
        let url = urls::of_guest(&request.url)?;
        let path = Template::parse(urls::path_of(&url).as_bytes())
            .map_err(|reason| Error::Template { place: "the URL".to_owned(), reason })?;
        check_body_size(request.body.len(), settings)?;
        let headers = headers::of_guest(request)?;
        let body = Template::parse_lenient(&request.body);
        if let Some(name) = body.names().next().filter(|_| !request.secrets_in_body) {
            return Err(Error::SecretInBody { name: name.to_string() });
        }
        Ok(Self { method, url, path, headers, body })
    }

    /// Every part that may have places for secrets.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        [&self.path, &self.body].into_iter().chain(self.headers.iter().map(|(_, value)| value))
    }
}

/// Refuses a body above the limit.
pub(crate) fn check_body_size(bytes: usize, settings: &Settings) -> Result<(), Error> {
    let limit = settings.request_body_bytes;
    if bytes > limit { Err(Error::RequestTooLarge { bytes, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HEADER_BYTES_LIMIT, HEADER_COUNT_LIMIT};

    fn hop(request: &Request) -> Result<Hop, Error> {
        Hop::first(request, &Settings::default())
    }

    #[test]
    fn methods_are_tokens_and_open_no_tunnels() {
        assert_eq!(hop(&Request::new("patch", "https://a/")).unwrap().method, Method::PATCH);
        for method in ["", "GET POST", "GET\r\n", "CONNECT", "connect", "TRACE", "G\0T"] {
            assert!(matches!(hop(&Request::new(method, "https://a/")), Err(Error::Method { .. })), "{method:?}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let mut many = Request::new("GET", "https://a/");
        many.headers = vec![("x".to_owned(), b"y".to_vec()); HEADER_COUNT_LIMIT + 1];
        assert!(matches!(hop(&many), Err(Error::TooManyHeaders { .. })));
        let long = Request::new("GET", "https://a/").header("x", "y".repeat(HEADER_BYTES_LIMIT));
        assert!(matches!(hop(&long), Err(Error::TooManyHeaders { .. })));
        let settings = Settings { request_body_bytes: 3, ..Settings::default() };
        let body = Request::new("POST", "https://a/").body("abcd");
        assert!(matches!(Hop::first(&body, &settings), Err(Error::RequestTooLarge { bytes: 4, limit: 3 })));
    }

    #[test]
    fn places_for_secrets_are_found_in_path_query_headers_and_an_allowing_body() {
        let mut request = Request::new("POST", "https://a/bot{{secret:one}}/x?y={{secret:two}}#{{secret:none}}")
            .header("authorization", "Bearer {{secret:three}}")
            .body("{{secret:four}}");
        assert!(matches!(hop(&request), Err(Error::SecretInBody { name }) if name == "four"));
        request.secrets_in_body = true;
        let hop = hop(&request).unwrap();
        let names: Vec<&str> = hop.templates().flat_map(Template::names).map(crate::SecretName::as_str).collect();
        assert_eq!(names, ["one", "two", "four", "three"]);
    }

    #[test]
    fn a_place_that_cannot_be_read_is_told_with_where_it_stands() {
        for (request, place) in [
            (Request::new("GET", "https://a/?x={{secret:}}"), "URL"),
            (Request::new("GET", "https://a/").header("X-Key", "{{secret:a"), "x-key"),
        ] {
            let error = hop(&request).unwrap_err();
            assert!(matches!(&error, Error::Template { .. }) && error.to_string().contains(place), "{error}");
        }
    }
}
