//! Several models on several metrics: one group of bars for each metric, one colour for each model.

use kumiko_vocabulary::figures::Comparison;

use crate::axis::{Axis, Fit, extent};
use crate::canvas::{Anchor, Area, NAME, TICK};
use crate::colour::tint;
use crate::legend::{self, Entry, Mark};
use crate::number;
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{AXIS_GAP, Plot, tick_room};
use crate::text::{Label, clean, width, wrap};

const HEIGHT: f64 = 340.0;
/// Part of a group's width that its bars fill.
const FILLED: f64 = 0.78;
/// Widest bar.
const BAR: f64 = 64.0;
/// Size of the values above the bars, and the least size at which they are still written.
const VALUE_SIZES: (f64, f64) = (11.0, 7.5);
/// Longest slanted name of a metric.
const SLANTED_NAME: f64 = 120.0;

pub(super) fn svg(figure: &Comparison) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    let entries: Vec<Entry> =
        figure.models.iter().enumerate().map(|(index, name)| Entry::new(Mark::Block(tint(index), 1.0), name)).collect();
    legend::row(&mut page, &entries);
    page.caption(&figure.value_label);
    let (low, high) = extent(figure.metrics.iter().flat_map(|metric| metric.values.iter().flatten().copied()));
    let high = if low >= 0.0 && high <= 0.0 { 1.0 } else { high.max(0.0) };
    let y = Axis::linear(low.min(0.0), high, Fit::Ticks, 5);
    let area = page.area(MARGIN + tick_room(&y), 0.0, HEIGHT);
    let plot = Plot { area, x: Axis::unit(), y };
    plot.levels(&mut page.canvas);
    let group = area.width / figure.metrics.len() as f64;
    let bar = (group * FILLED / figure.models.len() as f64).min(BAR);
    let largest = low.abs().max(high);
    let texts: Vec<Vec<Option<String>>> = figure
        .metrics
        .iter()
        .map(|metric| metric.values.iter().map(|value| Some(number::aligned((*value)?, largest))).collect())
        .collect();
    let size = value_size(texts.iter().flatten().flatten(), bar);
    for (index, (metric, texts)) in figure.metrics.iter().zip(&texts).enumerate() {
        let middle = area.left + (index as f64 + 0.5) * group;
        let start = middle - bar * figure.models.len() as f64 / 2.0;
        for (model, (value, text)) in metric.values.iter().zip(texts).enumerate() {
            if let (Some(value), Some(text)) = (value, text) {
                let place = (start + model as f64 * bar, bar);
                draw_bar(&mut page, &plot, place, model, *value);
                if let Some(size) = size {
                    write_value(&mut page, &plot, place, *value, text, size);
                }
            }
        }
    }
    plot.ground(&mut page.canvas);
    let bottom = group_names(&mut page, figure, area, group);
    page.finish(bottom)
}

/// The size at which every value fits above its bar; none where that would be too small to read.
fn value_size<'a>(texts: impl Iterator<Item = &'a String>, bar: f64) -> Option<f64> {
    let widest = texts.map(|text| width(text, 1.0, false)).fold(0.0, f64::max);
    let size = VALUE_SIZES.0.min((bar - 1.0) / widest);
    (size >= VALUE_SIZES.1).then_some(size)
}

fn draw_bar(page: &mut Page, plot: &Plot, (left, width): (f64, f64), model: usize, value: f64) {
    let (zero, end) = (plot.up(0.0), plot.up(value));
    let gap = (width * 0.08).min(2.0);
    let bar = Area { left: left + gap / 2.0, top: zero.min(end), width: width - gap, height: (zero - end).abs() };
    page.canvas.rectangle(bar, tint(model), 1.0);
}

fn write_value(page: &mut Page, plot: &Plot, (left, width): (f64, f64), value: f64, text: &str, size: f64) {
    let end = plot.up(value);
    let baseline = if value < 0.0 { end + size + 3.0 } else { end - 5.0 };
    page.canvas.text((left + width / 2.0, baseline), text, TICK.sized(size).anchored(Anchor::Middle));
}

/// Names under the groups: level in at most two lines if all fit, else slanted. Answers where they end.
fn group_names(page: &mut Page, figure: &Comparison, area: Area, group: f64) -> f64 {
    let size = NAME.size.min(group * 0.8).max(7.0);
    let style = NAME.sized(size);
    let broken: Vec<Vec<String>> =
        figure.metrics.iter().map(|metric| level_lines(&metric.name, size, group - 8.0)).collect();
    let middle = |index: usize| area.left + (index as f64 + 0.5) * group;
    if broken.iter().all(|lines| !lines.is_empty()) {
        for (index, lines) in broken.iter().enumerate() {
            for (line, words) in lines.iter().enumerate() {
                let baseline = area.bottom() + AXIS_GAP + 13.0 + line as f64 * size * 1.3;
                page.canvas.text((middle(index), baseline), words, style.anchored(Anchor::Middle));
            }
        }
        let most = broken.iter().map(Vec::len).max().unwrap_or(1);
        return area.bottom() + 24.0 + (most - 1) as f64 * size * 1.3;
    }
    let labels: Vec<Label> = figure.metrics.iter().map(|metric| Label::fit(&metric.name, size, SLANTED_NAME)).collect();
    for (index, label) in labels.iter().enumerate() {
        page.canvas.label(
            (middle(index) + style.drop(), area.bottom() + 16.0),
            label,
            style.anchored(Anchor::End).turned(-40.0),
        );
    }
    area.bottom() + labels.iter().map(|label| label.width).fold(0.0, f64::max) * 0.65 + 20.0
}

/// A name broken between its words into at most two lines; none if it does not fit.
fn level_lines(name: &str, size: f64, room: f64) -> Vec<String> {
    let name = clean(name);
    let lines = wrap(&name, size, false, room, 2);
    if lines.join(" ") == name { lines } else { Vec::new() }
}
