//! What every figure is checked for before anything is drawn.
//!
//! After [`figure`] has passed, drawing relies on it: numbers are finite and within [`MAX_MAGNITUDE`], no list is empty
//! that must not be, lists that belong together have one length, and nothing exceeds its bound of [`crate::limits`].

use kumiko_vocabulary::figures::{
    Bars, Beeswarm, Calibration, Comparison, ConfusionMatrix, Distribution, Figure, Histogram, Interval, Lines, Point,
    PredictedActual, Residuals, Scale, ScoredCurve, Waterfall,
};

use crate::Error;
use crate::limits::{
    MAX_BARS, MAX_COMPARED, MAX_FEATURES, MAX_HISTOGRAM_SERIES, MAX_INTERVALS, MAX_MAGNITUDE, MAX_MATRIX_CLASSES,
    MAX_MODELS, MAX_POINTS, MAX_SERIES, MAX_STEPS,
};

type Checked = Result<(), Error>;

/// How far rounding may carry a share beyond 0 or 1.
const SLACK: f64 = 1e-9;
/// How far rounding may carry a sum from where it should be, in parts of all that was added: predictions may have 32 bits.
const SLACK_OF_SUMS: f64 = 1e-5;

/// Refuses what cannot be drawn, by field and position.
pub(crate) fn figure(figure: &Figure) -> Checked {
    match figure {
        Figure::ConfusionMatrix(figure) => confusion_matrix(figure),
        Figure::RocCurve(figure) => curves(&figure.curves),
        Figure::PrecisionRecallCurve(figure) => {
            optional_share("prevalence", figure.prevalence)?;
            curves(&figure.curves)
        }
        Figure::Calibration(figure) => calibration(figure),
        Figure::Residuals(figure) => residuals(figure),
        Figure::PredictedActual(figure) => predicted_actual(figure),
        Figure::Bars(figure) => bars(figure),
        Figure::Lines(figure) => lines(figure),
        Figure::Histogram(figure) => histogram(figure),
        Figure::Distribution(figure) => distribution(figure),
        Figure::Comparison(figure) => comparison(figure),
        Figure::Beeswarm(figure) => beeswarm(figure),
        Figure::Waterfall(figure) => waterfall(figure),
    }
}

fn confusion_matrix(figure: &ConfusionMatrix) -> Checked {
    let classes = figure.classes.len();
    size("classes", classes, MAX_MATRIX_CLASSES)?;
    equal("counts", figure.counts.len(), classes, "one row for each of `classes`")?;
    for (row, counts) in figure.counts.iter().enumerate() {
        equal(format!("counts[{row}]"), counts.len(), classes, "one column for each of `classes`")?;
    }
    Ok(())
}

fn curves(curves: &[ScoredCurve]) -> Checked {
    size("curves", curves.len(), MAX_SERIES)?;
    total("curves[].points", curves.iter().map(|curve| curve.points.len()))?;
    for (index, curve) in curves.iter().enumerate() {
        share(|| format!("curves[{index}].area"), curve.area)?;
        filled(|| format!("curves[{index}].points"), curve.points.len())?;
        for (position, Point { x, y }) in curve.points.iter().enumerate() {
            share(|| format!("curves[{index}].points[{position}].x"), *x)?;
            share(|| format!("curves[{index}].points[{position}].y"), *y)?;
        }
    }
    Ok(())
}

fn calibration(figure: &Calibration) -> Checked {
    size("curves", figure.curves.len(), MAX_SERIES)?;
    total("curves[].bins", figure.curves.iter().map(|curve| curve.bins.len()))?;
    for (index, curve) in figure.curves.iter().enumerate() {
        optional_share(&format!("curves[{index}].brier"), curve.brier)?;
        filled(|| format!("curves[{index}].bins"), curve.bins.len())?;
        for (position, bin) in curve.bins.iter().enumerate() {
            share(|| format!("curves[{index}].bins[{position}].predicted"), bin.predicted)?;
            share(|| format!("curves[{index}].bins[{position}].observed"), bin.observed)?;
        }
    }
    Ok(())
}

fn residuals(figure: &Residuals) -> Checked {
    size("points", figure.points.len(), MAX_POINTS)?;
    for (position, point) in figure.points.iter().enumerate() {
        number(|| format!("points[{position}].predicted"), point.predicted)?;
        number(|| format!("points[{position}].residual"), point.residual)?;
    }
    Ok(())
}

fn predicted_actual(figure: &PredictedActual) -> Checked {
    size("points", figure.points.len(), MAX_POINTS)?;
    for (position, point) in figure.points.iter().enumerate() {
        number(|| format!("points[{position}].actual"), point.actual)?;
        number(|| format!("points[{position}].predicted"), point.predicted)?;
    }
    Ok(())
}

fn bars(figure: &Bars) -> Checked {
    size("bars", figure.bars.len(), MAX_BARS)?;
    for (position, bar) in figure.bars.iter().enumerate() {
        number(|| format!("bars[{position}].value"), bar.value)?;
        interval(|| format!("bars[{position}].interval"), bar.interval)?;
    }
    Ok(())
}

fn lines(figure: &Lines) -> Checked {
    size("series", figure.series.len(), MAX_SERIES)?;
    total("series[].points", figure.series.iter().map(|series| series.points.len()))?;
    for (index, series) in figure.series.iter().enumerate() {
        filled(|| format!("series[{index}].points"), series.points.len())?;
        let intervals = series.points.iter().filter(|point| point.interval.is_some()).count();
        if intervals > 0 {
            let reason = "because a band needs an `interval` on every point of its series";
            equal(format!("series[{index}].points[].interval"), intervals, series.points.len(), reason)?;
        }
        for (position, point) in series.points.iter().enumerate() {
            scaled(|| format!("series[{index}].points[{position}].x"), point.x, figure.x_scale)?;
            scaled(|| format!("series[{index}].points[{position}].y"), point.y, figure.y_scale)?;
            interval(|| format!("series[{index}].points[{position}].interval"), point.interval)?;
            if let Some(Interval { low, .. }) = point.interval {
                scaled(|| format!("series[{index}].points[{position}].interval.low"), low, figure.y_scale)?;
            }
        }
    }
    Ok(())
}

fn histogram(figure: &Histogram) -> Checked {
    size("series", figure.series.len(), MAX_HISTOGRAM_SERIES)?;
    size("edges", figure.edges.len(), MAX_INTERVALS + 1)?;
    let intervals = figure.edges.len() - 1;
    filled(|| "edges[1..]".to_owned(), intervals)?;
    let mut before = None;
    for (position, edge) in figure.edges.iter().enumerate() {
        number(|| format!("edges[{position}]"), *edge)?;
        if let Some(before) = before.filter(|before| edge <= before) {
            return Err(Error::NotRising { place: format!("edges[{position}]"), value: *edge, before });
        }
        before = Some(*edge);
    }
    for (index, series) in figure.series.iter().enumerate() {
        equal(
            format!("series[{index}].values"),
            series.values.len(),
            intervals,
            "one for each interval between two of `edges`",
        )?;
        for (position, value) in series.values.iter().enumerate() {
            within(|| format!("series[{index}].values[{position}]"), *value, 0.0, MAX_MAGNITUDE)?;
        }
    }
    Ok(())
}

fn distribution(figure: &Distribution) -> Checked {
    size("classes", figure.classes.len(), MAX_BARS)
}

fn comparison(figure: &Comparison) -> Checked {
    size("models", figure.models.len(), MAX_MODELS)?;
    size("metrics", figure.metrics.len(), MAX_COMPARED)?;
    let compared = figure.models.len() * figure.metrics.len();
    size("metrics[].values", compared, MAX_COMPARED)?;
    for (index, metric) in figure.metrics.iter().enumerate() {
        equal(
            format!("metrics[{index}].values"),
            metric.values.len(),
            figure.models.len(),
            "one for each of `models`, null for none",
        )?;
        for (position, value) in metric.values.iter().enumerate() {
            number(|| format!("metrics[{index}].values[{position}]"), value.unwrap_or(0.0))?;
        }
    }
    Ok(())
}

fn beeswarm(figure: &Beeswarm) -> Checked {
    size("features", figure.features.len(), MAX_FEATURES)?;
    total("features[].points", figure.features.iter().map(|feature| feature.points.len()))?;
    for (index, feature) in figure.features.iter().enumerate() {
        filled(|| format!("features[{index}].points"), feature.points.len())?;
        for (position, point) in feature.points.iter().enumerate() {
            number(|| format!("features[{index}].points[{position}].contribution"), point.contribution)?;
            number(|| format!("features[{index}].points[{position}].value"), point.value.unwrap_or(0.0))?;
        }
    }
    Ok(())
}

fn waterfall(figure: &Waterfall) -> Checked {
    size("steps", figure.steps.len(), MAX_STEPS)?;
    number(|| "base_value".to_owned(), figure.base_value)?;
    number(|| "prediction".to_owned(), figure.prediction)?;
    let (mut sum, mut way) = (figure.base_value, figure.base_value.abs());
    for (position, step) in figure.steps.iter().enumerate() {
        number(|| format!("steps[{position}].contribution"), step.contribution)?;
        sum += step.contribution;
        way += step.contribution.abs();
    }
    let slack = way * SLACK_OF_SUMS;
    within(|| "prediction".to_owned(), figure.prediction, sum - slack, sum + slack)
}

fn filled(place: impl FnOnce() -> String, count: usize) -> Checked {
    if count == 0 { Err(Error::Empty { place: place() }) } else { Ok(()) }
}

fn size(place: &str, count: usize, bound: usize) -> Checked {
    filled(|| place.to_owned(), count)?;
    if count > bound { Err(Error::TooMany { place: place.to_owned(), count, bound }) } else { Ok(()) }
}

fn total(place: &str, counts: impl Iterator<Item = usize>) -> Checked {
    let count = counts.fold(0_usize, usize::saturating_add);
    if count > MAX_POINTS { Err(Error::TooMany { place: place.to_owned(), count, bound: MAX_POINTS }) } else { Ok(()) }
}

fn equal(place: impl Into<String>, count: usize, expected: usize, reason: &'static str) -> Checked {
    if count == expected { Ok(()) } else { Err(Error::Unequal { place: place.into(), count, expected, reason }) }
}

fn number(place: impl FnOnce() -> String, value: f64) -> Checked {
    within(place, value, -MAX_MAGNITUDE, MAX_MAGNITUDE)
}

fn share(place: impl FnOnce() -> String, value: f64) -> Checked {
    if (-SLACK..=1.0 + SLACK).contains(&value) { Ok(()) } else { within(place, value, 0.0, 1.0) }
}

fn optional_share(place: &str, value: Option<f64>) -> Checked {
    share(|| place.to_owned(), value.unwrap_or(0.0))
}

fn scaled(place: impl FnOnce() -> String, value: f64, scale: Scale) -> Checked {
    match scale {
        Scale::Linear => number(place, value),
        Scale::Logarithmic if value <= 0.0 => Err(Error::NotPositive { place: place(), value }),
        Scale::Logarithmic => within(place, value, 1.0 / MAX_MAGNITUDE, MAX_MAGNITUDE),
    }
}

fn within(place: impl FnOnce() -> String, value: f64, low: f64, high: f64) -> Checked {
    if !value.is_finite() {
        Err(Error::NotFinite { place: place(), value })
    } else if value < low || value > high {
        Err(Error::OutOfRange { place: place(), value, low, high })
    } else {
        Ok(())
    }
}

fn interval(place: impl Fn() -> String, interval: Option<Interval>) -> Checked {
    let Some(Interval { low, high }) = interval else { return Ok(()) };
    number(|| format!("{}.low", place()), low)?;
    number(|| format!("{}.high", place()), high)?;
    if low > high { Err(Error::Reversed { place: place(), low, high }) } else { Ok(()) }
}
