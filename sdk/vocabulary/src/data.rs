//! Data sets: how they are read and written, what is in them, and whether that is what was expected.
//!
//! A missing value is a null. NaN and the infinities are numbers that no statistic uses: they are counted by themselves, left
//! out of every figure, and shown as null.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The texts that a CSV cell may hold where a value is missing, unless the reader is told otherwise.
pub const DEFAULT_NULL_VALUES: [&str; 4] = ["", "NA", "NaN", "null"];
/// The share of missing values above which a column is reported, unless the rules say otherwise.
pub const DEFAULT_MAXIMUM_MISSING_RATIO: f64 = 0.5;
/// The number of offending rows quoted with a violation.
pub const DEFAULT_EXAMPLES: u32 = 5;
/// The association with the target above which a column is suspected of giving the answer away.
pub const DEFAULT_LEAKAGE_THRESHOLD: f64 = 0.98;
/// Tukey's fences: this many interquartile ranges beyond the quartiles.
pub const DEFAULT_INTERQUARTILE_FACTOR: f64 = 1.5;
/// The number of standard deviations beyond which a value is an outlier by its z-score.
pub const DEFAULT_STANDARD_SCORE: f64 = 3.0;
/// The share of outliers that a column may have before it is reported.
pub const DEFAULT_MAXIMUM_OUTLIER_RATIO: f64 = 0.01;

/// What a column holds, whatever its width in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    /// True or false.
    Boolean,
    /// Whole numbers.
    Integer,
    /// Numbers with a fraction.
    Number,
    /// UTF-8 text, categories included.
    Text,
    /// A day.
    Date,
    /// A moment.
    Datetime,
    /// A time of day.
    Time,
    /// A span of time.
    Duration,
    /// A list in each cell.
    List,
    /// An object in each cell.
    Record,
    /// Bytes.
    Binary,
    /// Nothing but nulls.
    Null,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// The column's name, unique within the table.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
}

/// A file format for tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Comma-separated values, or separated by another `delimiter`.
    #[serde(alias = "tsv")]
    Csv,
    /// Apache Parquet.
    Parquet,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    #[serde(alias = "jsonl")]
    Ndjson,
    /// Arrow IPC file.
    #[serde(alias = "feather", alias = "ipc")]
    Arrow,
}

/// Compression around a whole file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// None.
    #[default]
    None,
    /// Gzip (RFC 1952).
    #[serde(alias = "gz")]
    Gzip,
    /// Zstandard (RFC 8878).
    #[serde(alias = "zst")]
    Zstd,
}

/// How a file is to be read. Everything has a default that fits most files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadOptions {
    /// The format. Found out from the name and the first bytes where it is not given; refused where the bytes contradict it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
    /// CSV: the one character between cells. Default: a comma, or a tab for `.tsv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// CSV: whether the first line names the columns. Without a header they are `column_1`, `column_2` ….
    #[serde(default = "yes")]
    pub header: bool,
    /// CSV: the texts that stand for a missing value, compared with the cell less the blanks around it.
    #[serde(default = "default_null_values")]
    pub null_values: Vec<String>,
    /// CSV: whether text that looks like an ISO 8601 date or time becomes one.
    #[serde(default = "yes")]
    pub parse_dates: bool,
    /// The columns to read, in this order. All of them where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            delimiter: None,
            header: true,
            null_values: default_null_values(),
            parse_dates: true,
            columns: Vec::new(),
        }
    }
}

/// How a file is to be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOptions {
    /// The format.
    pub format: FileFormat,
    /// Compression around the file. Parquet compresses its pages by itself: there it names the codec of the pages, and `none`
    /// leaves them uncompressed; where it is not given, they are compressed with zstd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// CSV: the one character between cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
}

/// What is in a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetSummary {
    /// The number of rows.
    pub rows: u64,
    /// One summary a column, in the order of the table.
    pub columns: Vec<ColumnSummary>,
    /// Missing values in all columns together.
    pub missing_values: u64,
    /// What the table takes in memory, in bytes.
    pub memory_bytes: u64,
    /// The first rows, as objects.
    pub sample: Vec<Map<String, Value>>,
}

/// What is in one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnSummary {
    /// The column's name.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
    /// Missing values.
    pub missing: u64,
    /// Missing values by rows; 0 for a table without rows.
    pub missing_ratio: f64,
    /// Different values, nulls left out. Absent for lists and objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct: Option<u64>,
    /// Statistics of numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numeric: Option<NumericSummary>,
    /// Statistics of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSummary>,
    /// The first moment of a date or time column, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<String>,
    /// The last moment of a date or time column, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<String>,
    /// The most frequent values of text, booleans and numbers with few different values; the most frequent first, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top_values: Vec<ValueCount>,
}

/// Statistics of a column of numbers over its finite values. All of them are absent where there is no finite value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumericSummary {
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The sample standard deviation, with n - 1; absent for a single value.
    pub standard_deviation: Option<f64>,
    /// The least value.
    pub minimum: Option<f64>,
    /// The 25 % quantile, with linear interpolation.
    pub lower_quartile: Option<f64>,
    /// The 50 % quantile, with linear interpolation.
    pub median: Option<f64>,
    /// The 75 % quantile, with linear interpolation.
    pub upper_quartile: Option<f64>,
    /// The greatest value.
    pub maximum: Option<f64>,
    /// How many are zero.
    pub zeros: u64,
    /// How many are NaN.
    pub not_a_number: u64,
    /// How many are infinite.
    pub infinite: u64,
}

/// Statistics of a column of text, in characters (Unicode scalar values).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSummary {
    /// The shortest text's length.
    pub shortest: u64,
    /// The longest text's length.
    pub longest: u64,
    /// The mean length.
    pub mean_length: f64,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueCount {
    /// The value.
    pub value: Value,
    /// How often it occurs.
    pub count: u64,
}

/// What a data set is expected to be. A check that is not asked for here is made with its default, so `{}` is a fair check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationRules {
    /// Columns that must be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_columns: Vec<String>,
    /// The share of missing values above which a column fails, where its own rule does not say otherwise.
    #[serde(default = "default_maximum_missing_ratio", alias = "max_missing_ratio")]
    pub maximum_missing_ratio: f64,
    /// Rules for single columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnRule>,
    /// Whether columns without a rule and not required are welcome. Only meaningful with `columns`.
    #[serde(default = "yes")]
    pub allow_further_columns: bool,
    /// Sets of columns whose values together must not repeat.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique_together: Vec<Vec<String>>,
    /// The fewest rows that will do. Default 1.
    #[serde(default = "one")]
    pub minimum_rows: u64,
    /// How rows that repeat another one whole are judged.
    #[serde(default = "default_severity")]
    pub duplicate_rows: Severity,
    /// How columns with a single value are judged.
    #[serde(default = "default_severity")]
    pub constant_columns: Severity,
    /// How outliers are found and judged.
    #[serde(default)]
    pub outliers: OutlierRule,
    /// The column that a model is to predict. Where it is given, the other columns are searched for ones that give it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_column: Option<String>,
    /// The association with the target, from 0 to 1, above which a column is suspected: the absolute Pearson or rank correlation of two
    /// numbers, the correlation ratio of a number and classes, Cramér's V of classes.
    #[serde(default = "default_leakage_threshold")]
    pub leakage_threshold: f64,
    /// How many offending rows each violation quotes.
    #[serde(default = "default_examples")]
    pub examples: u32,
}

impl Default for ValidationRules {
    fn default() -> Self {
        Self {
            required_columns: Vec::new(),
            maximum_missing_ratio: DEFAULT_MAXIMUM_MISSING_RATIO,
            columns: Vec::new(),
            allow_further_columns: true,
            unique_together: Vec::new(),
            minimum_rows: 1,
            duplicate_rows: Severity::Warning,
            constant_columns: Severity::Warning,
            outliers: OutlierRule::default(),
            target_column: None,
            leakage_threshold: DEFAULT_LEAKAGE_THRESHOLD,
            examples: DEFAULT_EXAMPLES,
        }
    }
}

/// What one column is expected to be.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnRule {
    /// The column.
    pub name: String,
    /// What it must hold. An integer column also passes as `number`.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "type")]
    pub data_type: Option<DataType>,
    /// True where the column may be absent altogether.
    #[serde(default)]
    pub optional: bool,
    /// The share of missing values that it may have; 0 allows none.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "max_missing_ratio")]
    pub maximum_missing_ratio: Option<f64>,
    /// The least number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "min")]
    pub minimum: Option<f64>,
    /// The greatest number allowed.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "max")]
    pub maximum: Option<f64>,
    /// The values allowed: text, numbers or booleans. Empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<AllowedValue>")]
    pub allowed_values: Vec<Value>,
    /// A regular expression (RE2 syntax) that every text must match somewhere; anchor it with `^` and `$` to match whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// True where no value may occur twice.
    #[serde(default)]
    pub unique: bool,
}

// The schema that stands in for `Value`, which has none: some clients refuse a schema that says nothing.
/// A text, a number, or true or false.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum AllowedValue {
    Text(String),
    Number(f64),
    Flag(bool),
}

/// How outliers are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutlierMethod {
    /// Beyond Tukey's fences, `factor` interquartile ranges from the quartiles.
    InterquartileRange,
    /// More than `factor` standard deviations from the mean.
    StandardScore,
    /// They are not looked for.
    None,
}

/// How outliers of number columns are found and judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutlierRule {
    /// The way to find them.
    #[serde(default = "default_outlier_method")]
    pub method: OutlierMethod,
    /// How far out a value must be: 1.5 by default for `interquartile_range`, 3 for `standard_score`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// The share of outliers that a column may have before it is reported.
    #[serde(default = "default_maximum_outlier_ratio")]
    pub maximum_ratio: f64,
    /// How a column with more is judged.
    #[serde(default = "default_severity")]
    pub severity: Severity,
}

impl Default for OutlierRule {
    fn default() -> Self {
        Self {
            method: default_outlier_method(),
            factor: None,
            maximum_ratio: DEFAULT_MAXIMUM_OUTLIER_RATIO,
            severity: Severity::Warning,
        }
    }
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not looked for.
    Ignored,
    /// Worth a look.
    Warning,
    /// The data set does not pass.
    Error,
}

/// The outcome of a validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No finding.
    Passed,
    /// Warnings alone.
    PassedWithWarnings,
    /// At least one error.
    Failed,
}

/// Which rule a violation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Too few rows.
    MinimumRows,
    /// A required column is absent.
    RequiredColumn,
    /// A column that no rule names.
    FurtherColumn,
    /// The column holds another type.
    DataType,
    /// Too many missing values.
    MissingValues,
    /// NaN or an infinity.
    NotFinite,
    /// A number below `minimum`.
    Minimum,
    /// A number above `maximum`.
    Maximum,
    /// A value that is not allowed.
    AllowedValues,
    /// Text that does not match.
    Pattern,
    /// A value that occurs more than once.
    Unique,
    /// A combination that occurs more than once.
    UniqueTogether,
    /// A row that repeats another.
    DuplicateRows,
    /// A column with a single value.
    ConstantColumn,
    /// Values far from the others.
    Outliers,
    /// A column that gives the target away.
    Leakage,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// The columns it is about; empty where it is about the whole table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What was found, what was expected.
    pub message: String,
    /// How many rows offend; 0 where the finding is not about rows.
    pub count: u64,
    /// Offending rows by all rows.
    pub ratio: f64,
    /// The first offending rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<ExampleRow>,
}

/// An offending row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExampleRow {
    /// The row's number, the first row being 0.
    pub row: u64,
    /// What the columns of the violation hold there; a single value where it is about one column.
    pub value: Value,
}

/// Whether a data set is what was expected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidationReport {
    /// The outcome.
    pub verdict: Verdict,
    /// The number of rows checked.
    pub rows: u64,
    /// The number of columns checked.
    pub columns: u64,
    /// Findings that fail the data set.
    pub errors: u64,
    /// Findings worth a look.
    pub warnings: u64,
    /// Every finding, errors first.
    pub violations: Vec<Violation>,
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

fn default_null_values() -> Vec<String> {
    DEFAULT_NULL_VALUES.iter().map(ToString::to_string).collect()
}

fn default_maximum_missing_ratio() -> f64 {
    DEFAULT_MAXIMUM_MISSING_RATIO
}

fn default_examples() -> u32 {
    DEFAULT_EXAMPLES
}

fn default_leakage_threshold() -> f64 {
    DEFAULT_LEAKAGE_THRESHOLD
}

fn default_maximum_outlier_ratio() -> f64 {
    DEFAULT_MAXIMUM_OUTLIER_RATIO
}

fn default_outlier_method() -> OutlierMethod {
    OutlierMethod::InterquartileRange
}

fn default_severity() -> Severity {
    Severity::Warning
}
