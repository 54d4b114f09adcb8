//! Words counted in buckets (Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning", without signs).

use polars::prelude::{Column, IntoColumn, UInt16Chunked};

use super::{named, only_text};
use crate::Error;
use crate::numbers::texts;

/// One column a bucket.
pub(super) fn hashed(column: &Column, buckets: usize) -> Result<Vec<Column>, Error> {
    only_text(column)?;
    let texts = texts(column)?;
    let mut counts: Vec<Vec<Option<u16>>> = vec![vec![Some(0); column.len()]; buckets];
    for (row, text) in texts.iter().enumerate() {
        let Some(text) = text else {
            counts.iter_mut().filter_map(|bucket| bucket.get_mut(row)).for_each(|count| *count = None);
            continue;
        };
        for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let bucket = (hash(&word.to_lowercase()) % buckets as u64) as usize;
            if let Some(Some(count)) = counts.get_mut(bucket).and_then(|bucket| bucket.get_mut(row)) {
                *count = count.saturating_add(1);
            }
        }
    }
    let made = counts.into_iter().enumerate().map(|(bucket, counts)| {
        let counts: UInt16Chunked = counts.into_iter().collect();
        counts.into_column().with_name(named(column, &format!("hash_{bucket}")))
    });
    Ok(made.collect())
}

/// FNV-1a, 64 bits.
fn hash(word: &str) -> u64 {
    word.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash("foobar"), 0x8594_4171_F739_67E8);
    }

    #[test]
    fn words_are_counted_whatever_their_case() {
        let column = Column::new("t".into(), [Some("Red red, blue"), None]);
        let buckets = hashed(&column, 4).unwrap();
        let total: u32 = buckets.iter().map(|bucket| u32::from(bucket.u16().unwrap().get(0).unwrap())).sum();
        assert_eq!(total, 3);
        assert!(buckets.iter().all(|bucket| bucket.u16().unwrap().get(1).is_none()));
    }
}
