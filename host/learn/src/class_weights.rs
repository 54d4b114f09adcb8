//! `class_weight`: how much the rows of a class count, for every classifier that takes it.

use std::collections::HashMap;

use kumiko_vocabulary::learning::Algorithm;
use serde_json::Value;

use crate::error::Error;
use crate::hyperparameters::Hyperparameters;

/// How much a class counts.
pub(crate) enum ClassWeights {
    /// All the same.
    Even,
    /// Weight of all rows / (classes × weight of the class's rows), so that every class counts the same in all.
    Balanced,
    /// As listed; 1 where not listed.
    Listed(HashMap<String, f64>),
}

impl ClassWeights {
    /// Reads `class_weight`.
    pub(crate) fn read(reader: &mut Hyperparameters<'_>) -> Result<Self, Error> {
        reader.own(
            "class_weight",
            Value::Null,
            |value| match value {
                Value::Null => Some(Self::Even),
                Value::String(text) if text == "balanced" => Some(Self::Balanced),
                Value::Object(weights) => weights
                    .iter()
                    .map(|(class, weight)| {
                        Some((class.clone(), weight.as_f64().filter(|weight| weight.is_finite() && *weight >= 0.0)?))
                    })
                    .collect::<Option<_>>()
                    .map(Self::Listed),
                _ => None,
            },
            "null, \"balanced\", or an object of class names with weights of zero or more",
        )
    }

    /// The weight of each class; none where all count the same. A listed class that does not exist is refused.
    pub(crate) fn resolve(
        &self,
        algorithm: Algorithm,
        codes: &[u32],
        classes: &[String],
        weights: Option<&[f32]>,
    ) -> Result<Option<Vec<f64>>, Error> {
        match self {
            Self::Even => Ok(None),
            Self::Balanced => {
                let mut sums = vec![0.0; classes.len()];
                for (row, code) in codes.iter().enumerate() {
                    if let Some(sum) = sums.get_mut(*code as usize) {
                        *sum += weights.and_then(|weights| weights.get(row)).map_or(1.0, |weight| f64::from(*weight));
                    }
                }
                let share = sums.iter().sum::<f64>() / classes.len() as f64;
                Ok(Some(sums.into_iter().map(|sum| if sum > 0.0 { share / sum } else { 0.0 }).collect()))
            }
            Self::Listed(weights) => {
                if let Some(unknown) = weights.keys().filter(|class| !classes.contains(class)).min() {
                    return Err(Error::HyperparameterValue {
                        algorithm,
                        name: "class_weight".to_owned(),
                        value: format!("an object that lists `{unknown}`"),
                        expected: format!("classes of the training data: {}", classes.join(", ")),
                    });
                }
                Ok(Some(classes.iter().map(|class| weights.get(class).copied().unwrap_or(1.0)).collect()))
            }
        }
    }
}
