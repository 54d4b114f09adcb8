//! What a registry asks for when it answers 401: the header `WWW-Authenticate` (RFC 9110, section 11).
//!
//! A header is a list of challenges, each a scheme and a list of `key=value`; the comma that ends a challenge looks like
//! the one between two parameters, so a word without `=` behind it begins the next challenge.

use std::collections::BTreeMap;

/// One way in which a server lets itself be convinced.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// The scheme in lower case: `basic` or `bearer`, for instance.
    pub(crate) scheme: String,
    /// The parameters, their keys in lower case.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// All challenges of a header's value. What cannot be read is left out.
pub(crate) fn parse(value: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if word.is_empty() {
            return challenges;
        }
        match (behind.strip_prefix('='), challenges.last_mut()) {
            (Some(behind), Some(challenge)) => {
                let (value, behind) = parameter(behind);
                challenge.parameters.insert(word.to_ascii_lowercase(), value);
                rest = behind;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
                rest = behind;
            }
        }
    }
}

/// A parameter's value, quoted or bare, and what stands behind it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, behind) = text.split_at(text.find([' ', '\t', ',']).unwrap_or(text.len()));
        return (value.to_owned(), behind);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(scheme: &str, parameters: &[(&str, &str)]) -> Challenge {
        let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Challenge { scheme: scheme.to_owned(), parameters }
    }

    #[test]
    fn the_challenge_of_a_token_service_is_read() {
        let value =
            r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push""#;
        let expected = [
            ("realm", "https://auth.example/token"),
            ("service", "registry.example"),
            ("scope", "repository:a/b:pull,push"),
        ];
        assert_eq!(parse(value), [challenge("bearer", &expected)]);
    }

    #[test]
    fn two_challenges_in_one_header_are_two() {
        let value = r#"Basic realm="say \"please\"", BEARER realm=plain , service="""#;
        let expected = [
            challenge("basic", &[("realm", "say \"please\"")]),
            challenge("bearer", &[("realm", "plain"), ("service", "")]),
        ];
        assert_eq!(parse(value), expected);
    }

    #[test]
    fn what_is_broken_is_left_out() {
        assert_eq!(parse(""), []);
        assert_eq!(parse(" ,, "), []);
        assert_eq!(parse("=x"), []);
        assert_eq!(parse("Bearer realm=\"open"), [challenge("bearer", &[("realm", "open")])]);
        assert_eq!(parse("Bearer realm=\"open\\"), [challenge("bearer", &[("realm", "open")])]);
        assert_eq!(parse("Basic"), [challenge("basic", &[])]);
    }
}
