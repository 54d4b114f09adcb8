//! Curves inside the unit square: ROC and precision-recall. The legend beside the square carries the areas.

use kumiko_vocabulary::figures::{PrecisionRecallCurve, RocCurve, ScoredCurve};

use crate::axis::Axis;
use crate::canvas::{Area, Outline, Stroke};
use crate::colour::{category, dash};
use crate::legend::{self, Entry, Mark, REFERENCE_MARK};
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{FOOT, GUIDE, Plot, tick_room};

/// Width and height of the square.
const SIDE: f64 = 450.0;
/// From the square to the legend.
pub(super) const LEGEND_GAP: f64 = 30.0;

pub(super) fn roc(figure: &RocCurve) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    page.caption("True positive rate");
    let plot = square(&mut page, SIDE, 0.0);
    plot.column_labels(&mut page.canvas);
    plot.foot(&mut page.canvas, "False positive rate");
    page.canvas.line(plot.at(0.0, 0.0), plot.at(1.0, 1.0), GUIDE);
    let chance = Entry::new(REFERENCE_MARK, "Chance").valued(Some("AUC 0.500".to_owned()));
    draw(page, &plot, &figure.curves, "AUC", Some(chance))
}

pub(super) fn precision_recall(figure: &PrecisionRecallCurve) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    page.caption("Precision");
    let plot = square(&mut page, SIDE, 0.0);
    plot.column_labels(&mut page.canvas);
    plot.foot(&mut page.canvas, "Recall");
    let chance = figure.prevalence.map(|prevalence| {
        page.canvas.line(plot.at(0.0, prevalence), plot.at(1.0, prevalence), GUIDE);
        Entry::new(REFERENCE_MARK, "Chance").valued(Some(format!("AP {prevalence:.3}")))
    });
    draw(page, &plot, &figure.curves, "AP", chance)
}

/// A square from 0 to 1 both ways at the left margin, with its grid; the horizontal axis has no labels yet. `room` is
/// the least width for the labels of the upright one.
pub(super) fn square(page: &mut Page, side: f64, room: f64) -> Plot {
    let (x, y) = (Axis::unit(), Axis::unit());
    let area = Area { left: MARGIN + tick_room(&y).max(room), top: page.top, width: side, height: side };
    let plot = Plot { area, x, y };
    plot.levels(&mut page.canvas);
    plot.column_lines(&mut page.canvas);
    plot
}

/// The look of the line at `index` among `count`.
pub(super) fn stroke(index: usize, count: usize) -> Stroke {
    Stroke::dashed(category(index), if count <= 5 { 2.4 } else { 1.8 }, dash(index))
}

/// What is to the right of a square.
pub(super) fn beside(page: &Page, area: Area) -> Area {
    let left = area.right() + LEGEND_GAP;
    Area { left, width: page.width - MARGIN - left, ..area }
}

fn draw(mut page: Page, plot: &Plot, curves: &[ScoredCurve], measure: &str, reference: Option<Entry>) -> String {
    let count = curves.len();
    // The first curve is the one that matters most: it lies on top.
    for (index, curve) in curves.iter().enumerate().rev() {
        let places = || curve.points.iter().map(|point| plot.at(point.x.clamp(0.0, 1.0), point.y.clamp(0.0, 1.0)));
        if let ([first, .., last], 1) = (curve.points.as_slice(), count) {
            let floor = [plot.at(last.x, 0.0), plot.at(first.x, 0.0)];
            page.canvas.fill(&Outline::polygon(places().chain(floor)), category(index), 0.08);
        }
        page.canvas.trace(&Outline::through(places()), stroke(index, count));
        if curve.points.len() == 1 {
            places().for_each(|place| page.canvas.marker(place, 5.0, category(index)));
        }
    }
    let mut entries: Vec<Entry> = curves
        .iter()
        .enumerate()
        .map(|(index, curve)| {
            Entry::new(Mark::Line(stroke(index, count)), &curve.name)
                .valued(Some(format!("{measure} {:.3}", curve.area)))
        })
        .collect();
    entries.extend(reference);
    let room = beside(&page, plot.area);
    legend::column(&mut page, room, &entries);
    page.finish(plot.area.bottom() + FOOT)
}
