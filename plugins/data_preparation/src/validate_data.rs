//! `validate_data`: whether a data set is what was expected.

use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::data::{
    DEFAULT_MAXIMUM_MISSING_RATIO, Severity, ValidationReport, ValidationRules, Verdict, Violation,
};

use crate::listing::{Detail, counted, cut, shorten};
use crate::source::{Reading, Source, short_form};

/// The most findings that the text quotes; the structured result has more.
const TOLD: usize = 10;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("data_s3_uri", "s3_uri"))]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    data_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// What the data set is expected to be. Without it, every check is made with its default.
    schema: Option<ValidationRules>,
    /// Short for `schema.target_column`: the column to be predicted; the others are searched for ones that give it away.
    target_column: Option<String>,
    /// Columns that must be there, besides those of `schema.required_columns`.
    required_columns: Option<Vec<String>>,
    /// Short for `schema.maximum_missing_ratio`: the share of missing values, 0 to 1, above which a column fails.
    #[schemars(range(min = 0, max = 1))]
    max_missing_ratio: Option<f64>,
    /// `summary` lists the first 50 findings and cuts long texts; `full` does neither.
    #[serde(default)]
    detail: Detail,
}

impl Arguments {
    /// The rules with the short forms in their places.
    fn rules(&mut self) -> Result<ValidationRules> {
        let mut rules = self.schema.take().unwrap_or_default();
        short_form(
            "target_column",
            self.target_column.take(),
            "schema.target_column",
            &None,
            &mut rules.target_column,
        )?;
        short_form(
            "max_missing_ratio",
            self.max_missing_ratio,
            "schema.maximum_missing_ratio",
            &DEFAULT_MAXIMUM_MISSING_RATIO,
            &mut rules.maximum_missing_ratio,
        )?;
        for column in self.required_columns.take().unwrap_or_default() {
            if !rules.required_columns.contains(&column) {
                rules.required_columns.push(column);
            }
        }
        Ok(rules)
    }
}

/// Whether a data set is what was expected.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Validated {
    /// The data set checked.
    uri: String,
    /// The outcome.
    verdict: Verdict,
    /// Whether the data set may be used: no finding is an error.
    valid: bool,
    /// The number of rows checked.
    rows: u64,
    /// The number of columns checked.
    columns: u64,
    /// Findings that fail the data set.
    errors: u64,
    /// Findings worth a look.
    warnings: u64,
    /// The findings, errors first, each with counts and example rows.
    violations: Vec<Violation>,
    /// How many findings are not listed; `detail: full` lists all.
    violations_not_listed: u64,
}

/// Checks a data set and returns a verdict with every finding, its count and example rows: missing values, types, ranges, allowed
/// values, patterns, uniqueness, duplicate rows, constant columns, outliers, and columns that give the target away. Changes
/// nothing; a data set that does not pass is a result, not an error.
///
/// Call it after `load_dataset` and before preprocessing; give `target_column` to look for leakage. Without `schema` all checks
/// run with defaults. Next: `split_dataset`, or mend the source of what it found.
#[tool(title = "Validate a data set", read_only, idempotent, long_running)]
pub(crate) fn validate_data(mut arguments: Arguments) -> Result<Reply<Validated>> {
    let rules = arguments.rules()?;
    let source = Source::open(&arguments.data_s3_uri, arguments.reading)?;
    let ValidationReport { verdict, rows, columns, errors, warnings, mut violations } =
        source.frame.validate(&rules)?;
    let mut violations_not_listed = 0;
    if arguments.detail == Detail::Summary {
        violations_not_listed = cut(&mut violations);
        violations
            .iter_mut()
            .flat_map(|violation| &mut violation.examples)
            .for_each(|example| shorten(&mut example.value));
    }
    let mut lines = vec![format!(
        "{} {}: {} and {} in {}.",
        source.info.uri,
        in_words(verdict),
        counted(errors, "error"),
        counted(warnings, "warning"),
        counted(rows, "row"),
    )];
    lines.extend(violations.iter().take(TOLD).map(|violation| {
        let severity = if violation.severity == Severity::Error { "error" } else { "warning" };
        format!("- {severity}: {}", violation.message)
    }));
    let untold = violations_not_listed + violations.len().saturating_sub(TOLD) as u64;
    if untold > 0 {
        lines.push(format!("- and {untold} more"));
    }
    let uri = source.info.uri;
    let valid = verdict != Verdict::Failed;
    let validated =
        Validated { uri, verdict, valid, rows, columns, errors, warnings, violations, violations_not_listed };
    Ok(Reply::new(validated).text(lines.join("\n")))
}

fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::PassedWithWarnings => "passed with warnings",
        Verdict::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiko_sdk::arguments::parse;

    fn rules(arguments: Value) -> Result<ValidationRules> {
        parse::<Arguments>(&arguments.to_string())?.rules()
    }

    #[test]
    fn the_arguments_of_the_original_become_rules() {
        let rules = rules(
            json!({ "s3_uri": "a.csv", "file_format": "csv", "required_columns": ["a"], "max_missing_ratio": 0.1 }),
        )
        .unwrap();
        assert_eq!((rules.required_columns, rules.maximum_missing_ratio), (vec!["a".to_owned()], 0.1));
    }

    #[test]
    fn required_columns_join_those_of_the_schema() {
        let rules = rules(
            json!({ "data_s3_uri": "a.csv", "required_columns": ["a", "b"], "schema": { "required_columns": ["a"] } }),
        )
        .unwrap();
        assert_eq!(rules.required_columns, ["a", "b"]);
    }

    #[test]
    fn a_rule_that_is_given_twice_and_differently_is_refused() {
        let fault = rules(
            json!({ "data_s3_uri": "a.csv", "max_missing_ratio": 0.1, "schema": { "maximum_missing_ratio": 0.2 } }),
        )
        .unwrap_err();
        assert_eq!(fault.code, "contradictory_arguments");
    }
}
