//! Figures of the field as SVG and PNG.
//!
//! A [`Figure`] says what is to be seen; this crate decides how. The way of a figure is one line: `validate` refuses
//! what cannot be drawn → a module of `kinds` lays it out on a `page` with `axis`, `plot` and `legend` →
//! `canvas` writes SVG → `raster` renders that same SVG with the embedded DejaVu Sans. The same figure gives the same
//! bytes on every machine.
//!
//! Characters that DejaVu Sans lacks, ideographs above all, are boxes in the PNG; a browser finds them in other fonts.
//!
//! SVG is written directly: layout rests on the widths of words, which `text` measures in the embedded font.

mod axis;
mod canvas;
mod colour;
mod error;
mod kinds;
mod legend;
pub mod limits;
mod number;
mod page;
mod plot;
mod raster;
mod scatter;
mod text;
mod validate;

use kumiko_vocabulary::figures::Figure;

pub use error::Error;

/// One figure in two forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// A document of its own that names the fonts DejaVu Sans, Verdana or any sans serif.
    pub svg: String,
    /// The same picture with 2 pixels for each unit of the SVG.
    pub png: Vec<u8>,
}

/// Draws a figure.
///
/// # Errors
///
/// [`Error`] names the field and position of what cannot be drawn: a number that is not finite or out of range, a list
/// that is empty, of the wrong length or beyond its bound in [`limits`].
pub fn draw(figure: &Figure) -> Result<Drawing, Error> {
    validate::figure(figure)?;
    let svg = kinds::svg(figure);
    let png = raster::png(&svg)?;
    Ok(Drawing { svg, png })
}
