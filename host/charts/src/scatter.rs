//! Many points on one plot: translucent dots, or hexagons coloured by how many points they hold where dots would run
//! together. Both are in SVG units.

use std::collections::BTreeMap;

use crate::canvas::{Anchor, Area, Canvas, Outline, TICK};
use crate::colour::{Colour, POSITIVE, sequential};
use crate::number;
use crate::text::width;

/// From this many points on, a scatter plot shows density.
pub(crate) const DENSE: usize = 3_000;
/// Distance from a hexagon's centre to its corners.
const RADIUS: f64 = 5.0;
/// Half the width of a hexagon that stands on a corner, in parts of [`RADIUS`].
const HALF: f64 = 0.866_025_403_784_438_6;

/// Draws points inside an area; where it draws density, the key stands above the area at the right.
pub(crate) fn draw(canvas: &mut Canvas, area: Area, points: &[(f64, f64)]) {
    if points.len() < DENSE {
        let (radius, opacity) = match points.len() {
            0..=60 => (4.0, 0.7),
            61..=400 => (3.2, 0.55),
            _ => (2.6, 0.4),
        };
        canvas.cloud(points.iter().copied(), radius, POSITIVE, opacity);
        return;
    }
    let cells = hexagons(points);
    let most = cells.values().copied().max().unwrap_or(1);
    for ((column, row), count) in cells {
        let (x, y) = centre(column, row);
        let corners = [(0.0, -1.0), (HALF, -0.5), (HALF, 0.5), (0.0, 1.0), (-HALF, 0.5), (-HALF, -0.5)];
        let outline = Outline::polygon(corners.map(|(across, down)| (x + across * RADIUS, y + down * RADIUS)));
        canvas.fill(&outline, density(count, most), 1.0);
    }
    key(canvas, area, most);
}

/// The colour of a count: logarithmic, and never as faint as the paper.
fn density(count: u32, most: u32) -> Colour {
    let share = f64::from(count).ln() / f64::from(most.max(2)).ln();
    sequential(0.18 + 0.82 * share)
}

fn key(canvas: &mut Canvas, area: Area, most: u32) {
    let (length, height) = (90.0, 10.0);
    let end = format!("{} rows in a hexagon", number::count(u64::from(most)));
    let left = area.right() - width(&end, TICK.size, false) - 8.0 - length;
    let top = area.top - 24.0;
    let baseline = top + height / 2.0 + TICK.drop();
    canvas.text((left - 8.0, baseline), "1", TICK.anchored(Anchor::End));
    slices(canvas, Area { left, top, width: length, height }, |share| sequential(0.18 + 0.82 * share));
    canvas.text((left + length + 8.0, baseline), &end, TICK);
}

/// A bar of colours from left to right; narrow overlapping slices need no named gradient, and names would clash where
/// several figures stand in one page.
pub(crate) fn slices(canvas: &mut Canvas, area: Area, colour: impl Fn(f64) -> Colour) {
    let count = 45;
    let step = area.width / f64::from(count);
    for index in 0..count {
        let left = area.left + step * f64::from(index);
        let width = (step * 2.0).min(area.right() - left);
        canvas.rectangle(Area { left, width, ..area }, colour((f64::from(index) + 0.5) / f64::from(count)), 1.0);
    }
}

/// The same from bottom to top.
pub(crate) fn upright_slices(canvas: &mut Canvas, area: Area, colour: impl Fn(f64) -> Colour) {
    let count = 60;
    let step = area.height / f64::from(count);
    for index in 0..count {
        let top = area.top + step * f64::from(index);
        let height = (step * 2.0).min(area.bottom() - top);
        canvas.rectangle(Area { top, height, ..area }, colour(1.0 - (f64::from(index) + 0.5) / f64::from(count)), 1.0);
    }
}

/// How many points lie in each hexagon, by column and row; odd rows are shifted by half a hexagon.
fn hexagons(points: &[(f64, f64)]) -> BTreeMap<(i64, i64), u32> {
    let mut cells = BTreeMap::new();
    for (x, y) in points {
        let row = y / (RADIUS * 1.5);
        // The nearest centre belongs to the row above or below the point.
        let nearest = [row.floor(), row.ceil()]
            .map(|row| {
                let row = row as i64;
                let column = (x / (RADIUS * HALF * 2.0) - shift(row)).round() as i64;
                let (across, down) = centre(column, row);
                ((across - x).hypot(down - y), (column, row))
            })
            .into_iter()
            .min_by(|one, two| one.0.total_cmp(&two.0));
        if let Some((_, cell)) = nearest {
            *cells.entry(cell).or_insert(0) += 1;
        }
    }
    cells
}

fn shift(row: i64) -> f64 {
    if row.rem_euclid(2) == 0 { 0.0 } else { 0.5 }
}

fn centre(column: i64, row: i64) -> (f64, f64) {
    ((column as f64 + shift(row)) * RADIUS * HALF * 2.0, row as f64 * RADIUS * 1.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_falls_into_the_hexagon_that_covers_it() {
        for step in 0..2_000 {
            let point = (f64::from(step % 50) * 1.7, f64::from(step / 50) * 1.3);
            let cells = hexagons(&[point]);
            let ((column, row), count) = cells.into_iter().next().unwrap();
            let (x, y) = centre(column, row);
            assert_eq!(count, 1);
            assert!((x - point.0).hypot(y - point.1) <= RADIUS + 1e-9, "{point:?}");
        }
    }
}
