//! The figures of a training.

use kumiko_sdk::vocabulary::figures::{Bar, BarOrder, Bars, Figure, Lines, Scale, Series, SeriesPoint};
use kumiko_sdk::vocabulary::learning::{LossPoint, ModelMetadata};

/// The figures of a model by the names that they are stored under: the `top` most important of the features that matter, and
/// the loss where the algorithm goes in steps.
pub(crate) fn figures(metadata: &ModelMetadata, top: usize) -> Vec<(&'static str, Figure)> {
    let subtitle = format!("{} · {} rows", metadata.algorithm.as_str(), metadata.training_rows);
    let mut figures = Vec::new();
    let bars: Vec<Bar> = metadata
        .feature_importances
        .iter()
        .filter(|feature| feature.importance > 0.0)
        .take(top)
        .map(|feature| Bar { name: feature.feature.clone(), value: feature.importance, interval: None })
        .collect();
    if !bars.is_empty() {
        figures.push((
            "feature_importances",
            Figure::Bars(Bars {
                title: format!("Feature importances of {}", metadata.name),
                subtitle: Some(subtitle.clone()),
                value_label: "Share of importance".to_owned(),
                order: BarOrder::LargestFirst,
                bars,
            }),
        ));
    }
    if metadata.loss_curve.len() > 1 {
        figures.push((
            "loss_curve",
            Figure::Lines(Lines {
                title: format!("Loss of {}", metadata.name),
                subtitle: Some(subtitle),
                x_label: "Step".to_owned(),
                y_label: "Loss".to_owned(),
                x_scale: Scale::Linear,
                y_scale: Scale::Linear,
                series: series(&metadata.loss_curve),
            }),
        ));
    }
    figures
}

/// The training loss, and the validation loss where every step has one.
fn series(curve: &[LossPoint]) -> Vec<Series> {
    let training = Series {
        name: "training".to_owned(),
        points: curve
            .iter()
            .map(|point| SeriesPoint { x: f64::from(point.step), y: point.training, interval: None })
            .collect(),
    };
    let validation: Vec<SeriesPoint> = curve
        .iter()
        .filter_map(|point| {
            point.validation.map(|loss| SeriesPoint { x: f64::from(point.step), y: loss, interval: None })
        })
        .collect();
    if validation.len() == curve.len() {
        vec![training, Series { name: "validation".to_owned(), points: validation }]
    } else {
        vec![training]
    }
}
