//! One prediction taken apart: from the base value at the top, one floating bar for each feature by falling magnitude, to the
//! prediction at the foot.
//!
//! Each bar begins where the one above ends. Direction is told by colour, by the sign of its number and by the side that the
//! number stands on. What is small beside the others is one bar, so that the last bar ends at the prediction.

use kumiko_vocabulary::figures::{Waterfall, WaterfallStep};

use crate::axis::{Axis, Fit, extent};
use crate::canvas::{Anchor, Area, NAME, Stroke, TICK};
use crate::colour::{INK, NEGATIVE, POSITIVE, REFERENCE};
use crate::number;
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{FOOT, GUIDE, Plot};
use crate::text::{Label, width};

/// Bars at most; what more there is comes together in the last one.
const MOST_BARS: usize = 14;
/// Longest name, with its value.
const NAME_ROOM: f64 = 250.0;
/// From the end of a bar to its number.
const VALUE_GAP: f64 = 7.0;
/// Height of a row.
const ROW: f64 = 30.0;
/// Part of a row that its bar fills.
const THICKNESS: f64 = 0.68;
/// From the end of a bar down to the beginning of the next.
const JOINT: Stroke = Stroke::solid(REFERENCE, 1.0);
/// Marks of the two ends.
const END: Stroke = Stroke::solid(INK, 2.0);

/// One bar as it is drawn.
struct Step {
    name: String,
    contribution: f64,
    /// Where the bar begins.
    from: f64,
    /// The contribution as it is read.
    text: String,
}

impl Step {
    fn to(&self) -> f64 {
        self.from + self.contribution
    }
}

pub(super) fn svg(figure: &Waterfall) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    let steps = steps(figure);
    let names = ["Base value", "Prediction"].map(|name| Label::fit(name, NAME.size, NAME_ROOM));
    let labels: Vec<Label> = steps.iter().map(|step| Label::fit(&step.name, NAME.size, NAME_ROOM)).collect();
    let widest = labels.iter().chain(&names).map(|label| label.width).fold(0.0, f64::max);
    let largest = figure.base_value.abs().max(figure.prediction.abs());
    let ends = [figure.base_value, figure.prediction].map(|value| number::aligned(value, largest));
    let room = |negative: bool| {
        let texts = steps.iter().filter(|step| (step.contribution < 0.0) == negative).map(|step| step.text.as_str());
        let ends = ends.iter().map(String::as_str).filter(|_| !negative);
        texts.chain(ends).map(|text| width(text, TICK.size, false) + VALUE_GAP).fold(0.0, f64::max)
    };
    let (low, high) = extent(steps.iter().flat_map(|step| [step.from, step.to()]));
    page.top += 2.0;
    let height = ROW * (steps.len() + 2) as f64;
    let area = page.area(MARGIN + widest + 12.0 + room(true), room(false), height);
    let plot = Plot { area, x: Axis::linear(low, high, Fit::Padded, 6), y: Axis::unit() };
    plot.columns(&mut page.canvas);
    let middle = |row: usize| area.top + (row as f64 + 0.5) * ROW;
    let beside = area.left - room(true) - 12.0;
    let base = plot.across(figure.base_value);
    page.canvas.line((base, area.top), (base, area.bottom()), GUIDE);
    for (index, (step, label)) in steps.iter().zip(&labels).enumerate() {
        let middle = middle(index + 1);
        page.canvas.label((beside, middle + NAME.drop()), label, NAME.anchored(Anchor::End));
        bar(&mut page, &plot, step, middle);
    }
    let marks = [(0, figure.base_value), (steps.len() + 1, figure.prediction)];
    for (((row, value), name), text) in marks.into_iter().zip(&names).zip(&ends) {
        let (x, middle) = (plot.across(value), middle(row));
        page.canvas.label((beside, middle + NAME.drop()), name, NAME.anchored(Anchor::End));
        page.canvas.line((x, middle - ROW * THICKNESS / 2.0), (x, middle + ROW * THICKNESS / 2.0), END);
        page.canvas.text((x + VALUE_GAP, middle + TICK.drop()), text, TICK.coloured(INK));
    }
    plot.foot(&mut page.canvas, &figure.value_label);
    page.finish(area.bottom() + FOOT)
}

/// The greatest steps by falling magnitude, and the others as one.
fn steps(figure: &Waterfall) -> Vec<Step> {
    let mut sorted: Vec<&WaterfallStep> = figure.steps.iter().collect();
    sorted.sort_by(|one, two| two.contribution.abs().total_cmp(&one.contribution.abs()));
    let kept = if sorted.len() > MOST_BARS { MOST_BARS - 1 } else { sorted.len() };
    let (shown, others) = sorted.split_at(kept);
    let name = |step: &WaterfallStep| match &step.value {
        Some(value) => format!("{} = {value}", step.name),
        None => step.name.clone(),
    };
    let mut drawn: Vec<(String, f64)> = shown.iter().map(|step| (name(step), step.contribution)).collect();
    if !others.is_empty() {
        let sum = others.iter().map(|step| step.contribution).sum();
        drawn.push((format!("{} other features", number::count(others.len() as u64)), sum));
    }
    let largest = drawn.iter().map(|(_, contribution)| contribution.abs()).fold(0.0, f64::max);
    let mut from = figure.base_value;
    drawn
        .into_iter()
        .map(|(name, contribution)| {
            let text = number::aligned(contribution, largest);
            let text = if contribution > 0.0 { format!("+{text}") } else { text };
            let step = Step { name, contribution, from, text };
            from = step.to();
            step
        })
        .collect()
}

fn bar(page: &mut Page, plot: &Plot, step: &Step, middle: f64) {
    let (from, to) = (plot.across(step.from), plot.across(step.to()));
    let thickness = ROW * THICKNESS;
    let top = middle - thickness / 2.0;
    let (colour, place, anchor) = if step.contribution < 0.0 {
        (NEGATIVE, from.min(to) - VALUE_GAP, Anchor::End)
    } else {
        (POSITIVE, from.max(to) + VALUE_GAP, Anchor::Start)
    };
    // To the bar below, or to the mark of the prediction.
    page.canvas.line((to, top + thickness), (to, top + ROW), JOINT);
    // A step too small to be seen still leaves a line.
    let width = (to - from).abs().max(1.0);
    page.canvas.rectangle(Area { left: from.min(to), top, width, height: thickness }, colour, 1.0);
    page.canvas.text((place, middle + TICK.drop()), &step.text, TICK.anchored(anchor));
}
