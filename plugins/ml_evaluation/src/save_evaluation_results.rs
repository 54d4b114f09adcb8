//! `save_evaluation_results`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::outputs::{Destination, StoredObject};
use kumiko_sdk::prelude::*;
use serde_json::Map;

use crate::results_document;

/// The form of saved results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ResultsFormat {
    /// JSON, for programs.
    Json,
    /// Headings, lists and tables, for people.
    Markdown,
}

/// Which results to save where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SaveArguments {
    /// The results: what an evaluation or a comparison answered with, or any other object.
    results: Map<String, Value>,
    /// Where they go.
    output_s3_uri: String,
    /// The form in which they go there. Without it, Markdown where the name ends in `.md`, and JSON otherwise.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<ResultsFormat>")]
    format: Option<ResultsFormat>,
    /// Whether to replace what is at `output_s3_uri`.
    #[serde(default)]
    overwrite: bool,
}

/// Results that were saved.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SavedResults {
    /// Where they are, with size and digest.
    saved: StoredObject,
    /// The form in which they are there.
    format: ResultsFormat,
}

/// Writes evaluation results to a place of your choice, as JSON or as a Markdown document.
///
/// The evaluation tools keep their whole reports by themselves: use this tool to collect, annotate or pass on results.
#[tool(title = "Save evaluation results", destructive, idempotent)]
pub(crate) fn save_evaluation_results(arguments: SaveArguments) -> Result<Reply<SavedResults>> {
    let format = arguments.format.unwrap_or_else(|| format_of(&arguments.output_s3_uri));
    let (text, media_type) = match format {
        ResultsFormat::Json => (json_text(&arguments.results)?, "application/json"),
        ResultsFormat::Markdown => (results_document::markdown(&arguments.results), "text/markdown"),
    };
    let destination = Destination::new(Some(&arguments.output_s3_uri), arguments.overwrite, "");
    destination.check()?;
    let saved = destination.put(text.as_bytes(), media_type)?;
    let text = format!("Saved the results to {} ({} bytes, sha256 {}).", saved.uri, saved.size_bytes, saved.sha256);
    let link = Link::from(&saved).title("Evaluation results");
    Ok(Reply::new(SavedResults { saved, format }).text(text).link(link))
}

fn format_of(uri: &str) -> ResultsFormat {
    let name = uri.to_lowercase();
    if name.ends_with(".md") || name.ends_with(".markdown") { ResultsFormat::Markdown } else { ResultsFormat::Json }
}

fn json_text(results: &Map<String, Value>) -> Result<String> {
    let text = serde_json::to_string_pretty(results).map_err(|error| {
        Fault::failed("result_not_serializable", format!("the results cannot be written as JSON: {error}"))
    })?;
    Ok(text + "\n")
}
