//! What a report says, apart from how it looks; and its Markdown form.

use std::fmt::Write as _;

use kumiko_sdk::markdown::{Table, escape};

/// A report.
pub(crate) struct Page {
    pub(crate) title: String,
    /// One line under the title.
    pub(crate) subtitle: String,
    pub(crate) sections: Vec<Section>,
}

/// A part of a report with a heading.
pub(crate) struct Section {
    /// The heading; no two of a page are alike.
    pub(crate) heading: &'static str,
    pub(crate) blocks: Vec<Block>,
}

/// What a section is made of.
pub(crate) enum Block {
    /// A sentence or more.
    Text(String),
    /// Points, one after the other.
    List(Vec<String>),
    /// Rows under headings.
    Sheet(Sheet),
    /// A picture as SVG, and what it shows in words.
    Figure { svg: String, caption: String },
}

/// A table.
pub(crate) struct Sheet {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Sheet {
    pub(crate) fn new<const N: usize>(header: [&str; N]) -> Self {
        Self { header: header.map(str::to_owned).to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl Page {
    /// The report as Markdown. A picture is its caption.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n", escape(&self.title), escape(&self.subtitle));
        for section in &self.sections {
            // Writing into a String does not fail.
            let _ = write!(text, "\n## {}\n", section.heading);
            for block in &section.blocks {
                let _ = match block {
                    Block::Text(words) => write!(text, "\n{}\n", escape(words)),
                    Block::List(points) => {
                        let points: String = points.iter().map(|point| format!("- {}\n", escape(point))).collect();
                        write!(text, "\n{points}")
                    }
                    Block::Sheet(sheet) => {
                        let mut table = Table::new(sheet.header.iter().cloned());
                        sheet.rows.iter().for_each(|row| table.push(row.iter().cloned()));
                        write!(text, "\n{table}")
                    }
                    Block::Figure { caption, .. } => write!(text, "\n*Figure: {}*\n", escape(caption)),
                };
            }
        }
        text
    }
}
