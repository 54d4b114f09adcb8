//! Predictions over actual values: a square whose diagonal is the perfect model.

use kumiko_vocabulary::figures::PredictedActual;

use crate::axis::{Axis, Fit, extent};
use crate::canvas::Area;
use crate::legend::{self, Entry, REFERENCE_MARK};
use crate::page::{MARGIN, Page};
use crate::plot::{FOOT, GUIDE, Plot, tick_room};
use crate::scatter;

/// Width and height of the square.
const SIDE: f64 = 500.0;

pub(super) fn svg(figure: &PredictedActual) -> String {
    let (low, high) = extent(figure.points.iter().flat_map(|point| [point.actual, point.predicted]));
    let axis = Axis::linear(low, high, Fit::Padded, 6);
    let left = MARGIN + tick_room(&axis);
    let mut page = Page::new(left + SIDE + MARGIN, &figure.title, figure.subtitle.as_deref());
    legend::row(&mut page, &[Entry::new(REFERENCE_MARK, "Perfect prediction")]);
    let unit = super::in_unit(figure.unit.as_deref());
    page.caption(&format!("Predicted value{unit}"));
    let area = Area { left, top: page.top, width: SIDE, height: SIDE };
    let plot = Plot { area, x: axis.clone(), y: axis };
    plot.levels(&mut page.canvas);
    plot.columns(&mut page.canvas);
    plot.foot(&mut page.canvas, &format!("Actual value{unit}"));
    let places: Vec<(f64, f64)> = figure.points.iter().map(|point| plot.at(point.actual, point.predicted)).collect();
    scatter::draw(&mut page.canvas, plot.area, &places);
    page.canvas.line((area.left, area.bottom()), (area.right(), area.top), GUIDE);
    page.finish(plot.area.bottom() + FOOT)
}
