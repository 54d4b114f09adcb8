//! The URLs that are sent.
//!
//! Between a guest and the wire several programs read a URL. What they might read in different ways is refused, and
//! what is left is written in one form, so that the host that was judged is the host that is reached.

use url::Url;

use crate::{Error, Origin};

/// Most bytes of a URL: what common servers take.
pub const URL_LIMIT: usize = 8 << 10;

/// Path and query of a URL, as they are sent.
pub(crate) fn path_of(url: &Url) -> &str {
    &url[url::Position::BeforePath..url::Position::AfterQuery]
}

/// Reads a guest's URL. What the URL standard would silently repair, and what other programs read in another way than
/// it does, is refused: line ends and tabs, spaces, backslashes.
pub(crate) fn of_guest(text: &str) -> Result<Url, Error> {
    let refused = |reason: String| Error::Url { reason };
    if text.len() > URL_LIMIT {
        return Err(refused(format!("it has {} bytes, more than {URL_LIMIT}", text.len())));
    }
    let misread = |character: char| character.is_control() || character.is_whitespace() || character == '\\';
    if let Some(found) = text.chars().find(|character| misread(*character)) {
        return Err(refused(format!("it contains {found:?}, which has to be percent-encoded")));
    }
    let url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
    tidy(url).map_err(|reason| refused(reason.to_owned()))
}

/// Refuses what is never sent, and writes the rest in one form: no fragment, no dot at the end of the host.
pub(crate) fn tidy(mut url: Url) -> Result<Url, &'static str> {
    let origin = Origin::of(&url)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name or password; use the header `authorization`");
    }
    if url.as_str().len() > URL_LIMIT {
        return Err("it is longer than what is sent");
    }
    url.set_fragment(None);
    url.set_host(Some(&origin.host.to_string())).map_err(|_| "its host is not accepted")?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_sent_in_one_form() {
        for (text, sent) in [
            ("HTTPS://API.Example.com.:443/a?b#c", "https://api.example.com/a?b"),
            ("http://0x7f.1:80", "http://127.0.0.1/"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
            ("https://[::FFFF:127.0.0.1]/", "https://[::ffff:7f00:1]/"),
        ] {
            assert_eq!(of_guest(text).unwrap().as_str(), sent);
        }
    }

    #[test]
    fn a_url_that_programs_read_differently_is_refused() {
        for text in [
            "",
            "/path",
            "example.com",
            "//example.com/",
            "file:///etc/passwd",
            "gopher://a/",
            "ftp://a/",
            "data:,x",
            "javascript:1",
            "https://",
            "https://user@a/",
            "https://user:password@a/",
            "https://:password@a/",
            "https://a\\@b/",
            "https://a/\r\nHost: b",
            "https://a/\0",
            "https://a/ b",
            " https://a/",
            "https://a/\t",
            "https://a:0/",
            "https://a:99999/",
            "https://a..b/",
            "https://./",
            "https://a b/",
            "https://[::1/",
            "https://1.2.3.4.5/",
            "https://%00/",
            "https://a%2fb/",
            "https://{{secret:x}}/",
            "{{secret:x}}://a/",
            "https://a:{{secret:x}}/",
            "https://{{secret:x}}@a/",
        ] {
            let error = of_guest(text).unwrap_err();
            assert!(matches!(error, Error::Url { .. }), "{text:?}: {error}");
        }
        let long = format!("https://a/{}", "x".repeat(URL_LIMIT));
        assert!(matches!(of_guest(&long), Err(Error::Url { .. })));
    }

    #[test]
    fn an_accepted_url_leads_to_the_same_host_for_every_parser_on_its_way() {
        let parts = [
            "http",
            "https",
            "file",
            ":",
            "/",
            "//",
            "///",
            "@",
            "#",
            "?",
            ".",
            "..",
            "%",
            "%2e",
            "%2f",
            "%40",
            "%00",
            "[",
            "]",
            "::1",
            "127.0.0.1",
            "127.1",
            "0x7f",
            "a",
            "A",
            "example",
            "com",
            "xn--",
            "xn--bcher-kva",
            "ü",
            "。",
            "１",
            ":80",
            ":443",
            ":0",
            ":8080",
            "{{secret:a}}",
            "*",
            "_",
            "-",
            "!",
            "$",
            "&",
            "'",
            ";",
            "=",
            ",",
            "+",
            "~",
            "|",
            "^",
            "`",
            "<",
            ">",
            "\"",
            "\u{ad}",
            "\u{200d}",
        ];
        // A generator of Marsaglia's xorshift family: the same texts in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(limit).unwrap()).unwrap()
        };
        let mut accepted = 0;
        for round in 0..100_000 {
            let mut text = if round % 2 == 0 { "http://".to_owned() } else { String::new() };
            for _ in 0..=below(8) {
                text.push_str(parts[below(parts.len())]);
            }
            let Ok(url) = of_guest(&text) else { continue };
            accepted += 1;
            let judged = Origin::of(&url).unwrap();
            assert_eq!(Url::parse(url.as_str()).unwrap(), url, "{text}");
            assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{text}");
            // What cannot be a URI for the client is not sent; what can has to name the judged host and port.
            if let Ok(uri) = url.as_str().parse::<http::Uri>() {
                assert_eq!(uri.host(), Some(judged.host.to_string().as_str()), "{text}");
                assert_eq!(uri.port_u16().unwrap_or(judged.scheme.default_port()), judged.port, "{text}");
            }
        }
        assert!(accepted > 5_000, "{accepted}");
    }
}
