//! `evaluate_classifier`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::outputs::StoredObject;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::{Average, ClassificationReport, EvaluationSpecification};
use kumiko_sdk::vocabulary::figures::Figure;
use kumiko_sdk::vocabulary::learning::Task;

use crate::arguments::{Detail, ModelAndData, Place, Resampling, yes};
use crate::plots::{self, Heading};
use crate::subject::{ModelReference, Subject};
use crate::summary::{self, Published, REPORT_NAME};
use crate::tables;

/// The measures in the text, in this order.
const MEASURES: [&str; 10] =
    ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier", "mcc"];

/// Which classifier to measure on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClassifierArguments {
    #[serde(flatten)]
    of: ModelAndData,
    /// How the one precision, recall and F1 are made of the classes': that of the positive class (`binary`), their mean (`macro`),
    /// their mean weighted by class size (`weighted`), over all decisions together (`micro`). The report has all of them.
    #[serde(default)]
    #[schemars(schema_with = "choices::one_of::<Average>")]
    average: Average,
    /// Of two classes, the one that the curves and binary measures are about. Without it, the second one.
    positive_class: Option<String>,
    #[serde(flatten)]
    resampling: Resampling,
    /// Whether to draw the confusion matrix, the ROC and the precision-recall curves.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
    /// How much of the report is in the answer. The whole of it is in the store either way.
    #[serde(default)]
    detail: Detail,
}

/// How well a classifier does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ClassifierEvaluation {
    /// What the evaluation is called.
    evaluation_name: String,
    /// The model.
    model: ModelReference,
    /// The rows that it was measured on.
    test_data_s3_uri: String,
    /// The measures.
    metrics: ClassificationReport,
    /// The whole report in the store, as JSON.
    report: StoredObject,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know: what the answer leaves out, a figure that could not be drawn.
    notes: Vec<String>,
}

/// Measures a classifier on test data with known classes: accuracy, precision, recall, F1, ROC-AUC, PR-AUC, log loss, Brier score
/// and Matthews correlation with 95 % intervals, and a table of the classes.
///
/// Shows the confusion matrix, the ROC and the precision-recall curves, and keeps them and the whole report in the store. To
/// measure several models on the same rows use `compare_models`; for a model that predicts numbers, `evaluate_regressor`.
#[tool(title = "Evaluate a classifier", destructive, idempotent, long_running, aliases = ["evaluate_classification"])]
pub(crate) fn evaluate_classifier(arguments: ClassifierArguments) -> Result<Reply<ClassifierEvaluation>> {
    let subject = Subject::open(&arguments.of)?;
    subject.expect(Task::Classification, "evaluate_regressor")?;
    let (name, folder) = arguments.place.named(|| subject.name());
    folder.file(REPORT_NAME).check()?;

    let report = subject.model.evaluate(&subject.frame, &specification(&arguments))?.classification()?;
    let mut notes = Vec::new();
    let figures = if arguments.generate_plots { figures(&subject, &report) } else { Vec::new() };
    let Published { report: stored, exhibition } =
        summary::publish(&folder, REPORT_NAME, &report, figures, &mut notes)?;
    let text = text(&subject, &report);
    let evaluation = ClassifierEvaluation {
        evaluation_name: name,
        model: subject.reference(),
        test_data_s3_uri: arguments.of.test_data_s3_uri,
        metrics: summary::classification(report, arguments.detail, &mut notes),
        figures: exhibition.figures(),
        report: stored,
        notes,
    };
    let text = text + &tables::notes(&evaluation.notes);
    let link = Link::from(&evaluation.report).title("The whole report");
    Ok(exhibition.show(Reply::new(evaluation).text(text).link(link)))
}

fn specification(arguments: &ClassifierArguments) -> EvaluationSpecification {
    EvaluationSpecification {
        target_column: arguments.of.target_column.clone(),
        positive_class: arguments.positive_class.clone(),
        average: arguments.average,
        bootstrap_samples: arguments.resampling.bootstrap_samples,
        seed: arguments.resampling.seed,
        ..EvaluationSpecification::default()
    }
}

fn figures(subject: &Subject, report: &ClassificationReport) -> Vec<(&'static str, Figure)> {
    let heading = Heading { model: &subject.metadata.name, data: subject.data_name(), rows: report.rows };
    let mut figures = vec![("confusion_matrix", plots::confusion_matrix(&heading, report))];
    figures.extend(plots::roc_curve(&heading, report).map(|figure| ("roc_curve", figure)));
    figures.extend(plots::precision_recall_curve(&heading, report).map(|figure| ("precision_recall_curve", figure)));
    figures
}

fn text(subject: &Subject, report: &ClassificationReport) -> String {
    format!(
        "`{}` on {} ({} rows; precision, recall and F1 are {}):\n\n{}\n{}",
        subject.metadata.name,
        subject.data_name(),
        report.rows,
        tables::average(report),
        tables::metrics(report, &MEASURES, &report.intervals),
        tables::classes(&report.per_class),
    )
}
