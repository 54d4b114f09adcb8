//! Residuals over predictions, with their histogram on the same upright axis.

use kumiko_vocabulary::figures::Residuals;

use crate::axis::{Axis, Fit, extent};
use crate::canvas::{Area, Canvas};
use crate::colour::POSITIVE;
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{FOOT, GUIDE, Plot, tick_room};
use crate::scatter;

const HEIGHT: f64 = 400.0;
/// Width of the histogram and its distance from the scatter plot.
const HISTOGRAM: f64 = 130.0;
const HISTOGRAM_GAP: f64 = 26.0;
/// Fewest and most intervals of the histogram.
const INTERVALS: (f64, f64) = (8.0, 44.0);

pub(super) fn svg(figure: &Residuals) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    let unit = super::in_unit(figure.unit.as_deref());
    page.caption(&format!("Residual: actual − predicted{unit}"));
    let (left, right) = extent(figure.points.iter().map(|point| point.predicted));
    let (low, high) = extent(figure.points.iter().map(|point| point.residual));
    let y = Axis::linear(low.min(0.0), high.max(0.0), Fit::Padded, 6);
    let area = page.area(MARGIN + tick_room(&y), HISTOGRAM + HISTOGRAM_GAP, HEIGHT);
    let plot = Plot { area, x: Axis::linear(left, right, Fit::Padded, 6), y };
    plot.levels(&mut page.canvas);
    plot.columns(&mut page.canvas);
    plot.foot(&mut page.canvas, &format!("Predicted value{unit}"));
    let places: Vec<(f64, f64)> = figure.points.iter().map(|point| plot.at(point.predicted, point.residual)).collect();
    scatter::draw(&mut page.canvas, plot.area, &places);
    let zero = plot.up(0.0);
    // A single value has no range of its own to divide: the axis has one.
    let range = if low < high { (low, high) } else { (plot.y.low(), plot.y.high()) };
    histogram(&mut page.canvas, &plot, figure, range);
    page.canvas.line((area.left, zero), (area.right() + HISTOGRAM_GAP + HISTOGRAM, zero), GUIDE);
    page.finish(plot.area.bottom() + FOOT)
}

fn histogram(canvas: &mut Canvas, plot: &Plot, figure: &Residuals, (low, high): (f64, f64)) {
    let residuals: Vec<f64> = figure.points.iter().map(|point| point.residual).collect();
    let counts = counts(residuals, low, high);
    let most = counts.iter().copied().max().unwrap_or(1);
    let area = Area { left: plot.area.right() + HISTOGRAM_GAP, width: HISTOGRAM, ..plot.area };
    let beside = Plot { area, x: Axis::counts(f64::from(most), Fit::Ticks, 2), y: plot.y.clone() };
    beside.columns(canvas);
    let step = (high - low) / counts.len() as f64;
    for (index, count) in counts.iter().enumerate() {
        let from = beside.up(low + step * index as f64);
        let to = beside.up(low + step * (index + 1) as f64);
        let bar = Area {
            left: area.left,
            top: to + 0.5,
            width: beside.across(f64::from(*count)) - area.left,
            height: (from - to - 1.0).max(0.5),
        };
        canvas.rectangle(bar, POSITIVE, 0.6);
    }
    beside.foot(canvas, "Rows");
}

/// Frequencies over equal intervals from `low` to `high`, which differ. The width of the intervals follows Freedman and
/// Diaconis (1981): twice the interquartile range over the cube root of the number of values.
fn counts(mut values: Vec<f64>, low: f64, high: f64) -> Vec<u32> {
    values.sort_by(f64::total_cmp);
    let quantile = |part: f64| values.get((part * values.len() as f64) as usize).copied().unwrap_or(low);
    let width = 2.0 * (quantile(0.75) - quantile(0.25)) / (values.len() as f64).cbrt();
    let wanted = if width > 0.0 { ((high - low) / width).ceil() } else { INTERVALS.0 };
    let mut counts = vec![0; wanted.clamp(INTERVALS.0, INTERVALS.1) as usize];
    for value in &values {
        let index = ((value - low) / (high - low) * counts.len() as f64) as usize;
        let last = counts.len() - 1;
        if let Some(count) = counts.get_mut(index.min(last)) {
            *count += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_counts_every_residual_once() {
        let values: Vec<f64> = (0..1_000).map(|index| f64::from(index % 97) - 48.0).collect();
        assert_eq!(counts(values, -48.0, 48.0).iter().sum::<u32>(), 1_000);
    }

    #[test]
    fn equal_residuals_fall_into_one_interval() {
        let counts = counts(vec![2.0; 5], 0.0, 3.0);
        assert_eq!(counts.iter().filter(|count| **count == 5).count(), 1);
    }
}
