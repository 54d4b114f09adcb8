//! Principal components: the directions in which rows vary most, each at right angles to those before it.
//!
//! Of columns in common units: where there are no more columns than rows, the eigenvectors of the columns' covariance; otherwise
//! those of the rows' products, brought over; and where few components are asked of very many, the subspace that multiplying by the
//! covariance again and again leads to (`subspace`). Products are summed with 64 bits. A component's sign is such that its largest
//! entry is positive, as in scikit-learn. No state is kept on the way: it is a few passes over the rows at most.
#![allow(clippy::indexing_slicing, reason = "components, columns and blocks are counted below their numbers")]

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{Algorithm, HeadlineMetrics};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::blocks::{map_blocks, sum_blocks};
use crate::data::Predictions;
use crate::eigen::{dot, symmetric};
use crate::error::Error;
use crate::estimator::{Estimator, Fitted, Problem};
use crate::hyperparameters::{Hyperparameters, as_whole};
use crate::matrix::Scaling;

use super::subspace::subspace;

/// Rows multiplied at once: a block of tens of columns fits the near cache.
const ROWS_AT_ONCE: usize = 256;
/// Matrices up to this size are decomposed whole: that takes less than a second.
const WHOLE: usize = 500;
/// Larger ones as well, where more than one in so many components is asked for: the subspace would not be quicker.
const FEW: usize = 5;
/// Variance below this share of the largest is rounding; its direction is arbitrary.
const LEAST_SHARE: f64 = 1e-13;

/// What `pca` leaves behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaModel {
    scaling: Scaling,
    /// What the model's units are multiplied by to give those of columns that are not standardised.
    unit: f64,
    whiten: bool,
    /// Component after component, one entry for each column, of length 1.
    pub components: Vec<Vec<f64>>,
    /// The variance along each component (with rows − 1): of standardised columns, or in the columns' own units.
    pub explained_variance: Vec<f64>,
    /// The same as a share of the variance of all columns together.
    pub explained_variance_ratio: Vec<f64>,
}

impl PcaModel {
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let rows = columns.first().map_or(0, |column| column.len());
        let count = self.components.len();
        let factors: Vec<f64> = self
            .explained_variance
            .iter()
            .map(|variance| match (self.whiten, *variance > 0.0) {
                (false, _) => self.unit,
                (true, true) => self.unit / variance.sqrt(),
                (true, false) => 0.0,
            })
            .collect();
        let scores = self.scores(columns, rows, |scores| {
            (0..count)
                .map(|component| {
                    let own = scores.iter().skip(component).step_by(count);
                    own.map(|score| (score * factors[component]) as f32).collect()
                })
                .collect::<Vec<Vec<f32>>>()
        });
        let mut components = vec![Vec::with_capacity(rows); count];
        for (column, part) in scores.into_iter().flatten().flat_map(|block| block.into_iter().enumerate()) {
            components[column].extend(part);
        }
        Predictions::Components(components)
    }

    /// What `work` makes of the scores of some rows at a time, row after row.
    fn scores<T: Send>(&self, columns: &[&[f32]], rows: usize, work: impl Fn(&[f64]) -> T + Sync) -> Vec<Vec<T>> {
        let (width, count) = (columns.len(), self.components.len());
        let directions: Vec<f64> = self.components.concat();
        map_blocks(rows, |block| {
            let (mut values, mut scores) = (Vec::new(), vec![0.0; ROWS_AT_ONCE * count]);
            let mut parts = Vec::new();
            for start in block.clone().step_by(ROWS_AT_ONCE) {
                let many = ROWS_AT_ONCE.min(block.end - start);
                self.scaling.write_rows(columns, start..start + many, &mut values);
                multiply(&values, &directions, width, &mut scores[..many * count]);
                parts.push(work(&scores[..many * count]));
            }
            parts
        })
    }

    pub(crate) fn measure(&self, columns: &[&[f32]]) -> HeadlineMetrics {
        let rows = columns.first().map_or(0, |column| column.len());
        let kept: f64 = self.scores(columns, rows, |scores| dot(scores, scores)).into_iter().flatten().sum();
        let all: f64 = sum_blocks(rows, 1, |block| {
            let mut values = Vec::new();
            self.scaling.write_rows(columns, block, &mut values);
            vec![dot(&values, &values)]
        })[0];
        let values = (rows * columns.len()).max(1) as f64;
        HeadlineMetrics {
            explained_variance: (all > 0.0).then(|| (kept / all).min(1.0)),
            reconstruction_error: Some((all - kept).max(0.0) / values * self.unit * self.unit),
            ..HeadlineMetrics::default()
        }
    }

    pub(crate) fn check(&self, columns: usize) -> Result<(), String> {
        self.scaling.check(columns)?;
        let count = self.components.len();
        let fits = count > 0
            && self.components.iter().all(|component| component.len() == columns)
            && self.explained_variance.len() == count
            && self.explained_variance_ratio.len() == count;
        if !fits {
            return Err("the components do not fit the signature".to_owned());
        }
        let numbers = self.components.iter().flatten().chain(&self.explained_variance).chain([&self.unit]);
        if numbers.chain(&self.explained_variance_ratio).all(|number| number.is_finite()) {
            Ok(())
        } else {
            Err("a component is no finite number".to_owned())
        }
    }
}

/// rows · directionsᵀ.
fn multiply(rows: &[f64], directions: &[f64], width: usize, products: &mut [f64]) {
    let (many, count) = (rows.len() / width, directions.len() / width);
    let rows = ArrayView2::from_shape((many, width), rows);
    let directions = ArrayView2::from_shape((count, width), directions);
    let products = ArrayViewMut2::from_shape((many, count), products);
    // The shapes are made from the lengths.
    if let (Ok(rows), Ok(directions), Ok(mut products)) = (rows, directions, products) {
        general_mat_mul(1.0, &rows, &directions.t(), 0.0, &mut products);
    }
}

/// How many components to keep.
#[derive(Clone, Copy)]
enum Keep {
    All,
    Count(usize),
    /// As many as explain this share of the variance.
    Share(f64),
}

#[derive(Clone, Copy, PartialEq)]
enum Solver {
    Auto,
    Whole,
    Subspace,
}

struct Settings {
    keep: Keep,
    whiten: bool,
    solver: Solver,
    standardize: bool,
}

fn read(given: &Map<String, Value>) -> Result<(Settings, Map<String, Value>), Error> {
    const KNOWN: [&str; 4] = ["n_components", "whiten", "svd_solver", "standardize"];
    let mut reader = Hyperparameters::new(Algorithm::Pca, given, &KNOWN)?;
    let keep = reader.own(
        "n_components",
        Value::Null,
        |value| match (value, value.as_f64(), as_whole(value)) {
            (Value::Null, ..) => Some(Keep::All),
            (_, _, Some(count)) if count >= 1 => Some(Keep::Count(count)),
            (_, Some(share), _) if share > 0.0 && share < 1.0 => Some(Keep::Share(share)),
            _ => None,
        },
        "null for all, a whole number from 1, or the share of variance to keep, above 0 and below 1",
    )?;
    let whiten = reader.flag("whiten", false)?;
    let solver = reader.own(
        "svd_solver",
        Value::from("auto"),
        |value| match value.as_str() {
            Some("auto") => Some(Solver::Auto),
            Some("full" | "covariance_eigh") => Some(Solver::Whole),
            Some("randomized") => Some(Solver::Subspace),
            _ => None,
        },
        "\"auto\", \"full\", \"covariance_eigh\" or \"randomized\"",
    )?;
    if solver == Solver::Subspace && matches!(keep, Keep::Share(_)) {
        return Err(reader.refuse("svd_solver", "\"full\" where `n_components` is a share of variance".to_owned()));
    }
    let standardize = reader.flag("standardize", true)?;
    Ok((Settings { keep, whiten, solver, standardize }, reader.used()))
}

/// Checks the hyperparameters alone.
pub(crate) fn check(given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    read(given).map(|(_, used)| used)
}

/// Fits the model.
pub(crate) fn fit(problem: &Problem<'_>, given: &Map<String, Value>) -> Result<Fitted, Error> {
    let (settings, used) = read(given)?;
    let columns = &problem.columns;
    let (rows, width) = (columns.first().map_or(0, |column| column.len()), columns.len());
    let scaling = Scaling::new(columns, settings.standardize);
    let most = rows.min(width);
    let asked = match settings.keep {
        Keep::Count(count) if count > most => {
            return Err(Error::HyperparameterValue {
                algorithm: Algorithm::Pca,
                name: "n_components".to_owned(),
                value: count.to_string(),
                expected: format!("at most {most}, the lesser of {rows} rows and {width} columns"),
            });
        }
        Keep::Count(count) => count,
        Keep::All | Keep::Share(_) => most,
    };
    let whole = match settings.solver {
        Solver::Whole => true,
        Solver::Subspace => false,
        Solver::Auto => most <= WHOLE || asked * FEW > most,
    };
    let total: f64 = sum_blocks(rows, 1, |block| {
        let mut values = Vec::new();
        scaling.write_rows(columns, block, &mut values);
        vec![dot(&values, &values)]
    })[0];
    if total <= 0.0 {
        return Err(Error::Numerical {
            what: "every column is constant: there is no direction of variance".to_owned(),
        });
    }
    let (values, mut components) = decomposed(columns, &scaling, asked, whole, problem.seed, problem.control)?
        .ok_or_else(|| Error::Numerical {
            what: "the columns' covariance has no eigenvalues: values are too large".to_owned(),
        })?;
    let variance = |value: &f64| (value / total).clamp(0.0, 1.0);
    let mut ratio: Vec<f64> = values.iter().map(variance).collect();
    if let Keep::Share(share) = settings.keep {
        let mut sum = 0.0;
        let enough = ratio.iter().position(|own| {
            sum += own;
            sum > share
        });
        ratio.truncate(enough.map_or(ratio.len(), |position| position + 1));
        components.truncate(ratio.len());
    }
    components.iter_mut().for_each(|component| turn(component));
    let importances = (0..width)
        .map(|column| components.iter().zip(&ratio).map(|(own, share)| own[column].powi(2) * share).sum())
        .collect();
    let unit = scaling.unit(settings.standardize);
    let per_share = total / (rows - 1).max(1) as f64 * unit * unit;
    let model = PcaModel {
        scaling,
        unit,
        whiten: settings.whiten,
        components,
        explained_variance: ratio.iter().map(|share| share * per_share).collect(),
        explained_variance_ratio: ratio,
    };
    let kept: f64 = model.explained_variance_ratio.iter().sum();
    let measures = HeadlineMetrics {
        explained_variance: Some(kept.min(1.0)),
        reconstruction_error: Some((1.0 - kept).max(0.0) * total / (rows * width) as f64 * unit * unit),
        ..HeadlineMetrics::default()
    };
    let output = model.predict(columns);
    let mut fitted = Fitted::new(Estimator::Pca(model), used);
    fitted.importances = importances;
    fitted.measures = measures;
    fitted.training_output = Some(output);
    if !whole {
        fitted.notes.push("the components are of a subspace found by iteration, exact to about six digits".to_owned());
    }
    Ok(fitted)
}

/// The scores of the first components of each row, in the model's units; none where no column varies.
pub(super) fn leading(
    columns: &[&[f32]],
    scaling: &Scaling,
    count: usize,
    seed: u64,
    control: &dyn Control,
) -> Result<Option<Vec<Vec<f64>>>, Error> {
    let (rows, width) = (columns.first().map_or(0, |column| column.len()), columns.len());
    let count = count.min(rows).min(width);
    let found = decomposed(columns, scaling, count, rows.min(width) <= WHOLE, seed, control)?;
    let Some((values, mut components)) = found else { return Ok(None) };
    if values.first().is_none_or(|value| *value <= 0.0) {
        return Ok(None);
    }
    components.iter_mut().for_each(|component| turn(component));
    let scores = |row: &[f64]| components.iter().map(|component| dot(row, component)).collect();
    Ok(Some(scaling.wide_rows(columns).chunks_exact(width).map(scores).collect()))
}

/// Gives a component the sign that makes its largest entry positive.
fn turn(component: &mut [f64]) {
    let largest =
        component.iter().fold(0.0_f64, |largest, entry| if entry.abs() > largest.abs() { *entry } else { largest });
    if largest < 0.0 {
        component.iter_mut().for_each(|entry| *entry = -*entry);
    }
}

fn decomposed(
    columns: &[&[f32]],
    scaling: &Scaling,
    asked: usize,
    whole: bool,
    seed: u64,
    control: &dyn Control,
) -> Result<Decomposed, Error> {
    let rows = columns.first().map_or(0, |column| column.len());
    Ok(match (whole, columns.len() <= rows) {
        (true, true) => of_covariance(columns, scaling, asked),
        (true, false) => of_products(columns, scaling, asked),
        (false, _) => subspace(columns, scaling, asked, seed, control)?,
    })
}

/// Eigenvalues of XᵀX with eigenvectors, the largest first.
type Decomposed = Option<(Vec<f64>, Vec<Vec<f64>>)>;

/// From the columns' products with one another.
fn of_covariance(columns: &[&[f32]], scaling: &Scaling, most: usize) -> Decomposed {
    let (rows, width) = (columns.first().map_or(0, |column| column.len()), columns.len());
    let sums = sum_blocks(rows, width * width, |block| {
        let mut sums = Array2::zeros((width, width));
        let mut values = Vec::new();
        for start in block.clone().step_by(ROWS_AT_ONCE) {
            scaling.write_rows(columns, start..block.end.min(start + ROWS_AT_ONCE), &mut values);
            if let Ok(values) = ArrayView2::from_shape((values.len() / width, width), values.as_slice()) {
                general_mat_mul(1.0, &values.t(), &values, 1.0, &mut sums);
            }
        }
        sums.into_raw_vec_and_offset().0
    });
    let eigen = symmetric(Array2::from_shape_vec((width, width), sums).ok()?, most)?;
    Some((eigen.values, eigen.vectors))
}

/// From the rows' products with one another: an eigenvector u of XXᵀ is Xᵀu / √λ of XᵀX.
fn of_products(columns: &[&[f32]], scaling: &Scaling, most: usize) -> Decomposed {
    let (rows, width) = (columns.first().map_or(0, |column| column.len()), columns.len());
    let values = Array2::from_shape_vec((rows, width), scaling.wide_rows(columns)).ok()?;
    let sums = sum_blocks(width, rows * rows, |block| {
        let part = values.slice(ndarray::s![.., block]);
        part.dot(&part.t()).into_raw_vec_and_offset().0
    });
    let eigen = symmetric(Array2::from_shape_vec((rows, rows), sums).ok()?, most)?;
    let least = eigen.values.first()? * LEAST_SHARE;
    let mut components: Vec<Vec<f64>> = Vec::with_capacity(most);
    for (value, vector) in eigen.values.iter().zip(&eigen.vectors) {
        let mut component =
            if *value > least { values.t().dot(&ndarray::ArrayView1::from(vector)).to_vec() } else { vec![0.0; width] };
        normalise(&mut component, &components);
        components.push(component);
    }
    Some((eigen.values, components))
}

/// Brings a vector to length 1, at right angles to others, of which there are fewer than it has entries. One that has nothing of
/// its own is replaced by a direction that has.
fn normalise(vector: &mut Vec<f64>, others: &[Vec<f64>]) {
    let width = vector.len();
    for unit in 0..=width {
        let before = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for other in others {
                let along = dot(vector, other);
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= along * other);
            }
        }
        let length = dot(vector, vector).sqrt();
        if length > 1e-6 * before && length > 0.0 {
            vector.iter_mut().for_each(|value| *value /= length);
            return;
        }
        *vector = vec![0.0; width];
        if let Some(entry) = vector.get_mut(unit) {
            *entry = 1.0;
        }
    }
}
