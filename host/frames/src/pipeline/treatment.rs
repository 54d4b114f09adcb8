//! What becomes of one column: learnt on one frame, applied to others.

use kumiko_vocabulary::data::DataType;
use kumiko_vocabulary::preparation::{CategoricalEncoding, MissingValues, Normalization, PreprocessingConfig};
use polars::prelude::{BooleanChunked, ChunkFullNull, Column, Float64Chunked, IntoColumn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::encoding::{self, Encoding, TargetValues};
use super::exact::Exact;
use crate::Error;
use crate::numbers::{floats, texts};
use crate::statistics::{Numbers, value_counts};
use crate::types::{data_type, in_words, is_numeric};

/// What missing text is filled with under `constant` where no text is given.
const MISSING_TEXT: &str = "missing";
/// The most columns that one column is spread over.
pub(super) const MAXIMUM_ONE_HOT: usize = 1_000;

/// What becomes of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Treatment {
    /// `(value - offset) · factor`, what is missing being `fill`.
    Number { fill: Exact, offset: Exact, factor: Exact },
    /// 0 or 1, what is missing being `fill`.
    Boolean { fill: bool },
    /// Text and whatever is treated as such.
    Category(Encoding),
    /// As it is.
    Passthrough,
    /// Left out, for a reason.
    Dropped { reason: String },
}

/// Whether a column becomes a feature, and if so as what.
pub(super) fn is_category(column: &Column, config: &PreprocessingConfig) -> bool {
    let kind = data_type(column.dtype());
    kind == DataType::Text
        || is_numeric(kind) && config.categorical_columns.iter().any(|name| column.name() == name.as_str())
}

/// Whether the values of a column are looked at at all.
pub(super) fn is_feature(column: &Column, config: &PreprocessingConfig) -> bool {
    let named = |names: &[String]| names.iter().any(|name| column.name() == name.as_str());
    !named(&config.drop_columns) && !named(&config.passthrough_columns) && unusable(column).is_none()
}

/// Why nothing can be learnt from a column; `None` where something can.
fn unusable(column: &Column) -> Option<String> {
    let kind = data_type(column.dtype());
    if matches!(kind, DataType::List | DataType::Record | DataType::Binary) {
        return Some(format!("it holds {}", in_words(kind)));
    }
    let empty = column.null_count() == column.len()
        || kind == DataType::Number && Numbers::of(column).is_ok_and(|numbers| numbers.count() == 0);
    empty.then(|| "it has no value in any row".to_owned())
}

/// Learns what becomes of a column. `target` is given where target encoding may use it.
pub(super) fn learn(
    column: &Column,
    config: &PreprocessingConfig,
    target: Option<&TargetValues>,
) -> Result<Treatment, Error> {
    let named = |names: &[String]| names.iter().any(|name| column.name() == name.as_str());
    if named(&config.drop_columns) {
        return Ok(Treatment::Dropped { reason: "it was asked for".to_owned() });
    }
    if named(&config.passthrough_columns) {
        return Ok(Treatment::Passthrough);
    }
    if let Some(reason) = unusable(column) {
        return Ok(Treatment::Dropped { reason });
    }
    if is_category(column, config) {
        return category(column, config, target).map(Treatment::Category);
    }
    if data_type(column.dtype()) == DataType::Boolean {
        let numbers = Numbers::of(column)?;
        let fill = match (config.handle_missing, &config.fill_value) {
            (MissingValues::Constant, Some(Value::Bool(fill))) => *fill,
            (MissingValues::Constant, _) => false,
            // The most frequent value; false of both.
            _ => numbers.mean().unwrap_or_default() > 0.5,
        };
        return Ok(Treatment::Boolean { fill });
    }
    number(column, config)
}

/// Learns how numbers are filled and scaled.
pub(super) fn number(column: &Column, config: &PreprocessingConfig) -> Result<Treatment, Error> {
    let mut numbers = Numbers::of(column)?;
    let constant = match &config.fill_value {
        Some(value) => value.as_f64(),
        None => Some(0.0),
    };
    let fill = match config.handle_missing {
        MissingValues::Mean => numbers.mean(),
        MissingValues::Mode => numbers.mode(),
        MissingValues::Constant => Some(constant.filter(|fill| fill.is_finite()).unwrap_or_default()),
        MissingValues::Median | MissingValues::Drop => numbers.quantiles(&[0.5]).first().copied(),
    };
    let fill = fill.unwrap_or_default();
    // Scales are those of the filled column, so that what comes out is scaled as promised.
    numbers.fill(fill);
    let (offset, spread) = match config.normalize.method() {
        Normalization::None => (0.0, 1.0),
        Normalization::Standard => {
            let mean = numbers.mean().unwrap_or_default();
            (mean, (numbers.squares(mean) / numbers.count().max(1) as f64).sqrt())
        }
        Normalization::Minmax => {
            let (least, greatest) = numbers.range().unwrap_or_default();
            (least, greatest - least)
        }
        Normalization::Robust => match numbers.quantiles(&[0.25, 0.5, 0.75]).as_slice() {
            [lower, median, upper] => (*median, upper - lower),
            _ => (0.0, 1.0),
        },
    };
    // A constant column has no spread: it is moved and not scaled, as scikit-learn does. The same where the spread of a constant
    // column is not quite 0 for rounding.
    let negligible = offset.abs() * f64::EPSILON * 10.0;
    let factor = if spread.is_finite() && spread > negligible { 1.0 / spread } else { 1.0 };
    Ok(Treatment::Number { fill: Exact(fill), offset: Exact(offset), factor: Exact(factor) })
}

fn category(column: &Column, config: &PreprocessingConfig, target: Option<&TargetValues>) -> Result<Encoding, Error> {
    let mut counts = value_counts(column)?;
    let missing = column.null_count() as u64;
    let fill = match (config.handle_missing, &config.fill_value) {
        (MissingValues::Constant, Some(Value::String(fill))) => fill.clone(),
        (MissingValues::Constant, _) => MISSING_TEXT.to_owned(),
        _ => counts.first().map(|(text, _)| text.clone()).unwrap_or_default(),
    };
    if missing > 0 {
        match counts.iter_mut().find(|(text, _)| *text == fill) {
            Some((_, count)) => *count += missing,
            None => counts.push((fill.clone(), missing)),
        }
    }
    counts.sort_by(|left, right| left.0.cmp(&right.0));
    let method = config.encode_categorical.method(counts.len(), config.one_hot_limit);
    if method == CategoricalEncoding::OneHot && counts.len() > MAXIMUM_ONE_HOT {
        return Err(Error::TooManyCategories {
            column: column.name().to_string(),
            found: counts.len(),
            limit: MAXIMUM_ONE_HOT,
            purpose: "one_hot",
        });
    }
    encoding::learn(column, method, fill, counts, target, config.target_smoothing)
}

impl Treatment {
    /// The columns that it makes, whose names are given.
    pub(super) fn apply(&self, column: &Column, outputs: &[String]) -> Result<Vec<Column>, Error> {
        let Some(output) = outputs.first() else { return Ok(Vec::new()) };
        let name = output.as_str().into();
        match self {
            Self::Dropped { .. } => Ok(Vec::new()),
            Self::Passthrough => Ok(vec![column.clone().with_name(name)]),
            Self::Number { fill, offset, factor } => {
                let numbers = as_numbers(column)?;
                Ok(vec![scaled(&numbers, fill.0, offset.0, factor.0).into_column().with_name(name)])
            }
            Self::Boolean { fill } => {
                let numbers = as_numbers(column)?;
                let fill = u8::from(*fill);
                let values = numbers
                    .iter()
                    .map(|value| value.filter(|value| value.is_finite()).map_or(fill, |value| u8::from(value != 0.0)));
                Ok(vec![polars::prelude::UInt8Chunked::from_vec(name, values.collect()).into_column()])
            }
            Self::Category(encoding) => encoding.apply(texts(column)?.as_ref(), outputs),
        }
    }

    /// Which rows lack a value.
    pub(super) fn missing(&self, column: &Column) -> Result<Option<BooleanChunked>, Error> {
        Ok(match self {
            Self::Dropped { .. } | Self::Passthrough => None,
            Self::Category(_) => Some(column.is_null()),
            Self::Number { .. } | Self::Boolean { .. } => Some(missing_numbers(&as_numbers(column)?)),
        })
    }
}

/// Which numbers are null, NaN or infinite.
pub(super) fn missing_numbers(numbers: &Float64Chunked) -> BooleanChunked {
    numbers.iter().map(|value| !value.is_some_and(f64::is_finite)).collect()
}

/// A column as numbers; one without any value passes for numbers whatever its type.
fn as_numbers(column: &Column) -> Result<Float64Chunked, Error> {
    if column.null_count() == column.len() {
        return Ok(Float64Chunked::full_null(column.name().clone(), column.len()));
    }
    floats(column).map_err(|_| Error::ColumnType {
        column: column.name().to_string(),
        expected: "numbers, as in the data that the pipeline was fitted on,".to_owned(),
        found: in_words(data_type(column.dtype())).to_owned(),
    })
}

/// `(value - offset) · factor`, what is not finite being `fill`.
fn scaled(numbers: &Float64Chunked, fill: f64, offset: f64, factor: f64) -> Float64Chunked {
    let mut values = Vec::with_capacity(numbers.len());
    let scale = |value: f64| ((if value.is_finite() { value } else { fill }) - offset) * factor;
    for chunk in numbers.downcast_iter() {
        if chunk.validity().is_none() {
            values.extend(chunk.values().iter().map(|value| scale(*value)));
        } else {
            values.extend(chunk.iter().map(|value| scale(value.copied().unwrap_or(f64::NAN))));
        }
    }
    Float64Chunked::from_vec(numbers.name().clone(), values)
}
