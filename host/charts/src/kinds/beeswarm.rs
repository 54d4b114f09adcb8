//! Contributions of features to predictions: one row of dots for each feature, coloured by the feature's value.
//!
//! Dots that would cover each other are stacked around the middle of the row, low values under high ones. A feature's colours run from its 5th to
//! its 95th percentile, so that a few extreme values do not leave all others in one colour.

use std::collections::BTreeMap;

use kumiko_vocabulary::figures::{Beeswarm, FeatureContributions};

use crate::axis::{Axis, Fit, extent};
use crate::canvas::{AXIS, Anchor, Area, NAME, TICK};
use crate::colour::{MISSING, low_to_high};
use crate::page::{MARGIN, Page, WIDTH};
use crate::plot::{BASE, FOOT, Plot};
use crate::scatter::upright_slices;
use crate::text::Label;

/// Longest name.
const NAME_ROOM: f64 = 200.0;
/// Colours that are told apart; dots of one colour are one element.
const LEVELS: f64 = 24.0;
/// Room at the right for the colour bar with its words.
const KEY: f64 = 84.0;
/// Part of a row's height that dots fill.
const FILLED: f64 = 0.84;

pub(super) fn svg(figure: &Beeswarm) -> String {
    let mut page = Page::new(WIDTH, &figure.title, figure.subtitle.as_deref());
    let mut features: Vec<&FeatureContributions> = figure.features.iter().collect();
    features.sort_by(|one, two| magnitude(two).total_cmp(&magnitude(one)));
    let height = match features.len() {
        0..=10 => 40.0,
        11..=20 => 32.0,
        _ => 25.0,
    };
    let labels: Vec<Label> = features.iter().map(|feature| Label::fit(&feature.name, NAME.size, NAME_ROOM)).collect();
    let widest = labels.iter().map(|label| label.width).fold(0.0, f64::max);
    let (low, high) = extent(features.iter().flat_map(|feature| feature.points.iter().map(|point| point.contribution)));
    page.top += 2.0;
    let area = page.area(MARGIN + widest + 12.0, KEY, height * features.len() as f64);
    let plot = Plot { area, x: Axis::linear(low.min(0.0), high.max(0.0), Fit::Padded, 6), y: Axis::unit() };
    plot.columns(&mut page.canvas);
    let zero = plot.across(0.0);
    page.canvas.line((zero, area.top), (zero, area.bottom()), BASE);
    for (index, (feature, label)) in features.iter().zip(&labels).enumerate() {
        let middle = area.top + (index as f64 + 0.5) * height;
        page.canvas.label((area.left - 12.0, middle + NAME.drop()), label, NAME.anchored(Anchor::End));
        swarm(&mut page, &plot, feature, middle, height);
    }
    plot.foot(&mut page.canvas, &figure.value_label);
    let missing = features.iter().any(|feature| feature.points.iter().any(|point| point.value.is_none()));
    key(&mut page, area, missing);
    page.finish(area.bottom() + FOOT)
}

fn magnitude(feature: &FeatureContributions) -> f64 {
    feature.points.iter().map(|point| point.contribution.abs()).sum::<f64>() / feature.points.len() as f64
}

fn swarm(page: &mut Page, plot: &Plot, feature: &FeatureContributions, middle: f64, height: f64) {
    let radius = if feature.points.len() <= 300 { 2.6 } else { 1.9 };
    let range = colour_range(feature);
    let mut stacks: BTreeMap<i64, Vec<(Option<u32>, f64)>> = BTreeMap::new();
    for point in &feature.points {
        let x = plot.across(point.contribution);
        stacks.entry((x / (radius * 1.5)).round() as i64).or_default().push((level(point.value, range), x));
    }
    let tallest = stacks.values().map(Vec::len).max().unwrap_or(1);
    let apart = (height * FILLED / tallest as f64).min(radius * 1.7);
    let mut colours: BTreeMap<Option<u32>, Vec<(f64, f64)>> = BTreeMap::new();
    for stack in stacks.values_mut() {
        // Low values at the bottom: where dots run together, their colours still show as layers.
        stack.sort_by_key(|(level, _)| *level);
        let half = (stack.len() - 1) as f64 / 2.0;
        for (index, (level, x)) in stack.iter().enumerate() {
            colours.entry(*level).or_default().push((*x, middle - (index as f64 - half) * apart));
        }
    }
    for (level, places) in colours {
        let colour = level.map_or(MISSING, |level| low_to_high(f64::from(level) / LEVELS));
        page.canvas.dots(places, radius, colour);
    }
}

/// The 5th and the 95th percentile of a feature's values, or the extremes where these are equal.
fn colour_range(feature: &FeatureContributions) -> (f64, f64) {
    let mut values: Vec<f64> = feature.points.iter().filter_map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    let at =
        |part: f64| values.get((part * values.len().saturating_sub(1) as f64).round() as usize).copied().unwrap_or(0.0);
    let (low, high) = (at(0.05), at(0.95));
    if low < high { (low, high) } else { (at(0.0), at(1.0)) }
}

fn level(value: Option<f64>, (low, high): (f64, f64)) -> Option<u32> {
    let share = if low < high { (value? - low) / (high - low) } else { value.map(|_| 0.5)? };
    Some((share.clamp(0.0, 1.0) * LEVELS).round() as u32)
}

fn key(page: &mut Page, area: Area, missing: bool) {
    let height = area.height.min(220.0) - 40.0;
    let bar = Area {
        left: area.right() + 42.0,
        top: area.top + (area.height - height) / 2.0,
        width: 11.0,
        height: height.max(20.0),
    };
    let middle = bar.left + bar.width / 2.0;
    upright_slices(&mut page.canvas, bar, low_to_high);
    page.canvas.text((middle, bar.top - 9.0), "High", TICK.anchored(Anchor::Middle));
    page.canvas.text((middle, bar.bottom() + 18.0), "Low", TICK.anchored(Anchor::Middle));
    if missing {
        let y = bar.bottom() + 40.0;
        page.canvas.dots([(middle - 29.0, y)], 2.6, MISSING);
        page.canvas.text((middle - 22.0, y + TICK.drop()), "no value", TICK);
    }
    let beside = (bar.right() + 18.0, bar.top + bar.height / 2.0);
    if bar.height >= 90.0 {
        page.canvas.text(beside, "Feature value", AXIS.anchored(Anchor::Middle).turned(-90.0));
    }
}
