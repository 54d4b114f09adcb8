//! Numbers that come back from JSON bit for bit.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number written as text, in the shortest form that reads back as the same 64 bits; JSON numbers give no such promise, and have no
/// infinities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exact(pub(super) f64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom(format!("{text:?} is no number")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back_as_it_was() {
        for number in [0.1 + 0.2, 1e-308, f64::MAX, -0.0, 1.0 / 3.0, f64::INFINITY] {
            let text = serde_json::to_string(&Exact(number)).unwrap();
            let back: Exact = serde_json::from_str(&text).unwrap();
            assert_eq!(back.0.to_bits(), number.to_bits(), "{text}");
        }
    }
}
