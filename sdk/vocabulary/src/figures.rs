//! Figures as documents: what is to be seen, never how it is drawn.
//!
//! A [`Figure`] carries numbers that somebody else computed, names for them and a title. `kumiko-charts` turns it into a
//! picture and chooses sizes, colours and ticks. The document is tagged by `kind`:
//!
//! ```json
//! {"kind": "confusion_matrix", "title": "Churn", "classes": ["stays", "leaves"], "counts": [[90, 10], [5, 45]]}
//! ```
//!
//! JSON has no NaN: writers put `null` in its place. Reading turns that `null` back into NaN, so that drawing refuses
//! it by name and position instead of failing on a byte offset.

mod classification;
mod general;
mod regression;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

pub use classification::{
    Calibration, CalibrationBin, CalibrationCurve, ClassCount, ConfusionMatrix, Distribution, PrecisionRecallCurve,
    RocCurve, ScoredCurve,
};
pub use general::{
    Bar, BarOrder, Bars, Beeswarm, CONTRIBUTION_LABEL, COUNT_LABEL, ComparedMetric, Comparison, Contribution,
    FeatureContributions, Histogram, HistogramSeries, Lines, SCORE_LABEL, Scale, Series, SeriesPoint, Waterfall,
    WaterfallStep,
};
pub use regression::{PredictedActual, PredictedActualPoint, ResidualPoint, Residuals};

/// One figure. `kind` says which; the other fields are those of the kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Figure {
    /// Counts of true against predicted classes.
    ConfusionMatrix(ConfusionMatrix),
    /// Receiver operating characteristic: true positive rate over false positive rate.
    RocCurve(RocCurve),
    /// Precision over recall.
    PrecisionRecallCurve(PrecisionRecallCurve),
    /// Observed frequency over predicted probability.
    Calibration(Calibration),
    /// Residuals over predictions, with their histogram.
    Residuals(Residuals),
    /// Predictions over actual values.
    PredictedActual(PredictedActual),
    /// Horizontal bars, one for each name: feature importance, for example.
    Bars(Bars),
    /// Named series over a numeric axis: learning curves, for example.
    Lines(Lines),
    /// Frequencies over the intervals of a numeric axis.
    Histogram(Histogram),
    /// How many rows each class has.
    Distribution(Distribution),
    /// Several models side by side on several metrics.
    Comparison(Comparison),
    /// Contributions of each feature to each prediction, coloured by the feature's value (SHAP summary).
    Beeswarm(Beeswarm),
    /// Contributions of each feature to one prediction, from the base value on (SHAP waterfall).
    Waterfall(Waterfall),
}

impl Figure {
    /// The kind in snake case, as the document's tag has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConfusionMatrix(_) => "confusion_matrix",
            Self::RocCurve(_) => "roc_curve",
            Self::PrecisionRecallCurve(_) => "precision_recall_curve",
            Self::Calibration(_) => "calibration",
            Self::Residuals(_) => "residuals",
            Self::PredictedActual(_) => "predicted_actual",
            Self::Bars(_) => "bars",
            Self::Lines(_) => "lines",
            Self::Histogram(_) => "histogram",
            Self::Distribution(_) => "distribution",
            Self::Comparison(_) => "comparison",
            Self::Beeswarm(_) => "beeswarm",
            Self::Waterfall(_) => "waterfall",
        }
    }

    /// The figure's title.
    #[must_use]
    pub fn title(&self) -> &str {
        match self {
            Self::ConfusionMatrix(figure) => &figure.title,
            Self::RocCurve(figure) => &figure.title,
            Self::PrecisionRecallCurve(figure) => &figure.title,
            Self::Calibration(figure) => &figure.title,
            Self::Residuals(figure) => &figure.title,
            Self::PredictedActual(figure) => &figure.title,
            Self::Bars(figure) => &figure.title,
            Self::Lines(figure) => &figure.title,
            Self::Histogram(figure) => &figure.title,
            Self::Distribution(figure) => &figure.title,
            Self::Comparison(figure) => &figure.title,
            Self::Beeswarm(figure) => &figure.title,
            Self::Waterfall(figure) => &figure.title,
        }
    }
}

/// A place on two numeric axes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Horizontal position.
    #[serde(deserialize_with = "number")]
    pub x: f64,
    /// Vertical position.
    #[serde(deserialize_with = "number")]
    pub y: f64,
}

/// A range around a value, such as a confidence interval or one standard deviation to either side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Lower end, in the unit of the value.
    #[serde(deserialize_with = "number")]
    pub low: f64,
    /// Upper end, not below `low`.
    #[serde(deserialize_with = "number")]
    pub high: f64,
}

/// Reads a number; `null`, which is how JSON writers put NaN, becomes NaN again.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Reads a list of numbers as [`number`] reads one.
fn numbers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let values = Vec::<Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_no_kind_has_is_refused() {
        let text = r#"{"kind": "distribution", "title": "t", "classes": [], "colour": "red"}"#;
        let refusal = serde_json::from_str::<Figure>(text).unwrap_err().to_string();
        assert!(refusal.contains("colour"), "{refusal}");
    }

    #[test]
    fn null_in_place_of_a_number_is_read_as_nan() {
        let text = r#"{"kind": "roc_curve", "title": "t",
            "curves": [{"name": "a", "area": 0.5, "points": [{"x": 0, "y": null}]}]}"#;
        let Figure::RocCurve(figure) = serde_json::from_str(text).unwrap() else { unreachable!() };
        assert!(figure.curves[0].points[0].y.is_nan());
    }

    #[test]
    fn the_schema_states_the_tag_and_closes_every_kind() {
        let schema = serde_json::to_value(schemars::schema_for!(Figure)).unwrap();
        let kinds = schema["oneOf"].as_array().unwrap();
        assert_eq!(kinds.len(), 13);
        for kind in kinds {
            assert!(kind["properties"]["kind"]["const"].is_string(), "{kind}");
            assert_eq!(kind["additionalProperties"], false, "{kind}");
            assert!(kind["properties"]["title"].is_object(), "{kind}");
        }
    }
}
