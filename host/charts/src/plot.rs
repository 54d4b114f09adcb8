//! A rectangle with two axes: places for values, grid, ticks and axis titles.

use crate::axis::{Axis, Tick};
use crate::canvas::{AXIS, Anchor, Area, Canvas, Stroke, TICK};
use crate::colour::{GRID, REFERENCE};
use crate::text::{width, wrap};

/// Between an axis and the labels of its ticks.
pub(crate) const AXIS_GAP: f64 = 9.0;
/// Height of tick labels and axis title under a plot.
pub(crate) const FOOT: f64 = 50.0;

/// Lines of the grid.
const LIGHT: Stroke = Stroke::solid(GRID, 1.0);
/// Lines that something is measured from.
pub(crate) const BASE: Stroke = Stroke::solid(REFERENCE, 1.0);
/// Lines that something is compared with.
pub(crate) const GUIDE: Stroke = Stroke::dashed(REFERENCE, 1.4, Some("5 4"));

/// How much room the labels of an upright axis take to its left.
pub(crate) fn tick_room(axis: &Axis) -> f64 {
    axis.ticks.iter().map(|tick| width(&tick.label, TICK.size, false)).fold(0.0, f64::max) + AXIS_GAP
}

/// Two axes around an area.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) area: Area,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Plot {
    pub(crate) fn across(&self, value: f64) -> f64 {
        self.area.left + self.x.share(value) * self.area.width
    }

    pub(crate) fn up(&self, value: f64) -> f64 {
        self.area.bottom() - self.y.share(value) * self.area.height
    }

    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.across(x), self.up(y))
    }

    /// Horizontal grid lines with their labels to the left.
    pub(crate) fn levels(&self, canvas: &mut Canvas) {
        for Tick { value, label } in &self.y.ticks {
            let y = self.up(*value);
            canvas.line((self.area.left, y), (self.area.right(), y), LIGHT);
            canvas.text((self.area.left - AXIS_GAP, y + TICK.drop()), label, TICK.anchored(Anchor::End));
        }
    }

    /// Upright grid lines with their labels below.
    pub(crate) fn columns(&self, canvas: &mut Canvas) {
        self.column_lines(canvas);
        self.column_labels(canvas);
    }

    /// Upright grid lines alone.
    pub(crate) fn column_lines(&self, canvas: &mut Canvas) {
        for Tick { value, .. } in &self.x.ticks {
            let x = self.across(*value);
            canvas.line((x, self.area.top), (x, self.area.bottom()), LIGHT);
        }
    }

    /// The labels of the horizontal axis alone; of labels that would touch, every second is left out.
    pub(crate) fn column_labels(&self, canvas: &mut Canvas) {
        let widest = self.x.ticks.iter().map(|tick| width(&tick.label, TICK.size, false)).fold(0.0, f64::max);
        let spacing = self.x.ticks.windows(2).filter_map(|pair| match pair {
            [one, two] => Some((self.across(two.value) - self.across(one.value)).abs()),
            _ => None,
        });
        let closest = spacing.fold(f64::INFINITY, f64::min).max(1.0);
        let stride = ((widest + 12.0) / closest).ceil().max(1.0) as usize;
        for Tick { value, label } in self.x.ticks.iter().step_by(stride) {
            let place = (self.across(*value), self.area.bottom() + 20.0);
            canvas.text(place, label, TICK.anchored(Anchor::Middle));
        }
    }

    /// The line at zero across the plot, or at its foot where zero is not on the axis.
    pub(crate) fn ground(&self, canvas: &mut Canvas) {
        let y = if self.y.share(0.0).is_finite() {
            self.up(0.0).clamp(self.area.top, self.area.bottom())
        } else {
            self.area.bottom()
        };
        canvas.line((self.area.left, y), (self.area.right(), y), BASE);
    }

    /// The title of the horizontal axis, centred under it.
    pub(crate) fn foot(&self, canvas: &mut Canvas, title: &str) {
        let middle = self.area.left + self.area.width / 2.0;
        for line in wrap(title, AXIS.size, false, self.area.width.max(200.0), 1) {
            canvas.text((middle, self.area.bottom() + 45.0), &line, AXIS.anchored(Anchor::Middle));
        }
    }
}
