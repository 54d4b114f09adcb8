//! `generate_confusion_matrix`.

use kumiko_sdk::figures::{Gallery, StoredFigure};
use kumiko_sdk::markdown::Table;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::{ClassificationReport, EvaluationSpecification};
use kumiko_sdk::vocabulary::learning::Task;

use crate::arguments::{ModelAndData, Place};
use crate::plots::{self, Heading};
use crate::subject::{ModelReference, Subject};

/// The classes up to which the text has the matrix as a table.
const CLASSES_IN_TEXT: usize = 12;

/// Which classifier's errors to count on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatrixArguments {
    #[serde(flatten)]
    of: ModelAndData,
    #[serde(flatten)]
    place: Place,
}

/// True against predicted classes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MatrixOutcome {
    /// The model.
    model: ModelReference,
    /// The rows that were counted.
    test_data_s3_uri: String,
    /// The number of rows.
    rows: u64,
    /// The share of rows whose class is right.
    accuracy: f64,
    /// The classes, in the order of the lines and columns of `counts`.
    classes: Vec<String>,
    /// Row counts: a line for each true class, a column for each predicted one.
    counts: Vec<Vec<u64>>,
    /// The figure, as PNG and SVG.
    figure: StoredFigure,
}

/// Counts how often a classifier takes which class for which, on rows with known classes, and draws it as PNG and SVG.
///
/// `evaluate_classifier` has this figure as well, beside all other measures: use this tool for the matrix alone.
#[tool(title = "Draw a confusion matrix", destructive, idempotent, long_running)]
pub(crate) fn generate_confusion_matrix(arguments: MatrixArguments) -> Result<Reply<MatrixOutcome>> {
    let subject = Subject::open(&arguments.of)?;
    subject.expect(Task::Classification, "evaluate_regressor")?;
    let (_, folder) = arguments.place.named(|| subject.name());
    let specification = EvaluationSpecification {
        target_column: arguments.of.target_column,
        bootstrap_samples: 0,
        curve_points: 0,
        calibration_bins: 0,
        ..EvaluationSpecification::default()
    };
    let report = subject.model.evaluate(&subject.frame, &specification)?.classification()?;
    let heading = Heading { model: &subject.metadata.name, data: subject.data_name(), rows: report.rows };

    let mut gallery = Gallery::default();
    gallery.draw("confusion_matrix", &plots::confusion_matrix(&heading, &report))?;
    gallery.check(&folder)?;
    let (exhibition, figure) = gallery.store(&folder)?.only()?;
    let text = text(&subject, &report);
    let outcome = MatrixOutcome {
        model: subject.reference(),
        test_data_s3_uri: arguments.of.test_data_s3_uri,
        rows: report.rows,
        accuracy: report.accuracy,
        classes: report.classes,
        counts: report.confusion_matrix,
        figure,
    };
    Ok(exhibition.show(Reply::new(outcome).text(text)))
}

fn text(subject: &Subject, report: &ClassificationReport) -> String {
    let right: u64 = report.confusion_matrix.iter().enumerate().filter_map(|(class, line)| line.get(class)).sum();
    let heading = format!(
        "`{}` is right about {right} of {} rows of {}.",
        subject.metadata.name,
        report.rows,
        subject.data_name()
    );
    if report.classes.len() > CLASSES_IN_TEXT {
        return heading;
    }
    let mut table = Table::new(std::iter::once("True class".to_owned()).chain(report.classes.iter().cloned()));
    for (class, counts) in report.classes.iter().zip(&report.confusion_matrix) {
        table.push(std::iter::once(class.clone()).chain(counts.iter().map(u64::to_string)));
    }
    format!("{heading}\n\n{table}\nLines are true classes, columns predicted ones.")
}
