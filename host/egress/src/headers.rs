//! The headers that are sent, and those that are an affair of the connection.

use http::{HeaderName, HeaderValue, header};

use crate::{Error, Request, secrets::template::Template};

/// Most headers of a request.
pub const HEADER_COUNT_LIMIT: usize = 100;
/// Most bytes of the names and values of a request's headers.
pub const HEADER_BYTES_LIMIT: usize = 32 << 10;

/// Headers that belong to the connection or that the client sets by itself.
const CONNECTION_HEADERS: [HeaderName; 9] = [
    header::HOST,
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
];
/// The same, for which there are no constants.
const CONNECTION_HEADER_NAMES: [&str; 3] = ["keep-alive", "proxy-connection", "http2-settings"];

/// Whether a header is an affair of the connection: neither taken from a guest nor handed to one.
pub(crate) fn belongs_to_connection(name: &HeaderName) -> bool {
    CONNECTION_HEADERS.contains(name) || CONNECTION_HEADER_NAMES.contains(&name.as_str())
}

/// Checks names and values and finds the places for secrets.
pub(crate) fn of_guest(request: &Request) -> Result<Vec<(HeaderName, Template)>, Error> {
    let bytes = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let count = request.headers.len();
    if count > HEADER_COUNT_LIMIT || bytes > HEADER_BYTES_LIMIT {
        return Err(Error::TooManyHeaders { count, bytes });
    }
    let mut checked = Vec::with_capacity(count);
    for (text, value) in &request.headers {
        let refused = |reason| Error::Header { name: text.clone(), reason };
        let name =
            HeaderName::from_bytes(text.as_bytes()).map_err(|_| refused("its name has characters that no name has"))?;
        HeaderValue::from_bytes(value)
            .map_err(|_| refused("its value has control characters, such as the end of a line"))?;
        if belongs_to_connection(&name) {
            return Err(refused("it belongs to the connection, which is the server's own"));
        }
        if name == header::CONTENT_LENGTH {
            // Written from the body itself; one that says otherwise would split the request in two.
            if value == request.body.len().to_string().as_bytes() {
                continue;
            }
            return Err(refused("it is not the length of the body"));
        }
        let value = Template::parse(value)
            .map_err(|reason| Error::Template { place: format!("the header `{name}`"), reason })?;
        checked.push((name, value));
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_split_a_request_or_belong_to_the_connection_are_refused() {
        for (name, value) in [
            ("x", "a\r\nb: c"),
            ("x", "a\n"),
            ("x", "a\r"),
            ("x", "a\0"),
            ("x", "\u{7f}"),
            ("x\r\ny", "a"),
            ("x y", "a"),
            ("", "a"),
            ("x:", "a"),
            (":authority", "a"),
            ("Host", "a"),
            ("Connection", "close"),
            ("keep-alive", "1"),
            ("TE", "trailers"),
            ("trailer", "x"),
            ("Transfer-Encoding", "chunked"),
            ("upgrade", "h2c"),
            ("expect", "100-continue"),
            ("proxy-authorization", "x"),
            ("proxy-connection", "x"),
            ("http2-settings", "x"),
            ("content-length", "5"),
            ("content-length", "+0"),
        ] {
            let error = of_guest(&Request::new("GET", "https://a/").header(name, value)).unwrap_err();
            assert!(matches!(error, Error::Header { .. }), "{name:?}: {error}");
        }
        let fine = Request::new("POST", "https://a/").header("X-A", "b\tc").header("Content-Length", "2").body("ab");
        assert_eq!(of_guest(&fine).unwrap().len(), 1);
    }
}
