//! Pictures, drawn in the host.

use crate::host::{self, Host};
use crate::vocabulary::figures::Figure;
use crate::{Result, document};

/// One figure in two forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// For files that are opened in a browser or put in a document.
    pub svg: String,
    /// For chat windows: 2 pixels for each unit of the SVG.
    pub png: Vec<u8>,
}

/// Draws a figure.
///
/// # Errors
/// A figure with nothing in it, and one with NaN or an infinity, are refused by name.
pub fn draw(figure: &Figure) -> Result<Drawing> {
    let figure = document::write(figure)?;
    host::call(|host| Host::chart_draw(host, &figure))
}
