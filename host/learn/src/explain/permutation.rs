//! SHAP values of anything that predicts, with what is not known of a row taken from background rows.
//!
//! For each background row, columns become the row's one after another, in a random order and then in the opposite one; what the
//! prediction gains at each step is the column's. Both orders of a pair err in opposite directions, so their mean is far closer than
//! two orders drawn by themselves (Mitchell and others, Sampling permutations for Shapley value estimation, 2022). The gains of
//! an order add up to the difference of both predictions, so the values add up exactly, however few the orders. Every row is
//! explained with the same orders: equal rows have equal values.
//!
//! The standard error is that of the drawing of orders alone: the background rows are all used, and count as given.
//!
//! Where it costs no more, or little, all sets of columns are tried instead and the values are exact.
#![allow(
    clippy::indexing_slicing,
    reason = "points are laid out by background row, order and step; predictions are checked for their number"
)]

use kumiko_vocabulary::Control;
use rayon::prelude::*;

use crate::error::Error;
use crate::random::Random;

use super::Contributions;
use super::ensemble::{BACKGROUND, by_row};

/// Columns of which all sets may be tried.
const EXACT_COLUMNS: usize = 12;
/// Predictions that may be made for exact values, where orders would need fewer.
const EXACT_PREDICTIONS: usize = 1 << 22;
/// Cells of the table that is predicted at once.
const CELLS_AT_ONCE: usize = 1 << 18;
/// Rows between two questions whether the work is cancelled.
const ROWS_AT_ONCE: usize = 32;

/// Gives, for columns of equal length, each output's number for each row.
pub type Predict<'a> = dyn Fn(&[&[f32]]) -> Result<Vec<Vec<f64>>, Error> + Sync + 'a;

/// SHAP values of rows under a function of columns, against background rows: exact where that is cheap, else by `permutations`
/// (1 at least) pairs of opposite orders for each background row, with standard errors. `columns` and `background` have the same
/// number of columns. A function that gives another number of outputs or rows is [`Error::Length`], one that gives no finite
/// number is [`Error::Numerical`].
pub fn permutation(
    predict: &Predict<'_>,
    columns: &[&[f32]],
    background: &[&[f32]],
    permutations: usize,
    seed: u64,
    control: &dyn Control,
) -> Result<Contributions, Error> {
    let width = columns.len();
    if width == 0 {
        return Err(Error::NoFeatures);
    }
    if background.len() != width {
        let what = "the list of columns of the background data".to_owned();
        return Err(Error::Length { what, expected: width, found: background.len() });
    }
    let rows = check_rows(columns, "the rows to be explained")?;
    let others = check_rows(background, BACKGROUND)?;
    if others == 0 {
        return Err(Error::Rows { what: BACKGROUND.to_owned(), rows: 0, expected: "one at least" });
    }
    let permutations = permutations.max(1);
    let background_predictions = checked(predict(background)?, None, others)?;
    let outputs = background_predictions.len();
    let predictions = checked(predict(columns)?, Some(outputs), rows)?;
    let game = Game {
        predict,
        width,
        outputs,
        background: by_row(background, 0..others),
        others,
        background_predictions: &background_predictions,
    };
    let sampled = permutations.saturating_mul(2 * (width - 1)).saturating_mul(others);
    let exact = (width <= EXACT_COLUMNS).then(|| others << width);
    let exact = exact.is_some_and(|exact| exact <= sampled || exact.saturating_mul(rows) <= EXACT_PREDICTIONS);
    let mut values = vec![vec![Vec::with_capacity(rows); width]; outputs];
    let mut errors = if exact { Vec::new() } else { values.clone() };
    for first in (0..rows).step_by(ROWS_AT_ONCE) {
        if control.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let last = rows.min(first + ROWS_AT_ONCE);
        let explained: Vec<Explained> = (first..last)
            .into_par_iter()
            .map(|row| {
                let values: Vec<f32> = columns.iter().map(|column| column[row]).collect();
                let predicted: Vec<f64> = predictions.iter().map(|output| output[row]).collect();
                if exact {
                    game.exact(&values, &predicted, control)
                } else {
                    game.sampled(&values, &predicted, Drawing { permutations, seed }, control)
                }
            })
            .collect::<Result<_, _>>()?;
        for row in explained {
            for output in 0..outputs {
                for column in 0..width {
                    values[output][column].push(row.values[output * width + column]);
                    if !exact {
                        errors[output][column].push(row.errors[output * width + column]);
                    }
                }
            }
        }
        control.report(last as f64, Some(rows as f64), "explaining rows");
    }
    let mean = |predictions: &Vec<f64>| predictions.iter().sum::<f64>() / others as f64;
    Ok(Contributions {
        base_values: background_predictions.iter().map(mean).collect(),
        values,
        predictions,
        standard_errors: (!exact).then_some(errors),
    })
}

/// The number of rows of columns that all have it.
fn check_rows(columns: &[&[f32]], what: &str) -> Result<usize, Error> {
    let rows = columns.first().map_or(0, |column| column.len());
    match columns.iter().position(|column| column.len() != rows) {
        Some(position) => Err(Error::Length {
            what: format!("the column {position} of {what}"),
            expected: rows,
            found: columns[position].len(),
        }),
        None => Ok(rows),
    }
}

/// Predictions of the expected number, all finite.
fn checked(predictions: Vec<Vec<f64>>, outputs: Option<usize>, rows: usize) -> Result<Vec<Vec<f64>>, Error> {
    let expected = outputs.unwrap_or(predictions.len());
    if predictions.len() != expected || predictions.is_empty() {
        let what = "the list of outputs of the prediction function".to_owned();
        return Err(Error::Length { what, expected: expected.max(1), found: predictions.len() });
    }
    for output in &predictions {
        if output.len() != rows {
            let what = "an output of the prediction function".to_owned();
            return Err(Error::Length { what, expected: rows, found: output.len() });
        }
        if output.iter().any(|number| !number.is_finite()) {
            return Err(Error::Numerical { what: "the model predicts what is no finite number".to_owned() });
        }
    }
    Ok(predictions)
}

/// How many pairs of orders for each background row, and their seed.
#[derive(Clone, Copy)]
struct Drawing {
    permutations: usize,
    seed: u64,
}

impl Drawing {
    /// A random order of the columns.
    fn order(self, number: usize, order: &mut [u32]) {
        let mut random = Random::new(self.seed, number as u64);
        for (column, place) in order.iter_mut().enumerate() {
            *place = column as u32;
        }
        for left in (1..order.len()).rev() {
            order.swap(left, random.below(left + 1));
        }
    }
}

/// What all rows have in common.
struct Game<'a> {
    predict: &'a Predict<'a>,
    width: usize,
    outputs: usize,
    /// Row after row.
    background: Vec<f32>,
    others: usize,
    background_predictions: &'a [Vec<f64>],
}

/// One row's numbers, for each output and column.
struct Explained {
    values: Vec<f64>,
    errors: Vec<f64>,
}

/// Points waiting to be predicted, and what has been predicted.
struct Points<'a> {
    game: &'a Game<'a>,
    columns: Vec<Vec<f32>>,
    most: usize,
    found: Vec<Vec<f64>>,
}

impl<'a> Points<'a> {
    fn new(game: &'a Game<'a>) -> Self {
        let most = (CELLS_AT_ONCE / game.width).max(1);
        Self { game, columns: vec![Vec::new(); game.width], most, found: vec![Vec::new(); game.outputs] }
    }

    fn add(&mut self, point: &[f32]) -> Result<(), Error> {
        for (column, value) in self.columns.iter_mut().zip(point) {
            column.push(*value);
        }
        if self.columns[0].len() >= self.most { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = self.columns[0].len();
        if rows == 0 {
            return Ok(());
        }
        let columns: Vec<&[f32]> = self.columns.iter().map(Vec::as_slice).collect();
        let predictions = checked((self.game.predict)(&columns)?, Some(self.game.outputs), rows)?;
        for (found, predicted) in self.found.iter_mut().zip(predictions) {
            found.extend(predicted);
        }
        self.columns.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

impl Game<'_> {
    fn other(&self, other: usize) -> &[f32] {
        &self.background[other * self.width..(other + 1) * self.width]
    }

    /// The mean over the background rows of every set of columns, and from it the values by their definition.
    fn exact(&self, row: &[f32], predicted: &[f64], control: &dyn Control) -> Result<Explained, Error> {
        let sets = 1_usize << self.width;
        let mut points = Points::new(self);
        let mut point = row.to_vec();
        let mut worths = vec![vec![0.0; sets]; self.outputs];
        for other in 0..self.others {
            if control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let background = self.other(other);
            for set in 1..sets - 1 {
                for (column, value) in point.iter_mut().enumerate() {
                    *value = if set >> column & 1 == 1 { row[column] } else { background[column] };
                }
                points.add(&point)?;
            }
            points.flush()?;
            for (worth, found) in worths.iter_mut().zip(&mut points.found) {
                for (sum, found) in worth[1..].iter_mut().zip(found.drain(..)) {
                    *sum += found / self.others as f64;
                }
            }
        }
        let mut values = Vec::with_capacity(self.outputs * self.width);
        for (output, mut worth) in worths.into_iter().enumerate() {
            worth[0] = self.background_predictions[output].iter().sum::<f64>() / self.others as f64;
            worth[sets - 1] = predicted[output];
            values.extend(shapley(&worth, self.width));
        }
        Ok(Explained { values, errors: Vec::new() })
    }

    /// The mean of the gains over all background rows and pairs of orders.
    fn sampled(
        &self,
        row: &[f32],
        predicted: &[f64],
        drawing: Drawing,
        control: &dyn Control,
    ) -> Result<Explained, Error> {
        let (width, steps) = (self.width, self.width - 1);
        let total = self.others * drawing.permutations;
        let mut points = Points::new(self);
        let mut point = row.to_vec();
        let mut order = vec![0; width];
        let mut gains = vec![0.0; width];
        let mut moments: Vec<Moments> = vec![Moments::new(width); self.outputs];
        let at_once = (points.most / (2 * steps).max(1)).max(1);
        let column_at =
            |order: &[u32], step: usize, backwards: bool| order[if backwards { steps - step } else { step }] as usize;
        for first in (0..total).step_by(at_once) {
            if control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let numbers = first..total.min(first + at_once);
            for number in numbers.clone() {
                drawing.order(number, &mut order);
                for backwards in [false, true] {
                    point.copy_from_slice(self.other(number / drawing.permutations));
                    for step in 0..steps {
                        let column = column_at(&order, step, backwards);
                        point[column] = row[column];
                        points.add(&point)?;
                    }
                }
            }
            points.flush()?;
            for number in numbers {
                drawing.order(number, &mut order);
                let other = number / drawing.permutations;
                for (output, moments) in moments.iter_mut().enumerate() {
                    gains.fill(0.0);
                    for backwards in [false, true] {
                        let start = (2 * (number - first) + usize::from(backwards)) * steps;
                        let found = &points.found[output][start..start + steps];
                        let mut before = self.background_predictions[output][other];
                        for (step, after) in found.iter().chain([&predicted[output]]).enumerate() {
                            gains[column_at(&order, step, backwards)] += (after - before) / 2.0;
                            before = *after;
                        }
                    }
                    moments.add(&gains);
                    if (number + 1).is_multiple_of(drawing.permutations) {
                        moments.close(drawing.permutations as f64);
                    }
                }
            }
            points.found.iter_mut().for_each(Vec::clear);
        }
        let mut explained = Explained { values: Vec::new(), errors: Vec::new() };
        for moments in moments {
            moments.finish(drawing.permutations as f64, self.others as f64, &mut explained);
        }
        Ok(explained)
    }
}

/// Means and standard errors of pairs, so many of which are drawn for each background row.
#[derive(Clone)]
struct Moments {
    /// For each column the sum and the sum of squares of the present background row's pairs.
    present: Vec<[f64; 2]>,
    /// For each column the sum of the background rows' means, of their squares, and of the variances within.
    all: Vec<[f64; 3]>,
}

impl Moments {
    fn new(width: usize) -> Self {
        Self { present: vec![[0.0; 2]; width], all: vec![[0.0; 3]; width] }
    }

    fn add(&mut self, gains: &[f64]) {
        for ([sum, squares], gain) in self.present.iter_mut().zip(gains) {
            *sum += gain;
            *squares += gain * gain;
        }
    }

    /// Ends a background row.
    fn close(&mut self, pairs: f64) {
        for ([sum, squares], [means, squared, within]) in self.present.iter_mut().zip(&mut self.all) {
            let mean = *sum / pairs;
            *means += mean;
            *squared += mean * mean;
            *within += (*squares - *sum * mean).max(0.0) / (pairs - 1.0).max(1.0);
            (*sum, *squares) = (0.0, 0.0);
        }
    }

    fn finish(self, pairs: f64, others: f64, explained: &mut Explained) {
        for [means, squared, within] in self.all {
            let value = means / others;
            let variance = if pairs > 1.0 {
                // Background rows are strata: only the spread within each is due to the drawing.
                within / (pairs * others * others)
            } else if others > 1.0 {
                // One pair for each shows the spread between background rows as well: an upper bound.
                (squared - means * value).max(0.0) / ((others - 1.0) * others)
            } else {
                // One pair alone shows no spread; the value itself says how large the unknown may be.
                value * value
            };
            explained.values.push(value);
            explained.errors.push(variance.sqrt());
        }
    }
}

/// Shapley values of a game by their definition; `worth` has a number for every set of players.
fn shapley(worth: &[f64], players: usize) -> Vec<f64> {
    // The weight of joining a set of a size: size! (players − size − 1)! / players!.
    let mut weights = vec![1.0 / players as f64; players];
    for size in 1..players {
        weights[size] = weights[size - 1] * size as f64 / (players - size) as f64;
    }
    (0..players)
        .map(|player| {
            let bit = 1_usize << player;
            let without = (0..worth.len()).filter(|set| set & bit == 0);
            without.map(|set| weights[set.count_ones() as usize] * (worth[set | bit] - worth[set])).sum()
        })
        .collect()
}
