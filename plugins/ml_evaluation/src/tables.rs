//! Reports as Markdown tables.

use kumiko_sdk::markdown::{Table, measures, number};
use kumiko_sdk::vocabulary::evaluation::{Average, ClassMetrics, ClassificationReport, ConfidenceInterval};
use serde::Serialize;

/// The classes that a table in the text lists.
const CLASSES_LISTED: usize = 20;

/// The named measures of a report, in that order, with their intervals. Measures that the report lacks are left out.
pub(crate) fn metrics(report: &impl Serialize, names: &[&str], intervals: &[ConfidenceInterval]) -> Table {
    let mut table = if intervals.is_empty() {
        Table::new(["Metric", "Value"])
    } else {
        Table::new(["Metric", "Value", "95 % interval"])
    };
    let measured = measures(report);
    for name in names {
        let Some((_, value)) = measured.iter().find(|(measure, _)| measure == name) else { continue };
        let interval = intervals
            .iter()
            .find(|interval| interval.metric == *name)
            .map(|interval| format!("{} to {}", number(interval.lower), number(interval.upper)));
        table.push([(*name).to_owned(), number(*value), interval.unwrap_or_default()]);
    }
    table
}

/// What a report's one precision, recall and F1 are, in words.
pub(crate) fn average(report: &ClassificationReport) -> String {
    match (report.average, &report.positive_class) {
        (Average::Binary, Some(class)) => format!("those of `{class}`"),
        (Average::Binary, None) => "those of the positive class".to_owned(),
        (Average::Macro, _) => "means of the classes".to_owned(),
        (Average::Weighted, _) => "means weighted by class size".to_owned(),
        (Average::Micro, _) => "over all decisions together".to_owned(),
    }
}

/// The classes as a table, of more than 20 those with the most rows.
pub(crate) fn classes(per_class: &[ClassMetrics]) -> String {
    let mut table = Table::new(["Class", "Rows", "Precision", "Recall", "F1"]);
    for class in largest(per_class, CLASSES_LISTED) {
        table.push([
            class.class.clone(),
            class.support.to_string(),
            number(class.precision),
            number(class.recall),
            number(class.f1),
        ]);
    }
    match per_class.len() {
        all if all > CLASSES_LISTED => format!("{table}\nThese are the {CLASSES_LISTED} largest of {all} classes.\n"),
        _ => table.to_string(),
    }
}

/// What a person should know, as lines behind a text.
pub(crate) fn notes(notes: &[String]) -> String {
    notes.iter().map(|note| format!("\nNote: {note}\n")).collect()
}

/// The `count` classes with the most rows; in the report's order where that is all of them.
pub(crate) fn largest(per_class: &[ClassMetrics], count: usize) -> Vec<&ClassMetrics> {
    let mut classes: Vec<&ClassMetrics> = per_class.iter().collect();
    if classes.len() > count {
        classes.sort_by_key(|class| std::cmp::Reverse(class.support));
        classes.truncate(count);
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn class(name: &str, support: u64) -> ClassMetrics {
        let class = json!({ "class": name, "support": support, "predicted": 1, "precision": 0.5, "recall": 0.25, "f1": 1.0 / 3.0 });
        serde_json::from_value(class).unwrap()
    }

    #[test]
    fn a_measure_that_a_report_lacks_is_left_out_of_its_table() {
        let intervals = [ConfidenceInterval { metric: "accuracy".to_owned(), value: 0.9, lower: 0.85, upper: 0.95 }];
        let table = metrics(&json!({ "accuracy": 0.9, "mcc": 0.8 }), &["accuracy", "roc_auc", "mcc"], &intervals);
        assert_eq!(
            table.to_string(),
            "| Metric | Value | 95 % interval |\n| --- | --- | --- |\n| accuracy | 0.9 | 0.85 to 0.95 |\n| mcc | 0.8 |  |\n"
        );
    }

    #[test]
    fn a_table_of_many_classes_says_that_it_is_not_all_of_them() {
        let many: Vec<ClassMetrics> = (0..30).map(|support| class(&support.to_string(), support)).collect();
        let text = classes(&many);
        assert!(text.contains("| 29 | 29 |") && !text.contains("| 9 | 9 |"), "{text}");
        assert!(text.ends_with("These are the 20 largest of 30 classes.\n"), "{text}");
    }

    #[test]
    fn few_classes_keep_their_order_and_of_many_the_largest_are_listed() {
        let few = [class("a", 1), class("b", 2)];
        assert_eq!(largest(&few, 2), [&few[0], &few[1]]);
        assert_eq!(largest(&few, 1), [&few[1]]);
    }
}
