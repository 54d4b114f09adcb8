//! The counterfactual flip test (Black, Yeom and Fredrikson, 2020) as SageMaker Clarify makes it for tables: each row of the facet is
//! predicted by the majority of its nearest neighbours among the rest, by plain Euclidean distance, instead of by the model.

use rayon::prelude::*;

use crate::error::Error;

use super::length;
use super::neighbours::Tree;

/// Neighbours asked, where the rest has more than [`FEW_ROWS`] rows.
const NEIGHBOURS: usize = 5;
/// Up to so many rows, the nearest one alone is asked: five of them would be half of all.
const FEW_ROWS: usize = 9;

/// What became of each row in the flip test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlipTest {
    /// For a row of the facet: 1 where it is predicted negative and its neighbours are positive, −1 the other way round, 0 where they
    /// agree. None for the rest, and for rows that could not be compared.
    pub flips: Vec<Option<i8>>,
    /// How many neighbours were asked.
    pub neighbours: usize,
    /// Rows, of either side, without a finite number in every column: they are left out.
    pub left_out: usize,
}

impl FlipTest {
    pub(super) fn note(&self) -> Option<String> {
        (self.left_out > 0)
            .then(|| format!("{} rows without a number in every flip test column are left out", self.left_out))
    }
}

/// Compares each row of the facet with its nearest neighbours among the rest: five of them, or one where the rest has fewer than ten
/// rows. Of rows that are equally near, the first ones are asked.
///
/// `predicted` says of each row whether it is predicted positive; `columns` are the features, taken as they are.
///
/// # Errors
///
/// Columns and predictions that are not as long as the facet, and no columns.
pub fn flip_test<C: AsRef<[f64]> + Sync>(facet: &[bool], predicted: &[bool], columns: &[C]) -> Result<FlipTest, Error> {
    let rows = facet.len();
    length("the list of predictions", rows, predicted.len())?;
    if columns.is_empty() {
        return Err(Error::NoFeatures);
    }
    for column in columns {
        length("a column of the flip test", rows, column.as_ref().len())?;
    }
    let point = |row: usize| -> Option<Vec<f64>> {
        columns.iter().map(|column| column.as_ref().get(row).copied().filter(|value| value.is_finite())).collect()
    };
    // The votes of the rest's rows are kept in the order of its points.
    let (mut points, mut votes) = (Vec::new(), Vec::new());
    let mut left_out = 0;
    for (row, (facet, positive)) in facet.iter().zip(predicted).enumerate() {
        match point(row) {
            None => left_out += 1,
            Some(coordinates) if !*facet => {
                points.extend(coordinates);
                votes.push(*positive);
            }
            Some(_) => {}
        }
    }
    let neighbours = if votes.len() > FEW_ROWS { NEIGHBOURS } else { 1 };
    let tree = Tree::new(points, columns.len(), neighbours);
    let flip = |(row, (facet, positive)): (usize, (&bool, &bool))| {
        let coordinates = point(row).filter(|_| *facet)?;
        let nearest = tree.nearest(&coordinates);
        if nearest.is_empty() {
            return None;
        }
        let in_favour = nearest.iter().filter(|place| votes.get(**place as usize).copied().unwrap_or(false)).count();
        let majority = 2 * in_favour > nearest.len();
        Some(i8::from(majority) - i8::from(*positive))
    };
    let flips = facet.par_iter().zip(predicted).enumerate().map(flip).collect();
    Ok(FlipTest { flips, neighbours, left_out })
}
