//! Bias in data and predictions: columns become facets, labels and predictions, and the kernel measures them.
//!
//! Labels and predictions are read once (`outcomes`). Each facet then parts the rows that have a label, a prediction where there are any,
//! and a value of the facet (`facets`); the measures of each are those of `kumiko_learn::metrics::bias`.

mod facets;
mod outcomes;

use kumiko_frames::Frame;
use kumiko_learn::metrics::bias::{Population, Resampling, flip_test, post_training, pre_training};
use kumiko_vocabulary::data::DataType;
use kumiko_vocabulary::evaluation::{BiasReport, BiasSpecification, CellValue, FacetBias};
use kumiko_vocabulary::{Control, Fault, control};

use crate::AnyModel;
use crate::matrix::{column_not_found, has, is_numeric};
use facets::Facet;
use outcomes::{Known, Predicted};

/// Measures the bias of data, and of predictions where there are any: those of the model, or of the column that is named.
///
/// # Errors
///
/// Columns that are not there, values that do not occur, a facet of too many values, labels without a positive one, predictions from two
/// places, and what prediction refuses.
pub fn bias(
    model: Option<&AnyModel>,
    frame: &Frame,
    specification: &BiasSpecification,
    control: &dyn Control,
) -> Result<BiasReport, Fault> {
    if specification.facets.is_empty() {
        return Err(Fault::invalid("facet_missing", "no facet was named").hint(
            "name a column by which rows are told apart, and the values for which a disadvantage is looked for",
        ));
    }
    let known = Known::read(model, frame, specification)?;
    control.report(0.0, None, "predicting");
    let predicted = Predicted::read(model, frame, specification, &known)?;
    let groups = specification.group_column.as_deref().map(|column| groups(frame, column)).transpose()?;
    let mut notes = Vec::new();
    let mut facets = Vec::new();
    for wanted in &specification.facets {
        for facet in facets::facets(frame, wanted)? {
            if control.is_cancelled() {
                return Err(control::cancelled());
            }
            control.report(facets.len() as f64, None, &format!("measuring {}", facet.name));
            let rows =
                Rows { frame, specification, known: &known, predicted: predicted.as_ref(), groups: groups.as_deref() };
            facets.push(rows.measure(&facet, &mut notes)?);
        }
    }
    Ok(BiasReport {
        rows: frame.height() as u64,
        label_column: known.column,
        positive: known.positive_in_words,
        predictions: predicted.map(|predicted| predicted.source),
        group_column: specification.group_column.clone(),
        facets,
        notes,
    })
}

/// What is the same for every facet.
struct Rows<'a> {
    frame: &'a Frame,
    specification: &'a BiasSpecification,
    known: &'a Known,
    predicted: Option<&'a Predicted>,
    groups: Option<&'a [u32]>,
}

impl Rows<'_> {
    /// The measures of one facet.
    fn measure(&self, facet: &Facet, notes: &mut Vec<String>) -> Result<FacetBias, Fault> {
        // A row counts where everything that is compared is known of it.
        let mut rows = Vec::new();
        let (mut of_facet, mut labels, mut predictions) = (Vec::new(), Vec::new(), Vec::new());
        let known = facet.rows.iter().zip(&self.known.labels);
        for (row, (inside, label)) in known.enumerate() {
            let prediction = match self.predicted {
                Some(predicted) => predicted.positive.get(row).copied().flatten(),
                None => Some(false),
            };
            if let (Some(inside), Some(label), Some(prediction)) = (inside, label, prediction) {
                rows.push(row);
                of_facet.push(*inside);
                labels.push(*label);
                predictions.push(prediction);
            }
        }
        let left_out = self.frame.height() - rows.len();
        if left_out > 0 {
            note(
                notes,
                format!("`{}`: {left_out} rows without a facet value, label or prediction are left out", facet.column),
            );
        }
        let groups = self.groups.map(|groups| dense(&rows, groups));
        let population =
            Population { facet: &of_facet, labels: &labels, positive: &self.known.positive, groups: groups.as_deref() };
        let resampling = Resampling { samples: self.specification.bootstrap_samples, seed: self.specification.seed };
        let inside = of_facet.iter().filter(|inside| **inside).count();
        let before = pre_training(&population, resampling)?;
        let after = match self.predicted {
            None => Vec::new(),
            Some(_) => {
                let columns = self.flip_test_columns(facet, &rows, notes)?;
                let flips = if columns.is_empty() {
                    Err("there is no column of numbers to find neighbours by")
                } else {
                    Ok(flip_test(&of_facet, &predictions, &columns)?)
                };
                post_training(&population, &predictions, flips.as_ref().map_err(|reason| *reason), resampling)?
            }
        };
        Ok(FacetBias {
            column: facet.column.clone(),
            facet: facet.name.clone(),
            rows: inside as u64,
            rest: (rows.len() - inside) as u64,
            pre_training: before,
            post_training: after,
        })
    }

    /// The columns by which neighbours are found, for the rows that count.
    fn flip_test_columns(
        &self,
        facet: &Facet,
        rows: &[usize],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Vec<f64>>, Fault> {
        let named = &self.specification.flip_test_columns;
        let apart = [Some(&facet.column), Some(&self.known.column), self.specification.predicted_label_column.as_ref()];
        let schema = self.frame.schema();
        let chosen: Vec<&String> = if named.is_empty() {
            let others: Vec<_> = schema.iter().filter(|column| !apart.contains(&Some(&column.name))).collect();
            let text: Vec<String> = others
                .iter()
                .filter(|column| !is_numeric(column.data_type))
                .map(|column| format!("`{}`", column.name))
                .collect();
            if !text.is_empty() {
                note(notes, format!("the flip test looks at columns of numbers alone, without {}", text.join(", ")));
            }
            others.into_iter().filter(|column| is_numeric(column.data_type)).map(|column| &column.name).collect()
        } else {
            named.iter().collect()
        };
        let column = |name: &&String| {
            if !has(self.frame, name) {
                return Err(column_not_found(self.frame, name, "flip test column"));
            }
            let numbers = self.frame.numbers(name)?;
            Ok(rows.iter().map(|row| numbers.get(*row).copied().unwrap_or(f64::NAN)).collect())
        };
        chosen.iter().map(column).collect()
    }
}

/// Adds a note unless it is there.
fn note(notes: &mut Vec<String>, text: String) {
    if !notes.contains(&text) {
        notes.push(text);
    }
}

/// The group of each row; a missing value is a group of its own.
fn groups(frame: &Frame, column: &str) -> Result<Vec<u32>, Fault> {
    if !has(frame, column) {
        return Err(column_not_found(frame, column, "group column"));
    }
    let (codes, names) = frame.categories(column)?;
    Ok(codes.into_iter().map(|code| code.unwrap_or(names.len() as u32)).collect())
}

/// The groups of some rows, numbered as they come.
fn dense(rows: &[usize], groups: &[u32]) -> Vec<u32> {
    let mut known = std::collections::HashMap::new();
    rows.iter()
        .map(|row| {
            let next = known.len() as u32;
            *known.entry(groups.get(*row).copied().unwrap_or_default()).or_insert(next)
        })
        .collect()
}

/// Whether a cell, as text, has the value: numbers by their value, everything else letter by letter.
fn is_value(text: &str, value: &CellValue) -> bool {
    match value {
        CellValue::Text(wanted) => is_same(text, wanted),
        CellValue::Flag(flag) => text.eq_ignore_ascii_case(if *flag { "true" } else { "false" }),
        CellValue::Number(number) => text.parse::<f64>().is_ok_and(|value| value == *number),
    }
}

/// Whether two texts are the same, or the same number.
fn is_same(left: &str, right: &str) -> bool {
    left == right || matches!((left.parse::<f64>(), right.parse::<f64>()), (Ok(left), Ok(right)) if left == right)
}

/// A value in words.
fn in_words(value: &CellValue) -> String {
    match value {
        CellValue::Text(text) => text.clone(),
        CellValue::Flag(flag) => flag.to_string(),
        CellValue::Number(number) => number.to_string(),
    }
}

/// Which of the names have one of the values. A value that no name has is an error.
fn chosen(names: &[String], values: &[CellValue], column: &str) -> Result<Vec<bool>, Fault> {
    for value in values {
        if !names.iter().any(|name| is_value(name, value)) {
            const SHOWN: usize = 20;
            let known: Vec<&String> = names.iter().take(SHOWN).collect();
            let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = if names.len() > SHOWN { " …" } else { "" };
            let message = format!("`{}` does not occur in the column `{column}`", in_words(value));
            return Err(Fault::invalid("value_not_found", message)
                .hint(format!("its values are {list}{more}"))
                .data(serde_json::json!({ "values": known })));
        }
    }
    Ok(names.iter().map(|name| values.iter().any(|value| is_value(name, value))).collect())
}

/// A column of numbers, for a threshold.
fn numbers(frame: &Frame, column: &str, field: &str) -> Result<Vec<f64>, Fault> {
    let kind = frame.schema().into_iter().find(|of| of.name == column).map(|column| column.data_type);
    if !matches!(kind, Some(DataType::Integer | DataType::Number | DataType::Boolean)) {
        let message = format!("the column `{column}` has no numbers for a threshold");
        return Err(Fault::invalid("threshold_of_text", message).hint(format!("name its values instead of `{field}`")));
    }
    Ok(frame.numbers(column)?)
}

/// A threshold that is a number.
fn finite(threshold: f64, field: &'static str) -> Result<f64, Fault> {
    if threshold.is_finite() {
        return Ok(threshold);
    }
    Err(kumiko_learn::Error::Specification {
        name: field,
        value: threshold.to_string(),
        expected: "a finite number".to_owned(),
    }
    .into())
}
