//! SVG, written element by element.
//!
//! Coordinates are in SVG units, x to the right and y down, rounded to hundredths so that the same figure always gives
//! the same bytes. Every word passes [`escape`] on its way in: nothing else writes text.

use std::fmt::{self, Write as _};

use crate::colour::{Colour, INK, MUTED, PAPER};
use crate::text::{Label, escape};

/// The fonts a reader may have; the first is the one that the PNG is drawn with, the second has its widths.
const FONTS: &str = "'DejaVu Sans', Verdana, sans-serif";

/// A rectangle; `width` and `height` are not negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Area {
    pub(crate) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// Which end of a text lies at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextStyle {
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) colour: Colour,
    pub(crate) anchor: Anchor,
    /// Degrees clockwise around the text's place.
    pub(crate) turned: f64,
}

impl TextStyle {
    const fn new(size: f64, bold: bool, colour: Colour) -> Self {
        Self { size, bold, colour, anchor: Anchor::Start, turned: 0.0 }
    }

    pub(crate) fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub(crate) fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    pub(crate) fn sized(self, size: f64) -> Self {
        Self { size, ..self }
    }

    pub(crate) fn turned(self, degrees: f64) -> Self {
        Self { turned: degrees, ..self }
    }

    /// What to add to the y of a line's middle to get its baseline: half the height of a digit.
    pub(crate) fn drop(&self) -> f64 {
        self.size * 0.36
    }
}

/// Headings.
pub(crate) const TITLE: TextStyle = TextStyle::new(20.0, true, INK);
/// The line under a heading.
pub(crate) const SUBTITLE: TextStyle = TextStyle::new(13.0, false, MUTED);
/// Titles of axes and keys.
pub(crate) const AXIS: TextStyle = TextStyle::new(12.5, false, MUTED);
/// Labels of ticks.
pub(crate) const TICK: TextStyle = TextStyle::new(12.0, false, MUTED);
/// Names of classes, features and series.
pub(crate) const NAME: TextStyle = TextStyle::new(12.5, false, INK);

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    pub(crate) colour: Colour,
    pub(crate) width: f64,
    pub(crate) dash: Option<&'static str>,
}

impl Stroke {
    pub(crate) const fn solid(colour: Colour, width: f64) -> Self {
        Self { colour, width, dash: None }
    }

    pub(crate) const fn dashed(colour: Colour, width: f64, dash: Option<&'static str>) -> Self {
        Self { colour, width, dash }
    }
}

impl fmt::Display for Stroke {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, r#"stroke="{}" stroke-width="{}""#, self.colour, Rounded(self.width))?;
        match self.dash {
            Some(dash) => write!(formatter, r#" stroke-dasharray="{dash}""#),
            None => Ok(()),
        }
    }
}

/// A coordinate with at most two decimals.
struct Rounded(f64);

impl fmt::Display for Rounded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Adding zero turns a negative zero into a positive one.
        write!(formatter, "{}", (self.0 * 100.0).round() / 100.0 + 0.0)
    }
}

/// The outline of a shape, in the language of SVG's `d` attribute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outline {
    commands: String,
}

impl Outline {
    /// Straight lines through the points; points closer than a third of a unit to the last one kept are left out.
    pub(crate) fn through(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut outline = Self::default();
        outline.run(points);
        outline
    }

    fn run(&mut self, points: impl IntoIterator<Item = (f64, f64)>) {
        let mut kept: Option<(f64, f64)> = None;
        let mut pending = None;
        for point in points {
            match kept {
                None => {
                    self.to(if self.commands.is_empty() { 'M' } else { 'L' }, point);
                    kept = Some(point);
                }
                Some(last) if (point.0 - last.0).hypot(point.1 - last.1) < 0.33 => pending = Some(point),
                Some(_) => {
                    self.to('L', point);
                    kept = Some(point);
                    pending = None;
                }
            }
        }
        // The end of a line is where it ends, however close.
        if let Some(point) = pending {
            self.to('L', point);
        }
    }

    /// The surface between an upper line and a lower one that have the same horizontal positions.
    pub(crate) fn between(
        upper: impl IntoIterator<Item = (f64, f64)>,
        lower: impl DoubleEndedIterator<Item = (f64, f64)>,
    ) -> Self {
        let mut outline = Self::through(upper);
        outline.run(lower.rev());
        outline.commands.push('Z');
        outline
    }

    /// A closed shape with these corners.
    pub(crate) fn polygon(corners: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut outline = Self::through(corners);
        outline.commands.push('Z');
        outline
    }

    /// Dots of no extent: a stroke with round caps makes circles of them.
    pub(crate) fn dots(points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut outline = Self::default();
        for point in points {
            outline.to('M', point);
            outline.commands.push_str("h.01");
        }
        outline
    }

    fn to(&mut self, command: char, (x, y): (f64, f64)) {
        // Writing to a String cannot fail.
        let _ = write!(self.commands, "{command}{} {}", Rounded(x), Rounded(y));
    }
}

/// The body of an SVG document in the making.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
}

impl Canvas {
    fn element(&mut self, element: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.body.write_fmt(element);
        self.body.push('\n');
    }

    /// A filled rectangle; `opacity` from 0 to 1.
    pub(crate) fn rectangle(&mut self, area: Area, fill: Colour, opacity: f64) {
        let Area { left, top, width, height } = area;
        let (left, top, width, height) = (Rounded(left), Rounded(top), Rounded(width), Rounded(height));
        self.element(format_args!(
            r#"<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{fill}"{}/>"#,
            Opacity("fill-opacity", opacity)
        ));
    }

    /// The border of a rectangle.
    pub(crate) fn border(&mut self, area: Area, stroke: Stroke) {
        let Area { left, top, width, height } = area;
        let (left, top, width, height) = (Rounded(left), Rounded(top), Rounded(width), Rounded(height));
        self.element(format_args!(
            r#"<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" {stroke}/>"#
        ));
    }

    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke) {
        let (x1, y1, x2, y2) = (Rounded(from.0), Rounded(from.1), Rounded(to.0), Rounded(to.1));
        self.element(format_args!(r#"<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" {stroke}/>"#));
    }

    /// The line along an outline.
    pub(crate) fn trace(&mut self, outline: &Outline, stroke: Stroke) {
        self.element(format_args!(r#"<path d="{}" fill="none" {stroke} stroke-linejoin="round"/>"#, outline.commands));
    }

    /// The surface of an outline; `opacity` from 0 to 1.
    pub(crate) fn fill(&mut self, outline: &Outline, fill: Colour, opacity: f64) {
        self.element(format_args!(
            r#"<path d="{}" fill="{fill}"{}/>"#,
            outline.commands,
            Opacity("fill-opacity", opacity)
        ));
    }

    /// Opaque dots of one colour, in one element however many they are.
    pub(crate) fn dots(&mut self, points: impl IntoIterator<Item = (f64, f64)>, radius: f64, fill: Colour) {
        let outline = Outline::dots(points);
        if !outline.commands.is_empty() {
            let stroke = Stroke::solid(fill, radius * 2.0);
            self.element(format_args!(r#"<path d="{}" {stroke} stroke-linecap="round"/>"#, outline.commands));
        }
    }

    /// Translucent dots that add up where they overlap.
    pub(crate) fn cloud(
        &mut self,
        points: impl IntoIterator<Item = (f64, f64)>,
        radius: f64,
        fill: Colour,
        opacity: f64,
    ) {
        self.element(format_args!(r#"<g fill="{fill}"{}>"#, Opacity("fill-opacity", opacity)));
        for (x, y) in points {
            self.element(format_args!(r#"<circle cx="{}" cy="{}" r="{}"/>"#, Rounded(x), Rounded(y), Rounded(radius)));
        }
        self.element(format_args!("</g>"));
    }

    /// A dot with a rim of paper, which sets it apart from the line that it lies on.
    pub(crate) fn marker(&mut self, (x, y): (f64, f64), radius: f64, fill: Colour) {
        let (x, y, radius) = (Rounded(x), Rounded(y), Rounded(radius));
        self.element(format_args!(
            r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{fill}" stroke="{PAPER}" stroke-width="1.2"/>"#
        ));
    }

    /// One line of text whose baseline begins, is centred or ends at a place.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), words: &str, style: TextStyle) {
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if style.bold { r#" font-weight="700""# } else { "" };
        let (x, y, size) = (Rounded(x), Rounded(y), Rounded(style.size));
        let turn = if style.turned == 0.0 {
            String::new()
        } else {
            format!(r#" transform="rotate({} {x} {y})""#, Rounded(style.turned))
        };
        let (colour, words) = (style.colour, escape(words));
        self.element(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{colour}"{weight}{anchor}{turn}>{words}</text>"#
        ));
    }

    /// A name; where it is shortened, a browser shows it in full under the pointer.
    pub(crate) fn label(&mut self, place: (f64, f64), label: &Label, style: TextStyle) {
        match &label.full {
            Some(full) => self.explained(full, |canvas| canvas.text(place, &label.shown, style)),
            None => self.text(place, &label.shown, style),
        }
    }

    /// Whatever `draw` draws, with a text that a browser shows under the pointer.
    pub(crate) fn explained(&mut self, words: &str, draw: impl FnOnce(&mut Self)) {
        self.element(format_args!("<g><title>{}</title>", escape(words)));
        draw(self);
        self.element(format_args!("</g>"));
    }

    /// The whole document on paper of a given size, with a title for those who hear it instead of seeing it.
    pub(crate) fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (width, height) = (width.ceil(), height.ceil());
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             font-family=\"{FONTS}\" role=\"img\" aria-label=\"{}\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            escape(title),
            self.body
        )
    }
}

struct Opacity(&'static str, f64);

impl fmt::Display for Opacity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 < 1.0 { write!(formatter, r#" {}="{}""#, self.0, Rounded(self.1)) } else { Ok(()) }
    }
}
