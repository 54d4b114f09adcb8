//! What a redirect makes of a request.
//!
//! The target is one more request, judged from the start. Method and body follow the Fetch standard, as browsers do.
//! Across origins nothing goes along that was meant for the first one: no credentials, and no header with a place for a
//! secret. What a server writes into a target is text: it has no places for secrets.

use http::{HeaderName, Method, StatusCode, header};
use url::Url;

use crate::{Error, Masker, Origin, Scheme, request::Hop, secrets::template::Template, urls};

/// Headers that say who asks: they stay with the origin they were written for.
const CREDENTIALS: [HeaderName; 2] = [header::AUTHORIZATION, header::COOKIE];
/// Headers that describe a body: they go when it goes.
const BODY_HEADERS: [HeaderName; 4] =
    [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LANGUAGE, header::CONTENT_LOCATION];

/// The request that a response asks for; none where it is no redirect. `sent` is the URL on the wire.
pub(crate) fn follow(
    hop: &Hop,
    sent: &Url,
    status: StatusCode,
    location: Option<&[u8]>,
    masker: &Masker,
) -> Result<Option<Hop>, Error> {
    let keeps_method = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => hop.method != Method::POST,
        StatusCode::SEE_OTHER => hop.method == Method::GET || hop.method == Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
        _ => return Ok(None),
    };
    let Some(location) = location else { return Ok(None) };
    let from = Origin::of(sent).map_err(|reason| Error::Url { reason: reason.to_owned() })?;
    let refused = |reason: String| Error::Redirect { origin: from.to_string(), reason };
    let (url, to) = target(sent, location).map_err(&refused)?;
    if from.scheme == Scheme::Https && to.scheme == Scheme::Http {
        return Err(refused("from https to http, which anybody on the way could read".to_owned()));
    }
    if from != to && masker.knows(url.as_str().as_bytes()) {
        return Err(refused(format!("to {to}, with a secret in the URL")));
    }
    let mut next = Hop { path: Template::plain(urls::path_of(&url).as_bytes()), url, ..hop.clone() };
    if !keeps_method {
        next.method = Method::GET;
        next.body = Template::default();
        next.headers.retain(|(name, _)| !BODY_HEADERS.contains(name));
    }
    if from != to {
        next.headers.retain(|(name, value)| !CREDENTIALS.contains(name) && !value.has_secrets());
    }
    Ok(Some(next))
}

/// The URL that a `location` header means, and where it leads.
fn target(base: &Url, location: &[u8]) -> Result<(Url, Origin), String> {
    let location = std::str::from_utf8(location).map_err(|_| "the target is not UTF-8".to_owned())?;
    let url = base.join(location).map_err(|error| format!("the target is no URL: {error}"))?;
    let url = urls::tidy(url)?;
    let origin = Origin::of(&url)?;
    Ok((url, origin))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Request, SecretName, SecretValue, Settings};

    fn first(request: &Request) -> Hop {
        Hop::first(request, &Settings::default()).unwrap()
    }

    fn redirected(request: &Request, status: u16, location: &str) -> Result<Option<Hop>, Error> {
        let hop = first(request);
        follow(&hop, &hop.url, StatusCode::from_u16(status).unwrap(), Some(location.as_bytes()), &Masker::new())
    }

    fn reason(request: &Request, location: &str) -> String {
        match redirected(request, 302, location) {
            Err(Error::Redirect { reason, .. }) => reason,
            other => panic!("{location}: {other:?}"),
        }
    }

    #[test]
    fn method_and_body_change_as_in_browsers() {
        for (status, method, expected) in [
            (301, "GET", "GET"),
            (301, "POST", "GET"),
            (301, "PUT", "PUT"),
            (302, "POST", "GET"),
            (302, "DELETE", "DELETE"),
            (302, "HEAD", "HEAD"),
            (303, "POST", "GET"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (307, "POST", "POST"),
            (308, "PUT", "PUT"),
        ] {
            let request = Request::new(method, "https://a.example/x").header("content-type", "text/plain").body("b");
            let next = redirected(&request, status, "/y").unwrap().unwrap();
            assert_eq!(
                (next.method.as_str(), next.url.as_str()),
                (expected, "https://a.example/y"),
                "{status} {method}"
            );
            let kept = method == expected;
            assert_eq!(
                (next.body != Template::default(), next.headers.len()),
                (kept, usize::from(kept)),
                "{status} {method}"
            );
        }
    }

    #[test]
    fn what_is_no_redirect_is_an_answer() {
        let request = Request::new("GET", "https://a.example/x");
        for status in [200, 201, 300, 304, 305, 306, 400] {
            assert!(redirected(&request, status, "/y").unwrap().is_none(), "{status}");
        }
        let hop = first(&request);
        assert!(follow(&hop, &hop.url, StatusCode::FOUND, None, &Masker::new()).unwrap().is_none());
    }

    #[test]
    fn credentials_and_secrets_stay_with_their_origin() {
        let request = Request::new("GET", "https://a.example/x")
            .header("authorization", "Basic abc")
            .header("cookie", "a=b")
            .header("x-key", "{{secret:key}}")
            .header("accept", "text/plain");
        let names = |location: &str| -> Vec<String> {
            redirected(&request, 307, location)
                .unwrap()
                .unwrap()
                .headers
                .iter()
                .map(|(name, _)| name.to_string())
                .collect()
        };
        assert_eq!(names("/y"), ["authorization", "cookie", "x-key", "accept"]);
        for other in ["https://b.example/", "https://a.example:8443/", "https://x.a.example/", "//b.example/"] {
            assert_eq!(names(other), ["accept"], "{other}");
        }
    }

    #[test]
    fn targets_that_are_no_plain_http_urls_are_refused() {
        let request = Request::new("GET", "https://a.example/x");
        for location in ["file:///etc/passwd", "gopher://a.example/", "ftp://a.example/", "data:,x", "javascript:1"] {
            assert!(reason(&request, location).contains("only http and https"), "{location}");
        }
        assert!(reason(&request, "http://a.example/x").contains("from https to http"));
        assert!(reason(&request, "https://user:password@a.example/").contains("user name"));
        assert!(reason(&request, "https://[::1/").contains("no URL"));
        let hop = first(&request);
        let bytes: &[u8] = b"/\xff";
        assert!(follow(&hop, &hop.url, StatusCode::FOUND, Some(bytes), &Masker::new()).is_err());
    }

    #[test]
    fn a_target_has_no_places_for_secrets() {
        let request = Request::new("GET", "https://a.example/{{secret:key}}");
        let next = redirected(&request, 302, "/y?k={{secret:key}}").unwrap().unwrap();
        assert!(next.templates().all(|template| !template.has_secrets()));
    }

    #[test]
    fn a_target_that_takes_a_known_secret_elsewhere_is_refused() {
        let masker = Masker::new();
        masker.learn(&SecretName::parse("key").unwrap(), &SecretValue::new("canary-3f9a/77"));
        let hop = first(&Request::new("GET", "https://a.example/x"));
        let follow = |location: &str| follow(&hop, &hop.url, StatusCode::FOUND, Some(location.as_bytes()), &masker);
        assert!(matches!(follow("https://b.example/?k=canary-3f9a%2F77"), Err(Error::Redirect { .. })));
        assert!(follow("/?k=canary-3f9a%2F77").is_ok() && follow("https://b.example/").is_ok());
    }
}
