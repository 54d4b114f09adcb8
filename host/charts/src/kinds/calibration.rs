//! Observed frequency over predicted probability, above a strip that shows how many rows each bin holds.

use kumiko_vocabulary::figures::Calibration;

use super::curves::{beside, square, stroke};
use crate::axis::{Axis, Fit, extent};
use crate::canvas::{AXIS, Area, Outline};
use crate::colour::category;
use crate::legend::{self, Entry, Mark, REFERENCE_MARK};
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{FOOT, GUIDE, Plot, tick_room};

/// Width and height of the square.
const SIDE: f64 = 420.0;
/// Height of the strip.
const STRIP: f64 = 84.0;
/// From the square to the strip, with the strip's title in between.
const STRIP_GAP: f64 = 38.0;

pub(super) fn svg(figure: &Calibration) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    page.caption("Observed frequency");
    // The strip below carries the labels of the axis that both share.
    let most = extent(figure.curves.iter().flat_map(|curve| curve.bins.iter().map(|bin| bin.count as f64))).1;
    let rows = Axis::counts(most, Fit::Ticks, 2);
    let plot = square(&mut page, SIDE, tick_room(&rows));
    page.canvas.line(plot.at(0.0, 0.0), plot.at(1.0, 1.0), GUIDE);
    let count = figure.curves.len();
    for (index, curve) in figure.curves.iter().enumerate().rev() {
        let places =
            || curve.bins.iter().map(|bin| plot.at(bin.predicted.clamp(0.0, 1.0), bin.observed.clamp(0.0, 1.0)));
        page.canvas.trace(&Outline::through(places()), stroke(index, count));
        if curve.bins.len() <= 30 {
            places().for_each(|place| page.canvas.marker(place, 4.5, category(index)));
        }
    }
    let bottom = strip(&mut page, &plot, rows, figure);
    let mut entries: Vec<Entry> = figure
        .curves
        .iter()
        .enumerate()
        .map(|(index, curve)| {
            Entry::new(Mark::Line(stroke(index, count)), &curve.name)
                .valued(curve.brier.map(|brier| format!("Brier {brier:.3}")))
        })
        .collect();
    entries.push(Entry::new(REFERENCE_MARK, "Perfect calibration"));
    let room = beside(&page, plot.area);
    legend::column(&mut page, room, &entries);
    page.finish(bottom)
}

/// Bars at the bins' mean predictions, those of several curves side by side. Answers where the figure ends.
fn strip(page: &mut Page, plot: &Plot, rows: Axis, figure: &Calibration) -> f64 {
    let top = plot.area.bottom() + STRIP_GAP;
    page.canvas.text((MARGIN, top - 12.0), "Rows in each bin", AXIS);
    let strip = Plot { area: Area { top, height: STRIP, ..plot.area }, x: Axis::unit(), y: rows };
    strip.levels(&mut page.canvas);
    strip.columns(&mut page.canvas);
    let count = figure.curves.len() as f64;
    let width = (24.0 / count).clamp(1.5, 9.0);
    for (index, curve) in figure.curves.iter().enumerate() {
        let offset = (index as f64 - (count - 1.0) / 2.0) * width;
        for bin in &curve.bins {
            let peak = strip.up(bin.count as f64);
            let left = strip.across(bin.predicted.clamp(0.0, 1.0)) + offset - width / 2.0;
            let bar = Area { left, top: peak, width, height: strip.area.bottom() - peak };
            page.canvas.rectangle(bar, category(index), 1.0);
        }
    }
    strip.ground(&mut page.canvas);
    strip.foot(&mut page.canvas, "Mean predicted probability");
    strip.area.bottom() + FOOT
}
