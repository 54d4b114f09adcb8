//! `evaluate_regressor`.

use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::outputs::StoredObject;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::{EvaluationSpecification, RegressionReport};
use kumiko_sdk::vocabulary::figures::Figure;
use kumiko_sdk::vocabulary::learning::Task;

use crate::arguments::{Detail, ModelAndData, Place, Resampling, yes};
use crate::plots::{self, Heading};
use crate::subject::{ModelReference, Subject};
use crate::summary::{self, Published, REPORT_NAME};
use crate::tables;

/// The measures in the text, in this order.
const MEASURES: [&str; 8] =
    ["rmse", "mae", "r2", "mape", "median_absolute_error", "max_error", "explained_variance", "mean_error"];

/// Which regressor to measure on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegressorArguments {
    #[serde(flatten)]
    of: ModelAndData,
    #[serde(flatten)]
    resampling: Resampling,
    /// Whether to draw the residuals, and the predicted over the actual values.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
    /// How much of the report is in the answer. The whole of it is in the store either way.
    #[serde(default)]
    detail: Detail,
}

/// How well a regressor does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RegressorEvaluation {
    /// What the evaluation is called.
    evaluation_name: String,
    /// The model.
    model: ModelReference,
    /// The rows that it was measured on.
    test_data_s3_uri: String,
    /// The measures.
    metrics: RegressionReport,
    /// The whole report in the store, as JSON.
    report: StoredObject,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know: a figure that could not be drawn.
    notes: Vec<String>,
}

/// Measures a regressor on test data with known values: RMSE, MAE, R², MAPE, median and largest error with 95 % intervals.
///
/// Shows the residuals and the predicted over the actual values, and keeps them and the whole report in the store. To measure
/// several models on the same rows use `compare_models`; for a model that tells classes apart, `evaluate_classifier`.
#[tool(title = "Evaluate a regressor", destructive, idempotent, long_running, aliases = ["evaluate_regression"])]
pub(crate) fn evaluate_regressor(arguments: RegressorArguments) -> Result<Reply<RegressorEvaluation>> {
    let subject = Subject::open(&arguments.of)?;
    subject.expect(Task::Regression, "evaluate_classifier")?;
    let (name, folder) = arguments.place.named(|| subject.name());
    folder.file(REPORT_NAME).check()?;

    let specification = EvaluationSpecification {
        target_column: arguments.of.target_column,
        bootstrap_samples: arguments.resampling.bootstrap_samples,
        seed: arguments.resampling.seed,
        ..EvaluationSpecification::default()
    };
    let report = subject.model.evaluate(&subject.frame, &specification)?.regression()?;
    let mut notes = Vec::new();
    let figures = if arguments.generate_plots { figures(&subject, &report) } else { Vec::new() };
    let Published { report: stored, exhibition } =
        summary::publish(&folder, REPORT_NAME, &report, figures, &mut notes)?;
    let text = text(&subject, &report);
    let evaluation = RegressorEvaluation {
        evaluation_name: name,
        model: subject.reference(),
        test_data_s3_uri: arguments.of.test_data_s3_uri,
        metrics: summary::regression(report, arguments.detail),
        figures: exhibition.figures(),
        report: stored,
        notes,
    };
    let text = text + &tables::notes(&evaluation.notes);
    let link = Link::from(&evaluation.report).title("The whole report");
    Ok(exhibition.show(Reply::new(evaluation).text(text).link(link)))
}

fn figures(subject: &Subject, report: &RegressionReport) -> Vec<(&'static str, Figure)> {
    let heading = Heading { model: &subject.metadata.name, data: subject.data_name(), rows: report.rows };
    let mut figures = Vec::new();
    figures.extend(plots::residuals(&heading, report).map(|figure| ("residuals", figure)));
    figures.extend(plots::predicted_actual(&heading, report).map(|figure| ("predicted_actual", figure)));
    figures
}

fn text(subject: &Subject, report: &RegressionReport) -> String {
    format!(
        "`{}` on {} ({} rows):\n\n{}",
        subject.metadata.name,
        subject.data_name(),
        report.rows,
        tables::metrics(report, &MEASURES, &report.intervals),
    )
}
