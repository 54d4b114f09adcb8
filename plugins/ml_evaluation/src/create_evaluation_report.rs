//! `create_evaluation_report`.
//!
//! What a report says is made once, as a [`Page`] of sections (`contents`), and written in two forms: HTML with its figures in it
//! (`html`), and Markdown (`page`). The JSON form has the numbers themselves.

mod contents;
mod html;
mod page;

use kumiko_sdk::content::Link;
use kumiko_sdk::models::Report;
use kumiko_sdk::outputs::StoredObject;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::DatasetSummary;
use kumiko_sdk::vocabulary::evaluation::{ClassificationReport, EvaluationSpecification, RegressionReport};
use kumiko_sdk::vocabulary::learning::{ModelMetadata, Task};

use crate::arguments::{ModelAndData, Place, Resampling};
use crate::subject::{ModelReference, Subject};
use crate::tables;

use contents::{CLASSIFIER_MEASURES, REGRESSOR_MEASURES};

/// What the three forms are called.
const HTML_NAME: &str = "evaluation_report.html";
const MARKDOWN_NAME: &str = "evaluation_report.md";
const JSON_NAME: &str = "evaluation_report.json";

/// Which model to report on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportArguments {
    #[serde(flatten)]
    of: ModelAndData,
    /// Of two classes, the one that the curves and binary measures are about. Without it, the second one.
    positive_class: Option<String>,
    /// The report's title. Without it, `Evaluation of <model>`.
    title: Option<String>,
    #[serde(flatten)]
    resampling: Resampling,
    #[serde(flatten)]
    place: Place,
}

/// A report that was written.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportOutcome {
    /// What the evaluation is called.
    evaluation_name: String,
    /// The model.
    model: ModelReference,
    /// Whether it names a class or a number.
    task: Task,
    /// The rows that it was measured on.
    test_data_s3_uri: String,
    /// The number of rows.
    rows: u64,
    /// The report for a browser or a printer: one file that needs nothing else.
    html: StoredObject,
    /// The report as Markdown, without its figures.
    markdown: StoredObject,
    /// Model, data and all measures, for programs.
    json: StoredObject,
    /// What a person should know.
    notes: Vec<String>,
}

/// The JSON form.
#[derive(Serialize)]
struct Document<'a> {
    evaluation_name: &'a str,
    model_s3_uri: &'a str,
    test_data_s3_uri: &'a str,
    model: &'a ModelMetadata,
    data: &'a DatasetSummary,
    metrics: Measures<'a>,
    notes: &'a [String],
}

/// The measures of one of the two tasks.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Measures<'a> {
    Classification(&'a ClassificationReport),
    Regression(&'a RegressionReport),
}

/// Writes one report about a model on test data: measures with 95 % intervals, confusion matrix, ROC, precision-recall and calibration
/// curves or residuals, classes, feature importances, and facts about model and data.
///
/// The HTML file has its figures in it, loads nothing, and can be printed. Beside it the same report is kept as Markdown and JSON. For
/// measures in the answer itself use `evaluate_classifier` or `evaluate_regressor`.
#[tool(title = "Write an evaluation report", destructive, idempotent, long_running, aliases = ["generate_evaluation_report"])]
pub(crate) fn create_evaluation_report(arguments: ReportArguments) -> Result<Reply<ReportOutcome>> {
    let subject = Subject::open(&arguments.of)?;
    let (name, folder) = arguments.place.named(|| subject.name());
    let places = [HTML_NAME, MARKDOWN_NAME, JSON_NAME].map(|name| folder.file(name));
    places.iter().try_for_each(|place| place.check())?;
    let specification = EvaluationSpecification {
        target_column: arguments.of.target_column.clone(),
        positive_class: arguments.positive_class.clone().filter(|_| subject.metadata.task == Task::Classification),
        bootstrap_samples: arguments.resampling.bootstrap_samples,
        seed: arguments.resampling.seed,
        ..EvaluationSpecification::default()
    };
    let report = subject.model.evaluate(&subject.frame, &specification)?;
    let measures = match &report {
        Report::Classification(report) => Measures::Classification(report),
        Report::Regression(report) => Measures::Regression(report),
    };
    let data = subject.frame.summary(0)?;
    let title = arguments.title.unwrap_or_else(|| format!("Evaluation of {}", subject.metadata.name));
    let mut notes = subject.metadata.notes.clone();
    let page = contents::page(&title, &subject, &data, measures, &specification, &mut notes);
    let document = Document {
        evaluation_name: &name,
        model_s3_uri: &subject.uri,
        test_data_s3_uri: &subject.data_uri,
        model: &subject.metadata,
        data: &data,
        metrics: measures,
        notes: &notes,
    };
    let json = serde_json::to_string_pretty(&document).map_err(|error| {
        Fault::failed("result_not_serializable", format!("the report cannot be written as JSON: {error}"))
    })?;
    let [html_place, markdown_place, json_place] = places;
    let html = html_place.put(html::document(&page).as_bytes(), "text/html")?;
    let markdown = markdown_place.put(page.markdown().as_bytes(), "text/markdown")?;
    let json = json_place.put(json.as_bytes(), "application/json")?;

    let (rows, table) = match measures {
        Measures::Classification(report) => {
            (report.rows, tables::metrics(report, &CLASSIFIER_MEASURES, &report.intervals))
        }
        Measures::Regression(report) => (report.rows, tables::metrics(report, &REGRESSOR_MEASURES, &report.intervals)),
    };
    let text = format!(
        "Wrote the report about `{}` on {} ({rows} rows) to {}.\n\n{table}{}",
        subject.metadata.name,
        subject.data_name(),
        html.uri,
        tables::notes(&notes),
    );
    let links = [
        Link::from(&html).title("The report, for a browser"),
        Link::from(&markdown).title("The report as Markdown"),
        Link::from(&json).title("The report's numbers"),
    ];
    let outcome = ReportOutcome {
        evaluation_name: name,
        model: subject.reference(),
        task: subject.metadata.task,
        test_data_s3_uri: arguments.of.test_data_s3_uri,
        rows,
        html,
        markdown,
        json,
        notes,
    };
    Ok(links.into_iter().fold(Reply::new(outcome).text(text), Reply::link))
}
