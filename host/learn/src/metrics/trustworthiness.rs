//! Trustworthiness (Venna and Kaski, 2001): whether neighbours in a map are neighbours in the data.

#![allow(clippy::indexing_slicing, reason = "rows are counted below their number")]

use rayon::prelude::*;

use crate::data::Features;
use crate::distances::Rows;
use crate::error::Error;
use crate::matrix::Scaling;
use crate::nearest_rows::{Pieces, nearest_rows};
use crate::random::Random;

/// Rows that trustworthiness is exact for: each is compared with all others. Of more, as many are drawn.
pub const TRUSTWORTHINESS_ROWS: usize = 20_000;
/// Rows compared at once.
const ROWS_AT_ONCE: usize = 64;

/// A row asked about, its nearest rows, and its distances from all.
type Compared<'a> = ((&'a usize, &'a Vec<(f32, u32)>), Vec<f32>);

/// How far the nearest `neighbours` of each row in a map are near in the data, 0 to 1: 1 less a penalty for each that is not among the
/// nearest, the heavier the farther. `map` has for each component the number of each row. Distances in the data are between
/// columns as they are, or standardised. Needs more than twice as many rows as neighbours.
pub fn trustworthiness(
    features: &Features,
    map: &[Vec<f32>],
    neighbours: usize,
    standardize: bool,
    seed: u64,
) -> Result<f64, Error> {
    let columns = super::clustering::checked(features)?;
    let rows = features.rows();
    for column in map {
        if column.len() != rows {
            return Err(Error::Length {
                what: "a component of the map".to_owned(),
                expected: rows,
                found: column.len(),
            });
        }
    }
    if map.is_empty() || map.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Error::Specification {
            name: "map",
            value: "without components, or not finite".to_owned(),
            expected: "a finite number for each row and component".to_owned(),
        });
    }
    let data = Rows::new(Scaling::new(&columns, standardize).rows(&columns), columns.len());
    let components: Vec<&[f32]> = map.iter().map(Vec::as_slice).collect();
    let places = Rows::new(Scaling::new(&components, false).rows(&components), components.len());
    measure(&data, &places, neighbours, TRUSTWORTHINESS_ROWS, seed).ok_or_else(|| Error::Specification {
        name: "neighbours",
        value: neighbours.to_string(),
        expected: format!("1 or more, and less than half the number of rows, {rows}"),
    })
}

/// The same of matrices about the origin, on `most` rows at most. None where there are too few rows for so many neighbours.
pub(crate) fn measure(data: &Rows, map: &Rows, neighbours: usize, most: usize, seed: u64) -> Option<f64> {
    let rows = data.len();
    if neighbours == 0 || 2 * neighbours >= rows {
        return None;
    }
    let mut queries: Vec<usize> = (0..rows).collect();
    if rows > most {
        let mut random = Random::new(seed, u64::MAX - 2);
        for position in 0..most {
            let other = position + random.below(rows - position);
            queries.swap(position, other);
        }
        queries.truncate(most);
        queries.sort_unstable();
    }
    let near = nearest_rows(map, &queries, neighbours);
    let pieces = Pieces::new(data);
    let penalties: Vec<u64> = queries
        .par_chunks(ROWS_AT_ONCE)
        .zip(near.par_chunks(ROWS_AT_ONCE))
        .map(|(queries, near)| {
            let mut distances = vec![Vec::with_capacity(rows); queries.len()];
            pieces.compare(data, queries, |query, _, part| distances[query].extend_from_slice(part));
            let penalty = |((query, near), mut distances): Compared<'_>| {
                // A row is no neighbour of its own.
                distances[*query] = f32::INFINITY;
                near.iter()
                    .map(|(_, other)| {
                        let own = distances[*other as usize];
                        let rank = 1 + distances.iter().map(|distance| u64::from(*distance < own)).sum::<u64>();
                        rank.saturating_sub(neighbours as u64)
                    })
                    .sum::<u64>()
            };
            queries.iter().zip(near).zip(distances).map(penalty).sum()
        })
        .collect();
    let (rows, many, measured) = (rows as f64, neighbours as f64, queries.len() as f64);
    let total = penalties.iter().sum::<u64>() as f64;
    Some(1.0 - total * 2.0 / (measured * many * (2.0 * rows - 3.0 * many - 1.0)))
}
