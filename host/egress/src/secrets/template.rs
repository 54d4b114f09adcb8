//! Texts of a request with places for secrets: `Bearer {{secret:NAME}}`.

use std::collections::BTreeMap;

use crate::{SecretName, SecretValue};

/// What surrounds a name, in plain text and as the URL parser writes it in a path.
const MARKS: [(&[u8], &[u8]); 2] = [(b"{{secret:", b"}}"), (b"%7B%7Bsecret:", b"%7D%7D")];

/// One stretch of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Vec<u8>),
    Secret(SecretName),
}

/// A text with places for secrets. What it shows is the guest's own text, without values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Reads a text in which every opening mark begins a place; the reason where one does not.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        Self::read(text, true)
    }

    /// Reads a text in which an opening mark may be just text.
    pub(crate) fn parse_lenient(text: &[u8]) -> Self {
        Self::read(text, false).unwrap_or_default()
    }

    /// A text without places, whatever stands in it.
    pub(crate) fn plain(text: &[u8]) -> Self {
        Self(vec![Piece::Text(text.to_vec())])
    }

    fn read(text: &[u8], strict: bool) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (before, marked) =
                rest.split_at(rest.iter().position(|byte| b"{%".contains(byte)).unwrap_or(rest.len()));
            plain.extend_from_slice(before);
            rest = marked;
            let Some((first, others)) = rest.split_first() else { break };
            let opened = MARKS.iter().find_map(|(open, close)| Some((rest.strip_prefix(*open)?, *close)));
            let Some((inside, close)) = opened else {
                plain.push(*first);
                rest = others;
                continue;
            };
            match name_before(inside, close) {
                Ok((name, after)) => {
                    pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    pieces.push(Piece::Secret(name));
                    rest = after;
                }
                Err(reason) if strict => return Err(reason),
                Err(_) => {
                    plain.push(*first);
                    rest = others;
                }
            }
        }
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
        Ok(Self(pieces))
    }

    /// The secrets that it has places for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &SecretName> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name),
            Piece::Text(_) => None,
        })
    }

    /// Whether it has any.
    pub(crate) fn has_secrets(&self) -> bool {
        self.names().next().is_some()
    }

    /// The text with the values in their places, each written as `encode` says.
    pub(crate) fn render(
        &self,
        values: &BTreeMap<SecretName, SecretValue>,
        encode: impl Fn(&str) -> Vec<u8>,
    ) -> Vec<u8> {
        let mut text = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.extend_from_slice(plain),
                Piece::Secret(name) => {
                    text.extend(values.get(name).map(|value| encode(value.expose())).unwrap_or_default());
                }
            }
        }
        text
    }
}

/// The name up to a closing mark, and what follows the mark.
fn name_before<'text>(inside: &'text [u8], close: &[u8]) -> Result<(SecretName, &'text [u8]), String> {
    let unclosed = || "it is not closed".to_owned();
    let end = inside.windows(close.len()).take(NAME_WINDOW).position(|window| window == close).ok_or_else(unclosed)?;
    let (name, after) = inside.split_at_checked(end).ok_or_else(unclosed)?;
    let name = SecretName::parse(&String::from_utf8_lossy(name)).map_err(|error| error.to_string())?;
    Ok((name, after.strip_prefix(close).unwrap_or(after)))
}

/// How far a closing mark is looked for: past the longest name. A body of a million opening marks is read in linear
/// time.
const NAME_WINDOW: usize = 130;

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<SecretName, SecretValue> {
        pairs.iter().map(|(name, value)| (SecretName::parse(name).unwrap(), SecretValue::new(*value))).collect()
    }

    fn render(text: &str, pairs: &[(&str, &str)]) -> String {
        let rendered =
            Template::parse(text.as_bytes()).unwrap().render(&values(pairs), |value| value.as_bytes().to_vec());
        String::from_utf8(rendered).unwrap()
    }

    #[test]
    fn values_stand_where_their_names_stood() {
        assert_eq!(render("Bearer {{secret:a}}", &[("a", "x")]), "Bearer x");
        assert_eq!(render("{{secret:a}}{{secret:b.c}}-{{secret:a}}", &[("a", "1"), ("b.c", "2")]), "12-1");
        assert_eq!(render("/bot%7B%7Bsecret:a%7D%7D/x?y={{secret:a}}", &[("a", "v")]), "/botv/x?y=v");
        assert_eq!(render("{{name}} {secret:a} {{{{", &[]), "{{name}} {secret:a} {{{{");
    }

    #[test]
    fn a_value_that_looks_like_a_place_is_only_text() {
        assert_eq!(render("{{secret:a}}", &[("a", "{{secret:b}}"), ("b", "inner")]), "{{secret:b}}");
        assert_eq!(render("{{secret:a}}b}}", &[("a", "{{secret:"), ("b", "inner")]), "{{secret:b}}");
    }

    #[test]
    fn a_place_without_a_name_or_an_end_is_a_mistake_where_places_are_meant() {
        for text in [
            "{{secret:",
            "{{secret:a",
            "{{secret:a}",
            "{{secret:}}",
            "{{secret:../a}}",
            "{{secret: a}}",
            "x{{secret:a b}}",
        ] {
            assert!(Template::parse(text.as_bytes()).is_err(), "{text}");
            let lenient = Template::parse_lenient(text.as_bytes());
            assert_eq!(lenient.render(&BTreeMap::new(), |_| Vec::new()), text.as_bytes());
            assert!(!lenient.has_secrets());
        }
        let text = b"\xff{{secret:{{secret:a}}\xfe";
        assert_eq!(
            Template::parse_lenient(text).render(&values(&[("a", "v")]), |v| v.as_bytes().to_vec()),
            b"\xff{{secret:v\xfe"
        );
    }
}
