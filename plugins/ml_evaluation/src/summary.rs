//! Reports in two forms: whole, as an object in the store beside its figures, and cut to what one reads, in the answer.

use kumiko_sdk::figures::{Exhibition, Gallery};
use kumiko_sdk::outputs::{Folder, StoredObject};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::evaluation::{ClassificationReport, RegressionReport};
use kumiko_sdk::vocabulary::figures::Figure;

use crate::arguments::Detail;
use crate::tables;

/// The classes whose measures an answer has, and up to which it has the confusion matrix.
pub(crate) const CLASSES_TOLD: usize = 50;
/// What the object with the whole report of one model is called.
pub(crate) const REPORT_NAME: &str = "report.json";

/// Takes what one does not read out of a report: the points of its curves, the bins of its calibration, and of more than [`CLASSES_TOLD`] classes all but
/// the largest. Says so in a note.
pub(crate) fn classification(
    mut report: ClassificationReport,
    detail: Detail,
    notes: &mut Vec<String>,
) -> ClassificationReport {
    if detail == Detail::Full {
        return report;
    }
    report.roc_curves.clear();
    report.precision_recall_curves.clear();
    report.calibration.clear();
    if report.per_class.len() > CLASSES_TOLD {
        notes.push(format!(
            "of {} classes the {CLASSES_TOLD} largest are told, without the confusion matrix: the report has all of it",
            report.per_class.len()
        ));
        report.per_class = tables::largest(&report.per_class, CLASSES_TOLD).into_iter().cloned().collect();
        report.confusion_matrix.clear();
    }
    report
}

/// Takes the single residuals out of a report.
pub(crate) fn regression(mut report: RegressionReport, detail: Detail) -> RegressionReport {
    if detail == Detail::Summary {
        report.residuals.clear();
    }
    report
}

/// What a measurement leaves in the store.
pub(crate) struct Published {
    /// The whole report.
    pub(crate) report: StoredObject,
    /// The figures.
    pub(crate) exhibition: Exhibition,
}

/// Writes a report as `name` and its figures into the folder: all of it, or nothing where one of them would be refused because
/// something is there. A figure that cannot be drawn or stored is no reason to lose the report and becomes a note.
pub(crate) fn publish(
    folder: &Folder,
    name: &str,
    report: &impl Serialize,
    figures: impl IntoIterator<Item = (impl Into<String>, Figure)>,
    notes: &mut Vec<String>,
) -> Result<Published> {
    let text = serde_json::to_string_pretty(report).map_err(|error| {
        Fault::failed("result_not_serializable", format!("the report cannot be written as JSON: {error}"))
    })?;
    let mut gallery = Gallery::default();
    for (name, figure) in figures {
        let name = name.into();
        if let Err(fault) = gallery.draw(name.as_str(), &figure) {
            notes.push(format!("the figure {name} was not drawn: {}", fault.message));
        }
    }
    let destination = folder.file(name);
    destination.check()?;
    gallery.check(folder)?;
    let report = destination.put(text.as_bytes(), "application/json")?;
    let exhibition = gallery.store(folder).unwrap_or_else(|fault| {
        notes.push(format!("the figures were not stored: {}", fault.message));
        Exhibition::default()
    });
    Ok(Published { report, exhibition })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(classes: usize) -> ClassificationReport {
        let averages = json!({ "macro_average": 0.5, "weighted_average": 0.5, "micro_average": 0.5 });
        let per_class: Vec<Value> = (0..classes)
            .map(|class| json!({ "class": class.to_string(), "support": class, "predicted": 1, "precision": 0.5, "recall": 0.5, "f1": 0.5 }))
            .collect();
        serde_json::from_value(json!({
            "rows": 10, "classes": [], "accuracy": 0.5, "balanced_accuracy": 0.5, "average": "weighted", "precision": 0.5,
            "recall": 0.5, "f1": 0.5, "precision_averages": averages, "recall_averages": averages, "f1_averages": averages,
            "log_loss": 0.5, "brier": 0.5, "mcc": 0.5, "per_class": per_class, "confusion_matrix": [[1]],
            "roc_curves": [{ "class": "1", "area": 0.5, "points": [] }]
        }))
        .unwrap()
    }

    #[test]
    fn a_summary_has_no_curves_and_the_largest_of_many_classes() {
        let mut notes = Vec::new();
        let told = classification(report(80), Detail::Summary, &mut notes);
        assert!(told.roc_curves.is_empty() && told.confusion_matrix.is_empty());
        assert_eq!((told.per_class.len(), told.per_class[0].support), (CLASSES_TOLD, 79));
        assert_eq!(notes.len(), 1);
    }

    #[test]
    fn a_report_in_full_is_the_report() {
        let mut notes = Vec::new();
        assert_eq!(classification(report(80), Detail::Full, &mut notes), report(80));
        assert!(notes.is_empty());
    }

    #[test]
    fn few_classes_keep_their_confusion_matrix() {
        let mut notes = Vec::new();
        assert_eq!(classification(report(3), Detail::Summary, &mut notes).confusion_matrix, [[1]]);
        assert!(notes.is_empty());
    }
}
