//! Randomness for keys and cookies, and bytes as hexadecimal digits.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Small letters and digits without those that look alike: 32 of them.
pub(crate) const BASE32: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Letters and digits: 62 of them.
pub(crate) const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Text of `length` characters, each drawn evenly from `alphabet`.
pub(crate) fn text(alphabet: &[u8], length: usize) -> Result<String, Error> {
    let provider = rustls::crypto::ring::default_provider();
    let size = alphabet.len().clamp(1, 256);
    // A byte at or above the last whole multiple would favour the first characters.
    let limit = 256 - 256 % size;
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        provider.secure_random.fill(&mut bytes).map_err(|_| Error::Randomness)?;
        let drawn = bytes.iter().map(|byte| usize::from(*byte)).filter(|value| *value < limit);
        let characters = drawn.filter_map(|value| alphabet.get(value % size)).map(|character| char::from(*character));
        text.extend(characters.take(length - text.len()));
    }
    Ok(text)
}

/// The SHA-256 digest of a text.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Whether two digests are the same, in a time that does not depend on where they differ.
pub(crate) fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let difference = left.iter().zip(right).fold(0_u8, |difference, (left, right)| difference | (left ^ right));
    std::hint::black_box(difference) == 0
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest from its 64 hexadecimal digits.
pub(crate) fn from_hexadecimal(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(position * 2..position * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_text_has_the_length_and_the_alphabet_asked_for_and_differs_each_time() {
        let one = text(BASE62, 200).unwrap();
        assert_eq!(one.len(), 200);
        assert!(one.bytes().all(|byte| BASE62.contains(&byte)));
        assert_ne!(one, text(BASE62, 200).unwrap());
    }

    #[test]
    fn every_character_of_the_alphabet_is_drawn_about_as_often() {
        let text = text(BASE62, 62_000).unwrap();
        for character in BASE62 {
            let count = text.bytes().filter(|byte| byte == character).count();
            assert!((800..1200).contains(&count), "{} came {count} times", char::from(*character));
        }
    }

    #[test]
    fn digits_become_the_bytes_they_came_from() {
        let bytes = digest("a secret");
        assert_eq!(from_hexadecimal(&hexadecimal(&bytes)), Some(bytes));
        assert_eq!(from_hexadecimal("00"), None);
        assert_eq!(from_hexadecimal(&"zz".repeat(32)), None);
    }

    #[test]
    fn digests_that_differ_in_one_bit_are_not_the_same() {
        let one = digest("a secret");
        let mut other = one;
        assert!(same(&one, &other));
        other[31] ^= 1;
        assert!(!same(&one, &other));
    }
}
