//! One module for each way of drawing; each turns a checked document into SVG.

mod bars;
mod beeswarm;
mod calibration;
mod comparison;
mod confusion_matrix;
mod curves;
mod histogram;
mod lines;
mod predicted_actual;
mod residuals;
mod waterfall;

use kumiko_vocabulary::figures::Figure;

/// The SVG of a figure that [`crate::validate`] has passed.
pub(crate) fn svg(figure: &Figure) -> String {
    match figure {
        Figure::ConfusionMatrix(figure) => confusion_matrix::svg(figure),
        Figure::RocCurve(figure) => curves::roc(figure),
        Figure::PrecisionRecallCurve(figure) => curves::precision_recall(figure),
        Figure::Calibration(figure) => calibration::svg(figure),
        Figure::Residuals(figure) => residuals::svg(figure),
        Figure::PredictedActual(figure) => predicted_actual::svg(figure),
        Figure::Bars(figure) => bars::svg(figure),
        Figure::Lines(figure) => lines::svg(figure),
        Figure::Histogram(figure) => histogram::svg(figure),
        Figure::Distribution(figure) => bars::distribution(figure),
        Figure::Comparison(figure) => comparison::svg(figure),
        Figure::Beeswarm(figure) => beeswarm::svg(figure),
        Figure::Waterfall(figure) => waterfall::svg(figure),
    }
}

/// What follows the title of an axis to name its unit; nothing where there is none.
fn in_unit(unit: Option<&str>) -> String {
    unit.filter(|unit| !unit.trim().is_empty()).map_or_else(String::new, |unit| format!(" ({unit})"))
}
