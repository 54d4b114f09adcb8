//! `compare_models`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::markdown::{Table, measures, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{StoredObject, data_name};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::FileFormat;
use kumiko_sdk::vocabulary::evaluation::{Comparison, ComparisonMetric, ComparisonSpecification};
use kumiko_sdk::vocabulary::figures::{self, ComparedMetric, Figure};
use kumiko_sdk::vocabulary::learning::{ModelMetadata, Task};

use crate::arguments::{Place, Resampling, yes};
use crate::subject::{ModelReference, open_data};
use crate::summary::{self, Published};
use crate::tables;

/// What the object with the whole comparison is called.
const COMPARISON_NAME: &str = "comparison.json";

/// Which models to compare on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompareArguments {
    /// The models: at least two, of one task, trained to predict the same column.
    #[schemars(length(min = 2, max = 16))]
    model_s3_uris: Vec<String>,
    /// Rows that none of the models has learnt from, with the known answers.
    test_data_s3_uri: String,
    /// The column with the known answers. Without it, the column that the first model was trained to predict.
    target_column: Option<String>,
    /// The format of the test data. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// The measure to rank by. Without it, `roc_auc` for classes (`accuracy` where it is absent) and `rmse` for numbers.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<ComparisonMetric>")]
    metric: Option<ComparisonMetric>,
    /// Of two classes, the one that F1 and ROC are about. Without it, the second one.
    positive_class: Option<String>,
    /// A difference is significant where its p-value, corrected for the number of pairs, is below this.
    #[serde(default = "default_significance_level")]
    #[schemars(range(min = 0.0, max = 1.0))]
    significance_level: f64,
    #[serde(flatten)]
    resampling: Resampling,
    /// Whether to draw the measures side by side.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
}

/// Models ranked.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CompareOutcome {
    /// What the comparison is called.
    evaluation_name: String,
    /// The rows compared on.
    test_data_s3_uri: String,
    /// The models, in the order in which they were given.
    models: Vec<ModelReference>,
    /// The name of the best model.
    #[serde(skip_serializing_if = "Option::is_none")]
    best_model: Option<String>,
    /// The ranking and the tests of every pair.
    comparison: Comparison,
    /// The comparison in the store, as JSON.
    report: StoredObject,
    /// The figure, where it was asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know: a figure that could not be drawn.
    notes: Vec<String>,
}

fn default_significance_level() -> f64 {
    ComparisonSpecification::default().significance_level
}

/// Puts the same rows through several models, ranks the models, and tests every pair for a difference that is more than chance:
/// McNemar's test for classes, Wilcoxon's signed-rank test for numbers, corrected for the number of pairs.
///
/// Use it to choose a model. A difference that is not significant is no reason to prefer the better-ranked of two.
#[tool(title = "Compare models", destructive, idempotent, long_running)]
pub(crate) fn compare_models(arguments: CompareArguments) -> Result<Reply<CompareOutcome>> {
    let (name, folder) = arguments.place.named(|| format!("comparison-on-{}", data_name(&arguments.test_data_s3_uri)));
    folder.file(COMPARISON_NAME).check()?;
    let models = arguments.model_s3_uris.iter().map(|uri| Model::load(uri)).collect::<Result<Vec<Model>>>()?;
    let metadata = models.iter().map(Model::metadata).collect::<Result<Vec<ModelMetadata>>>()?;
    comparable(&arguments.model_s3_uris, &metadata)?;
    let frame = open_data(&arguments.test_data_s3_uri, arguments.file_format)?;
    let comparison = Model::compare(&models.iter().collect::<Vec<_>>(), &frame, &specification(&arguments))?;

    let mut notes = Vec::new();
    let figure =
        arguments.generate_plots.then(|| ("model_comparison", figure(&comparison, &arguments.test_data_s3_uri)));
    let Published { report, exhibition } = summary::publish(&folder, COMPARISON_NAME, &comparison, figure, &mut notes)?;
    let text = text(&comparison) + &tables::notes(&notes);
    let link = Link::from(&report).title("The comparison");
    let outcome = CompareOutcome {
        evaluation_name: name,
        test_data_s3_uri: arguments.test_data_s3_uri,
        models: references(arguments.model_s3_uris, metadata),
        best_model: comparison.ranking.first().map(|best| best.name.clone()),
        comparison,
        report,
        figures: exhibition.figures(),
        notes,
    };
    Ok(exhibition.show(Reply::new(outcome).text(text).link(link)))
}

fn specification(arguments: &CompareArguments) -> ComparisonSpecification {
    ComparisonSpecification {
        target_column: arguments.target_column.clone(),
        metric: arguments.metric,
        positive_class: arguments.positive_class.clone(),
        significance_level: arguments.significance_level,
        bootstrap_samples: arguments.resampling.bootstrap_samples,
        seed: arguments.resampling.seed,
    }
}

/// Refuses the same model twice, and models of different tasks.
fn comparable(uris: &[String], metadata: &[ModelMetadata]) -> Result<()> {
    for (position, uri) in uris.iter().enumerate() {
        if uris.iter().take(position).any(|earlier| earlier == uri) {
            return Err(Fault::invalid("model_repeated", format!("the model {uri} is listed twice")).hint(
                "list every model once; to measure a single model, call `evaluate_classifier` or `evaluate_regressor`",
            ));
        }
    }
    let Some(first) = metadata.first() else { return Ok(()) };
    match metadata.iter().find(|model| model.task != first.task) {
        Some(other) => {
            let told = |model: &ModelMetadata| format!("`{}` is for {}", model.name, model.task.as_str());
            Err(Fault::invalid("tasks_differ", format!("{}, {}", told(first), told(other)))
                .hint("compare models that predict the same column"))
        }
        None => Ok(()),
    }
}

fn references(uris: Vec<String>, metadata: Vec<ModelMetadata>) -> Vec<ModelReference> {
    let reference =
        |(uri, model): (String, ModelMetadata)| ModelReference { uri, name: model.name, algorithm: model.algorithm };
    uris.into_iter().zip(metadata).map(reference).collect()
}

/// The measures that share an axis, side by side.
fn figure(comparison: &Comparison, data_uri: &str) -> Figure {
    let (names, value_label): (&[&str], &str) = match comparison.task {
        Task::Classification => (&["accuracy", "f1", "roc_auc"], figures::SCORE_LABEL),
        _ => (&["rmse", "mae"], "Error, in the target's unit"),
    };
    let measured: Vec<Vec<(String, f64)>> = comparison.ranking.iter().map(|model| measures(&model.metrics)).collect();
    let metrics = names
        .iter()
        .map(|name| ComparedMetric {
            name: (*name).to_owned(),
            values: measured
                .iter()
                .map(|model| model.iter().find(|(measure, _)| measure == name).map(|(_, value)| *value))
                .collect(),
        })
        .filter(|metric| metric.values.iter().any(Option::is_some))
        .collect();
    let data = data_uri.rsplit('/').next().unwrap_or(data_uri);
    Figure::Comparison(figures::Comparison {
        title: "Comparison of models".to_owned(),
        subtitle: Some(format!("{data} · {} rows", comparison.rows)),
        value_label: value_label.to_owned(),
        models: comparison.ranking.iter().map(|model| model.name.clone()).collect(),
        metrics,
    })
}

fn text(comparison: &Comparison) -> String {
    let metric = comparison.metric.as_str();
    let names: Vec<String> = comparison
        .ranking
        .first()
        .map(|model| measures(&model.metrics))
        .unwrap_or_default()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let mut ranking = Table::new(["Place".to_owned(), "Model".to_owned()].into_iter().chain(names.iter().cloned()));
    for model in &comparison.ranking {
        let measured = measures(&model.metrics);
        let value = |name: &String| {
            measured.iter().find(|(measure, _)| measure == name).map(|(_, value)| number(*value)).unwrap_or_default()
        };
        ranking.push([model.rank.to_string(), model.name.clone()].into_iter().chain(names.iter().map(value)));
    }
    let mut pairs = Table::new(["Pair", "Difference", "p (corrected)", "Verdict"]);
    for pair in &comparison.pairs {
        pairs.push([
            format!("{} over {}", pair.first, pair.second),
            number(pair.difference),
            number(pair.adjusted_p_value),
            if pair.significant { "significant" } else { "may be chance" }.to_owned(),
        ]);
    }
    format!(
        "{} models on {} rows, ranked by {metric}:\n\n{ranking}\n{pairs}",
        comparison.ranking.len(),
        comparison.rows
    )
}
