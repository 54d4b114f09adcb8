//! Reports as figures.

use kumiko_sdk::markdown::number;
use kumiko_sdk::vocabulary::evaluation::{self, ClassificationReport, RegressionReport};
use kumiko_sdk::vocabulary::figures::{
    Calibration, CalibrationBin, CalibrationCurve, ConfusionMatrix, Figure, Point, PrecisionRecallCurve,
    PredictedActual, PredictedActualPoint, ResidualPoint, Residuals, RocCurve, ScoredCurve,
};

/// The curves that one figure shows: as many as can be told apart.
const CURVES_DRAWN: usize = 10;

/// What every figure of one report says of where it comes from.
pub(crate) struct Heading<'a> {
    /// The model's name.
    pub(crate) model: &'a str,
    /// The data set's file name.
    pub(crate) data: &'a str,
    /// The number of rows.
    pub(crate) rows: u64,
}

impl Heading<'_> {
    fn title(&self, what: &str) -> String {
        format!("{what} of {}", self.model)
    }

    fn subtitle(&self, measure: &str, value: Option<f64>) -> String {
        let measured = value.map(|value| format!(" · {measure} {}", number(value))).unwrap_or_default();
        format!("{} · {} rows{measured}", self.data, self.rows)
    }
}

/// Counts of true against predicted classes.
pub(crate) fn confusion_matrix(heading: &Heading<'_>, report: &ClassificationReport) -> Figure {
    Figure::ConfusionMatrix(ConfusionMatrix {
        title: heading.title("Confusion matrix"),
        subtitle: Some(heading.subtitle("accuracy", Some(report.accuracy))),
        classes: report.classes.clone(),
        counts: report.confusion_matrix.clone(),
    })
}

/// The ROC curves of the report, of many classes the largest; nothing where the rows give none.
pub(crate) fn roc_curve(heading: &Heading<'_>, report: &ClassificationReport) -> Option<Figure> {
    let curves: Vec<ScoredCurve> = drawn(report, &report.roc_curves, |curve| &curve.class)
        .into_iter()
        .map(|curve| ScoredCurve {
            name: curve.class.clone(),
            area: curve.area,
            points: curve
                .points
                .iter()
                .map(|point| Point { x: point.false_positive_rate, y: point.true_positive_rate })
                .collect(),
        })
        .collect();
    let subtitle = heading.subtitle("ROC-AUC", report.roc_auc) + &of_all(curves.len(), report.roc_curves.len());
    (!curves.is_empty())
        .then(|| Figure::RocCurve(RocCurve { title: heading.title("ROC curve"), subtitle: Some(subtitle), curves }))
}

/// The precision-recall curves of the report, of many classes the largest; nothing where the rows give none.
pub(crate) fn precision_recall_curve(heading: &Heading<'_>, report: &ClassificationReport) -> Option<Figure> {
    let all = &report.precision_recall_curves;
    let chosen = drawn(report, all, |curve: &evaluation::PrecisionRecallCurve| &curve.class);
    // With several curves each has its own share of positive rows, and one reference line would be wrong for all others.
    let prevalence = if let [curve] = chosen.as_slice() { Some(curve.baseline) } else { None };
    let curves: Vec<ScoredCurve> = chosen
        .into_iter()
        .map(|curve| ScoredCurve {
            name: curve.class.clone(),
            area: curve.area,
            points: curve.points.iter().map(|point| Point { x: point.recall, y: point.precision }).collect(),
        })
        .collect();
    let subtitle = heading.subtitle("average precision", report.pr_auc) + &of_all(curves.len(), all.len());
    (!curves.is_empty()).then(|| {
        Figure::PrecisionRecallCurve(PrecisionRecallCurve {
            title: heading.title("Precision-recall curve"),
            subtitle: Some(subtitle),
            curves,
            prevalence,
        })
    })
}

/// Frequencies over probabilities, of many classes the largest; nothing where the report has no calibration.
pub(crate) fn calibration(heading: &Heading<'_>, report: &ClassificationReport) -> Option<Figure> {
    let binary = report.classes.len() == 2;
    let curves: Vec<CalibrationCurve> = drawn(report, &report.calibration, |of| &of.class)
        .into_iter()
        .map(|of| CalibrationCurve {
            name: of.class.clone(),
            // The report's Brier score is that of the positive class of two, and a sum over the classes otherwise.
            brier: binary.then_some(report.brier),
            bins: of
                .bins
                .iter()
                .map(|bin| CalibrationBin { predicted: bin.predicted, observed: bin.observed, count: bin.rows })
                .collect(),
        })
        .collect();
    let subtitle =
        heading.subtitle("Brier score", Some(report.brier)) + &of_all(curves.len(), report.calibration.len());
    (!curves.is_empty()).then(|| {
        Figure::Calibration(Calibration { title: heading.title("Calibration"), subtitle: Some(subtitle), curves })
    })
}

/// Residuals over predictions.
pub(crate) fn residuals(heading: &Heading<'_>, report: &RegressionReport) -> Option<Figure> {
    (!report.residuals.is_empty()).then(|| {
        Figure::Residuals(Residuals {
            title: heading.title("Residuals"),
            subtitle: Some(heading.subtitle("RMSE", Some(report.rmse))),
            unit: None,
            points: report
                .residuals
                .iter()
                .map(|point| ResidualPoint { predicted: point.predicted, residual: point.residual })
                .collect(),
        })
    })
}

/// Predictions over actual values.
pub(crate) fn predicted_actual(heading: &Heading<'_>, report: &RegressionReport) -> Option<Figure> {
    let points = report
        .residuals
        .iter()
        .map(|point| PredictedActualPoint { actual: point.actual, predicted: point.predicted })
        .collect();
    (!report.residuals.is_empty()).then(|| {
        Figure::PredictedActual(PredictedActual {
            title: heading.title("Predictions"),
            subtitle: Some(heading.subtitle("R²", report.r2)),
            unit: None,
            points,
        })
    })
}

/// The curves that a figure shows: all of them, or those of the classes with the most rows.
fn drawn<'a, C>(report: &ClassificationReport, curves: &'a [C], class: impl Fn(&C) -> &String) -> Vec<&'a C> {
    let support = |curve: &C| report.per_class.iter().find(|of| of.class == *class(curve)).map_or(0, |of| of.support);
    let mut curves: Vec<&C> = curves.iter().collect();
    if curves.len() > CURVES_DRAWN {
        curves.sort_by_key(|curve| std::cmp::Reverse(support(curve)));
        curves.truncate(CURVES_DRAWN);
    }
    curves
}

/// Says in a subtitle that not every class is drawn.
fn of_all(drawn: usize, all: usize) -> String {
    if drawn < all { format!(" · the {drawn} largest of {all} classes") } else { String::new() }
}
