//! `predict`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::frames::Frame;
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{Destination, StoredObject, data_name, segment, write_options};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{ColumnSummary, FileFormat};
use serde_json::Map;

use crate::subject::{ModelReference, open_data};

/// The rows shown, unless the caller wants another number.
const DEFAULT_SAMPLE: u32 = 5;
/// The columns that the table in the text has room for.
const COLUMNS_IN_TEXT: usize = 6;
/// The column with what the model says.
const PREDICTION: &str = "prediction";
/// The column of clusters.
const CLUSTER: &str = "cluster";

/// What to predict with which model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PredictArguments {
    /// The model, as a training left it; or one of another program: an ONNX graph, or boosted trees as XGBoost's JSON.
    model_s3_uri: String,
    /// The rows to predict for. Columns are matched by name; further columns are ignored.
    data_s3_uri: String,
    /// The format of the data. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// Where the predictions go. The name says the format: `.csv`, `.parquet`, `.json` or `.ndjson`, also with `.gz` or
    /// `.zst`. Without it, `predictions/<model>-on-<data>.csv` in the server's own bucket.
    output_s3_uri: Option<String>,
    /// The format of the predictions, where the name does not say it.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    output_format: Option<FileFormat>,
    /// Whether to replace what is at `output_s3_uri`.
    #[serde(default)]
    overwrite: bool,
    /// How many of the first predictions to show.
    #[serde(default = "default_sample")]
    #[schemars(range(min = 0, max = 100))]
    sample: u32,
}

/// Predictions, as a data set.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PredictOutcome {
    /// The model.
    model: ModelReference,
    /// The rows that it was applied to.
    data_s3_uri: String,
    /// The data set of predictions: one row for each row of the data, in its order.
    predictions: StoredObject,
    /// The number of rows.
    rows: u64,
    /// The columns of the predictions: `prediction`, and for a classifier `probability_<class>` for each class.
    columns: Vec<String>,
    /// How the predictions are distributed.
    distribution: Option<ColumnSummary>,
    /// The first rows.
    sample: Vec<Map<String, Value>>,
}

fn default_sample() -> u32 {
    DEFAULT_SAMPLE
}

/// Applies a model to every row of a data set and writes the predictions, with the probability of each class where the model is a
/// classifier, as a data set in the order of the rows.
///
/// The data needs the columns that the model learnt from (`load_model` lists them), unprepared where the model carries its own
/// preparation; the target column is not needed.
#[tool(title = "Predict", destructive, idempotent, long_running)]
pub(crate) fn predict(arguments: PredictArguments) -> Result<Reply<PredictOutcome>> {
    let model = Model::load(&arguments.model_s3_uri)?;
    let metadata = model.metadata()?;
    let default = format!("predictions/{}-on-{}.csv", segment(&metadata.name), data_name(&arguments.data_s3_uri));
    let destination = Destination::new(arguments.output_s3_uri.as_deref(), arguments.overwrite, &default);
    let options = write_options(destination.uri(), arguments.output_format)?;
    destination.check()?;

    let predictions = model.predict(&open_data(&arguments.data_s3_uri, arguments.file_format)?)?;
    let written = predictions.write(destination.uri(), &options, destination.precondition())?;
    let stored = StoredObject::from(&written);
    let (rows, columns, distribution, sample) = describe(&predictions, arguments.sample)?;
    let text =
        format!("Predicted {rows} rows with `{}` into {}.\n\n{}", metadata.name, stored.uri, table(&columns, &sample));
    let link = Link::from(&stored).title("Predictions");
    let outcome = PredictOutcome {
        model: ModelReference { uri: arguments.model_s3_uri, name: metadata.name, algorithm: metadata.algorithm },
        data_s3_uri: arguments.data_s3_uri,
        predictions: stored,
        rows,
        columns,
        distribution,
        sample,
    };
    Ok(Reply::new(outcome).text(text).link(link))
}

type Description = (u64, Vec<String>, Option<ColumnSummary>, Vec<Map<String, Value>>);

/// Rows, columns, the distribution of what was predicted, and the first rows.
fn describe(predictions: &Frame, sample: u32) -> Result<Description> {
    let summary = predictions.summary(sample)?;
    let columns = summary.columns.iter().map(|column| column.name.clone()).collect();
    let distribution = summary.columns.into_iter().find(|column| column.name == PREDICTION || column.name == CLUSTER);
    Ok((summary.rows, columns, distribution, summary.sample))
}

fn table(columns: &[String], sample: &[Map<String, Value>]) -> Table {
    let shown: Vec<&String> = columns.iter().take(COLUMNS_IN_TEXT).collect();
    let mut table = Table::new(shown.iter().map(|name| name.as_str()));
    for row in sample {
        table.push(shown.iter().map(|name| row.get(name.as_str()).map(cell).unwrap_or_default()));
    }
    table
}

fn cell(value: &Value) -> String {
    match value {
        Value::Number(value) => value.as_f64().map_or_else(|| value.to_string(), number),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
