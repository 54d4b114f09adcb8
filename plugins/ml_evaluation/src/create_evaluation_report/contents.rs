//! What a report says of a model, a data set and their measures.

use kumiko_sdk::charts;
use kumiko_sdk::markdown::{measures, number};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{ColumnSummary, DatasetSummary};
use kumiko_sdk::vocabulary::evaluation::{
    ClassificationReport, ConfidenceInterval, EvaluationSpecification, RegressionReport,
};
use kumiko_sdk::vocabulary::figures::{Bar, BarOrder, Bars, Figure};
use kumiko_sdk::vocabulary::learning::{HeadlineMetrics, ModelMetadata};

use super::Measures;
use super::page::{Block, Page, Section, Sheet};
use crate::plots::{self, Heading};
use crate::subject::Subject;
use crate::tables;

/// The measures of a classifier, in this order.
pub(super) const CLASSIFIER_MEASURES: [&str; 10] =
    ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "brier", "mcc"];
/// The measures of a regressor, in this order.
pub(super) const REGRESSOR_MEASURES: [&str; 8] =
    ["rmse", "mae", "r2", "mape", "median_absolute_error", "max_error", "explained_variance", "mean_error"];

/// Classes that the tables list, the largest first, and up to which the counts of the confusion matrix are a table too.
const CLASSES_LISTED: usize = 50;
const CLASSES_IN_MATRIX: usize = 12;
/// Columns of the data that are listed.
const COLUMNS_LISTED: usize = 100;
/// Features in the figure of importances.
const FEATURES_DRAWN: usize = 20;
/// Below so many rows a note says that the measures are rough.
const FEW_ROWS: u64 = 100;

/// What is at hand for the sections.
struct Subjects<'a> {
    metadata: &'a ModelMetadata,
    uri: &'a str,
    heading: Heading<'a>,
    data_uri: &'a str,
    data: &'a DatasetSummary,
    specification: &'a EvaluationSpecification,
}

/// The report. Adds to the notes what is worth knowing.
pub(super) fn page(
    title: &str,
    subject: &Subject,
    data: &DatasetSummary,
    measured: Measures<'_>,
    specification: &EvaluationSpecification,
    notes: &mut Vec<String>,
) -> Page {
    let rows = match measured {
        Measures::Classification(report) => report.rows,
        Measures::Regression(report) => report.rows,
    };
    let subjects = Subjects {
        metadata: &subject.metadata,
        uri: &subject.uri,
        heading: Heading { model: &subject.metadata.name, data: subject.data_name(), rows },
        data_uri: &subject.data_uri,
        data,
        specification,
    };
    let mut sections = match measured {
        Measures::Classification(report) => subjects.classifier(report, notes),
        Measures::Regression(report) => subjects.regressor(report, notes),
    };
    sections.extend(subjects.importances(notes));
    sections.push(subjects.model());
    sections.push(subjects.test_data());
    if rows < FEW_ROWS {
        notes.push(format!("{rows} rows are few: the measures are rough, as their intervals say"));
    }
    if !notes.is_empty() {
        sections.push(Section { heading: "Notes", blocks: vec![Block::List(notes.clone())] });
    }
    sections.push(subjects.method(measured));
    let subtitle = format!(
        "{} ({}) on {}, {rows} rows",
        subject.metadata.name,
        subject.metadata.algorithm.as_str(),
        subject.data_name()
    );
    Page { title: title.to_owned(), subtitle, sections }
}

impl Subjects<'_> {
    fn classifier(&self, report: &ClassificationReport, notes: &mut Vec<String>) -> Vec<Section> {
        let heading = &self.heading;
        let mut sections = vec![self.measures(
            report,
            &CLASSIFIER_MEASURES,
            &report.intervals,
            format!("Precision, recall and F1 are {}.", tables::average(report)),
            // A training's F1 is that of the second class of two.
            |name| match name {
                "f1" => Some(report.f1_averages.binary.unwrap_or(report.f1_averages.weighted_average)),
                _ => None,
            },
        )];
        let right: u64 = report.confusion_matrix.iter().enumerate().filter_map(|(class, line)| line.get(class)).sum();
        let caption =
            format!("Lines are true classes, columns predicted ones; {right} of {} rows are right.", report.rows);
        let mut blocks = figure(Some(plots::confusion_matrix(heading, report)), &caption, notes);
        if report.classes.len() <= CLASSES_IN_MATRIX {
            let mut sheet = Sheet::new(["True class"]);
            sheet.header.extend(report.classes.iter().cloned());
            for (class, counts) in report.classes.iter().zip(&report.confusion_matrix) {
                sheet.push(std::iter::once(class.clone()).chain(counts.iter().map(u64::to_string)));
            }
            blocks.push(Block::Sheet(sheet));
        }
        sections.push(Section { heading: "Confusion matrix", blocks });
        let mut curves = figure(
            plots::roc_curve(heading, report),
            "How many rows of a class are found for how many others that are taken for it; the diagonal is guessing.",
            notes,
        );
        curves.extend(figure(
            plots::precision_recall_curve(heading, report),
            "How many of the rows taken for a class are of it, for how many of its rows that are found.",
            notes,
        ));
        if curves.is_empty() {
            curves.push(Block::Text("The test rows are all of one class: there are no curves.".to_owned()));
        }
        sections.push(Section { heading: "ROC and precision-recall curves", blocks: curves });
        sections.push(calibration(heading, report, notes));
        sections.push(classes(report));
        sections
    }

    fn regressor(&self, report: &RegressionReport, notes: &mut Vec<String>) -> Vec<Section> {
        let heading = &self.heading;
        let measures = self.measures(
            report,
            &REGRESSOR_MEASURES,
            &report.intervals,
            format!(
                "Errors are in the unit of `{}`.",
                self.metadata.signature.target.as_deref().unwrap_or("the target")
            ),
            |_| None,
        );
        let mut blocks = figure(
            plots::residuals(heading, report),
            "Value minus prediction, over the prediction. A pattern is something that the model has not learnt.",
            notes,
        );
        blocks.extend(figure(
            plots::predicted_actual(heading, report),
            "Predictions over known values; on the diagonal they are equal.",
            notes,
        ));
        vec![measures, Section { heading: "Residuals", blocks }]
    }

    /// The measures with their intervals, and beside those of the training, so far as it has them. `comparable` gives a measure as the
    /// training defines it, where that is not the report's own.
    fn measures(
        &self,
        report: &impl Serialize,
        names: &[&str],
        intervals: &[ConfidenceInterval],
        remark: String,
        comparable: impl Fn(&str) -> Option<f64>,
    ) -> Section {
        let measured = measures(report);
        let find = |name: &str| measured.iter().find(|(measure, _)| measure == name).map(|(_, value)| *value);
        let mut sheet = Sheet::new(["Measure", "Value", "95 % interval", "Meaning"]);
        for name in names {
            let Some(value) = find(name) else { continue };
            let interval = intervals.iter().find(|interval| interval.metric == *name);
            let interval = interval.map(|interval| format!("{} to {}", number(interval.lower), number(interval.upper)));
            sheet.push([(*name).to_owned(), number(value), interval.unwrap_or_default(), meaning(name).to_owned()]);
        }
        let mut beside = Sheet::new(["Measure", "Training rows", "Validation rows", "Test rows"]);
        let of = |metrics: &HeadlineMetrics, name: &str| {
            let found = self::measures(metrics).into_iter().find(|(measure, _)| measure == name);
            found.map(|(_, value)| number(value)).unwrap_or_default()
        };
        for (name, training) in self::measures(&self.metadata.training_metrics) {
            let validation = self.metadata.validation_metrics.as_ref().map(|metrics| of(metrics, &name));
            let test = comparable(&name).or_else(|| find(&name)).map(number);
            beside.push([name, number(training), validation.unwrap_or_default(), test.unwrap_or_default()]);
        }
        let mut blocks = vec![Block::Sheet(sheet), Block::Text(remark)];
        if !beside.rows.is_empty() {
            blocks.push(Block::Text(
                "Beside the measures of the training: a model that does much better on its training rows has learnt them by heart."
                    .to_owned(),
            ));
            blocks.push(Block::Sheet(beside));
        }
        Section { heading: "Measures", blocks }
    }

    fn importances(&self, notes: &mut Vec<String>) -> Option<Section> {
        let all = &self.metadata.feature_importances;
        if all.is_empty() {
            return None;
        }
        let drawn = all.len().min(FEATURES_DRAWN);
        let bars = all
            .iter()
            .take(FEATURES_DRAWN)
            .map(|of| Bar { name: of.feature.clone(), value: of.importance, interval: None })
            .collect();
        let bars = Figure::Bars(Bars {
            title: format!("Feature importances of {}", self.metadata.name),
            subtitle: (drawn < all.len()).then(|| format!("the {drawn} largest of {}", all.len())),
            value_label: "Share of all importance".to_owned(),
            order: BarOrder::Given,
            bars,
        });
        let caption =
            "How much each feature matters to the model, as the training measured it; the shares of all add up to 1.";
        let blocks = figure(Some(bars), caption, notes);
        (!blocks.is_empty()).then_some(Section { heading: "Feature importances", blocks })
    }

    fn model(&self) -> Section {
        let metadata = self.metadata;
        let mut facts = Sheet::new(["Fact", "Value"]);
        let mut fact = |name: &str, value: String| facts.push([name.to_owned(), value]);
        fact("Name", metadata.name.clone());
        fact("Place", self.uri.to_owned());
        fact("Algorithm", metadata.algorithm.as_str().to_owned());
        fact("Task", metadata.task.as_str().to_owned());
        fact("Predicts", metadata.signature.target.clone().unwrap_or_default());
        if let Some(classes) = &metadata.signature.classes {
            let more = if classes.len() > CLASSES_LISTED { " …" } else { "" };
            let shown: Vec<&str> = classes.iter().take(CLASSES_LISTED).map(String::as_str).collect();
            fact("Classes", format!("{}: {}{more}", classes.len(), shown.join(", ")));
        }
        fact("Features", metadata.signature.features.len().to_string());
        fact("Training rows", metadata.training_rows.to_string());
        if metadata.validation_rows > 0 {
            fact("Validation rows", metadata.validation_rows.to_string());
        }
        let origin = metadata.training_data.as_ref();
        if let Some(uri) = origin.and_then(|origin| origin.uri.clone()) {
            fact("Training data", uri);
        }
        if let Some(digest) = origin.and_then(|origin| origin.sha256.clone()) {
            fact("Digest of the training data (SHA-256)", digest);
        }
        fact("Seed", metadata.seed.to_string());
        if let Some(version) = &metadata.server_version {
            fact("Trained by server version", version.clone());
        }
        let mut blocks = vec![Block::Sheet(facts)];
        if !metadata.hyperparameters.is_empty() {
            let mut settings = Sheet::new(["Hyperparameter", "Value"]);
            for (name, value) in &metadata.hyperparameters {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                settings.push([name.clone(), value]);
            }
            blocks.push(Block::Sheet(settings));
        }
        Section { heading: "Model", blocks }
    }

    fn test_data(&self) -> Section {
        let data = self.data;
        let mut facts = Sheet::new(["Fact", "Value"]);
        facts.push(["Place".to_owned(), self.data_uri.to_owned()]);
        facts.push(["Rows".to_owned(), data.rows.to_string()]);
        facts.push(["Columns".to_owned(), data.columns.len().to_string()]);
        facts.push(["Missing values".to_owned(), data.missing_values.to_string()]);
        let mut columns =
            Sheet::new(["Column", "Type", "Missing", "Different values", "Mean", "Deviation", "Minimum", "Maximum"]);
        for column in data.columns.iter().take(COLUMNS_LISTED) {
            columns.push(described(column));
        }
        let mut blocks = vec![Block::Sheet(facts), Block::Sheet(columns)];
        if data.columns.len() > COLUMNS_LISTED {
            let all = data.columns.len();
            blocks.push(Block::Text(format!("These are the first {COLUMNS_LISTED} of {all} columns.")));
        }
        Section { heading: "Test data", blocks }
    }

    fn method(&self, measured: Measures<'_>) -> Section {
        let mut points = vec!["Measures are defined as scikit-learn defines them.".to_owned()];
        match self.specification.bootstrap_samples {
            0 => {}
            samples => points.push(format!(
                "95 % intervals are percentile bootstrap over the test rows: {samples} resamplings, seed {}. They say how far chance in \
                 the choice of these rows goes, and nothing of rows of another kind.",
                self.specification.seed
            )),
        }
        if matches!(measured, Measures::Classification(_)) {
            points.push(
                "Calibration has bins of equal width; the expected calibration error is the mean distance of probability and frequency \
                 over the bins, weighted by their rows."
                    .to_owned(),
            );
        }
        Section { heading: "Method", blocks: vec![Block::List(points)] }
    }
}

fn calibration(heading: &Heading<'_>, report: &ClassificationReport, notes: &mut Vec<String>) -> Section {
    let caption = "How often a class is true over how probable the model calls it; on the diagonal both are equal.";
    let mut blocks = figure(plots::calibration(heading, report), caption, notes);
    let mut errors = Sheet::new(["Class", "Expected calibration error"]);
    for of in report.calibration.iter().take(CLASSES_LISTED) {
        errors.push([of.class.clone(), number(of.expected_calibration_error)]);
    }
    blocks.push(Block::Sheet(errors));
    if let [of] = report.calibration.as_slice() {
        let mut bins = Sheet::new(["Mean probability", "Share that is of the class", "Rows"]);
        for bin in &of.bins {
            bins.push([number(bin.predicted), number(bin.observed), bin.rows.to_string()]);
        }
        blocks.push(Block::Sheet(bins));
    }
    Section { heading: "Calibration", blocks }
}

fn classes(report: &ClassificationReport) -> Section {
    let mut sheet =
        Sheet::new(["Class", "Rows", "Called so", "Precision", "Recall", "F1", "ROC-AUC", "Average precision"]);
    for class in tables::largest(&report.per_class, CLASSES_LISTED) {
        let area = |area: Option<f64>| area.map(number).unwrap_or_default();
        sheet.push([
            class.class.clone(),
            class.support.to_string(),
            class.predicted.to_string(),
            number(class.precision),
            number(class.recall),
            number(class.f1),
            area(class.roc_auc),
            area(class.pr_auc),
        ]);
    }
    let mut blocks = vec![Block::Sheet(sheet)];
    if report.per_class.len() > CLASSES_LISTED {
        let all = report.per_class.len();
        blocks.push(Block::Text(format!("These are the {CLASSES_LISTED} largest of {all} classes.")));
    }
    Section { heading: "Classes", blocks }
}

/// A figure as a block; one that cannot be drawn is a note, and one that there is nothing for is left out.
fn figure(figure: Option<Figure>, caption: &str, notes: &mut Vec<String>) -> Vec<Block> {
    let Some(figure) = figure else { return Vec::new() };
    match charts::draw(&figure) {
        Ok(drawing) => vec![Block::Figure { svg: drawing.svg, caption: caption.to_owned() }],
        Err(fault) => {
            notes.push(format!("the figure {} was not drawn: {}", figure.kind(), fault.message));
            Vec::new()
        }
    }
}

/// A column as a line of the table.
fn described(column: &ColumnSummary) -> Vec<String> {
    let told = |value: Option<f64>| value.map(number).unwrap_or_default();
    let numeric = column.numeric.clone().unwrap_or_default();
    let ends = match (&column.earliest, &column.latest) {
        (None, None) => [told(numeric.minimum), told(numeric.maximum)],
        (earliest, latest) => [earliest.clone().unwrap_or_default(), latest.clone().unwrap_or_default()],
    };
    let [first, last] = ends;
    let data_type = serde_json::to_value(column.data_type).ok();
    vec![
        column.name.clone(),
        data_type.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
        column.missing.to_string(),
        column.distinct.map(|distinct| distinct.to_string()).unwrap_or_default(),
        told(numeric.mean),
        told(numeric.standard_deviation),
        first,
        last,
    ]
}

/// A measure in a few words.
fn meaning(measure: &str) -> &'static str {
    match measure {
        "accuracy" => "the share of rows whose class is right",
        "balanced_accuracy" => "the mean of the classes' recall",
        "precision" => "of the rows called a class, the share that is",
        "recall" => "of the rows of a class, the share called so",
        "f1" => "the harmonic mean of precision and recall",
        "roc_auc" => "how surely a row of a class is ranked above one of another; 0.5 is guessing",
        "pr_auc" => "average precision over all thresholds",
        "log_loss" => "mean negative log likelihood of the true class; less is better",
        "brier" => "mean squared distance of probability and truth; less is better",
        "mcc" => "Matthews correlation, −1 to 1; 0 is guessing",
        "rmse" => "root of the mean squared error; less is better",
        "mae" => "mean absolute error; less is better",
        "r2" => "the share of variance explained; 0 is the mean, 1 is perfect",
        "mape" => "mean absolute error as a fraction of the value; less is better",
        "median_absolute_error" => "the error that half of the rows exceed",
        "max_error" => "the largest error",
        "explained_variance" => "like r2, but blind to a constant offset",
        "mean_error" => "mean of prediction minus value: the constant offset",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_of_a_report_is_explained() {
        for measure in CLASSIFIER_MEASURES.iter().chain(&REGRESSOR_MEASURES) {
            assert!(!meaning(measure).is_empty(), "{measure}");
        }
    }
}
