//! `apply_class_imbalance_handling`: classes in balance.

use kumiko_sdk::prelude::*;
use kumiko_sdk::second_names::SecondName;
use kumiko_sdk::vocabulary::data::ValueCount;
use kumiko_sdk::vocabulary::preparation::{Balancing, BalancingMethod};

use crate::classes;
use crate::destination::{Output, Part};
use crate::listing::cut;
use crate::source::{Reading, Source};
use crate::writer::{WrittenObject, links, reply};

const BALANCED: Part = Part::Only("balanced");

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = SecondName("dataset_s3_uri", "s3_uri"))]
pub(crate) struct Arguments {
    /// The training rows: `s3://bucket/key`, or a path under a folder that the operator allowed.
    #[serde(alias = "s3_uri")]
    dataset_s3_uri: String,
    #[serde(flatten)]
    reading: Reading,
    #[serde(flatten)]
    balancing: Balancing,
    /// Whether to draw how many rows each class has, before and after.
    #[serde(default)]
    generate_plots: bool,
    #[serde(flatten)]
    output: Output,
}

/// A training set in balance.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Balanced {
    /// The balanced rows.
    train_data_s3_uri: String,
    /// The column of the class.
    target_column: String,
    /// What was done.
    method: BalancingMethod,
    /// The column of weights that `class_weights` added.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight_column: Option<String>,
    /// Each class and its rows before, the most frequent first; the first 50.
    before: Vec<ValueCount>,
    /// Each class and its rows after, the most frequent first; the first 50.
    after: Vec<ValueCount>,
    /// How many classes of `before` and `after` together are not listed.
    classes_not_listed: u64,
    /// What was written.
    written: Vec<WrittenObject>,
}

/// Balances the classes of a training set: SMOTE (synthetic rows between neighbours), random over-sampling, random under-sampling, or a
/// weight column. Writes the rows and returns their uri and the rows of each class before and after.
///
/// Call it on training rows alone, after the split and, for `smote`, after `preprocess_supervised` (it needs rows without missing
/// values); never on validation or test rows, whose measures would mean nothing. Next: training with `train_data_s3_uri`.
#[tool(title = "Handle class imbalance", destructive, idempotent, long_running)]
pub(crate) fn apply_class_imbalance_handling(arguments: Arguments) -> Result<Reply<Balanced>> {
    let Arguments { dataset_s3_uri, reading, balancing, generate_plots, output } = arguments;
    let source = Source::open(&dataset_s3_uri, reading)?;
    let place = output.place("apply_class_imbalance_handling", &source, &balancing)?;
    place.check(&[BALANCED])?;
    let balanced = source.frame.balance(&balancing)?;
    let mut before = classes::counts(&source.frame, &balancing.target_column)?;
    let mut after = classes::counts(&balanced, &balancing.target_column)?;
    let pictures = if generate_plots {
        vec![classes::draw("Rows by class, before", &before)?, classes::draw("Rows by class, after", &after)?]
    } else {
        Vec::new()
    };
    let mut writer = place.writer();
    let train_data_s3_uri = writer.data(BALANCED, &balanced)?;
    let written = writer.finish();
    let links = links(&written);

    let classes_not_listed = cut(&mut before) + cut(&mut after);
    let Balancing { target_column, method, weight_column, .. } = balancing;
    let weight_column = (method == BalancingMethod::ClassWeights).then_some(weight_column);
    let done = match &weight_column {
        Some(weight_column) => format!("Every row stays, weighted by {weight_column}: {}", classes::in_words(&after)),
        None => format!("Before: {}\nAfter: {}", classes::in_words(&before), classes::in_words(&after)),
    };
    let text = format!("{done}\n{train_data_s3_uri}");
    let result = Balanced {
        train_data_s3_uri,
        target_column,
        method,
        weight_column,
        before,
        after,
        classes_not_listed,
        written,
    };
    Ok(pictures.into_iter().fold(reply(result, text, links), Reply::image))
}
