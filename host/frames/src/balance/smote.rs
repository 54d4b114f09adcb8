//! Synthetic rows for small classes (Chawla, Bowyer, Hall and Kegelmeyer 2002, "SMOTE").
//!
//! A synthetic row lies at a random point between a row and one of its nearest neighbours of the same class. Distances are Euclidean over
//! the numbers, each divided by its standard deviation, so that no unit outweighs another.

use kumiko_vocabulary::data::DataType;
use kumiko_vocabulary::preparation::Balancing;
use polars::prelude::{Column, DataFrame, IdxCa};
use rayon::prelude::*;

use super::wanted;
use crate::Error;
use crate::numbers::{floats, values_or_nan};
use crate::random::Random;
use crate::statistics::Numbers;
use crate::types::data_type;

/// Neighbours are searched among at most this many rows of a class, drawn at random: among more, the distances to the nearest hardly
/// shrink and the search takes quadratic time.
const CANDIDATES: usize = 5_000;

/// One synthetic row: `row + (neighbour - row) · part`.
struct Blend {
    row: u32,
    neighbour: u32,
    part: f64,
}

pub(super) fn oversample(
    frame: &DataFrame,
    members: &[Vec<u32>],
    names: &[String],
    balancing: &Balancing,
    random: &mut Random,
) -> Result<DataFrame, Error> {
    if balancing.neighbours == 0 {
        return Err(Error::argument("neighbours", "0 neighbours; at least 1 is needed"));
    }
    let numeric = |column: &&Column| {
        column.name() != balancing.target_column.as_str()
            && matches!(data_type(column.dtype()), DataType::Integer | DataType::Number)
    };
    let features: Vec<&Column> = frame.columns().iter().filter(numeric).collect();
    if features.is_empty() {
        return Err(Error::argument("method", "smote needs at least one column of numbers besides the target"));
    }
    let values = features.iter().map(|column| complete(column)).collect::<Result<Vec<_>, _>>()?;
    let points = Points::of(&values, frame.height());

    let wanted = wanted(members, balancing.ratio);
    let mut blends = Vec::new();
    for (class, name) in members.iter().zip(names) {
        let lacking = wanted.saturating_sub(class.len());
        if lacking > 0 && class.len() < 2 {
            let purpose = format!("SMOTE on class {name:?} of column {:?}", balancing.target_column);
            return Err(Error::TooFewRows { purpose, needed: 2, found: class.len() });
        }
        blends.extend(class_blends(class, lacking, balancing.neighbours as usize, &points, random));
    }

    let synthetic: Vec<Column> = frame
        .columns()
        .iter()
        .map(|column| match features.iter().position(|feature| feature.name() == column.name()) {
            Some(index) => blended(column, values.get(index).map(Vec::as_slice).unwrap_or_default(), &blends),
            None => nearer(column, &blends),
        })
        .collect::<Result<_, _>>()?;
    let mut balanced = frame.clone();
    balanced.vstack_mut_owned(DataFrame::new(blends.len(), synthetic)?)?;
    balanced.rechunk_mut();
    Ok(balanced)
}

/// The values of a feature, all of which must be finite.
fn complete(column: &Column) -> Result<Vec<f64>, Error> {
    let values = values_or_nan(&floats(column)?);
    let missing = values.iter().filter(|value| !value.is_finite()).count();
    if missing > 0 {
        return Err(Error::MissingValues { column: column.name().to_string(), count: missing, purpose: "SMOTE" });
    }
    Ok(values)
}

/// The rows as points, scaled, one after the other.
struct Points {
    coordinates: Vec<f64>,
    dimensions: usize,
}

impl Points {
    fn of(columns: &[Vec<f64>], rows: usize) -> Self {
        let dimensions = columns.len();
        let mut coordinates = vec![0.0; rows * dimensions];
        for (dimension, values) in columns.iter().enumerate() {
            let series = polars::prelude::Float64Chunked::from_vec("".into(), values.clone());
            let summary = Numbers::of_floats(&series).summary();
            let scale = summary.standard_deviation.filter(|deviation| *deviation > 0.0).unwrap_or(1.0);
            for (slot, value) in coordinates.iter_mut().skip(dimension).step_by(dimensions).zip(values) {
                *slot = value / scale;
            }
        }
        Self { coordinates, dimensions }
    }

    fn of_row(&self, row: u32) -> &[f64] {
        let from = row as usize * self.dimensions;
        self.coordinates.get(from..from + self.dimensions).unwrap_or_default()
    }

    fn squared_distance(&self, left: u32, right: u32) -> f64 {
        self.of_row(left).iter().zip(self.of_row(right)).map(|(left, right)| (left - right) * (left - right)).sum()
    }
}

/// Draws the synthetic rows of one class.
fn class_blends(class: &[u32], lacking: usize, neighbours: usize, points: &Points, random: &mut Random) -> Vec<Blend> {
    let mut candidates = class.to_vec();
    if candidates.len() > CANDIDATES {
        random.shuffle(&mut candidates);
        candidates.truncate(CANDIDATES);
    }
    // Everything random is drawn before the parallel search, in one order.
    let draws: Vec<(u32, u64, f64)> = (0..lacking)
        .filter_map(|_| class.get(random.below(class.len())).map(|row| (*row, random.next(), random.unit())))
        .collect();
    draws
        .into_par_iter()
        .filter_map(|(row, choice, part)| {
            let nearest = nearest(row, &candidates, neighbours, points);
            let neighbour = nearest.get((choice % nearest.len().max(1) as u64) as usize)?;
            Some(Blend { row, neighbour: *neighbour, part })
        })
        .collect()
}

/// The nearest candidates other than the row itself, of equal ones the first.
fn nearest(row: u32, candidates: &[u32], count: usize, points: &Points) -> Vec<u32> {
    let mut nearest: Vec<(f64, u32)> = Vec::with_capacity(count + 1);
    for candidate in candidates.iter().filter(|candidate| **candidate != row) {
        let distance = points.squared_distance(row, *candidate);
        if nearest.len() == count && nearest.last().is_some_and(|(farthest, _)| *farthest <= distance) {
            continue;
        }
        let position = nearest.partition_point(|(other, _)| *other <= distance);
        nearest.insert(position, (distance, *candidate));
        nearest.truncate(count);
    }
    nearest.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Numbers between those of the two rows; whole numbers are rounded.
fn blended(column: &Column, values: &[f64], blends: &[Blend]) -> Result<Column, Error> {
    let whole = data_type(column.dtype()) == DataType::Integer;
    let at = |row: u32| values.get(row as usize).copied().unwrap_or_default();
    let blended: Vec<f64> = blends
        .iter()
        .map(|blend| {
            let value = at(blend.row) + (at(blend.neighbour) - at(blend.row)) * blend.part;
            if whole { value.round() } else { value }
        })
        .collect();
    Ok(Column::new(column.name().clone(), blended).cast(column.dtype())?)
}

/// The value of whichever of the two rows is nearer.
fn nearer(column: &Column, blends: &[Blend]) -> Result<Column, Error> {
    let rows = blends.iter().map(|blend| if blend.part < 0.5 { blend.row } else { blend.neighbour }).collect();
    Ok(column.take(&IdxCa::from_vec("".into(), rows))?)
}
