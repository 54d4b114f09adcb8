//! The forms that a value takes when it is encoded on its way.
//!
//! As it is; percent-encoded (upper and lower case, and with `+` for a space as forms write it); as the inside of a
//! JSON string, with and without escapes for what is not ASCII; in hexadecimal digits; in base64 of both alphabets, by
//! itself and inside of something longer, such as `user:password` in a header for basic authentication.

use super::SHORTEST_MASKED;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// All forms of a value, without those that are too short to be told from other texts.
pub(super) fn of(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let percent = percent_encoded(value, |byte| format!("%{byte:02X}"));
    let mut forms = vec![
        value.to_owned(),
        percent_encoded(value, |byte| format!("%{byte:02x}")),
        percent.replace("%20", "+"),
        percent,
        json_escaped(value, |character| character.to_string()),
        json_escaped(value, |character| unicode_escape(character, |unit| format!("\\u{unit:04x}"))),
        json_escaped(value, |character| unicode_escape(character, |unit| format!("\\u{unit:04X}"))),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
    ];
    for alphabet in [STANDARD, URL_SAFE] {
        let whole = base64(bytes, alphabet);
        forms.push(whole.clone() + ["", "==", "="].get(bytes.len() % 3).copied().unwrap_or_default());
        forms.push(whole);
        forms.extend((0..3).map(|shift| inside_base64(bytes, alphabet, shift)));
    }
    forms.retain(|form| form.len() >= SHORTEST_MASKED);
    forms.into_iter().map(String::into_bytes).collect()
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(crate) fn percent_encoded(value: &str, escape: impl Fn(u8) -> String) -> String {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if unreserved(byte) { char::from(byte).to_string() } else { escape(byte) }).collect()
}

/// The inside of a JSON string; `other` writes what is not ASCII.
fn json_escaped(value: &str, other: impl Fn(char) -> String) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '\u{8}' => escaped.push_str("\\b"),
            '\u{c}' => escaped.push_str("\\f"),
            control if control < ' ' => escaped.push_str(&unicode_escape(control, |unit| format!("\\u{unit:04x}"))),
            ascii if ascii.is_ascii() => escaped.push(ascii),
            character => escaped.push_str(&other(character)),
        }
    }
    escaped
}

/// A character as JSON escapes it: one unit of UTF-16, or two.
fn unicode_escape(character: char, write: impl Fn(u16) -> String) -> String {
    character.encode_utf16(&mut [0; 2]).iter().map(|unit| write(*unit)).collect()
}

/// Base64 (RFC 4648) without padding.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let number =
            group.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let digit = usize::try_from((number >> (18 - 6 * place)) & 63).unwrap_or_default();
            text.push(alphabet.get(digit).copied().map_or('=', char::from));
        }
    }
    text
}

/// The digits that depend on the value alone when `shift` bytes (modulo 3) stand before it and anything after it.
fn inside_base64(bytes: &[u8], alphabet: &[u8; 64], shift: usize) -> String {
    let shifted = [[0_u8; 3].get(..shift).unwrap_or_default(), bytes].concat();
    let text = base64(&shifted, alphabet);
    // A digit carries six bits: the first ones share theirs with what stands before, the last one with what follows.
    let first = (shift * 8).div_ceil(6);
    let last = shifted.len() * 8 / 6;
    text.get(first..last).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(value: &str, text: &str) -> bool {
        of(value).iter().any(|form| form == text.as_bytes())
    }

    #[test]
    fn a_value_is_known_in_the_forms_it_is_sent_in() {
        let value = "p\"ä s/w+ö&d";
        for text in [
            value,
            "p%22%C3%A4%20s%2Fw%2B%C3%B6%26d",
            "p%22%c3%a4%20s%2fw%2b%c3%b6%26d",
            "p%22%C3%A4+s%2Fw%2B%C3%B6%26d",
            "p\\\"ä s/w+ö&d",
            "p\\\"\\u00e4 s/w+\\u00f6&d",
            "p\\\"\\u00E4 s/w+\\u00F6&d",
            "7022c3a420732f772bc3b62664",
            "7022C3A420732F772BC3B62664",
            "cCLDpCBzL3crw7YmZA==",
            "cCLDpCBzL3crw7YmZA",
        ] {
            assert!(known(value, text), "{text}");
        }
        assert!(known("~~~???>>>", "fn5-Pz8_Pj4-") && known("~~~???>>>", "fn5+Pz8/Pj4+"));
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes(), STANDARD), encoded);
        }
    }

    #[test]
    fn a_value_is_known_inside_of_longer_base64() {
        let value = "hunter22-secret";
        for before in ["", "u", "us", "user:", "user2:"] {
            for after in ["", "x", "xy", "xyz"] {
                let whole = base64(format!("{before}{value}{after}").as_bytes(), STANDARD);
                let form = inside_base64(value.as_bytes(), STANDARD, before.len() % 3);
                assert!(form.len() >= 18 && whole.contains(&form), "{before}|{after}: {form} in {whole}");
            }
        }
    }

    #[test]
    fn the_shortest_value_that_is_masked_is_known_inside_of_base64_too() {
        assert!((0..3).all(|shift| inside_base64(b"abcdef", STANDARD, shift).len() >= SHORTEST_MASKED));
    }
}
