//! Columns made from columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Steps that add columns, in order; a step sees what the steps before it added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeatureEngineering {
    /// The steps.
    pub steps: Vec<FeatureStep>,
}

/// One step. A name that it would add and that exists is refused, so nothing is overwritten.
///
/// Where the arguments of a step are missing, the result is null; NaN and infinities count as missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub enum FeatureStep {
    /// Powers of numbers: `<column>_power_2` … up to the degree.
    Polynomial {
        /// Columns of numbers.
        columns: Vec<String>,
        /// The highest power, 2 to 8.
        #[serde(default = "two")]
        degree: u32,
    },
    /// Products of every two of the columns: `<first>_times_<second>`.
    Interactions {
        /// Columns of numbers, at least two.
        columns: Vec<String>,
    },
    /// Parts of a date or a moment as integers: `<column>_year` ….
    DateParts {
        /// Columns of dates or moments; text in ISO 8601 is read as such.
        columns: Vec<String>,
        /// The parts.
        parts: Vec<DatePart>,
    },
    /// A circle for what comes round again: `<column>_sine`, `<column>_cosine` of `2π · x / period`.
    Cyclical {
        /// The column: of numbers with a `period`, or of dates or moments with a `part`.
        column: String,
        /// After how much the number comes round again: 24 for hours.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        period: Option<f64>,
        /// The part of the date: month, weekday, hour, minute or day of the year, whose period is known. It becomes part of the
        /// added names: `<column>_month_sine`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<DatePart>,
    },
    /// The number of the bin that a number falls in, from 0: `<column>_bin`. Edges are learnt; what lies beyond them falls in the
    /// outermost bins. Bins with equal edges merge.
    Binning {
        /// Columns of numbers.
        columns: Vec<String>,
        /// How many bins, 2 to 1,000.
        #[serde(default = "five")]
        bins: u32,
        /// How edges are laid.
        #[serde(default)]
        method: BinningMethod,
    },
    /// `sign(x) · ln(1 + |x|)`: `<column>_log`.
    Logarithm {
        /// Columns of numbers.
        columns: Vec<String>,
    },
    /// A power transform whose exponent is learnt by maximum likelihood: `<column>_power`.
    Power {
        /// Columns of numbers.
        columns: Vec<String>,
        /// The family.
        #[serde(default)]
        method: PowerMethod,
    },
    /// Statistics of a column within groups, learnt: `<column>_<function>_by_<by>`. A group not seen when fitting gets the
    /// statistics of all rows.
    GroupAggregates {
        /// The columns that make a group.
        by: Vec<String>,
        /// Columns of numbers.
        columns: Vec<String>,
        /// The statistics.
        functions: Vec<AggregateFunction>,
    },
    /// Values of rows before: `<column>_lag_<offset>`. Null where there is no such row.
    Lags {
        /// The columns.
        columns: Vec<String>,
        /// How many rows back; negative looks ahead, which leaks what is not yet known.
        offsets: Vec<i32>,
        /// Groups within which rows follow each other.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<String>,
        /// The column that orders the rows, ascending. Without it, they follow as they stand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_by: Option<String>,
    },
    /// Statistics of the last rows, this one included: `<column>_rolling_<function>_<window>`. With fewer than `minimum_rows`
    /// values, null.
    Rolling {
        /// Columns of numbers.
        columns: Vec<String>,
        /// How many rows, 1 to 100,000.
        window: u32,
        /// The statistics.
        functions: Vec<RollingFunction>,
        /// The fewest values that make a statistic.
        #[serde(default = "one")]
        minimum_rows: u32,
        /// Groups within which rows follow each other.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<String>,
        /// The column that orders the rows, ascending. Without it, they follow as they stand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        order_by: Option<String>,
    },
    /// How often words fall into each of a number of buckets: `<column>_hash_0` …. Words are runs of letters and digits in lower
    /// case; the bucket is their 64-bit FNV-1a hash modulo the number of buckets.
    HashedText {
        /// Columns of text.
        columns: Vec<String>,
        /// How many buckets, 1 to 4,096.
        #[serde(default = "thirty_two")]
        buckets: u32,
    },
    /// `SELECT …` over the table `data`, whose result takes the place of the table. Statistics in it are those of the rows at hand,
    /// not of the fitted ones.
    Sql {
        /// The query.
        query: String,
    },
    /// Leaves columns out.
    Drop {
        /// The columns.
        columns: Vec<String>,
    },
}

/// A part of a date or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// The year.
    Year,
    /// 1 to 4.
    Quarter,
    /// 1 to 12.
    Month,
    /// The week by ISO 8601, 1 to 53.
    Week,
    /// 1 to 31.
    Day,
    /// 1 to 366.
    DayOfYear,
    /// 1 for Monday to 7 for Sunday.
    Weekday,
    /// 1 on Saturdays and Sundays, 0 otherwise.
    IsWeekend,
    /// 0 to 23; 0 for a date.
    Hour,
    /// 0 to 59; 0 for a date.
    Minute,
    /// 0 to 59; 0 for a date.
    Second,
}

/// How the edges of bins are laid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BinningMethod {
    /// As many rows in each.
    #[default]
    Quantile,
    /// Each as wide.
    Uniform,
}

/// A family of power transforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerMethod {
    /// For positive numbers (Box and Cox 1964). A number that is not positive is an error when fitting and null afterwards.
    #[default]
    BoxCox,
    /// For all numbers (Yeo and Johnson 2000).
    YeoJohnson,
}

/// A statistic of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AggregateFunction {
    /// The mean.
    Mean,
    /// The sample standard deviation, with n - 1.
    #[serde(alias = "std")]
    StandardDeviation,
    /// The least.
    #[serde(alias = "min")]
    Minimum,
    /// The greatest.
    #[serde(alias = "max")]
    Maximum,
    /// The median.
    Median,
    /// The sum.
    Sum,
    /// The number of values that are not missing.
    Count,
}

/// A statistic of a window of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RollingFunction {
    /// The mean.
    Mean,
    /// The sample standard deviation, with n - 1.
    #[serde(alias = "std")]
    StandardDeviation,
    /// The least.
    #[serde(alias = "min")]
    Minimum,
    /// The greatest.
    #[serde(alias = "max")]
    Maximum,
    /// The sum.
    Sum,
}

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

fn five() -> u32 {
    5
}

fn thirty_two() -> u32 {
    32
}
