//! Frequencies over intervals: bars for one sample, translucent steps for several.

use kumiko_vocabulary::figures::{Histogram, HistogramSeries};

use crate::axis::{Axis, Fit, extent};
use crate::canvas::{Area, Outline, Stroke};
use crate::colour::category;
use crate::legend::{self, Entry, Mark};
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{FOOT, Plot, tick_room};

const HEIGHT: f64 = 360.0;
/// Opacity of a sample that lies over others.
const OVERLAID: f64 = 0.28;

pub(super) fn svg(figure: &Histogram) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    if figure.series.len() > 1 {
        let entries: Vec<Entry> = figure
            .series
            .iter()
            .enumerate()
            .map(|(index, series)| Entry::new(Mark::Block(category(index), 0.6), &series.name))
            .collect();
        legend::row(&mut page, &entries);
    }
    page.caption(&figure.y_label);
    let most = extent(figure.series.iter().flat_map(|series| series.values.iter().copied())).1;
    let y = Axis::linear(0.0, if most > 0.0 { most } else { 1.0 }, Fit::Ticks, 6);
    let (left, right) = extent(figure.edges.iter().copied());
    let area = page.area(MARGIN + tick_room(&y), 0.0, HEIGHT);
    let plot = Plot { area, x: Axis::linear(left, right, Fit::Padded, 8), y };
    plot.levels(&mut page.canvas);
    plot.column_labels(&mut page.canvas);
    for (index, series) in figure.series.iter().enumerate() {
        if figure.series.len() == 1 {
            bars(&mut page, &plot, &figure.edges, series);
        } else {
            steps(&mut page, &plot, &figure.edges, series, index);
        }
    }
    plot.ground(&mut page.canvas);
    plot.foot(&mut page.canvas, &figure.x_label);
    page.finish(area.bottom() + FOOT)
}

fn bars(page: &mut Page, plot: &Plot, edges: &[f64], series: &HistogramSeries) {
    for (from, to, value) in intervals(edges, series) {
        let (left, right, top) = (plot.across(from), plot.across(to), plot.up(value));
        let gap = ((right - left) * 0.08).min(1.5);
        let bar = Area { left: left + gap / 2.0, top, width: right - left - gap, height: plot.area.bottom() - top };
        page.canvas.rectangle(bar, category(0), 0.85);
    }
}

fn steps(page: &mut Page, plot: &Plot, edges: &[f64], series: &HistogramSeries, index: usize) {
    let ends = edges.first().into_iter().chain(edges.last()).map(|edge| plot.at(*edge, 0.0));
    let tops = intervals(edges, series).flat_map(|(from, to, value)| [plot.at(from, value), plot.at(to, value)]);
    let mut corners: Vec<(f64, f64)> = ends.clone().take(1).chain(tops).collect();
    corners.extend(ends.skip(1));
    page.canvas.fill(&Outline::polygon(corners.iter().copied()), category(index), OVERLAID);
    page.canvas.trace(&Outline::through(corners), Stroke::solid(category(index), 1.8));
}

/// Each interval with its frequency.
fn intervals<'a>(edges: &'a [f64], series: &'a HistogramSeries) -> impl Iterator<Item = (f64, f64, f64)> + 'a {
    edges.iter().zip(edges.iter().skip(1)).zip(&series.values).map(|((from, to), value)| (*from, *to, *value))
}
