//! How an operation on a table fails, and how a client is told.

use kumiko_vocabulary::{Fault, FaultKind};

/// A failure. `name` is what the caller called the file: its URI.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("{name} does not exist")]
    FileNotFound {
        /// The file.
        name: String,
    },
    /// A folder where a file was expected.
    #[error("{name} is a folder; a file was expected")]
    IsFolder {
        /// The folder.
        name: String,
    },
    /// A file without a byte in it, or with blank lines alone.
    #[error("{name} is empty")]
    EmptyFile {
        /// The file.
        name: String,
    },
    /// A table that takes more memory than is allowed.
    #[error("{name} takes about {bytes} bytes of memory as a table; {limit} are allowed")]
    LargerThanMemory {
        /// The file.
        name: String,
        /// What it takes, in bytes.
        bytes: u64,
        /// What is allowed, in bytes.
        limit: u64,
    },
    /// A file whose columns cannot be read one at a time.
    #[error(
        "the columns of {name} cannot be read one at a time: that takes Parquet, uncompressed as a whole; it is {found}"
    )]
    NotColumnwise {
        /// The file.
        name: String,
        /// What it is.
        found: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {name}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The bytes are not what the caller or the name says.
    #[error("{name} was to be read as {stated}, but its content is {found}")]
    FormatMismatch {
        /// The file.
        name: String,
        /// What the options or the name say.
        stated: String,
        /// What the first bytes say.
        found: String,
    },
    /// Text in UTF-16 or UTF-32.
    #[error("{name} is not UTF-8 but {encoding}")]
    ForeignEncoding {
        /// The file.
        name: String,
        /// The encoding it looks like.
        encoding: &'static str,
    },
    /// Text with bytes that are not UTF-8.
    #[error("{name} is not valid UTF-8: the byte at offset {offset} (line {line}) begins no character")]
    NotUtf8 {
        /// The file.
        name: String,
        /// The offset of the first bad byte, in the decompressed text, from 0.
        offset: u64,
        /// The line it is in, from 1.
        line: u64,
    },
    /// A CSV line with too few or too many cells.
    #[error("{name}, line {line}: {found} cells where the first line has {expected}")]
    RaggedLine {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// Cells expected.
        expected: usize,
        /// Cells found.
        found: usize,
    },
    /// A CSV cell whose quotes are not in order.
    #[error("{name}, line {line}: {detail}")]
    Quoting {
        /// The file.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        detail: &'static str,
    },
    /// Columns that share a name.
    #[error("{name} has more than one column named {}", quoted(columns))]
    DuplicateColumns {
        /// The file or the operation.
        name: String,
        /// The names that repeat.
        columns: Vec<String>,
    },
    /// The content breaks the rules of its format.
    #[error("{name} is not readable as {format}: {detail}")]
    Malformed {
        /// The file.
        name: String,
        /// The format or compression.
        format: &'static str,
        /// What is wrong, and where.
        detail: String,
    },
    /// The file ends before its content does.
    #[error("{name} is cut short: {detail}")]
    Truncated {
        /// The file.
        name: String,
        /// What is missing.
        detail: String,
    },
    /// A column that the table does not have.
    #[error("there is no column {column:?}{}", among(nearest, known))]
    ColumnNotFound {
        /// The column asked for.
        column: String,
        /// The nearest names.
        nearest: Vec<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A column of numbers was expected.
    #[error("column {column:?} holds {found}, not numbers")]
    ColumnNotNumeric {
        /// The column.
        column: String,
        /// What it holds.
        found: String,
    },
    /// A column of another kind was expected.
    #[error("column {column:?} holds {found}; {expected} was expected")]
    ColumnType {
        /// The column.
        column: String,
        /// What was expected.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A column where every value is needed has missing ones.
    #[error("column {column:?} has {count} missing values; {purpose} needs every one")]
    MissingValues {
        /// The column.
        column: String,
        /// How many are missing.
        count: usize,
        /// What for.
        purpose: &'static str,
    },
    /// A column without a single value.
    #[error("column {column:?} has no value in any of its {rows} rows")]
    NothingInColumn {
        /// The column.
        column: String,
        /// The number of rows.
        rows: usize,
    },
    /// Too few rows for what was asked.
    #[error("{purpose} needs at least {needed} rows; there are {found}")]
    TooFewRows {
        /// What for.
        purpose: String,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// A target with a single class.
    #[error("column {column:?} has a single class, {class:?}; at least two are needed")]
    OneClass {
        /// The column.
        column: String,
        /// The class.
        class: String,
    },
    /// A column with too many categories for what was asked.
    #[error("column {column:?} has {found} categories; {purpose} takes at most {limit}")]
    TooManyCategories {
        /// The column.
        column: String,
        /// How many it has.
        found: usize,
        /// How many are taken.
        limit: usize,
        /// What for.
        purpose: &'static str,
    },
    /// A column that is to be added exists.
    #[error("{operation} would add a column {column:?}, which exists")]
    NameTaken {
        /// What would add it.
        operation: String,
        /// The column.
        column: String,
    },
    /// An argument out of its range, or one that contradicts another.
    #[error("{argument}: {detail}")]
    Argument {
        /// The argument.
        argument: String,
        /// What was found and what was expected.
        detail: String,
    },
    /// SQL that cannot be run.
    #[error("the query cannot be run: {detail}")]
    Sql {
        /// The engine's reason.
        detail: String,
    },
    /// SQL that is refused.
    #[error("the query is refused: {detail}")]
    SqlRefused {
        /// What in it.
        detail: String,
    },
    /// A pipeline document that is none.
    #[error("{name} is not a pipeline: {detail}")]
    NotAPipeline {
        /// The file.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// A pipeline of a later version.
    #[error("{name} is a pipeline of format version {found}; this server reads up to version {supported}")]
    PipelineVersion {
        /// The file.
        name: String,
        /// Its version.
        found: u64,
        /// The latest version known.
        supported: u64,
    },
    /// Something over a limit.
    #[error("{what} takes {found} bytes; the limit is {limit}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Nobody waits for the result any more.
    #[error("the call was cancelled before it finished; nothing was written")]
    Cancelled,
    /// The engine refused in a case that has no word of its own.
    #[error("the table engine refused: {detail}")]
    Engine {
        /// Its reason.
        detail: String,
    },
    /// The engine broke down.
    #[error("the table engine failed on this input: {message}")]
    Internal {
        /// Its last words.
        message: String,
    },
}

impl From<polars::error::PolarsError> for Error {
    fn from(error: polars::error::PolarsError) -> Self {
        Self::Engine { detail: error.to_string() }
    }
}

impl Error {
    /// A column that is not there, with the nearest of those that are.
    pub(crate) fn column_not_found<'a>(column: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        Self::ColumnNotFound { column: column.to_owned(), nearest: nearest(column, &known), known }
    }

    /// An argument out of its range.
    pub(crate) fn argument(argument: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Argument { argument: argument.into(), detail: detail.into() }
    }

    /// The stable word for this case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileNotFound { .. } => "file_not_found",
            Self::IsFolder { .. } => "is_folder",
            Self::EmptyFile { .. } => "empty_file",
            Self::Io { .. } => "file_error",
            Self::FormatMismatch { .. } => "format_mismatch",
            Self::ForeignEncoding { .. } => "foreign_encoding",
            Self::NotUtf8 { .. } => "not_utf8",
            Self::RaggedLine { .. } => "ragged_line",
            Self::Quoting { .. } => "malformed_quotes",
            Self::DuplicateColumns { .. } => "duplicate_columns",
            Self::Malformed { .. } => "malformed_file",
            Self::Truncated { .. } => "truncated_file",
            Self::LargerThanMemory { .. } => "frame_too_large",
            Self::NotColumnwise { .. } => "file_not_columnwise",
            Self::ColumnNotFound { .. } => "column_not_found",
            Self::ColumnNotNumeric { .. } => "column_not_numeric",
            Self::ColumnType { .. } => "column_type",
            Self::MissingValues { .. } => "missing_values",
            Self::NothingInColumn { .. } => "empty_column",
            Self::TooFewRows { .. } => "too_few_rows",
            Self::OneClass { .. } => "one_class",
            Self::TooManyCategories { .. } => "too_many_categories",
            Self::NameTaken { .. } => "column_exists",
            Self::Argument { .. } => "argument_out_of_range",
            Self::Sql { .. } => "sql_error",
            Self::SqlRefused { .. } => "sql_refused",
            Self::NotAPipeline { .. } => "not_a_pipeline",
            Self::PipelineVersion { .. } => "pipeline_version",
            Self::TooLarge { .. } => "too_large",
            Self::Cancelled => "cancelled",
            Self::Engine { .. } => "engine_error",
            Self::Internal { .. } => "internal_error",
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::FileNotFound { .. } => FaultKind::NotFound,
            Self::Cancelled | Self::TooLarge { .. } => FaultKind::Stopped,
            Self::Io { .. } | Self::Internal { .. } => FaultKind::Failed,
            _ => FaultKind::InvalidArguments,
        }
    }

    /// What to do about it.
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::FileNotFound { .. } => "check the path; list the folder to see what is there",
            Self::IsFolder { .. } => "name one file in it",
            Self::EmptyFile { .. } => "write the data first; a CSV file needs at least the line with the column names",
            Self::FormatMismatch { .. } => {
                "name the format that the file has, or leave the format out to have it found"
            }
            Self::ForeignEncoding { .. } => "re-encode it as UTF-8: iconv -f UTF-16 -t UTF-8 in.csv > out.csv",
            Self::NotUtf8 { .. } => {
                "re-encode it as UTF-8, from Latin-1 for example: iconv -f ISO-8859-1 -t UTF-8 in.csv > out.csv"
            }
            Self::RaggedLine { .. } => {
                "quote cells that contain the delimiter, or name the delimiter that the file uses"
            }
            Self::Quoting { .. } => "a cell that begins with a quote ends with one, and quotes inside it are doubled",
            Self::DuplicateColumns { .. } => "rename the columns so that each name occurs once",
            Self::Truncated { .. } => "write or copy the file again",
            Self::LargerThanMemory { .. } => {
                "take fewer rows or columns, or raise `compute.frame_bytes` where the machine has the memory; `xgboost` learns from \
                 numbers in a Parquet file of any size"
            }
            Self::NotColumnwise { .. } => "write the data as Parquet, whose pages may be compressed",
            Self::ColumnNotFound { .. } => "column names are compared exactly, upper and lower case included",
            Self::ColumnNotNumeric { .. } => {
                "encode text first, as the preprocessing tools do, or leave the column out"
            }
            Self::MissingValues { .. } => "fill or drop the missing values first",
            Self::NothingInColumn { .. } => "leave the column out",
            Self::OneClass { .. } => "check that the column is the right one and that no filter left a single class",
            Self::TooManyCategories { .. } => {
                "encode the column as ordinal, frequency or target, or leave it out if it identifies rows"
            }
            Self::NameTaken { .. } => "rename or drop the existing column first",
            Self::SqlRefused { .. } => "send one SELECT over the named tables; files are opened by URI, not from SQL",
            Self::PipelineVersion { .. } => "fit the pipeline again with this server, or upgrade the server",
            Self::TooLarge { .. } => "ask for fewer columns or rows",
            Self::Engine { .. } | Self::Internal { .. } => "report this with the file and the arguments that led to it",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        if matches!(error, Error::Cancelled) {
            return kumiko_vocabulary::control::cancelled();
        }
        let mut fault = Self::new(error.kind(), error.code(), error.to_string());
        if let Some(hint) = error.hint() {
            fault = fault.hint(hint);
        }
        if let Error::ColumnNotFound { known, nearest, .. } = &error {
            fault = fault.data(serde_json::json!({ "known": known, "nearest": nearest }));
        }
        fault
    }
}

/// How many names a message quotes.
const NAMES_IN_A_MESSAGE: usize = 10;
/// Below this similarity (Jaro-Winkler, 0 to 1) a name is no suggestion.
const SIMILAR: f64 = 0.75;

fn quoted(names: &[String]) -> String {
    let mut text = names.iter().take(NAMES_IN_A_MESSAGE).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if names.len() > NAMES_IN_A_MESSAGE {
        text.push_str(&format!(" and {} more", names.len() - NAMES_IN_A_MESSAGE));
    }
    text
}

fn among(nearest: &[String], known: &[String]) -> String {
    if !nearest.is_empty() {
        format!("; the nearest is {}", quoted(nearest))
    } else if known.is_empty() {
        "; the table has none".to_owned()
    } else {
        format!("; the columns are {}", quoted(known))
    }
}

/// Up to three names like `wanted`, the most similar first.
fn nearest(wanted: &str, known: &[String]) -> Vec<String> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &String)> = known
        .iter()
        .map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .collect();
    scored.sort_by(|left, right| right.0.total_cmp(&left.0));
    scored.into_iter().take(3).map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_is_not_there_is_answered_with_the_nearest() {
        let error = Error::column_not_found("Targt", ["age", "target", "income"]);
        assert_eq!(error.to_string(), r#"there is no column "Targt"; the nearest is "target""#);
        let fault = Fault::from(error);
        assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::InvalidArguments, "column_not_found"));
        assert_eq!(fault.data.unwrap()["known"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_long_list_of_columns_is_cut() {
        let names: Vec<String> = (0..12).map(|index| format!("x{index}")).collect();
        let text = Error::column_not_found("zzzz", names.iter().map(String::as_str)).to_string();
        assert!(text.ends_with("and 2 more"), "{text}");
    }
}
