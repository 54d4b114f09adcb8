//! Measures of predictions against known answers, defined as scikit-learn defines them.
//!
//! [`classification`], [`regression`] and [`clustering`] make the reports, [`compare`] sets several models side by side; [`bias`] looks
//! for groups that fare unlike the rest, by the definitions of SageMaker Clarify. Behind them: `counts` (what a confusion matrix
//! yields), `ranking` (areas and curves), `calibration`, `resampling` (bootstrap intervals), `significance` (tests), `shape` (clusters by themselves)
//! and `agreement` (clusters beside known classes). A measure that the rows cannot give is absent, never NaN.

mod agreement;
pub mod bias;
mod calibration;
mod classification;
mod clustering;
mod comparison;
mod counts;
mod ranking;
mod regression;
mod resampling;
pub(crate) mod shape;
mod significance;
pub(crate) mod trustworthiness;

use kumiko_vocabulary::learning::HeadlineMetrics;

use crate::data::Predictions;
use crate::estimator::Answers;

pub use classification::classification;
pub use clustering::{SILHOUETTE_ROWS, clustering};
pub use comparison::{Candidate, compare};
pub use regression::regression;
pub use trustworthiness::{TRUSTWORTHINESS_ROWS, trustworthiness};

use classification::Judged;
use regression::Errors;

/// R²: 1 − Σ error² / Σ (value − mean)²; none where the values do not vary.
pub(crate) fn r2(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    Errors::new(actual, predicted).r2(None)
}

/// The measures by which a model is known. Of two classes the second is the positive one.
pub(crate) fn headline(answers: Answers<'_>, predictions: &Predictions) -> HeadlineMetrics {
    match (answers, predictions) {
        (Answers::Classes { codes, classes }, Predictions::Classes { codes: predicted, probabilities }) => {
            classification_headline(codes, classes.len(), 1, predicted, probabilities)
        }
        (Answers::Values(actual), Predictions::Values(predicted)) => {
            let errors = Errors::new(actual, predicted);
            HeadlineMetrics {
                rmse: Some(errors.rmse(None)),
                mae: Some(errors.mae(None)),
                r2: errors.r2(None),
                ..HeadlineMetrics::default()
            }
        }
        _ => HeadlineMetrics::default(),
    }
}

fn classification_headline(
    truth: &[u32],
    classes: usize,
    positive: usize,
    predicted: &[u32],
    probabilities: &[Vec<f32>],
) -> HeadlineMetrics {
    let judged = Judged::new(truth, classes, positive, predicted, probabilities);
    let counts = judged.counts(None);
    HeadlineMetrics {
        accuracy: Some(counts.accuracy()),
        f1: Some(judged.headline_f1(&counts)),
        log_loss: Some(judged.log_loss(None)),
        roc_auc: judged.roc_auc(None),
        ..HeadlineMetrics::default()
    }
}
