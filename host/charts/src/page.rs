//! The sheet that a figure is drawn on: heading at the top left, plot under it, margins around both.

use crate::canvas::{Anchor, Area, Canvas, SUBTITLE, TITLE};
use crate::text::wrap;

/// Empty space on every side, in SVG units.
pub(crate) const MARGIN: f64 = 32.0;
/// Width of every figure that does not need another, in SVG units.
pub(crate) const WIDTH: f64 = 800.0;
/// Lines that a title may take.
const TITLE_LINES: usize = 2;

/// A canvas with its heading drawn.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) canvas: Canvas,
    pub(crate) width: f64,
    /// Where the next thing below the heading may begin.
    pub(crate) top: f64,
    title: String,
}

impl Page {
    /// A page of a given width with title and subtitle.
    pub(crate) fn new(width: f64, title: &str, subtitle: Option<&str>) -> Self {
        let mut canvas = Canvas::default();
        let room = width - 2.0 * MARGIN;
        let mut baseline = MARGIN + 16.0;
        for (index, line) in wrap(title, TITLE.size, TITLE.bold, room, TITLE_LINES).iter().enumerate() {
            baseline += if index == 0 { 0.0 } else { 26.0 };
            canvas.text((MARGIN, baseline), line, TITLE);
        }
        if let Some(subtitle) = subtitle {
            for line in wrap(subtitle, SUBTITLE.size, SUBTITLE.bold, room, TITLE_LINES) {
                baseline += 22.0;
                canvas.text((MARGIN, baseline), &line, SUBTITLE);
            }
        }
        Self { canvas, width, top: baseline + 22.0, title: crate::text::clean(title) }
    }

    /// The document, as high as what ends at `bottom` needs.
    pub(crate) fn finish(self, bottom: f64) -> String {
        self.canvas.finish(self.width, bottom + MARGIN, &self.title)
    }

    /// A small text at the left margin, such as the title of a vertical axis; moves `top` below it.
    pub(crate) fn caption(&mut self, words: &str) {
        let style = crate::canvas::AXIS;
        for line in wrap(words, style.size, false, self.width - 2.0 * MARGIN, 1) {
            self.canvas.text((MARGIN, self.top + 11.0), &line, style.anchored(Anchor::Start));
        }
        self.top += 26.0;
    }

    /// The area from `left` to the right margin less `right`, `height` high, beginning at `top`.
    pub(crate) fn area(&self, left: f64, right: f64, height: f64) -> Area {
        Area { left, top: self.top, width: self.width - MARGIN - right - left, height }
    }
}
