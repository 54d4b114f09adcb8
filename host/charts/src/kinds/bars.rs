//! Horizontal bars with their names at the left and their values at the ends. Class counts are drawn the same way.

use kumiko_vocabulary::figures::{BarOrder, Bars, Distribution, Interval};

use crate::axis::{Axis, Fit, extent};
use crate::canvas::{Anchor, Area, NAME, Stroke, TICK};
use crate::colour::{INK, NEGATIVE, POSITIVE};
use crate::number;
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{BASE, FOOT, Plot};
use crate::text::{Label, width};

/// Longest name.
const NAME_ROOM: f64 = 230.0;
/// From the end of a bar to its value.
const VALUE_GAP: f64 = 7.0;
/// Part of a row that its bar fills.
const THICKNESS: f64 = 0.68;
const WHISKER: Stroke = Stroke::solid(INK, 1.3);

/// One bar as it is drawn.
struct Row<'a> {
    name: &'a str,
    value: f64,
    interval: Option<Interval>,
    /// The value as it is read.
    text: String,
}

impl Row<'_> {
    /// The least and the greatest value that the bar and its whisker reach.
    fn reach(&self) -> (f64, f64) {
        let Interval { low, high } = self.interval.unwrap_or(Interval { low: self.value, high: self.value });
        (low.min(self.value), high.max(self.value))
    }
}

pub(super) fn svg(figure: &Bars) -> String {
    let page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    let largest = figure.bars.iter().map(|bar| bar.value.abs()).fold(0.0, f64::max);
    let mut rows: Vec<Row<'_>> = figure
        .bars
        .iter()
        .map(|bar| Row {
            name: &bar.name,
            value: bar.value,
            interval: bar.interval,
            text: number::aligned(bar.value, largest),
        })
        .collect();
    match figure.order {
        BarOrder::LargestFirst => rows.sort_by(|one, two| two.value.total_cmp(&one.value)),
        BarOrder::MagnitudeFirst => rows.sort_by(|one, two| two.value.abs().total_cmp(&one.value.abs())),
        BarOrder::Given => {}
    }
    draw(page, &rows, &figure.value_label, |low, high| Axis::linear(low, high, Fit::Exact, 6))
}

pub(super) fn distribution(figure: &Distribution) -> String {
    let page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    // As a float: the sum of counts may exceed their type.
    let total: f64 = figure.classes.iter().map(|class| class.count as f64).sum();
    let text = |count: u64| {
        let share = if total > 0.0 { format!(" ({})", number::percent(count as f64 / total)) } else { String::new() };
        format!("{}{share}", number::count(count))
    };
    let rows: Vec<Row<'_>> = figure
        .classes
        .iter()
        .map(|class| Row { name: &class.name, value: class.count as f64, interval: None, text: text(class.count) })
        .collect();
    draw(page, &rows, "Rows", |_, high| Axis::counts(high, Fit::Exact, 6))
}

/// Draws rows over the axis that `axis` makes of the least and the greatest value.
fn draw(mut page: Page, rows: &[Row<'_>], value_label: &str, axis: impl Fn(f64, f64) -> Axis) -> String {
    let height = match rows.len() {
        0..=12 => 30.0,
        13..=25 => 24.0,
        26..=50 => 19.0,
        _ => 15.5,
    };
    let names = NAME.sized(NAME.size.min(height * 0.66));
    let values = TICK.sized(TICK.size.min(height * 0.62));
    let labels: Vec<Label> = rows.iter().map(|row| Label::fit(row.name, names.size, NAME_ROOM)).collect();
    let widest = labels.iter().map(|label| label.width).fold(0.0, f64::max);
    let room = |negative: bool| {
        let texts = rows
            .iter()
            .filter(|row| (row.value < 0.0) == negative)
            .map(|row| width(&row.text, values.size, false) + VALUE_GAP);
        texts.fold(0.0, f64::max)
    };
    let (low, high) = extent(rows.iter().flat_map(|row| [row.reach().0, row.reach().1]));
    let (low, high) = (low.min(0.0), high.max(0.0));
    let high = if low == high { 1.0 } else { high };
    page.top += 2.0;
    let area = page.area(MARGIN + widest + 10.0 + room(true), room(false), height * rows.len() as f64);
    let plot = Plot { area, x: axis(low, high), y: Axis::unit() };
    plot.columns(&mut page.canvas);
    for (index, (row, label)) in rows.iter().zip(&labels).enumerate() {
        let middle = area.top + (index as f64 + 0.5) * height;
        page.canvas.label((area.left - room(true) - 10.0, middle + names.drop()), label, names.anchored(Anchor::End));
        draw_bar(&mut page, &plot, row, middle, height);
        let (least, most) = row.reach();
        let (place, anchor) = if row.value < 0.0 {
            (plot.across(least) - VALUE_GAP, Anchor::End)
        } else {
            (plot.across(most) + VALUE_GAP, Anchor::Start)
        };
        page.canvas.text((place, middle + values.drop()), &row.text, values.anchored(anchor));
    }
    let zero = plot.across(0.0);
    page.canvas.line((zero, area.top), (zero, area.bottom()), BASE);
    plot.foot(&mut page.canvas, value_label);
    page.finish(area.bottom() + FOOT)
}

fn draw_bar(page: &mut Page, plot: &Plot, row: &Row<'_>, middle: f64, height: f64) {
    let (zero, end) = (plot.across(0.0), plot.across(row.value));
    let thickness = height * THICKNESS;
    let bar = Area { left: zero.min(end), top: middle - thickness / 2.0, width: (end - zero).abs(), height: thickness };
    page.canvas.rectangle(bar, if row.value < 0.0 { NEGATIVE } else { POSITIVE }, 1.0);
    if let Some(Interval { low, high }) = row.interval {
        let (low, high, cap) = (plot.across(low), plot.across(high), thickness * 0.22);
        page.canvas.line((low, middle), (high, middle), WHISKER);
        for end in [low, high] {
            page.canvas.line((end, middle - cap), (end, middle + cap), WHISKER);
        }
    }
}
