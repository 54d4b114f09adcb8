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

/// Points of `D` numbers each, as one run of bytes.
pub(crate) mod points {
    use serde::de::Error as _;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer, const D: usize>(
        points: &[[f32; D]],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        super::serialize(points.as_flattened(), serializer)
    }

    pub(crate) fn deserialize<'de, De: Deserializer<'de>, const D: usize>(
        deserializer: De,
    ) -> Result<Vec<[f32; D]>, De::Error> {
        let numbers = super::deserialize(deserializer)?;
        let (points, rest) = numbers.as_chunks::<D>();
        if rest.is_empty() {
            Ok(points.to_vec())
        } else {
            Err(De::Error::custom(format!("{} numbers are no whole number of points", numbers.len())))
        }
    }
}

/// Writes the nodes of a tree as one run of bytes, three words each.
pub(crate) fn write_triples<S: Serializer>(
    triples: impl ExactSizeIterator<Item = [u32; 3]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut bytes = Vec::with_capacity(triples.len() * size_of::<[u32; 3]>());
    for word in triples.flatten() {
        bytes.extend_from_slice(&word.to_le_bytes());
    }
    serializer.serialize_bytes(&bytes)
}

/// Reads what [`write_triples`] wrote, each made into a node.
pub(crate) fn read_triples<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    node: impl Fn([u32; 3]) -> T,
) -> Result<Vec<T>, D::Error> {
    let bytes = deserializer.deserialize_bytes(Bytes)?;
    let (words, rest) = bytes.as_chunks::<4>();
    let (triples, words_left) = words.as_chunks::<3>();
    if !rest.is_empty() || !words_left.is_empty() {
        return Err(D::Error::custom(format!("{} bytes are no whole number of nodes", bytes.len())));
    }
    Ok(triples.iter().map(|words| node(words.map(u32::from_le_bytes))).collect())
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
