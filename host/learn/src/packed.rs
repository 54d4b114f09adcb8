//! Vectors of numbers as bytes in a model file: four bytes an `f32`, little-endian, instead of MessagePack's five.

use std::fmt;

use serde::de::{Error as _, Visitor};
use serde::{Deserializer, Serializer};

/// Writes numbers as one run of bytes.
pub(crate) fn serialize<S: Serializer>(numbers: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    serializer.serialize_bytes(&bytes)
}

/// Reads what [`serialize`] wrote.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let bytes = deserializer.deserialize_bytes(Bytes)?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    if rest.is_empty() {
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    } else {
        Err(D::Error::custom(format!("{} bytes are no whole number of 32-bit numbers", bytes.len())))
    }
}

/// Takes a run of bytes as it lies in the input. Its length is bounded by the input's, so no length field can cause a large
/// allocation.
pub(crate) struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Vec<u8>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a run of bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(bytes)
    }
}
