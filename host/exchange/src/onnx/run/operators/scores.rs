//! From scores to what is told: the transformations that classifiers and regressors of `ai.onnx.ml` end with, and classes.
#![allow(
    clippy::indexing_slicing,
    reason = "a row's likeliest class is one of its scores, of which there are as many as classes"
)]

use std::sync::Arc;

use super::super::attributes::Attributes;
use super::super::tensor::Data;
use super::Refusal;

/// What becomes of a row's scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transform {
    None,
    Logistic,
    Softmax,
    /// Softmax in which scores of zero stay zero.
    SoftmaxZero,
}

impl Transform {
    pub(super) fn of(name: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "NONE" => Self::None,
            "LOGISTIC" => Self::Logistic,
            "SOFTMAX" => Self::Softmax,
            "SOFTMAX_ZERO" => Self::SoftmaxZero,
            other => return Err(Refusal::Part(format!(" with the transformation {other}"))),
        })
    }

    /// That of version 5 of the trees, by its number.
    pub(super) fn numbered(number: i64) -> Result<Self, Refusal> {
        Ok(match number {
            0 => Self::None,
            1 => Self::Softmax,
            2 => Self::Logistic,
            3 => Self::SoftmaxZero,
            other => return Err(Refusal::Part(format!(" with the transformation {other}"))),
        })
    }

    pub(super) fn apply(self, scores: &mut [f64]) {
        const NEGLIGIBLE: f64 = 1e-7;
        match self {
            Self::None => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Softmax | Self::SoftmaxZero => {
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let keeps_zero = self == Self::SoftmaxZero;
                for score in scores.iter_mut() {
                    let is_zero = keeps_zero && score.abs() <= NEGLIGIBLE;
                    *score = if is_zero { *score * (-most).exp() } else { (*score - most).exp() };
                }
                let total: f64 = scores.iter().sum();
                if total > 0.0 {
                    scores.iter_mut().for_each(|score| *score /= total);
                }
            }
        }
    }
}

pub(super) fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// The classes of a classifier.
pub(super) enum Classes {
    Whole(Vec<i64>),
    Text(Vec<Arc<str>>),
}

impl Classes {
    /// Those of the attributes with either of two names.
    pub(super) fn of(attributes: &Attributes<'_>, whole: &str) -> Result<Self, Refusal> {
        let texts = attributes.strings("classlabels_strings").filter(|texts| !texts.is_empty());
        match (texts, attributes.wholes(whole).filter(|numbers| !numbers.is_empty())) {
            (Some(texts), _) => Ok(Self::Text(texts)),
            (None, Some(numbers)) => Ok(Self::Whole(numbers.to_vec())),
            (None, None) => Err(Refusal::Damaged("it has no classes".to_owned())),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(numbers) => numbers.len(),
            Self::Text(texts) => texts.len(),
        }
    }

    /// For each row of scores its likeliest class, the first of equals.
    pub(super) fn likeliest(&self, scores: &[f64]) -> Data {
        let best = scores
            .chunks_exact(self.len().max(1))
            .map(|row| (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best }));
        match self {
            Self::Whole(numbers) => Data::Whole(best.map(|class| numbers[class]).collect()),
            Self::Text(texts) => Data::Text(best.map(|class| Arc::clone(&texts[class])).collect()),
        }
    }
}
