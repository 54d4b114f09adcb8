//! `generate_roc_curve`.

use kumiko_sdk::figures::{Gallery, StoredFigure};
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::{EvaluationSpecification, RocCurve};
use kumiko_sdk::vocabulary::learning::Task;

use crate::arguments::{ModelAndData, Place};
use crate::plots::{self, Heading};
use crate::subject::{ModelReference, Subject};

/// Points told of each curve, unless the caller wants more.
const DEFAULT_POINTS: u32 = 100;

/// Which classifier's ROC curve to draw on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RocArguments {
    #[serde(flatten)]
    of: ModelAndData,
    /// Of two classes, the one that the curve is about. Without it, the second one. Of more classes each has a curve against
    /// the rest.
    positive_class: Option<String>,
    /// Points of each curve, in the figure and in the answer.
    #[serde(default = "default_points")]
    #[schemars(range(min = 2, max = 1000))]
    curve_points: u32,
    #[serde(flatten)]
    place: Place,
}

/// ROC curves.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RocOutcome {
    /// The model.
    model: ModelReference,
    /// The rows that the curves are of.
    test_data_s3_uri: String,
    /// The number of rows.
    rows: u64,
    /// Area under the curve: of the positive class where there are two, else the mean of the classes. Absent where a class
    /// never occurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    roc_auc: Option<f64>,
    /// The curves with their areas and thresholds.
    curves: Vec<RocCurve>,
    /// The figure, as PNG and SVG.
    figure: StoredFigure,
}

fn default_points() -> u32 {
    DEFAULT_POINTS
}

/// Draws the ROC curve of a classifier on rows with known classes as PNG and SVG, and tells its points with their thresholds.
///
/// Use it to choose a threshold, or for the curve alone: `evaluate_classifier` has the figure as well, beside all other measures.
#[tool(title = "Draw a ROC curve", destructive, idempotent, long_running)]
pub(crate) fn generate_roc_curve(arguments: RocArguments) -> Result<Reply<RocOutcome>> {
    let subject = Subject::open(&arguments.of)?;
    subject.expect(Task::Classification, "evaluate_regressor")?;
    let (_, folder) = arguments.place.named(|| subject.name());
    let specification = EvaluationSpecification {
        target_column: arguments.of.target_column,
        positive_class: arguments.positive_class,
        bootstrap_samples: 0,
        curve_points: arguments.curve_points,
        ..EvaluationSpecification::default()
    };
    let report = subject.model.evaluate(&subject.frame, &specification)?.classification()?;
    let heading = Heading { model: &subject.metadata.name, data: subject.data_name(), rows: report.rows };
    let figure = plots::roc_curve(&heading, &report).ok_or_else(|| {
        Fault::invalid(
            "roc_curve_undefined",
            format!("all rows of {} are of one class, so no rate of the other can be told", subject.data_uri),
        )
        .hint("take test data in which every class occurs")
    })?;

    let mut gallery = Gallery::default();
    gallery.draw("roc_curve", &figure)?;
    gallery.check(&folder)?;
    let (exhibition, figure) = gallery.store(&folder)?.only()?;
    let mut table = Table::new(["Class", "Area under the curve"]);
    for curve in &report.roc_curves {
        table.push([curve.class.clone(), number(curve.area)]);
    }
    let text =
        format!("ROC of `{}` on {} ({} rows):\n\n{table}", subject.metadata.name, subject.data_name(), report.rows);
    let outcome = RocOutcome {
        model: subject.reference(),
        test_data_s3_uri: arguments.of.test_data_s3_uri,
        rows: report.rows,
        roc_auc: report.roc_auc,
        curves: report.roc_curves,
        figure,
    };
    Ok(exhibition.show(Reply::new(outcome).text(text)))
}
