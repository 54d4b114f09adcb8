//! `load_dataset`: what is in a data set.

use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::ColumnSummary;
use serde_json::Map;

use crate::listing::{Detail, counted, cut, shorten};
use crate::source::{Reading, Source};

const DEFAULT_SAMPLE_ROWS: u32 = 5;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// How many rows to show.
    #[serde(default = "default_sample_rows")]
    #[schemars(range(max = 100))]
    sample_rows: u32,
    /// `summary` describes the first 50 columns and cuts long texts; `full` does neither.
    #[serde(default)]
    detail: Detail,
}

fn default_sample_rows() -> u32 {
    DEFAULT_SAMPLE_ROWS
}

/// What is in a data set.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Loaded {
    /// The data set in the plain form of its uri, to be given to other tools.
    uri: String,
    /// The size of the file in bytes.
    size_bytes: u64,
    /// Changes whenever the bytes do.
    etag: String,
    /// The number of rows.
    rows: u64,
    /// The number of columns.
    num_columns: u64,
    /// Missing values in all columns together.
    missing_values: u64,
    /// What the table takes in memory, in bytes.
    memory_bytes: u64,
    /// Name, type and statistics of each column, in order.
    columns: Vec<ColumnSummary>,
    /// How many columns are not described; `detail: full` describes all, `read_options.columns` chooses.
    columns_not_listed: u64,
    /// The first rows, with the columns described.
    sample: Vec<Map<String, Value>>,
}

/// Reads a data set (CSV, Parquet, JSON, NDJSON or Arrow, plain or compressed with gzip or zstd) and says what is in it: columns with
/// types, row count, missing values, statistics of every column, and sample rows. Changes nothing.
///
/// Call it first on any data set, to learn the column names and to choose a target. Nothing has to be loaded for other tools:
/// they take the same uri. Next: `validate_data` to check the data, `split_dataset` to hold out test rows.
#[tool(title = "Load a data set", read_only, idempotent, long_running)]
pub(crate) fn load_dataset(arguments: Arguments) -> Result<Reply<Loaded>> {
    let source = Source::open(&arguments.s3_uri, arguments.reading)?;
    let summary = source.frame.summary(arguments.sample_rows)?;
    let num_columns = summary.columns.len() as u64;
    let (mut columns, mut sample) = (summary.columns, summary.sample);
    let mut columns_not_listed = 0;
    if arguments.detail == Detail::Summary {
        columns_not_listed = shorten_summary(&mut columns, &mut sample);
    }
    let text = format!(
        "{}: {}, {}, {}.{}",
        source.info.uri,
        counted(summary.rows, "row"),
        counted(num_columns, "column"),
        counted(summary.missing_values, "missing value"),
        if columns_not_listed > 0 {
            format!(" {} not described here.", counted(columns_not_listed, "column"))
        } else {
            String::new()
        },
    );
    let names: Vec<String> = columns.iter().map(in_words).collect();
    let loaded = Loaded {
        uri: source.info.uri,
        size_bytes: source.info.size,
        etag: source.info.etag,
        rows: summary.rows,
        num_columns,
        missing_values: summary.missing_values,
        memory_bytes: summary.memory_bytes,
        columns,
        columns_not_listed,
        sample,
    };
    Ok(Reply::new(loaded).text(format!("{text}\n{}", names.join("\n"))))
}

/// Cuts what is long; the number of columns cut.
fn shorten_summary(columns: &mut Vec<ColumnSummary>, sample: &mut [Map<String, Value>]) -> u64 {
    let not_listed = cut(columns);
    columns.iter_mut().flat_map(|column| &mut column.top_values).for_each(|top| shorten(&mut top.value));
    for row in sample {
        row.retain(|name, _| not_listed == 0 || columns.iter().any(|column| &column.name == name));
        row.values_mut().for_each(shorten);
    }
    not_listed
}

/// A column in one line: `- age: integer, 3 missing, 18 to 90`.
fn in_words(column: &ColumnSummary) -> String {
    let kind = serde_json::to_value(column.data_type)
        .ok()
        .and_then(|kind| kind.as_str().map(str::to_owned))
        .unwrap_or_default();
    let mut line = format!("- {}: {kind}", column.name);
    if column.missing > 0 {
        line.push_str(&format!(", {} missing", column.missing));
    }
    let range =
        column.numeric.as_ref().and_then(|numeric| Some(format!(", {} to {}", numeric.minimum?, numeric.maximum?)));
    line.push_str(&range.unwrap_or_default());
    if let (Some(distinct), true) = (column.distinct, column.text.is_some()) {
        line.push_str(&format!(", {}", counted(distinct, "different value")));
    }
    line
}
