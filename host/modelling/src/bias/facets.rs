//! Facets: which rows are inside.

use kumiko_frames::Frame;
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::evaluation::BiasFacet;

use super::{chosen, finite, in_words, numbers};
use crate::matrix::{column_not_found, has};

/// Values of a column that are measured one after the other, where none is named.
const MOST_VALUES: usize = 20;

/// Rows inside, outside, and those of which nothing is known.
pub(super) struct Facet {
    pub(super) column: String,
    /// In words.
    pub(super) name: String,
    pub(super) rows: Vec<Option<bool>>,
}

/// The facet of the values or the threshold, or without either one facet for each value.
pub(super) fn facets(frame: &Frame, wanted: &BiasFacet) -> Result<Vec<Facet>, Fault> {
    let column = &wanted.column;
    if !has(frame, column) {
        return Err(column_not_found(frame, column, "facet column"));
    }
    if let Some(threshold) = wanted.threshold {
        let threshold = finite(threshold, "threshold")?;
        let above = |value: &f64| (!value.is_nan()).then_some(*value > threshold);
        let rows = numbers(frame, column, "threshold")?.iter().map(above).collect();
        return Ok(vec![Facet { column: column.clone(), name: format!("{column} above {threshold}"), rows }]);
    }
    let (codes, names) = frame.categories(column)?;
    let facet = |name: String, inside: &[bool]| Facet {
        column: column.clone(),
        name: format!("{column} = {name}"),
        rows: codes.iter().map(|code| Some(inside.get((*code)? as usize).copied().unwrap_or(false))).collect(),
    };
    if !wanted.values.is_empty() {
        let name = wanted.values.iter().map(in_words).collect::<Vec<_>>().join(", ");
        return Ok(vec![facet(name, &chosen(&names, &wanted.values, column)?)]);
    }
    if names.len() > MOST_VALUES {
        let message =
            format!("the column `{column}` has {} values; at most {MOST_VALUES} are measured one by one", names.len());
        return Err(Fault::invalid("too_many_facet_values", message)
            .hint("name the facet's values, or for a column of numbers its threshold"));
    }
    let one = |(position, name): (usize, &String)| {
        let inside: Vec<bool> = (0..names.len()).map(|other| other == position).collect();
        facet(name.clone(), &inside)
    };
    Ok(names.iter().enumerate().map(one).collect())
}
