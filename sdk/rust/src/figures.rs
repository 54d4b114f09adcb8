//! Figures of one answer: drawn in the host, stored as PNG and SVG, shown inline and linked.
//!
//! Drawing and storing are two steps, so that a tool can draw everything, find out whether it may write, and then write all of
//! it or nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::charts::{self, Drawing};
use crate::content::Link;
use crate::outputs::{Folder, StoredObject};
use crate::vocabulary::figures::Figure;
use crate::{Fault, Reply, Result};

/// A figure in the store, in both forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoredFigure {
    /// What it shows: `confusion_matrix`, `roc_curve` ….
    pub kind: String,
    /// The figure's title.
    pub title: String,
    /// For chat windows.
    pub png: StoredObject,
    /// For browsers and documents.
    pub svg: StoredObject,
}

/// Figures that are drawn and not yet stored.
#[derive(Debug, Default)]
pub struct Gallery {
    drawn: Vec<Drawn>,
}

#[derive(Debug)]
struct Drawn {
    name: String,
    kind: &'static str,
    title: String,
    drawing: Drawing,
}

impl Gallery {
    /// Draws a figure, to be stored as `name` with `.png` and `.svg` behind it.
    ///
    /// # Errors
    /// Those of [`charts::draw`].
    pub fn draw(&mut self, name: impl Into<String>, figure: &Figure) -> Result<()> {
        let drawing = charts::draw(figure)?;
        self.drawn.push(Drawn { name: name.into(), kind: figure.kind(), title: figure.title().to_owned(), drawing });
        Ok(())
    }

    /// Finds out before anything is written whether a figure would be refused because something is there.
    ///
    /// # Errors
    /// `object_exists`.
    pub fn check(&self, folder: &Folder) -> Result<()> {
        for drawn in &self.drawn {
            folder.file(&format!("{}.png", drawn.name)).check()?;
            folder.file(&format!("{}.svg", drawn.name)).check()?;
        }
        Ok(())
    }

    /// Writes every figure into the folder.
    ///
    /// # Errors
    /// `object_exists` where something came there first, and what the store refuses.
    pub fn store(self, folder: &Folder) -> Result<Exhibition> {
        let mut exhibition = Exhibition::default();
        for Drawn { name, kind, title, drawing } in self.drawn {
            let png = folder.file(&format!("{name}.png")).put(&drawing.png, "image/png")?;
            let svg = folder.file(&format!("{name}.svg")).put(drawing.svg.as_bytes(), "image/svg+xml")?;
            exhibition.figures.push(StoredFigure { kind: kind.to_owned(), title, png, svg });
            exhibition.pictures.push(drawing.png);
        }
        Ok(exhibition)
    }
}

/// Figures that are stored, and the pictures to show.
#[derive(Debug, Default)]
pub struct Exhibition {
    figures: Vec<StoredFigure>,
    pictures: Vec<Vec<u8>>,
}

impl Exhibition {
    /// The figures for the structured result, in the order in which they were drawn.
    #[must_use]
    pub fn figures(&self) -> Vec<StoredFigure> {
        self.figures.clone()
    }

    /// The one figure, where a tool draws no more than one.
    ///
    /// # Errors
    /// `figure_missing` where there is none.
    pub fn only(self) -> Result<(Self, StoredFigure)> {
        let figure =
            self.figures.first().cloned().ok_or_else(|| Fault::failed("figure_missing", "no figure was drawn"))?;
        Ok((self, figure))
    }

    /// The reply with each picture inline and links to both of its forms.
    #[must_use]
    pub fn show<R>(self, mut reply: Reply<R>) -> Reply<R> {
        for (figure, png) in self.figures.iter().zip(self.pictures) {
            reply = reply
                .image(png)
                .link(Link::from(&figure.png).title(figure.title.as_str()))
                .link(Link::from(&figure.svg).title(figure.title.as_str()));
        }
        reply
    }
}
