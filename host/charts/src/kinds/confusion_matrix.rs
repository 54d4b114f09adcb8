//! Counts of true (rows) against predicted classes (columns), coloured by the share of the row. Numbers are written as
//! far as cells have room; a browser shows every count under the pointer.

use kumiko_vocabulary::figures::ConfusionMatrix;

use crate::canvas::{AXIS, Anchor, Area, Canvas, NAME, Stroke, TICK, TextStyle};
use crate::colour::{GRID, REFERENCE, sequential};
use crate::number;
use crate::page::{MARGIN, Page};
use crate::scatter::upright_slices;
use crate::text::{Label, width};

/// Width and height of the cells together, as long as each stays between the two bounds below.
const SIDE: f64 = 560.0;
const SMALLEST_CELL: f64 = 9.6;
const LARGEST_CELL: f64 = 150.0;
/// Narrowest page, for the title.
const MINIMUM_WIDTH: f64 = 500.0;
/// Cells below this size carry no numbers.
const NUMBERED_CELL: f64 = 26.0;
/// Cells below this size carry no percentage.
const PERCENT_CELL: f64 = 40.0;
/// Cells below this size have upright column names instead of slanted ones.
const SLANTED_CELL: f64 = 22.0;

/// Longest name beside a row.
const ROW_NAME: f64 = 170.0;
/// Longest name under a column.
const COLUMN_NAME: f64 = 125.0;
/// Longest name in what a browser shows under the pointer, at a size of 12.
const EXPLAINED_NAME: f64 = 400.0;
/// From the matrix to the colour bar.
const BAR_GAP: f64 = 34.0;
const BAR_WIDTH: f64 = 13.0;
/// From the colour bar to the margin: its labels.
const BAR_LABELS: f64 = 52.0;

pub(super) fn svg(figure: &ConfusionMatrix) -> String {
    let count = figure.classes.len() as f64;
    let cell = (SIDE / count).clamp(SMALLEST_CELL, LARGEST_CELL);
    let side = cell * count;
    let style = NAME.sized((cell * 0.78).clamp(7.5, 12.5));
    let rows: Vec<Label> = figure.classes.iter().map(|name| Label::fit(name, style.size, ROW_NAME)).collect();
    let names = rows.iter().map(|label| label.width).fold(46.0, f64::max);
    let left = MARGIN + names + 10.0;
    let page_width = (left + side + BAR_GAP + BAR_WIDTH + BAR_LABELS + MARGIN).max(MINIMUM_WIDTH);
    let mut page = Page::new(page_width, &figure.title, figure.subtitle.as_deref());
    page.caption("True class");
    let area = Area { left, top: page.top, width: side, height: side };

    for (index, label) in rows.iter().enumerate() {
        let y = area.top + (index as f64 + 0.5) * cell;
        page.canvas.label((left - 10.0, y + style.drop()), label, style.anchored(Anchor::End));
    }
    page.canvas.rectangle(area, sequential(0.0), 1.0);
    let numbers = Numbers::of(figure, cell);
    for (row, counts) in figure.counts.iter().enumerate() {
        draw_row(&mut page, Area { top: area.top + row as f64 * cell, height: cell, ..area }, row, counts, &numbers);
    }
    page.canvas.border(area, Stroke::solid(GRID, 1.0));
    let bottom = column_names(&mut page, figure, area, cell, style);
    page.canvas.text((left + side / 2.0, bottom + 22.0), "Predicted class", AXIS.anchored(Anchor::Middle));
    colour_bar(&mut page, area);
    page.finish(bottom + 24.0)
}

/// How counts are written into cells.
struct Numbers {
    cell: f64,
    style: TextStyle,
    /// Whether counts are written short because the longest does not fit in full.
    short: bool,
    /// The names as they stand in explanations.
    names: Vec<String>,
}

impl Numbers {
    fn of(figure: &ConfusionMatrix, cell: f64) -> Self {
        let style = NAME.sized((cell * 0.25).clamp(8.5, 19.0)).anchored(Anchor::Middle);
        let largest = figure.counts.iter().flatten().copied().max().unwrap_or(0);
        let short = width(&number::count(largest), style.size, true) > cell - 10.0;
        let names = figure.classes.iter().map(|name| Label::fit(name, 12.0, EXPLAINED_NAME).shown).collect();
        Self { cell, style, short, names }
    }

    fn write(&self, canvas: &mut Canvas, (x, y): (f64, f64), count: u64, share: f64, diagonal: bool) {
        if self.cell < NUMBERED_CELL {
            return;
        }
        if count == 0 {
            // Nothing to see: a faint zero leaves the eye to the errors.
            canvas.text((x, y + self.style.drop()), "0", self.style.coloured(REFERENCE));
            return;
        }
        let colour = sequential(share).text_upon();
        let text = if self.short { number::compact(count as f64) } else { number::count(count) };
        let room = (self.cell - 4.0) / width(&text, self.style.size, diagonal);
        let large =
            TextStyle { bold: diagonal, size: self.style.size * room.clamp(0.5, 1.0), ..self.style.coloured(colour) };
        let with_percent = self.cell >= PERCENT_CELL;
        let rise = if with_percent { large.size * 0.42 } else { 0.0 };
        canvas.text((x, y + large.drop() - rise), &text, large);
        if with_percent {
            let small = TextStyle { size: (self.cell * 0.15).clamp(8.0, 12.0), bold: false, ..large };
            canvas.text((x, y + large.size * 0.62 + small.drop()), &number::percent(share), small);
        }
    }
}

fn draw_row(page: &mut Page, strip: Area, row: usize, counts: &[u64], numbers: &Numbers) {
    let cell = strip.height;
    let gap = (cell * 0.02).clamp(0.25, 1.5);
    // As a float: the sum of counts may exceed their type.
    let total: f64 = counts.iter().map(|count| *count as f64).sum();
    let truth = numbers.names.get(row).map_or("", String::as_str);
    for (column, (count, predicted)) in counts.iter().zip(&numbers.names).enumerate() {
        let square = Area {
            left: strip.left + column as f64 * cell + gap / 2.0,
            top: strip.top + gap / 2.0,
            width: cell - gap,
            height: cell - gap,
        };
        let place = (square.left + square.width / 2.0, square.top + square.height / 2.0);
        if *count == 0 {
            numbers.write(&mut page.canvas, place, 0, 0.0, row == column);
            continue;
        }
        let share = *count as f64 / total;
        let words =
            format!("true {truth}, predicted {predicted}: {} ({})", number::count(*count), number::percent(share));
        page.canvas.explained(&words, |canvas| {
            canvas.rectangle(square, sequential(share), 1.0);
            numbers.write(canvas, place, *count, share, row == column);
        });
    }
}

/// Names under the columns: level if all fit, else slanted, else upright. Answers where they end.
fn column_names(page: &mut Page, figure: &ConfusionMatrix, area: Area, cell: f64, style: TextStyle) -> f64 {
    let room = if area.left < COLUMN_NAME { area.left } else { COLUMN_NAME };
    let labels: Vec<Label> = figure.classes.iter().map(|name| Label::fit(name, style.size, room)).collect();
    let widest = labels.iter().map(|label| label.width).fold(0.0, f64::max);
    let level = widest <= cell - 8.0;
    let slanted = cell >= SLANTED_CELL;
    for (index, label) in labels.iter().enumerate() {
        let x = area.left + (index as f64 + 0.5) * cell;
        if level {
            page.canvas.label((x, area.bottom() + 20.0), label, style.anchored(Anchor::Middle));
        } else if slanted {
            page.canvas.label(
                (x + style.drop(), area.bottom() + 14.0),
                label,
                style.anchored(Anchor::End).turned(-45.0),
            );
        } else {
            page.canvas.label(
                (x + style.drop(), area.bottom() + 8.0),
                label,
                style.anchored(Anchor::End).turned(-90.0),
            );
        }
    }
    area.bottom()
        + if level {
            20.0
        } else if slanted {
            widest * 0.71 + 18.0
        } else {
            widest + 8.0
        }
}

fn colour_bar(page: &mut Page, area: Area) {
    let height = area.height.min(260.0);
    let bar = Area { left: area.right() + BAR_GAP, top: area.top, width: BAR_WIDTH, height };
    let title = "Share of true class";
    // Above the bar and flush with its labels.
    page.canvas.text((bar.right() + BAR_LABELS - 8.0, area.top - 15.0), title, AXIS.anchored(Anchor::End));
    upright_slices(&mut page.canvas, bar, sequential);
    page.canvas.border(bar, Stroke::solid(GRID, 1.0));
    for step in 0..=4_u32 {
        let share = f64::from(step) / 4.0;
        let y = bar.bottom() - share * bar.height;
        page.canvas.text((bar.right() + 8.0, y + TICK.drop()), &format!("{}%", step * 25), TICK);
    }
}
