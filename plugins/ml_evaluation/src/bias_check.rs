//! `bias_check`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{StoredObject, data_name, segment};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::FileFormat;
use kumiko_sdk::vocabulary::evaluation::{BiasFacet, BiasMetric, BiasReport, BiasSpecification, CellValue, FacetBias};
use kumiko_sdk::vocabulary::figures::{Bar, BarOrder, Bars, Figure, Interval};
use kumiko_sdk::vocabulary::learning::ModelMetadata;

use crate::arguments::{Detail, Place, Resampling, yes};
use crate::subject::{ModelReference, open_data};
use crate::summary::{self, Published};
use crate::tables;

/// What the object with the whole report is called.
const REPORT_NAME: &str = "bias.json";
/// The facets whose measures an answer has.
const FACETS_TOLD: usize = 6;
/// The facets that are drawn, with two figures each.
const FACETS_DRAWN: usize = 3;
/// Measures with a range no wider than this share an axis.
const SHARED_RANGE: f64 = 2.0;

/// Which groups of rows to compare in what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BiasArguments {
    /// The rows, with known labels: `s3://bucket/key`, or a path in an allowed folder.
    data_s3_uri: String,
    /// The columns by which rows are told apart, and the values, or the threshold, of those for which a disadvantage is looked for.
    #[schemars(length(min = 1, max = 16))]
    facets: Vec<BiasFacet>,
    /// The model whose predictions are measured. Without it, those of `predicted_label_column`, or the data alone.
    model_s3_uri: Option<String>,
    /// The column with the known labels. Without it, the column that the model was trained to predict.
    label_column: Option<String>,
    /// The labels that are the positive, wished-for outcome. Without them, and without a threshold, of two labels the second one.
    #[serde(default)]
    positive_labels: Vec<CellValue>,
    /// For labels that are numbers: those above it are positive.
    label_threshold: Option<f64>,
    /// The column with predicted labels, where they do not come from a model of this server.
    predicted_label_column: Option<String>,
    /// The column whose values part the rows into groups for CDDL and CDDPL: is a disparity still there within the groups?
    group_column: Option<String>,
    /// The columns of numbers by which the flip test finds nearest neighbours. Without them, all columns of numbers besides facet,
    /// labels and predictions.
    #[serde(default)]
    flip_test_columns: Vec<String>,
    /// The format of the data. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    #[serde(flatten)]
    resampling: Resampling,
    /// Whether to draw the measures.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
    /// How much of the report is in the answer. The whole of it is in the store either way.
    #[serde(default)]
    detail: Detail,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BiasOutcome {
    /// What the check is called.
    evaluation_name: String,
    /// The model, where its predictions were measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelReference>,
    /// The rows.
    data_s3_uri: String,
    /// The measures of each facet.
    bias: BiasReport,
    /// The whole report in the store, as JSON.
    report: StoredObject,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know: rows left out, what the answer leaves out, a figure that could not be drawn.
    notes: Vec<String>,
}

/// Measures whether data, or the predictions of a model, treat one group of rows unlike the rest: the bias metrics of SageMaker Clarify
/// before training (CI, DPL, KL, JS, LP, TVD, KS, CDDL) and after it (DPPL, DI, DCAcc, DCR, SD, RD, DAR, DRR, AD, TE, CDDPL, FT, GE), with
/// 95 % intervals.
///
/// Without a model and predictions the data alone is measured. Each measure comes with its range and how it is read; one that is
/// undefined says why.
#[tool(title = "Check for bias", destructive, idempotent, long_running, aliases = ["check_bias", "detect_bias"])]
pub(crate) fn bias_check(arguments: BiasArguments) -> Result<Reply<BiasOutcome>> {
    let model = arguments.model_s3_uri.as_deref().map(Model::load).transpose()?;
    let metadata = model.as_ref().map(Model::metadata).transpose()?;
    let (name, folder) = arguments.place.named(|| default_name(metadata.as_ref(), &arguments.data_s3_uri));
    folder.file(REPORT_NAME).check()?;
    let frame = open_data(&arguments.data_s3_uri, arguments.file_format)?;
    let report = Model::bias(model.as_ref(), &frame, &specification(&arguments))?;

    let mut notes = report.notes.clone();
    let data = arguments.data_s3_uri.rsplit('/').next().unwrap_or(&arguments.data_s3_uri);
    let figures = if arguments.generate_plots { figures(&report, data, &mut notes) } else { Vec::new() };
    let Published { report: stored, exhibition } =
        summary::publish(&folder, REPORT_NAME, &report, figures, &mut notes)?;
    let report = told(report, arguments.detail, &mut notes);
    let text = text(&report, data) + &tables::notes(&notes);
    let reference = |(uri, model): (&String, ModelMetadata)| ModelReference {
        uri: uri.clone(),
        name: model.name,
        algorithm: model.algorithm,
    };
    let link = Link::from(&stored).title("The whole report");
    let outcome = BiasOutcome {
        evaluation_name: name,
        model: arguments.model_s3_uri.as_ref().zip(metadata).map(reference),
        data_s3_uri: arguments.data_s3_uri,
        bias: report,
        report: stored,
        figures: exhibition.figures(),
        notes,
    };
    Ok(exhibition.show(Reply::new(outcome).text(text).link(link)))
}

fn default_name(model: Option<&ModelMetadata>, data_uri: &str) -> String {
    match model {
        Some(model) => format!("bias-of-{}-on-{}", segment(&model.name), data_name(data_uri)),
        None => format!("bias-of-{}", data_name(data_uri)),
    }
}

fn specification(arguments: &BiasArguments) -> BiasSpecification {
    BiasSpecification {
        label_column: arguments.label_column.clone(),
        positive_labels: arguments.positive_labels.clone(),
        label_threshold: arguments.label_threshold,
        predicted_label_column: arguments.predicted_label_column.clone(),
        group_column: arguments.group_column.clone(),
        flip_test_columns: arguments.flip_test_columns.clone(),
        bootstrap_samples: arguments.resampling.bootstrap_samples,
        seed: arguments.resampling.seed,
        ..BiasSpecification::new(arguments.facets.clone())
    }
}

fn metrics(facet: &FacetBias) -> impl Iterator<Item = &BiasMetric> {
    facet.pre_training.iter().chain(&facet.post_training)
}

/// Leaves all but the largest facets out of the answer, and says so. The notes go where all notes of the answer are.
fn told(mut report: BiasReport, detail: Detail, notes: &mut Vec<String>) -> BiasReport {
    report.notes.clear();
    let all = report.facets.len();
    if detail == Detail::Summary && all > FACETS_TOLD {
        let mut sizes: Vec<u64> = report.facets.iter().map(|facet| facet.rows).collect();
        sizes.sort_unstable_by(|left, right| right.cmp(left));
        let least = sizes.get(FACETS_TOLD - 1).copied().unwrap_or(0);
        report.facets.retain(|facet| facet.rows >= least);
        report.facets.truncate(FACETS_TOLD);
        notes.push(format!("of {all} facets the {FACETS_TOLD} largest are told: the report has all of them"));
    }
    report
}

/// For each facet the measures that share an axis, and those that do not.
fn figures(report: &BiasReport, data: &str, notes: &mut Vec<String>) -> Vec<(String, Figure)> {
    if report.facets.len() > FACETS_DRAWN {
        notes.push(format!("of {} facets the first {FACETS_DRAWN} are drawn", report.facets.len()));
    }
    let mut figures = Vec::new();
    for (position, facet) in report.facets.iter().take(FACETS_DRAWN).enumerate() {
        let suffix = if report.facets.len() > 1 {
            format!("_{}_{}", position + 1, segment(&facet.facet))
        } else {
            String::new()
        };
        let shared = |metric: &&BiasMetric| matches!((metric.minimum, metric.maximum), (Some(low), Some(high)) if high - low <= SHARED_RANGE);
        let subtitle = format!("{data} · {} rows against {} of the rest", facet.rows, facet.rest);
        let mut add = |kind: &str, title: &str, label: &str, chosen: Vec<&BiasMetric>| {
            let bars: Vec<Bar> = chosen.into_iter().filter_map(bar).collect();
            if !bars.is_empty() {
                figures.push((
                    format!("{kind}{suffix}"),
                    Figure::Bars(Bars {
                        title: format!("{title}: {}", facet.facet),
                        subtitle: Some(subtitle.clone()),
                        value_label: label.to_owned(),
                        order: BarOrder::Given,
                        bars,
                    }),
                ));
            }
        };
        add("bias", "Bias", "Value; 0 is even", metrics(facet).filter(shared).collect());
        add(
            "bias_unbounded",
            "Bias, measures without bounds",
            "Value; 0 is even, for DI 1",
            metrics(facet).filter(|metric| !shared(metric)).collect(),
        );
    }
    figures
}

fn bar(metric: &BiasMetric) -> Option<Bar> {
    let interval = metric.lower.zip(metric.upper).map(|(low, high)| Interval { low, high });
    Some(Bar { name: metric.measure.as_str().to_owned(), value: metric.value?, interval })
}

fn text(report: &BiasReport, data: &str) -> String {
    let of =
        report.predictions.as_ref().map(|source| format!(" and of the predictions of {source}")).unwrap_or_default();
    let mut text = format!(
        "Bias of {data} ({} rows){of}; positive is `{}` in `{}`.\n",
        report.rows, report.positive, report.label_column
    );
    for facet in &report.facets {
        let with_intervals = metrics(facet).any(|metric| metric.lower.is_some());
        let interval = with_intervals.then_some("95 % interval");
        let mut table = Table::new(["Measure", "Value"].into_iter().chain(interval).chain(["Range", "Reading"]));
        for metric in metrics(facet) {
            let value = metric.value.map_or_else(|| "—".to_owned(), number);
            let interval = with_intervals.then(|| {
                let ends = metric.lower.zip(metric.upper);
                ends.map(|(lower, upper)| format!("{} to {}", number(lower), number(upper))).unwrap_or_default()
            });
            let reading = metric
                .absent
                .clone()
                .or_else(|| metric.note.as_ref().map(|note| format!("{} ({note})", metric.reading)));
            let name = format!("{}, {}", metric.measure.as_str(), metric.title);
            let reading = reading.unwrap_or_else(|| metric.reading.clone());
            table.push([name, value].into_iter().chain(interval).chain([metric.measure.range(), reading]));
        }
        text.push_str(&format!(
            "\n**{}**: {} rows, against {} of the rest.\n\n{table}",
            facet.facet, facet.rows, facet.rest
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiko_sdk::vocabulary::evaluation::BiasMeasure;

    fn metric(measure: BiasMeasure, value: Option<f64>) -> BiasMetric {
        BiasMetric {
            measure,
            title: measure.title().to_owned(),
            value,
            lower: value.map(|value| value - 0.1),
            upper: value.map(|value| value + 0.1),
            minimum: measure.minimum(),
            maximum: measure.maximum(),
            even: measure.even(),
            reading: measure.reading().to_owned(),
            absent: value.is_none().then(|| "no group column was given".to_owned()),
            note: None,
        }
    }

    fn report(facets: u64) -> BiasReport {
        let facet = |rows| FacetBias {
            column: "sex".to_owned(),
            facet: format!("sex = value {rows}"),
            rows,
            rest: 100,
            pre_training: vec![
                metric(BiasMeasure::LabelProportions, Some(0.25)),
                metric(BiasMeasure::LabelDisparity, None),
                metric(BiasMeasure::KullbackLeibler, Some(3.0)),
            ],
            post_training: Vec::new(),
        };
        BiasReport {
            rows: 200,
            label_column: "hired".to_owned(),
            positive: "yes".to_owned(),
            predictions: None,
            group_column: None,
            facets: (1..=facets).map(facet).collect(),
            notes: vec!["12 rows are left out".to_owned()],
        }
    }

    #[test]
    fn the_text_has_values_intervals_and_the_reason_of_what_is_absent() {
        let text = text(&report(1), "people.csv");
        assert!(text.contains("**sex = value 1**: 1 rows, against 100 of the rest."), "{text}");
        assert!(text.contains("| 0.25 | 0.15 to 0.35 | −1 to 1 |"), "{text}");
        assert!(text.contains("| — |  | −1 to 1 | no group column was given |"), "{text}");
    }

    #[test]
    fn measures_with_and_without_bounds_are_drawn_apart_and_absent_ones_are_not() {
        let mut notes = Vec::new();
        let figures = figures(&report(1), "people.csv", &mut notes);
        let names: Vec<(&str, usize)> = figures
            .iter()
            .map(|(name, figure)| match figure {
                Figure::Bars(bars) => (name.as_str(), bars.bars.len()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(names, [("bias", 1), ("bias_unbounded", 1)]);
        assert!(notes.is_empty());
    }

    #[test]
    fn of_many_facets_the_largest_are_told_and_the_first_are_drawn() {
        let mut notes = Vec::new();
        let shown = told(report(9), Detail::Summary, &mut notes);
        assert_eq!(shown.facets.iter().map(|facet| facet.rows).collect::<Vec<_>>(), [4, 5, 6, 7, 8, 9]);
        assert_eq!(told(report(9), Detail::Full, &mut Vec::new()).facets.len(), 9);
        let drawn = figures(&report(9), "people.csv", &mut notes);
        assert_eq!((drawn.len(), notes.len()), (6, 2));
        assert_eq!(drawn[0].0, format!("bias_1_{}", segment("sex = value 1")));
    }
}
