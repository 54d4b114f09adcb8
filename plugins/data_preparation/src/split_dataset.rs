//! `split_dataset`: training, validation and test rows.

use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::preparation::{DEFAULT_SEED, Split, SplitMethod};

use crate::destination::{Output, Part};
use crate::source::{Reading, Source};
use crate::writer::{WrittenObject, links, reply};

/// The share of the validation and of the test rows where no share is given.
const DEFAULT_RATIO: f64 = 0.15;

/// How far the sum of given shares may be from 1, for 0.333, 0.333 and 0.334.
const SUM_TOLERANCE: f64 = 1e-3;

/// A share below this is none: what is left over by rounding.
const NOTHING: f64 = 1e-9;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"), transform = SecondName("test_ratio", "test_size"))]
pub(crate) struct Arguments {
    /// The data set: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    /// The share of training rows. Default: what the other two leave, 0.7 where no share is given.
    #[schemars(range(min = 0, max = 1))]
    train_ratio: Option<f64>,
    /// The share of validation rows; 0 for none. Default: what the other two leave; 0.15 where no share, 0 where only `test_ratio` is given.
    #[schemars(range(min = 0, max = 1))]
    validation_ratio: Option<f64>,
    /// The share of test rows; 0 for none. Default: what the other two leave; 0.15 where `train_ratio` is not given.
    #[serde(alias = "test_size")]
    #[schemars(range(min = 0, max = 1))]
    test_ratio: Option<f64>,
    /// How rows are dealt. `stratified`, `grouped` and `time` need `column`.
    #[serde(default)]
    method: SplitMethod,
    /// The column to stratify by (the target, as a rule), to group by, or to order by.
    column: Option<String>,
    /// The same seed makes the same parts.
    #[serde(default = "default_seed")]
    seed: u64,
    #[serde(flatten)]
    output: Output,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// The parts of a data set.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Divided {
    /// The training rows.
    train_data_s3_uri: String,
    /// The validation rows, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_data_s3_uri: Option<String>,
    /// The test rows, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_data_s3_uri: Option<String>,
    /// How many rows each part has, and what was written.
    written: Vec<WrittenObject>,
}

/// Divides a data set into training, validation and test rows, each row in exactly one part: at random, stratified by a column (equal
/// shares of each class), grouped (rows of one customer stay together), or by time (the latest rows are the test). Writes one data set
/// a part and returns their uris and row counts. The same seed makes the same parts.
///
/// Call it before anything is fitted, so that test rows are never learnt from. Default shares are 0.7, 0.15 and 0.15. Next:
/// `preprocess_supervised` on `train_data_s3_uri`, then `apply_preprocessing` on the other parts.
#[tool(title = "Split a data set", destructive, idempotent, long_running)]
pub(crate) fn split_dataset(arguments: Arguments) -> Result<Reply<Divided>> {
    let shares = shares(arguments.train_ratio, arguments.validation_ratio, arguments.test_ratio)?;
    let given = |(name, share): (&'static str, f64)| (share > NOTHING).then_some((Part::Of(name), share));
    let (parts, ratios): (Vec<Part>, Vec<f64>) =
        ["train", "validation", "test"].into_iter().zip(shares).filter_map(given).unzip();
    let split = Split { ratios, method: arguments.method, column: arguments.column, seed: arguments.seed };

    let source = Source::open(&arguments.dataset_s3_uri, arguments.reading)?;
    let place = arguments.output.place("split_dataset", &source, &split)?;
    place.check(&parts)?;
    let frames = source.frame.split(&split)?;
    let mut writer = place.writer();
    for (part, frame) in parts.into_iter().zip(&frames) {
        writer.data(part, frame)?;
    }
    let written = writer.finish();
    let links = links(&written);

    let uri = |content: &str| {
        written.iter().find(|written| written.content == content).map(|written| written.object.uri.clone())
    };
    let lines: Vec<String> =
        written.iter().map(|object| format!("{}: {}", object.content, object.in_words())).collect();
    let divided = Divided {
        train_data_s3_uri: uri("train").unwrap_or_default(),
        validation_data_s3_uri: uri("validation"),
        test_data_s3_uri: uri("test"),
        written,
    };
    Ok(reply(divided, lines.join("\n"), links))
}

/// The shares of training, validation and test, 1 in sum, from those that are given.
///
/// # Errors
/// `ratios_invalid` where they do not add up to 1, or leave no training rows or no other rows.
fn shares(train: Option<f64>, validation: Option<f64>, test: Option<f64>) -> Result<[f64; 3]> {
    let shares = match (train, validation, test) {
        (None, None, None) => [1.0 - 2.0 * DEFAULT_RATIO, DEFAULT_RATIO, DEFAULT_RATIO],
        (None, None, Some(test)) => [1.0 - test, 0.0, test],
        (None, Some(validation), test) => {
            let test = test.unwrap_or(DEFAULT_RATIO);
            [1.0 - validation - test, validation, test]
        }
        (Some(train), None, None) => [train, (1.0 - train) / 2.0, (1.0 - train) / 2.0],
        (Some(train), None, Some(test)) => [train, rest(train + test), test],
        (Some(train), Some(validation), None) => [train, validation, rest(train + validation)],
        (Some(train), Some(validation), Some(test)) => [train, validation, test],
    };
    let [train, validation, test] = shares;
    let sum: f64 = shares.iter().sum();
    if (sum - 1.0).abs() <= SUM_TOLERANCE
        && train > NOTHING
        && train < 1.0 - NOTHING
        && validation >= 0.0
        && test >= 0.0
    {
        return Ok(shares);
    }
    Err(Fault::invalid(
        "ratios_invalid",
        format!("the shares would be {train:.3} training, {validation:.3} validation and {test:.3} test, {sum:.3} in sum; rows of training and of one other part were expected, 1 in sum"),
    )
    .hint("give one share or two and let the rest follow: `\"train_ratio\": 0.8, \"test_ratio\": 0.2`"))
}

/// What a sum of shares leaves of 1; nothing where rounding is all there is.
fn rest(sum: f64) -> f64 {
    if (1.0 - sum).abs() <= NOTHING { 0.0 } else { 1.0 - sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(train: Option<f64>, validation: Option<f64>, test: Option<f64>) -> [f64; 3] {
        shares(train, validation, test).unwrap().map(|share| (share * 1e6).round() / 1e6)
    }

    #[test]
    fn shares_that_are_not_given_follow_from_those_that_are() {
        assert_eq!(rounded(None, None, None), [0.7, 0.15, 0.15]);
        assert_eq!(rounded(Some(0.8), None, None), [0.8, 0.1, 0.1]);
        assert_eq!(rounded(None, None, Some(0.2)), [0.8, 0.0, 0.2]);
        assert_eq!(rounded(None, Some(0.2), None), [0.65, 0.2, 0.15]);
        assert_eq!(rounded(Some(0.8), None, Some(0.2)), [0.8, 0.0, 0.2]);
        assert_eq!(rounded(Some(0.7), Some(0.3), None), [0.7, 0.3, 0.0]);
        assert_eq!(rounded(Some(0.333), Some(0.333), Some(0.334)), [0.333, 0.333, 0.334]);
    }

    #[test]
    fn shares_that_cannot_be_are_refused_with_their_sum() {
        for (train, validation, test) in [
            (Some(0.8), Some(0.2), Some(0.2)),
            (Some(0.9), None, Some(0.2)),
            (None, Some(0.6), Some(0.6)),
            (Some(1.0), None, None),
            (Some(0.0), None, None),
            (None, None, Some(1.0)),
            (None, Some(0.0), Some(0.0)),
            (Some(f64::NAN), None, None),
        ] {
            let fault = shares(train, validation, test).unwrap_err();
            assert_eq!(fault.code, "ratios_invalid");
            assert!(fault.message.contains("in sum"), "{}", fault.message);
        }
    }
}
