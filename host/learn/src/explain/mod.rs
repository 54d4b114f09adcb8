//! Why a model says what it says of a row: SHAP values (Lundberg and Lee, A unified approach to interpreting model predictions, 2017).
//!
//! A row's prediction is the base value, which the model gives on average, plus one number for each feature. [`explain`] checks
//! the settings, draws the background rows, chooses the method (`choice`) and names what comes out. The methods:
//! `path_dependent` and `interventional` for trees, which share `tree` and are taken over whole ensembles by `ensemble`; `linear`;
//! and `permutation` for everything else. `report` and `figures` sum up.
//!
//! Rows are worked on in parallel; every sum is made in one order, whatever the number of threads.

mod choice;
mod ensemble;
mod figures;
mod interventional;
mod linear;
mod path_dependent;
mod permutation;
mod quadrature;
mod report;
mod tree;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::evaluation::{
    ExplanationMethod, ExplanationOutput, ExplanationSpecification, MAXIMUM_BACKGROUND_ROWS, MAXIMUM_PERMUTATIONS,
};
use rayon::prelude::*;

use crate::data::Features;
use crate::error::Error;
use crate::model::Model;
use crate::random::Random;

pub use ensemble::{tree_interventional, tree_path_dependent};
pub use permutation::{Predict, permutation};

/// What rows to be explained are called in errors.
const EXPLAINED: &str = "the rows to be explained";

/// SHAP values of rows: `base_values[output]` plus the sum over the features of `values[output][feature][row]` is
/// `predictions[output][row]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Contributions {
    /// For each output what the model gives on average.
    pub base_values: Vec<f64>,
    /// For each output, feature and row what the feature's value adds, in the unit of the output.
    pub values: Vec<Vec<Vec<f64>>>,
    /// For each output and row what the model gives, calculated without the values.
    pub predictions: Vec<Vec<f64>>,
    /// For each output, feature and row the standard error of the value, where values are estimated; none where they are exact.
    pub standard_errors: Option<Vec<Vec<Vec<f64>>>>,
}

/// The SHAP values of a model's predictions, named. Outputs are one for a number, for two classes and for a class asked for, else
/// one for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The method used; never `auto`.
    pub method: ExplanationMethod,
    /// What the values add up to.
    pub output: ExplanationOutput,
    /// The features, in the model's order.
    pub features: Vec<String>,
    /// For each output the class that it is about; none for numbers.
    pub classes: Vec<Option<String>>,
    /// For each output what its values add up to, in words.
    pub units: Vec<String>,
    /// See [`Contributions::base_values`].
    pub base_values: Vec<f64>,
    /// See [`Contributions::values`].
    pub values: Vec<Vec<Vec<f64>>>,
    /// See [`Contributions::predictions`].
    pub predictions: Vec<Vec<f64>>,
    /// See [`Contributions::standard_errors`].
    pub standard_errors: Option<Vec<Vec<Vec<f64>>>>,
    /// For each output and feature Pearson's correlation of the feature with its SHAP values; none where either does not vary.
    pub directions: Vec<Vec<Option<f64>>>,
    /// The number of background rows; none where the method needs none.
    pub background_rows: Option<usize>,
    /// What a reader should know of how this came about.
    pub notes: Vec<String>,
}

/// Explains a model's predictions for rows. Columns are matched by name, as in [`Model::predict`]. `background` are rows that
/// stand for what is usual, such as training rows; where a method needs them and there are none, the rows explained serve.
///
/// A model of another task than classification and regression, a setting out of range, a method or output that the model has not, and a class that it does not know are
/// [`Error::Specification`]. No rows give no values.
pub fn explain(
    model: &Model,
    rows: &Features,
    background: Option<&Features>,
    settings: &ExplanationSpecification,
    control: &dyn Control,
) -> Result<Explanation, Error> {
    let task = model.metadata.task;
    if !task.is_supervised() {
        return Err(Error::Specification {
            name: "model",
            value: format!("one for {}", task.as_str()),
            expected: "one that predicts classes or numbers".to_owned(),
        });
    }
    check_range("background_rows", settings.background_rows, MAXIMUM_BACKGROUND_ROWS)?;
    check_range("permutations", settings.permutations, MAXIMUM_PERMUTATIONS)?;
    let columns = model.columns(rows, EXPLAINED)?;
    let given = background.map(|background| model.columns(background, ensemble::BACKGROUND)).transpose()?;
    let classes = model.metadata.signature.classes.as_deref();
    let class = chosen_class(settings.class.as_deref(), classes)?;
    let mut notes = Vec::new();
    let known = given.as_deref().unwrap_or(&columns);
    let (drawn, background_rows) = draw(known, settings);
    let drawn: Vec<&[f32]> = drawn.iter().map(Vec::as_slice).collect();
    let choice = choice::choose(model, settings, &mut notes)?;
    let explained =
        choice.explain(model, &columns, choice::Background { all: known, drawn: &drawn }, settings, control)?;
    let needs_background = choice.method != ExplanationMethod::TreePathDependent;
    if needs_background && given.is_none() {
        notes.push("no background rows were given: the rows explained stand for what is usual".to_owned());
    }
    let (contributions, names) = named(explained, choice.output, class, classes);
    let known_classes = classes.map_or(0, <[String]>::len);
    let directions = (contributions.values.iter())
        .map(|values| {
            (values.par_iter().zip(&columns)).map(|(values, column)| report::direction(column, values)).collect()
        })
        .collect();
    let Contributions { base_values, values, predictions, standard_errors } = contributions;
    let all = known.first().map_or(0, |column| column.len());
    Ok(Explanation {
        method: choice.method,
        output: choice.output,
        features: model.metadata.signature.features.iter().map(|feature| feature.name.clone()).collect(),
        units: names.iter().map(|class| choice.unit(class.as_deref(), known_classes)).collect(),
        classes: names,
        base_values,
        values,
        predictions,
        standard_errors,
        directions,
        background_rows: match choice.method {
            ExplanationMethod::TreePathDependent => None,
            ExplanationMethod::Linear => Some(all),
            _ => Some(background_rows),
        },
        notes,
    })
}

fn check_range(name: &'static str, value: u32, most: u32) -> Result<(), Error> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::Specification { name, value: value.to_string(), expected: format!("a whole number from 1 to {most}") })
}

/// The position of the class asked for.
fn chosen_class(class: Option<&str>, classes: Option<&[String]>) -> Result<Option<usize>, Error> {
    let Some(class) = class else { return Ok(None) };
    let position = classes.and_then(|classes| classes.iter().position(|known| known == class));
    match (position, classes) {
        (Some(position), _) => Ok(Some(position)),
        (None, Some(classes)) => Err(Error::Specification {
            name: "class",
            value: format!("`{class}`"),
            expected: format!("one of {}", classes.join(", ")),
        }),
        (None, None) => Err(Error::Specification {
            name: "class",
            value: format!("`{class}`"),
            expected: "none: the model predicts numbers".to_owned(),
        }),
    }
}

/// Draws background rows without replacement, kept in their order; all where there are not more than asked for.
fn draw(columns: &[&[f32]], settings: &ExplanationSpecification) -> (Vec<Vec<f32>>, usize) {
    let rows = columns.first().map_or(0, |column| column.len());
    let wanted = settings.background_rows as usize;
    if rows <= wanted {
        return (columns.iter().map(|column| column.to_vec()).collect(), rows);
    }
    let mut random = Random::new(settings.seed, u64::MAX);
    let mut left = wanted;
    // Each row is taken with the chance that just fills the number wanted (Knuth, algorithm S).
    let taken: Vec<usize> = (0..rows)
        .filter(|row| {
            let take = random.below(rows - row) < left;
            left -= usize::from(take);
            take
        })
        .collect();
    let column = |column: &&[f32]| taken.iter().filter_map(|row| column.get(*row).copied()).collect();
    (columns.iter().map(column).collect(), wanted)
}

/// Keeps the output asked for, and names the outputs. Of two classes there is one output, the second's; the first's is its
/// opposite.
fn named(
    mut contributions: Contributions,
    output: ExplanationOutput,
    class: Option<usize>,
    classes: Option<&[String]>,
) -> (Contributions, Vec<Option<String>>) {
    let name = |position: usize| classes.and_then(|classes| classes.get(position)).cloned();
    match (classes, class) {
        (None, _) => (contributions, vec![None]),
        (Some([_, _]), class) => {
            let class = class.unwrap_or(1);
            if class == 0 {
                let whole = if output == ExplanationOutput::Probability { 1.0 } else { 0.0 };
                let Contributions { base_values, values, predictions, .. } = &mut contributions;
                base_values.iter_mut().for_each(|base| *base = whole - *base);
                predictions.iter_mut().flatten().for_each(|prediction| *prediction = whole - *prediction);
                // `0.0 −` and not a sign, so that nothing becomes a negative zero.
                values.iter_mut().flatten().flatten().for_each(|value| *value = 0.0 - *value);
            }
            (contributions, vec![name(class)])
        }
        (Some(classes), None) => (contributions, classes.iter().cloned().map(Some).collect()),
        (Some(_), Some(class)) => {
            let Contributions { base_values, values, predictions, standard_errors } = contributions;
            let kept = Contributions {
                base_values: base_values.into_iter().skip(class).take(1).collect(),
                values: values.into_iter().skip(class).take(1).collect(),
                predictions: predictions.into_iter().skip(class).take(1).collect(),
                standard_errors: standard_errors.map(|errors| errors.into_iter().skip(class).take(1).collect()),
            };
            (kept, vec![name(class)])
        }
    }
}
