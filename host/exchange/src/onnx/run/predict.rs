//! From columns to a graph's inputs, and from its outputs to predictions.
#![allow(clippy::indexing_slicing, reason = "rows are counted on the columns, which are of one length")]

use std::sync::Arc;

use super::tensor::{Data, Meter, Tensor, Value};
use super::{ElementKind, OnnxModel, OnnxPort};
use crate::Error;

/// A column of data.
#[derive(Clone, Copy, Debug)]
pub struct InputColumn<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its values, one for each row.
    pub values: ColumnValues<'a>,
}

/// A column's values.
#[derive(Clone, Copy, Debug)]
pub enum ColumnValues<'a> {
    /// Numbers; NaN is a missing value.
    Numbers(&'a [f64]),
    /// Texts; none is a missing value, which graphs read as an empty text.
    Texts(&'a [Option<String>]),
}

/// What a graph says of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum OnnxPredictions {
    /// Classes, of a graph with an output of labels.
    Classes {
        /// The class of each row.
        labels: Vec<String>,
        /// The classes in the order of the probabilities, where the graph tells them.
        classes: Option<Vec<String>>,
        /// For each class the probability (or another score, if the model makes none) of each row. Empty where the graph has labels alone.
        probabilities: Vec<Vec<f32>>,
    },
    /// A number for each row.
    Values(Vec<f64>),
    /// Several numbers for each row, of which the graph does not tell what they are: logits or probabilities of a network, several
    /// targets. A column after another.
    Scores(Vec<Vec<f64>>),
}

impl ColumnValues<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Texts(values) => values.len(),
        }
    }
}

impl OnnxModel {
    /// Predictions for every row.
    ///
    /// A graph with one input reads the columns by the names that it lists (its property `features`), or, where it lists none, all of them in the
    /// order in which they are given. A graph with several inputs reads each by its name. Where the graph fixes the number
    /// of rows, it runs as often as that takes.
    ///
    /// # Errors
    /// [`Error::MissingColumns`], [`Error::Input`] for columns of the wrong type or number, [`Error::Run`].
    pub fn predict(&self, columns: &[InputColumn<'_>]) -> Result<OnnxPredictions, Error> {
        let rows = columns.first().map_or(0, |column| column.values.len());
        if let Some(other) = columns.iter().find(|column| column.values.len() != rows) {
            let problem = format!("the column has {} rows; others have {rows}", other.values.len());
            return Err(Error::Input { input: format!("`{}`", other.name), problem });
        }
        let matched = self.matched(columns)?;
        let fixed =
            self.signature.inputs.iter().find_map(|port| port.shape.first().copied().flatten()).filter(|_| rows > 0);
        let block = fixed.unwrap_or(rows).max(1);
        let mut meter = Meter::new(&self.limits);
        let mut results: Vec<Vec<Arc<Value>>> = Vec::new();
        for start in (0..rows.max(1)).step_by(block) {
            // The last block of a fixed size repeats the last row.
            let wanted: Vec<usize> =
                if rows == 0 { Vec::new() } else { (start..start + block).map(|row| row.min(rows - 1)).collect() };
            let tensors = self.signature.inputs.iter().zip(&matched);
            let tensors = tensors.map(|(port, columns)| tensor(port, columns, &wanted)).collect::<Result<_, _>>()?;
            results.push(self.run(tensors, &mut meter)?);
        }
        self.interpret(&results, rows, block)
    }

    /// For each input its columns.
    fn matched<'a>(&self, columns: &[InputColumn<'a>]) -> Result<Vec<Vec<InputColumn<'a>>>, Error> {
        let named = |name: &str| columns.iter().find(|column| column.name == name).copied();
        let all = |names: &[String]| -> Result<Vec<InputColumn<'a>>, Error> {
            let missing: Vec<String> = names.iter().filter(|name| named(name).is_none()).cloned().collect();
            if missing.is_empty() {
                Ok(names.iter().filter_map(|name| named(name)).collect())
            } else {
                Err(Error::MissingColumns { missing })
            }
        };
        if let [port] = self.signature.inputs.as_slice() {
            if let Some(features) =
                self.signature.features.as_ref().filter(|features| Some(features.len()) == port.width())
            {
                return Ok(vec![all(features)?]);
            }
            if let Some(own) = named(&port.name).filter(|_| matches!(port.width(), Some(1) | None) && columns.len() > 1)
            {
                return Ok(vec![vec![own]]);
            }
            if let Some(width) = port.width().filter(|width| *width != columns.len()) {
                let problem = format!("it reads {width} columns by their order, and {} are given", columns.len());
                return Err(Error::Input { input: format!("`{}`", port.name), problem });
            }
            return Ok(vec![columns.to_vec()]);
        }
        let names: Vec<String> = self.signature.inputs.iter().map(|port| port.name.clone()).collect();
        if let Some(port) = self.signature.inputs.iter().find(|port| port.width().is_some_and(|width| width != 1)) {
            let problem = "it reads several columns beside other inputs, which have no names".to_owned();
            return Err(Error::Input { input: format!("`{}`", port.name), problem });
        }
        Ok(all(&names)?.into_iter().map(|column| vec![column]).collect())
    }

    fn interpret(&self, results: &[Vec<Arc<Value>>], rows: usize, block: usize) -> Result<OnnxPredictions, Error> {
        let mut labels: Option<Vec<String>> = None;
        let mut classes = self.signature.classes.clone();
        let mut scores: Option<Vec<Vec<f64>>> = None;
        for (output, name) in self.signature.outputs.iter().enumerate() {
            let parts: Vec<&Value> = results.iter().filter_map(|result| result.get(output).map(Arc::as_ref)).collect();
            let place = |problem: String| Error::Run { node: name.clone(), operator: "output".to_owned(), problem };
            match parts.first() {
                Some(Value::Tensor(Tensor { data: Data::Text(_) | Data::Whole(_), .. })) if labels.is_none() => {
                    labels = texts(&parts, rows);
                }
                Some(Value::Maps { keys, .. }) => {
                    classes = Some(keys.iter().map(|key| key.to_string()).collect());
                    scores = Some(by_column(&parts, rows, block).map_err(place)?);
                }
                Some(Value::Tensor(Tensor { data: Data::Float(_) | Data::Double(_), .. })) if scores.is_none() => {
                    scores = Some(by_column(&parts, rows, block).map_err(place)?);
                }
                _ => {}
            }
        }
        let scores = scores.unwrap_or_default();
        if let Some(labels) = labels {
            let classes = classes.filter(|classes| classes.len() == scores.len());
            let narrow = |column: Vec<f64>| column.into_iter().map(|score| score as f32).collect();
            let probabilities = scores.into_iter().map(narrow).collect();
            return Ok(OnnxPredictions::Classes { labels, classes, probabilities });
        }
        let mut scores = scores;
        match scores.len() {
            0 => Err(Error::Run {
                node: self.signature.outputs.join(", "),
                operator: "output".to_owned(),
                problem: "no output has labels or numbers for each row".to_owned(),
            }),
            1 => Ok(OnnxPredictions::Values(scores.pop().unwrap_or_default())),
            _ => Ok(OnnxPredictions::Scores(scores)),
        }
    }
}

/// An input's tensor for some rows.
fn tensor(port: &OnnxPort, columns: &[InputColumn<'_>], rows: &[usize]) -> Result<Tensor, Error> {
    let wrong = |column: &InputColumn<'_>, expected: &str, found: &str| Error::Input {
        input: format!("`{}`", port.name),
        problem: format!("it reads {expected}, and the column `{}` holds {found}", column.name),
    };
    let count = rows.len() * columns.len();
    let data = if port.kind == ElementKind::Text {
        let mut texts: Vec<&[Option<String>]> = Vec::new();
        for column in columns {
            match column.values {
                ColumnValues::Texts(values) => texts.push(values),
                ColumnValues::Numbers(_) => return Err(wrong(column, "texts", "numbers")),
            }
        }
        let empty: Arc<str> = Arc::from("");
        let mut made = Vec::with_capacity(count);
        for row in rows {
            made.extend(
                texts.iter().map(|values| values[*row].as_deref().map_or_else(|| Arc::clone(&empty), Arc::from)),
            );
        }
        Data::Text(made)
    } else {
        let mut numbers: Vec<&[f64]> = Vec::new();
        for column in columns {
            match column.values {
                ColumnValues::Numbers(values) => numbers.push(values),
                ColumnValues::Texts(_) => return Err(wrong(column, "numbers", "texts")),
            }
        }
        let mut made = Vec::with_capacity(count);
        for row in rows {
            made.extend(numbers.iter().map(|values| values[*row]));
        }
        match port.kind {
            ElementKind::Float => Data::Float(made.into_iter().map(|value| value as f32).collect()),
            ElementKind::Double => Data::Double(made),
            ElementKind::Flag => Data::Flag(made.into_iter().map(|value| value != 0.0).collect()),
            ElementKind::Whole | ElementKind::Text => {
                if let Some(position) = made.iter().position(|value| value.fract() != 0.0 || !value.is_finite()) {
                    let found = made[position].to_string();
                    return Err(wrong(&columns[position % columns.len()], "whole numbers", &found));
                }
                Data::Whole(made.into_iter().map(|value| value as i64).collect())
            }
        }
    };
    let inner = port.shape.iter().skip(1).copied().collect::<Option<Vec<usize>>>();
    let inner = inner.filter(|inner| !port.shape.is_empty() && inner.iter().product::<usize>() == columns.len());
    let inner = inner.unwrap_or_else(|| vec![columns.len()]);
    Ok(Tensor::new([vec![rows.len()], inner].concat(), data))
}

/// A label for each row; none where there are more or fewer than rows.
fn texts(parts: &[&Value], rows: usize) -> Option<Vec<String>> {
    let mut labels = Vec::new();
    for part in parts {
        match part {
            Value::Tensor(Tensor { data: Data::Text(values), .. }) => {
                labels.extend(values.iter().map(|value| value.to_string()))
            }
            Value::Tensor(Tensor { data: Data::Whole(values), .. }) => labels.extend(values.iter().map(i64::to_string)),
            _ => return None,
        }
    }
    labels.truncate(rows.max(1));
    (labels.len() == rows).then_some(labels)
}

/// Numbers for each row, a column after another.
fn by_column(parts: &[&Value], rows: usize, block: usize) -> Result<Vec<Vec<f64>>, String> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for part in parts {
        let (Value::Tensor(tensor) | Value::Maps { values: tensor, .. }) = part;
        let of_part = if rows == 0 { 0 } else { block };
        let numbers = tensor.data.numbers().ok_or("it has texts")?;
        let of_shape = tensor.shape.last().copied().unwrap_or(1);
        let width = numbers.len().checked_div(of_part).unwrap_or(of_shape);
        if width * of_part != numbers.len() || width == 0 {
            return Err(format!("{} numbers for {of_part} rows", numbers.len()));
        }
        if columns.is_empty() {
            columns = vec![Vec::with_capacity(rows); width];
        }
        if columns.len() != width {
            return Err("the number of columns changes".to_owned());
        }
        for row in numbers.chunks_exact(width) {
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(*value));
        }
    }
    columns.iter_mut().for_each(|column| column.truncate(rows));
    Ok(columns)
}
