//! Which method explains which model and output.
//!
//! | model | sums | `raw` | `probability` |
//! | --- | --- | --- | --- |
//! | forest | the prediction | trees, either way | trees, either way |
//! | boosted trees, two classes | log odds | trees, either way | trees against background rows |
//! | boosted trees, more classes | logarithms | trees, either way | permutation |
//! | boosted trees, numbers | the prediction, or its logarithm | trees, either way | none |
//! | linear | the prediction | linear | none |
//! | logistic | log odds | linear | permutation |
//! | neural network | the prediction | permutation, of numbers | permutation, of classes |
//!
//! `permutation` explains the predictions of every model.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::evaluation::{ExplanationMethod, ExplanationOutput, ExplanationSpecification};
use kumiko_vocabulary::learning::Task;

use crate::data::Predictions;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::model::Model;
use crate::trees::{Link, TreeEnsemble};

use super::Contributions;
use super::ensemble::{BACKGROUND, tree_interventional, tree_path_dependent};
use super::linear::linear;
use super::permutation::permutation;

/// What explains a model.
pub(super) struct Choice {
    pub(super) method: ExplanationMethod,
    pub(super) output: ExplanationOutput,
    /// Whether the values add up to what the prediction is made of, and not to the prediction.
    linked: bool,
    /// The model's trees, where it has any.
    ensemble: Option<TreeEnsemble>,
}

/// What a model's sums are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sums {
    /// The prediction itself.
    Prediction,
    /// What the prediction is made of; `pairs` says whether trees can explain the prediction itself, pair by pair.
    Linked { pairs: bool },
    /// Nothing that could be explained but by predicting.
    Hidden,
}

/// Background rows.
#[derive(Clone, Copy)]
pub(super) struct Background<'a> {
    /// All there are.
    pub(super) all: &'a [&'a [f32]],
    /// Those drawn.
    pub(super) drawn: &'a [&'a [f32]],
}

/// Chooses method and output, or says which there are.
pub(super) fn choose(
    model: &Model,
    settings: &ExplanationSpecification,
    notes: &mut Vec<String>,
) -> Result<Choice, Error> {
    use ExplanationMethod::{Auto, Linear, Permutation, TreeInterventional, TreePathDependent};
    use ExplanationOutput::{Probability, Raw};
    let classifies = model.metadata.task == Task::Classification;
    let ensemble = match &model.estimator {
        Estimator::Forest(forest) => Some(forest.ensemble()),
        Estimator::Boosted(boosted) => Some(boosted.ensemble()),
        _ => None,
    };
    let is_linear = matches!(model.estimator, Estimator::Linear(_) | Estimator::Logistic(_));
    let sums = match (&model.estimator, &ensemble) {
        (_, Some(ensemble)) => match ensemble.link {
            Link::Identity => Sums::Prediction,
            Link::Logistic => Sums::Linked { pairs: true },
            Link::Softmax | Link::Exponential => Sums::Linked { pairs: false },
        },
        (Estimator::Linear(_), _) => Sums::Prediction,
        (Estimator::Logistic(_), _) => Sums::Linked { pairs: false },
        _ => Sums::Hidden,
    };
    let refuse = |name: &'static str, value: &str, expected: &str| {
        Err(Error::Specification {
            name,
            value: format!("`{value}`"),
            expected: format!("{expected} for a model of `{}`", model.algorithm().as_str()),
        })
    };
    // Predictions of classes are probabilities, however they are made.
    let of_predictions = if classifies { Probability } else { Raw };
    let output = match (settings.output, sums) {
        (Some(Probability), _) if !classifies => {
            return refuse("output", "probability", "`raw`, as it predicts numbers,");
        }
        (Some(Raw), Sums::Hidden) if classifies => return refuse("output", "raw", "`probability`"),
        (Some(Raw) | None, Sums::Linked { .. }) if settings.method != Permutation => Raw,
        (Some(Raw), Sums::Linked { .. }) => {
            return refuse("output", "raw", "another method than `permutation`, or `probability`,");
        }
        _ => of_predictions,
    };
    let of_sums = sums == Sums::Prediction || output == Raw;
    let covered = ensemble.as_ref().is_some_and(|ensemble| {
        let roots = ensemble.trees.iter().filter(|tree| tree.nodes.len() > 1).filter_map(|tree| tree.nodes.first());
        roots.into_iter().all(|root| root.cover > 0.0)
    });
    let in_pairs = of_sums || sums == Sums::Linked { pairs: true };
    let method = match (settings.method, &ensemble) {
        (Auto, Some(_)) if of_sums && covered => TreePathDependent,
        (Auto, Some(_)) if in_pairs => {
            if of_sums {
                notes.push("the trees do not keep how many training rows came through their nodes: explained against background rows".to_owned());
            }
            TreeInterventional
        }
        (Auto, None) if is_linear && of_sums => Linear,
        (Auto | Permutation, _) => Permutation,
        (TreePathDependent, Some(_)) if of_sums => TreePathDependent,
        (TreeInterventional, Some(_)) if in_pairs => TreeInterventional,
        (Linear, _) if is_linear && of_sums => Linear,
        (TreePathDependent, Some(_)) if in_pairs => {
            return refuse("method", "tree_path_dependent", "`tree_interventional` or the output `raw`");
        }
        (other, Some(_)) if !of_sums => return refuse("method", other.as_str(), "`permutation` or the output `raw`"),
        (other, Some(_)) => {
            return refuse("method", other.as_str(), "`tree_path_dependent`, `tree_interventional` or `permutation`");
        }
        (other, None) if is_linear && !of_sums => {
            return refuse("method", other.as_str(), "`permutation` or the output `raw`");
        }
        (other, None) if is_linear => return refuse("method", other.as_str(), "`linear` or `permutation`"),
        (other, None) => return refuse("method", other.as_str(), "`permutation`"),
    };
    let linked = method != Permutation && matches!(sums, Sums::Linked { .. }) && output == Raw;
    Ok(Choice { method, output, linked, ensemble })
}

impl Choice {
    /// What the values of a class, or of a number, add up to, in words. `classes` is how many the model tells apart.
    pub(super) fn unit(&self, class: Option<&str>, classes: usize) -> String {
        match (class, self.linked) {
            (Some(class), true) if classes == 2 => format!("Log odds of {class}"),
            (Some(class), true) => format!("Log odds of {class}, up to a constant"),
            (Some(class), false) => format!("Probability of {class}"),
            (None, true) => "Logarithm of the prediction".to_owned(),
            (None, false) => "Prediction".to_owned(),
        }
    }

    /// Explains rows: one output for a number and for two classes (the second's), else one for each class.
    pub(super) fn explain(
        &self,
        model: &Model,
        columns: &[&[f32]],
        background: Background<'_>,
        settings: &ExplanationSpecification,
        control: &dyn Control,
    ) -> Result<Contributions, Error> {
        let some_background = |rows: &[&[f32]]| match rows.first() {
            Some(column) if !column.is_empty() => Ok(()),
            _ => Err(Error::Rows { what: BACKGROUND.to_owned(), rows: 0, expected: "one at least" }),
        };
        match (self.method, &self.ensemble, &model.estimator) {
            (ExplanationMethod::TreePathDependent, Some(ensemble), _) => {
                tree_path_dependent(ensemble, columns, control)
            }
            (ExplanationMethod::TreeInterventional, Some(ensemble), _) => {
                tree_interventional(ensemble, columns, background.drawn, self.output, control)
            }
            (ExplanationMethod::Linear, _, Estimator::Linear(model)) => {
                some_background(background.all)?;
                Ok(linear(&[&model.coefficients], &[model.intercept], columns, background.all))
            }
            (ExplanationMethod::Linear, _, Estimator::Logistic(model)) => {
                some_background(background.all)?;
                let coefficients: Vec<&[f64]> = model.coefficients.iter().map(Vec::as_slice).collect();
                Ok(linear(&coefficients, &model.intercepts, columns, background.all))
            }
            _ => {
                let predict = |columns: &[&[f32]]| Ok(outputs(model.estimator.predict(columns)));
                let permutations = settings.permutations as usize;
                permutation(&predict, columns, background.drawn, permutations, settings.seed, control)
            }
        }
    }
}

/// Predictions as one output for a number and for two classes, else one for each class.
fn outputs(predictions: Predictions) -> Vec<Vec<f64>> {
    let numbers = |column: &Vec<f32>| column.iter().map(|number| f64::from(*number)).collect();
    match predictions {
        Predictions::Values(values) => vec![values],
        Predictions::Classes { probabilities, .. } => match probabilities.as_slice() {
            [_, second] => vec![numbers(second)],
            all => all.iter().map(numbers).collect(),
        },
        // What has no known answers is refused before it comes here.
        Predictions::Clusters { .. } | Predictions::Components(_) => Vec::new(),
    }
}
