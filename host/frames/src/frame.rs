//! The table.

use std::path::Path;
use std::sync::Arc;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::{
    Column as ColumnDocument, DatasetSummary, ReadOptions, ValidationReport, ValidationRules, WriteOptions,
};
use kumiko_vocabulary::preparation::{Balancing, Split};
use polars::prelude::{Column, CompatLevel, DataFrame, DataType, IpcWriter, PlHashMap, SerWriter};
use serde_json::{Map, Value};

use crate::guard::guarded;
use crate::numbers::{floats, texts, values_or_nan};
use crate::types::column_document;
use crate::{Error, balance, json, read, split, sql, summary, validate, write};

/// The largest Arrow file that [`Frame::arrow`] makes, in bytes.
pub const MAXIMUM_ARROW_BYTES: usize = 64 * 1024 * 1024;

/// Rows whose texts are looked at together.
const SLICE_ROWS: usize = 1 << 20;
/// The code of a row without a category.
const NO_CATEGORY: u32 = u32::MAX;

/// A table that does not change. A clone shares the rows.
#[derive(Clone, Debug)]
pub struct Frame {
    data: Arc<DataFrame>,
}

/// The values of a column that is made from memory.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnData {
    /// Numbers; NaN stays NaN.
    Numbers(Vec<f64>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Text.
    Text(Vec<String>),
}

impl ColumnData {
    fn into_column(self, name: &str) -> Column {
        let name = name.into();
        match self {
            Self::Numbers(values) => Column::new(name, values),
            Self::Integers(values) => Column::new(name, values),
            Self::Text(values) => Column::new(name, values),
        }
    }
}

impl Frame {
    /// Reads a local file. `name` is what the caller calls it, a URI for example: messages quote it, and its extension tells the format
    /// where `options` do not.
    ///
    /// # Errors
    /// Everything that can be wrong with a file: see [`Error`]. [`Error::Cancelled`] where `control` says so.
    pub fn read(path: &Path, name: &str, options: &ReadOptions, control: &dyn Control) -> Result<Self, Error> {
        guarded(|| read::read(path, name, options, control).map(Self::from))
    }

    /// Refuses a local file that would take more than `limit` bytes of memory as a frame, without reading it.
    ///
    /// # Errors
    /// [`Error::LargerThanMemory`], and what is wrong with a file at first sight.
    pub fn check_size(path: &Path, name: &str, options: &ReadOptions, limit: u64) -> Result<(), Error> {
        guarded(|| read::check_size(path, name, options, limit))
    }

    /// Makes a frame of a JSON array of objects. Missing keys are nulls; an array or object within a cell becomes its JSON text.
    ///
    /// # Errors
    /// [`Error::Argument`] where `rows` is no array of objects.
    pub fn from_rows(rows: &Value) -> Result<Self, Error> {
        guarded(|| read::from_rows(rows).map(Self::from))
    }

    /// Makes a frame of one Arrow IPC file.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the bytes are no such file.
    pub fn from_arrow(bytes: &[u8]) -> Result<Self, Error> {
        guarded(|| read::from_arrow(bytes).map(Self::from))
    }

    /// Makes a frame of columns of equal length.
    ///
    /// # Errors
    /// [`Error::DuplicateColumns`], and [`Error::Argument`] where the lengths differ.
    pub fn from_columns(columns: Vec<(String, ColumnData)>) -> Result<Self, Error> {
        guarded(|| {
            let columns: Vec<Column> = columns.into_iter().map(|(name, data)| data.into_column(&name)).collect();
            Self::of_columns(columns, "the frame")
        })
    }

    /// Runs one `SELECT` over named frames, in the dialect of polars.
    ///
    /// # Errors
    /// [`Error::SqlRefused`] for anything but one query over these tables, [`Error::Sql`] where it cannot be run.
    pub fn sql(query: &str, tables: &[(String, Self)]) -> Result<Self, Error> {
        guarded(|| {
            let tables = tables.iter().map(|(name, frame)| (name.as_str(), frame.data()));
            sql::run(query, tables).map(Self::from)
        })
    }

    /// The columns, in order.
    #[must_use]
    pub fn schema(&self) -> Vec<ColumnDocument> {
        self.data.columns().iter().map(column_document).collect()
    }

    /// The number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.data.height()
    }

    /// What the frame takes in memory, in bytes.
    #[must_use]
    pub fn estimated_size(&self) -> usize {
        self.data.estimated_size()
    }

    /// Up to `count` rows from `offset`, as objects. Beyond the last row there are none.
    ///
    /// # Errors
    /// [`Error::Internal`] alone.
    pub fn rows(&self, offset: u64, count: u32) -> Result<Vec<Map<String, Value>>, Error> {
        guarded(|| json::rows(&self.data, usize::try_from(offset).unwrap_or(usize::MAX), count as usize))
    }

    /// Statistics of every column, and the first `sample` rows.
    ///
    /// # Errors
    /// [`Error::Internal`] alone.
    pub fn summary(&self, sample: u32) -> Result<DatasetSummary, Error> {
        guarded(|| summary::summarise(&self.data, sample as usize))
    }

    /// Checks the frame against rules.
    ///
    /// # Errors
    /// [`Error::Argument`] where the rules make no sense: a pattern that is none, a ratio outside 0 to 1. What the data lacks is in the
    /// report, not an error.
    pub fn validate(&self, rules: &ValidationRules) -> Result<ValidationReport, Error> {
        guarded(|| validate::validate(&self.data, rules))
    }

    /// Divides the rows into parts, in the order of the ratios.
    ///
    /// # Errors
    /// [`Error::Argument`] for ratios that are no shares of 1 or a missing column argument, [`Error::ColumnNotFound`],
    /// [`Error::TooFewRows`] where a part would have no row.
    pub fn split(&self, split: &Split) -> Result<Vec<Self>, Error> {
        guarded(|| Ok(split::split(&self.data, split)?.into_iter().map(Self::from).collect()))
    }

    /// The positions of the rows that [`Self::split`] puts into each part.
    ///
    /// # Errors
    /// As [`Self::split`].
    pub fn parts(&self, split: &Split) -> Result<Vec<Vec<u32>>, Error> {
        guarded(|| split::parts(&self.data, split))
    }

    /// Balances the classes of a training frame.
    ///
    /// # Errors
    /// [`Error::OneClass`], [`Error::MissingValues`] in the target (and for SMOTE in any feature), [`Error::TooFewRows`] for a class
    /// with a single row under SMOTE.
    pub fn balance(&self, balancing: &Balancing) -> Result<Self, Error> {
        guarded(|| balance::balance(&self.data, balancing).map(Self::from))
    }

    /// One column as numbers; a null is NaN. Booleans are 0 and 1, dates and moments seconds since 1970 (UTC).
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`], [`Error::ColumnNotNumeric`].
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>, Error> {
        guarded(|| Ok(values_or_nan(&floats(self.column(column)?)?)))
    }

    /// One column as 32-bit numbers, for learning; a null is NaN.
    ///
    /// # Errors
    /// As [`Frame::numbers`].
    pub fn numbers_f32(&self, column: &str) -> Result<Vec<f32>, Error> {
        guarded(|| {
            let column = self.column(column)?;
            if column.dtype() == &DataType::Float32 {
                return Ok(column.f32()?.iter().map(|value| value.unwrap_or(f32::NAN)).collect());
            }
            let numbers = floats(column)?;
            let mut values = Vec::with_capacity(numbers.len());
            for chunk in numbers.downcast_iter() {
                values.extend(chunk.iter().map(|value| value.map_or(f32::NAN, |value| *value as f32)));
            }
            Ok(values)
        })
    }

    /// One column as classes: the class of each row as a position in the list of classes, which is sorted, numbers by their value.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`]; [`Error::MissingValues`] where a row has no class.
    pub fn labels(&self, column: &str) -> Result<(Vec<u32>, Vec<String>), Error> {
        guarded(|| classes(self.column(column)?))
    }

    /// One column as categories: like [`Frame::labels`], with nothing for a row that has no value.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`].
    pub fn categories(&self, column: &str) -> Result<(Vec<Option<u32>>, Vec<String>), Error> {
        guarded(|| categories(self.column(column)?))
    }

    /// The named columns, in that order.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`].
    pub fn select(&self, columns: &[String]) -> Result<Self, Error> {
        guarded(|| {
            let columns = columns.iter().map(|name| self.column(name).cloned()).collect::<Result<Vec<_>, _>>()?;
            Self::of_columns(columns, "the selection")
        })
    }

    /// The frame without the named columns; names that it does not have are no error.
    ///
    /// # Errors
    /// [`Error::Internal`] alone.
    pub fn drop_columns(&self, columns: &[String]) -> Result<Self, Error> {
        guarded(|| Ok(Self::from(self.data.drop_many(columns))))
    }

    /// The frame with a further column at its end, or with that column in the place of one of the same name.
    ///
    /// # Errors
    /// [`Error::Argument`] where the length is not that of the frame.
    pub fn with_column(&self, name: &str, data: ColumnData) -> Result<Self, Error> {
        guarded(|| {
            let column = data.into_column(name);
            if column.len() != self.height() {
                let detail = format!("{} values for {} rows", column.len(), self.height());
                return Err(Error::argument(name, detail));
            }
            let mut frame = self.data().clone();
            frame.with_column(column)?;
            Ok(Self::from(frame))
        })
    }

    /// The rows from `offset`, up to `count` of them.
    #[must_use]
    pub fn slice(&self, offset: usize, count: usize) -> Self {
        let offset = offset.min(self.height());
        Self::from(self.data.slice(offset as i64, count))
    }

    /// The rows at these positions, in this order.
    ///
    /// # Errors
    /// [`Error::Argument`] for a position beyond the last row.
    pub fn take(&self, rows: &[u32]) -> Result<Self, Error> {
        guarded(|| {
            if let Some(row) = rows.iter().find(|row| **row as usize >= self.height()) {
                return Err(Error::argument("rows", format!("there is no row {row}; there are {}", self.height())));
            }
            Ok(Self::from(take(&self.data, rows.to_vec())?))
        })
    }

    /// The named columns (all, where none is named) as one Arrow IPC file.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`]; [`Error::TooLarge`] above [`MAXIMUM_ARROW_BYTES`].
    pub fn arrow(&self, columns: &[String]) -> Result<Vec<u8>, Error> {
        guarded(|| {
            let frame = if columns.is_empty() { self.clone() } else { self.select(columns)? };
            let size = frame.estimated_size();
            if size > MAXIMUM_ARROW_BYTES {
                return Err(Error::TooLarge { what: "the frame as Arrow", found: size, limit: MAXIMUM_ARROW_BYTES });
            }
            let mut bytes = Vec::with_capacity(size);
            // The oldest layout of text is the one that every Arrow implementation reads.
            IpcWriter::new(&mut bytes).with_compat_level(CompatLevel::oldest()).finish(&mut frame.data().clone())?;
            Ok(bytes)
        })
    }

    /// Writes the frame to an open file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::ColumnType`] for bytes in a text format, [`Error::Cancelled`]. What was written by then is incomplete: the
    /// caller writes to a file that nobody sees yet.
    pub fn write(&self, file: &mut std::fs::File, options: &WriteOptions, control: &dyn Control) -> Result<(), Error> {
        guarded(|| write::write(&self.data, file, options, control))
    }

    /// The engine's table.
    pub(crate) fn data(&self) -> &DataFrame {
        &self.data
    }

    fn column(&self, name: &str) -> Result<&Column, Error> {
        column(&self.data, name)
    }

    fn of_columns(columns: Vec<Column>, what: &str) -> Result<Self, Error> {
        let mut seen = std::collections::HashSet::new();
        let repeated: Vec<String> = columns
            .iter()
            .filter(|column| !seen.insert(column.name().clone()))
            .map(|column| column.name().to_string())
            .collect();
        if !repeated.is_empty() {
            return Err(Error::DuplicateColumns { name: what.to_owned(), columns: repeated });
        }
        let height = columns.first().map_or(0, Column::len);
        if let Some(column) = columns.iter().find(|column| column.len() != height) {
            let detail = format!("{} values where the first column has {height}", column.len());
            return Err(Error::argument(column.name().to_string(), detail));
        }
        Ok(Self::from(DataFrame::new(height, columns)?))
    }
}

impl From<DataFrame> for Frame {
    fn from(data: DataFrame) -> Self {
        Self { data: Arc::new(data) }
    }
}

/// A column by its name.
pub(crate) fn column<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a Column, Error> {
    match frame.get_column_index(name).and_then(|index| frame.columns().get(index)) {
        Some(column) => Ok(column),
        None => Err(Error::column_not_found(name, frame.columns().iter().map(|column| column.name().as_str()))),
    }
}

/// The rows at these positions, which must exist, in this order.
pub(crate) fn take(frame: &DataFrame, rows: Vec<u32>) -> Result<DataFrame, Error> {
    Ok(frame.take(&polars::prelude::IdxCa::from_vec("".into(), rows))?)
}

/// The class of each row, and the classes in order: see [`Frame::labels`].
pub(crate) fn classes(column: &Column) -> Result<(Vec<u32>, Vec<String>), Error> {
    let missing = column.null_count();
    if missing > 0 {
        let column = column.name().to_string();
        return Err(Error::MissingValues { column, count: missing, purpose: "a column of classes" });
    }
    coded(column)
}

/// The category of each row, where it has one, and the categories in order: see [`Frame::categories`].
fn categories(column: &Column) -> Result<(Vec<Option<u32>>, Vec<String>), Error> {
    let (codes, names) = coded(column)?;
    Ok((codes.into_iter().map(|code| (code != NO_CATEGORY).then_some(code)).collect(), names))
}

/// The same, with [`NO_CATEGORY`] for a row that has none.
fn coded(column: &Column) -> Result<(Vec<u32>, Vec<String>), Error> {
    let mut found: PlHashMap<String, u32> = PlHashMap::default();
    let mut codes: Vec<u32> = Vec::with_capacity(column.len());
    // In slices, so that the texts of a long column of numbers are never all there.
    for offset in (0..column.len()).step_by(SLICE_ROWS) {
        let slice = column.slice(offset as i64, SLICE_ROWS);
        for text in texts(&slice)?.iter() {
            let next = found.len() as u32;
            codes.push(match text {
                None => NO_CATEGORY,
                Some(text) => match found.get(text) {
                    Some(code) => *code,
                    None => *found.entry(text.to_owned()).or_insert(next),
                },
            });
        }
    }
    let numeric = !matches!(column.dtype(), DataType::String | DataType::Categorical(..) | DataType::Enum(..));
    let mut order: Vec<(String, u32)> = found.into_iter().collect();
    order.sort_unstable_by(|(left, _), (right, _)| match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(one), Ok(other)) if numeric => one.total_cmp(&other).then_with(|| left.cmp(right)),
        _ => left.cmp(right),
    });
    let mut rank = vec![0_u32; order.len()];
    for (position, (_, code)) in order.iter().enumerate() {
        if let Some(slot) = rank.get_mut(*code as usize) {
            *slot = position as u32;
        }
    }
    for code in &mut codes {
        *code = rank.get(*code as usize).copied().unwrap_or(NO_CATEGORY);
    }
    Ok((codes, order.into_iter().map(|(name, _)| name).collect()))
}
