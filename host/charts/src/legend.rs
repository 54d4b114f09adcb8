//! Which colour is what: a row under the heading, a column beside a square plot, or names at the ends of lines.

use crate::canvas::{Anchor, Area, NAME, Stroke, TICK};
use crate::colour::Colour;
use crate::page::{MARGIN, Page};
use crate::plot::GUIDE;
use crate::text::{Label, width};

/// The sample in front of a name.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// A piece of the line.
    Line(Stroke),
    /// A square of the fill.
    Block(Colour, f64),
}

/// The mark of reference lines.
pub(crate) const REFERENCE_MARK: Mark = Mark::Line(GUIDE);

/// One name of a legend.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) mark: Mark,
    pub(crate) name: String,
    /// A number that belongs to the name, as it is to be read.
    pub(crate) value: Option<String>,
}

impl Entry {
    pub(crate) fn new(mark: Mark, name: impl Into<String>) -> Self {
        Self { mark, name: name.into(), value: None }
    }

    pub(crate) fn valued(self, value: Option<String>) -> Self {
        Self { value, ..self }
    }
}

/// Longest name in a row.
const ROW_NAME: f64 = 190.0;
/// Height of a row.
const ROW: f64 = 22.0;

fn mark(page: &mut Page, mark: Mark, left: f64, middle: f64) {
    match mark {
        Mark::Line(stroke) => page.canvas.line((left, middle), (left + 20.0, middle), Stroke { width: 2.2, ..stroke }),
        Mark::Block(colour, opacity) => {
            page.canvas.rectangle(Area { left, top: middle - 6.0, width: 12.0, height: 12.0 }, colour, opacity);
        }
    }
}

impl Mark {
    /// From the left of the mark to its name.
    fn room(self) -> f64 {
        match self {
            Self::Line(_) => 28.0,
            Self::Block(..) => 19.0,
        }
    }
}

/// Names from left to right under the heading, in as many rows as they need; moves `top` below them.
pub(crate) fn row(page: &mut Page, entries: &[Entry]) {
    let mut left = MARGIN;
    for entry in entries {
        let label = Label::fit(&entry.name, NAME.size, ROW_NAME);
        let needed = entry.mark.room() + label.width;
        if left > MARGIN && left + needed > page.width - MARGIN {
            left = MARGIN;
            page.top += ROW;
        }
        let middle = page.top + 7.0;
        mark(page, entry.mark, left, middle);
        page.canvas.label((left + entry.mark.room(), middle + NAME.drop()), &label, NAME);
        left += needed + 24.0;
    }
    page.top += ROW + 12.0;
}

/// Names from top to bottom with their numbers: under the name where there is room, at the right where there is not.
pub(crate) fn column(page: &mut Page, area: Area, entries: &[Entry]) {
    let roomy = entries.len() as f64 * 42.0 <= area.height;
    let valued = entries.iter().filter_map(|entry| entry.value.as_deref());
    let numbers =
        if roomy { 0.0 } else { valued.map(|value| width(value, TICK.size, false) + 10.0).fold(0.0, f64::max) };
    let mut middle = area.top + 8.0;
    for entry in entries {
        let left = area.left + entry.mark.room();
        let label = Label::fit(&entry.name, NAME.size, area.right() - left - numbers);
        mark(page, entry.mark, area.left, middle);
        page.canvas.label((left, middle + NAME.drop()), &label, NAME);
        if let Some(value) = &entry.value {
            let (place, anchor) = if roomy {
                ((left, middle + 21.0), Anchor::Start)
            } else {
                ((area.right(), middle + TICK.drop()), Anchor::End)
            };
            page.canvas.text(place, value, TICK.anchored(anchor));
        }
        middle += if !roomy {
            (area.height / entries.len() as f64).min(22.0)
        } else if entry.value.is_some() {
            42.0
        } else {
            26.0
        };
    }
}

/// Places for names beside the ends of lines: as close as possible to where each line ends, at least `apart` from each
/// other, inside `top` to `bottom`. Answers in the order of `ends`.
pub(crate) fn spread(ends: &[f64], apart: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut sorted: Vec<(usize, f64)> = ends.iter().copied().enumerate().collect();
    sorted.sort_by(|one, two| one.1.total_cmp(&two.1).then(one.0.cmp(&two.0)));
    // Down from the top, then back up from the bottom.
    let mut least = top;
    for (_, place) in &mut sorted {
        *place = place.max(least);
        least = *place + apart;
    }
    let mut most = bottom;
    for (_, place) in sorted.iter_mut().rev() {
        *place = place.min(most);
        most = *place - apart;
    }
    sorted.sort_by_key(|(index, _)| *index);
    sorted.into_iter().map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_lines_that_end_together_are_set_apart_in_their_order() {
        assert_eq!(spread(&[50.0, 10.0, 50.5], 15.0, 0.0, 100.0), [50.0, 10.0, 65.0]);
    }

    #[test]
    fn names_never_leave_the_plot() {
        assert_eq!(spread(&[99.0, 98.0, 97.0], 10.0, 0.0, 100.0), [100.0, 90.0, 80.0]);
    }
}
