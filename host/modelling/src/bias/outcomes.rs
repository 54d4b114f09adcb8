//! Outcomes: the known labels, which of them are positive, and the predictions.

use kumiko_frames::Frame;
use kumiko_learn::Predictions;
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::evaluation::{BiasSpecification, CellValue};

use super::{chosen, finite, is_same, is_value, numbers};
use crate::AnyModel;
use crate::matrix::{column_not_found, has};

/// The known labels.
pub(super) struct Known {
    pub(super) column: String,
    /// The label of each row, by its position in `positive`.
    pub(super) labels: Vec<Option<u32>>,
    /// For each label, whether it is positive.
    pub(super) positive: Vec<bool>,
    pub(super) positive_in_words: String,
    rule: Rule,
}

/// What is positive.
enum Rule {
    /// Numbers above it.
    Above(f64),
    /// These labels.
    OneOf(Vec<CellValue>),
}

/// Predictions: positive, not positive, or not there.
pub(super) struct Predicted {
    pub(super) positive: Vec<Option<bool>>,
    pub(super) source: String,
}

impl Known {
    pub(super) fn read(
        model: Option<&AnyModel>,
        frame: &Frame,
        specification: &BiasSpecification,
    ) -> Result<Self, Fault> {
        let learnt = model.and_then(|model| model.metadata().signature.target.as_ref());
        let Some(column) = specification.label_column.as_ref().or(learnt) else {
            return Err(Fault::invalid("label_column_missing", "neither a label column nor a model was given")
                .hint("name `label_column`"));
        };
        if !has(frame, column) {
            return Err(column_not_found(frame, column, "label column"));
        }
        let column = column.clone();
        if let Some(threshold) = specification.label_threshold {
            let threshold = finite(threshold, "label_threshold")?;
            let above = |value: &f64| (!value.is_nan()).then_some(u32::from(*value > threshold));
            let labels = numbers(frame, &column, "label_threshold")?.iter().map(above).collect();
            let positive_in_words = format!("above {threshold}");
            return Ok(Self {
                column,
                labels,
                positive: vec![false, true],
                positive_in_words,
                rule: Rule::Above(threshold),
            });
        }
        let (labels, names) = frame.categories(&column)?;
        let values = if specification.positive_labels.is_empty() {
            vec![CellValue::Text(second(model, &names, &column)?)]
        } else {
            specification.positive_labels.clone()
        };
        let positive = chosen(&names, &values, &column)?;
        let words = names.iter().zip(&positive).filter(|(_, positive)| **positive).map(|(name, _)| name.as_str());
        let positive_in_words = words.collect::<Vec<_>>().join(", ");
        Ok(Self { column, labels, positive, positive_in_words, rule: Rule::OneOf(values) })
    }

    /// Whether a predicted label is positive.
    fn is_positive(&self, label: &str) -> bool {
        match &self.rule {
            Rule::Above(threshold) => label.parse::<f64>().is_ok_and(|value| value > *threshold),
            Rule::OneOf(values) => values.iter().any(|value| is_value(label, value)),
        }
    }
}

/// Of two labels the second one: in the model's order where it knows two, else in the data's.
fn second(model: Option<&AnyModel>, names: &[String], column: &str) -> Result<String, Fault> {
    let learnt = model.and_then(|model| model.metadata().signature.classes.as_deref());
    let of_two = |classes: &[String]| if let [_, second] = classes { Some(second.clone()) } else { None };
    let same = |second: &String| names.iter().any(|name| is_same(name, second));
    learnt.and_then(of_two).filter(same).or_else(|| of_two(names)).ok_or_else(|| {
        let message = format!("the column `{column}` has {} labels, and none was named as positive", names.len());
        Fault::invalid("positive_label_missing", message)
            .hint("name `positive_labels`, or for labels that are numbers `label_threshold`")
    })
}

impl Predicted {
    /// The predictions of the model or the column; none where there is neither.
    pub(super) fn read(
        model: Option<&AnyModel>,
        frame: &Frame,
        specification: &BiasSpecification,
        known: &Known,
    ) -> Result<Option<Self>, Fault> {
        match (model, &specification.predicted_label_column) {
            (None, None) => Ok(None),
            (Some(model), None) => Self::of_model(model, frame, known).map(Some),
            (None, Some(column)) => Self::of_column(frame, column, known).map(Some),
            (Some(model), Some(column)) => {
                let message = format!(
                    "predictions come from the model `{}` and from the column `{column}`",
                    model.metadata().name
                );
                Err(Fault::invalid("predictions_twice", message).hint("give a model or a column of predictions"))
            }
        }
    }

    fn of_column(frame: &Frame, column: &str, known: &Known) -> Result<Self, Fault> {
        if !has(frame, column) {
            return Err(column_not_found(frame, column, "column of predictions"));
        }
        let positive = if let Rule::Above(threshold) = known.rule {
            let above = |value: &f64| (!value.is_nan()).then_some(*value > threshold);
            numbers(frame, column, "label_threshold")?.iter().map(above).collect()
        } else {
            let (codes, names) = frame.categories(column)?;
            let positive: Vec<bool> = names.iter().map(|name| known.is_positive(name)).collect();
            codes.iter().map(|code| positive.get((*code)? as usize).copied()).collect()
        };
        Ok(Self { positive, source: format!("the column `{column}`") })
    }

    fn of_model(model: &AnyModel, frame: &Frame, known: &Known) -> Result<Self, Fault> {
        let (predictions, classes) = model.predict(frame)?;
        let positive = match predictions {
            Predictions::Classes { codes, .. } => {
                let positive: Vec<bool> = classes.iter().map(|class| known.is_positive(class)).collect();
                if !positive.contains(&true) {
                    let message = format!(
                        "the model `{}` never predicts what is positive: {}",
                        model.metadata().name,
                        known.positive_in_words
                    );
                    return Err(Fault::invalid("positive_label_unknown", message)
                        .hint(format!("its classes are {}", classes.join(", "))));
                }
                codes.iter().map(|code| positive.get(*code as usize).copied()).collect()
            }
            Predictions::Clusters { .. } | Predictions::Components(_) => {
                let (name, task) = (&model.metadata().name, model.metadata().task.as_str());
                return Err(Fault::invalid(
                    "task_unsupported",
                    format!("`{name}` is for {task}: it predicts no labels"),
                )
                .hint("give a classifier, or a model of numbers with `label_threshold`"));
            }
            Predictions::Values(values) => {
                let Rule::Above(threshold) = known.rule else {
                    let message = format!("the model `{}` predicts numbers, not labels", model.metadata().name);
                    return Err(Fault::invalid("label_threshold_missing", message)
                        .hint("name `label_threshold`: labels and predictions above it are positive"));
                };
                values.iter().map(|value| Some(*value > threshold)).collect()
            }
        };
        Ok(Self { positive, source: format!("the model `{}`", model.metadata().name) })
    }
}
