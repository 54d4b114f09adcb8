//! Named series over a numeric axis, with bands where they have intervals. Few series that end together carry their names
//! at their ends; others have a legend.

use kumiko_vocabulary::figures::{Lines, Series};

use super::curves::stroke;
use crate::axis::{Axis, Fit, extent};
use crate::canvas::{NAME, Outline, Stroke};
use crate::colour::{REFERENCE, category};
use crate::legend::{self, Entry, Mark};
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{FOOT, Plot, tick_room};
use crate::text::Label;

const HEIGHT: f64 = 380.0;
/// Up to this many series are named at their ends.
const DIRECT: usize = 6;
/// Longest name at the end of a line.
const NAME_ROOM: f64 = 150.0;
/// From the end of a line to its name.
const NAME_GAP: f64 = 12.0;
/// Up to this many points are marked by dots.
const MARKED: usize = 25;

pub(super) fn svg(figure: &Lines) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    let count = figure.series.len();
    let points = || figure.series.iter().flat_map(|series| &series.points);
    let (left, right) = extent(points().map(|point| point.x));
    let (low, high) = extent(points().flat_map(|point| {
        let ends = point.interval.map_or([point.y; 2], |interval| [interval.low, interval.high]);
        [point.y].into_iter().chain(ends)
    }));
    let x = Axis::over(figure.x_scale, left, right, Fit::Padded, 7);
    let y = Axis::over(figure.y_scale, low, high, Fit::Ticks, 6);
    let ends: Vec<(f64, f64)> = figure
        .series
        .iter()
        .filter_map(|series| series.points.last())
        .map(|point| (x.share(point.x), y.share(point.y)))
        .collect();
    let last = x.share(right);
    let direct = count <= DIRECT && ends.iter().all(|end| last - end.0 < 0.03);
    let labels: Vec<Label> =
        figure.series.iter().map(|series| Label::fit(&series.name, NAME.size, NAME_ROOM)).collect();
    let room = if direct { labels.iter().map(|label| label.width).fold(0.0, f64::max) + NAME_GAP } else { 0.0 };
    if !direct {
        let entries: Vec<Entry> = figure
            .series
            .iter()
            .enumerate()
            .map(|(index, series)| Entry::new(Mark::Line(stroke(index, count)), &series.name))
            .collect();
        legend::row(&mut page, &entries);
    }
    page.caption(&figure.y_label);
    let area = page.area(MARGIN + tick_room(&y), room, HEIGHT);
    let plot = Plot { area, x, y };
    plot.levels(&mut page.canvas);
    plot.columns(&mut page.canvas);
    plot.foot(&mut page.canvas, &figure.x_label);
    for (index, series) in figure.series.iter().enumerate() {
        band(&mut page, &plot, series, index);
    }
    for (index, series) in figure.series.iter().enumerate().rev() {
        line(&mut page, &plot, series, index, count);
    }
    if direct {
        name_ends(&mut page, &plot, &labels, &ends);
    }
    page.finish(area.bottom() + FOOT)
}

fn band(page: &mut Page, plot: &Plot, series: &Series, index: usize) {
    let limits: Vec<_> =
        series.points.iter().filter_map(|point| point.interval.map(|interval| (point.x, interval))).collect();
    if limits.len() > 1 {
        let upper = limits.iter().map(|(x, interval)| plot.at(*x, interval.high));
        let lower = limits.iter().map(|(x, interval)| plot.at(*x, interval.low));
        page.canvas.fill(&Outline::between(upper, lower), category(index), 0.16);
    } else if let Some((x, interval)) = limits.first() {
        page.canvas.line(plot.at(*x, interval.low), plot.at(*x, interval.high), Stroke::solid(category(index), 1.4));
    }
}

fn line(page: &mut Page, plot: &Plot, series: &Series, index: usize, count: usize) {
    let places = || series.points.iter().map(|point| plot.at(point.x, point.y));
    page.canvas.trace(&Outline::through(places()), stroke(index, count));
    if series.points.len() <= MARKED {
        places().for_each(|place| {
            page.canvas.marker(place, if series.points.len() == 1 { 5.0 } else { 3.8 }, category(index))
        });
    }
}

fn name_ends(page: &mut Page, plot: &Plot, labels: &[Label], ends: &[(f64, f64)]) {
    let heights: Vec<f64> = ends.iter().map(|end| plot.area.bottom() - end.1 * plot.area.height).collect();
    let places = legend::spread(&heights, 17.0, plot.area.top, plot.area.bottom());
    for (index, ((label, place), (height, end))) in labels.iter().zip(places).zip(heights.iter().zip(ends)).enumerate()
    {
        let left = plot.area.right() + NAME_GAP;
        if (place - height).abs() > 4.0 {
            let from = plot.area.left + end.0 * plot.area.width + 6.0;
            page.canvas.line((from, *height), (left - 3.0, place), Stroke::solid(REFERENCE, 0.8));
        }
        page.canvas.label((left, place + NAME.drop()), label, NAME.coloured(crate::colour::readable(index)));
    }
}
