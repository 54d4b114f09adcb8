//! `calculate_shap_values`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::models::{Explanation, Model};
use kumiko_sdk::outputs::{StoredObject, data_name, segment, write_options};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::FileFormat;
use kumiko_sdk::vocabulary::evaluation::{
    DEFAULT_BACKGROUND_ROWS, DEFAULT_PERMUTATIONS, ExplanationMethod, ExplanationOutput, ExplanationReport,
    ExplanationSpecification, MAXIMUM_BACKGROUND_ROWS, MAXIMUM_PERMUTATIONS,
};
use kumiko_sdk::vocabulary::figures::Figure;
use kumiko_sdk::vocabulary::learning::DEFAULT_SEED;

use crate::arguments::{Place, yes};
use crate::subject::{ModelReference, open_data};
use crate::summary::{self, Published};
use crate::tables;

/// What the object with the report is called.
const REPORT_NAME: &str = "explanation.json";
/// What the data set with the values of every row is called.
const VALUES_NAME: &str = "shap_values.csv";
/// Features that the text lists.
const FEATURES_LISTED: usize = 15;
/// Features told of each output in the answer; the report has all of them.
const FEATURES_TOLD: usize = 50;

/// What to explain.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapArguments {
    /// The model, as a training left it.
    model_s3_uri: String,
    /// The rows to be explained: `s3://bucket/key`, or a path in an allowed folder.
    data_s3_uri: String,
    /// Rows that stand for what is usual, such as the training data. Without them the rows explained do, where the method needs any.
    background_data_s3_uri: Option<String>,
    /// The format of the data sets. Found out from their names and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// How the values are calculated. `auto` is exact for trees and linear models.
    #[serde(default)]
    #[schemars(schema_with = "choices::one_of::<ExplanationMethod>")]
    method: ExplanationMethod,
    /// What the values add up to. Without it, log odds for boosted trees and logistic regression, and probabilities for other classifiers.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<ExplanationOutput>")]
    output: Option<ExplanationOutput>,
    /// The class to explain. Without it, of two classes the second one, of more each.
    class: Option<String>,
    /// Rows drawn from the background data.
    #[serde(default = "default_background_rows")]
    #[schemars(range(min = 1, max = MAXIMUM_BACKGROUND_ROWS))]
    background_rows: u32,
    /// Method `permutation`: random orders of the features for each background row.
    #[serde(default = "default_permutations")]
    #[schemars(range(min = 1, max = MAXIMUM_PERMUTATIONS))]
    permutations: u32,
    /// Rows, from the first, whose own values are told and whose way from the base value to the prediction is drawn.
    #[serde(default = "default_rows_told")]
    #[schemars(range(max = 100))]
    rows_told: u32,
    /// The seed of everything random.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw the beeswarm, the bars, and the ways of the first rows.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
}

fn default_background_rows() -> u32 {
    DEFAULT_BACKGROUND_ROWS
}

fn default_permutations() -> u32 {
    DEFAULT_PERMUTATIONS
}

fn default_rows_told() -> u32 {
    1
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// Why a model says what it says.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ShapOutcome {
    /// What the explanation is called.
    evaluation_name: String,
    /// The model.
    model: ModelReference,
    /// The rows explained.
    data_s3_uri: String,
    /// What each feature adds over all rows: of each output the 50 features that matter most.
    explanation: ExplanationReport,
    /// The whole report in the store, as JSON.
    report: StoredObject,
    /// The SHAP values of every row in the store: `base_value`, `prediction` and `shap_<feature>`.
    values: StoredObject,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know.
    notes: Vec<String>,
}

/// Explains a model's predictions by SHAP values: what each feature adds to each prediction, and how much it matters over all rows.
///
/// Exact for forests, boosted trees, linear and logistic models, sampled with a standard error for the rest. The values of a row add up to
/// its prediction less the base value. Shows a beeswarm, bars and the way of single rows, and writes the values of every row as a data set.
#[tool(title = "Calculate SHAP values", destructive, idempotent, long_running)]
pub(crate) fn calculate_shap_values(arguments: ShapArguments) -> Result<Reply<ShapOutcome>> {
    let model = Model::load(&arguments.model_s3_uri)?;
    let metadata = model.metadata()?;
    let default = || format!("{}-explained-on-{}", segment(&metadata.name), data_name(&arguments.data_s3_uri));
    let (name, folder) = arguments.place.named(default);
    let destination = folder.file(VALUES_NAME);
    folder.file(REPORT_NAME).check()?;
    destination.check()?;
    let rows = open_data(&arguments.data_s3_uri, arguments.file_format)?;
    let background =
        arguments.background_data_s3_uri.as_deref().map(|uri| open_data(uri, arguments.file_format)).transpose()?;
    let specification = ExplanationSpecification {
        method: arguments.method,
        output: arguments.output,
        class: arguments.class,
        background_rows: arguments.background_rows,
        permutations: arguments.permutations,
        row_values: arguments.rows_told,
        seed: arguments.seed,
    };
    let Explanation { report, figures, values } = model.explain(&rows, background.as_ref(), &specification)?;

    let mut notes = Vec::new();
    let figures = if arguments.generate_plots { named(figures) } else { Vec::new() };
    let Published { report: stored, exhibition } =
        summary::publish(&folder, REPORT_NAME, &report, figures, &mut notes)?;
    let options = write_options(destination.uri(), None)?;
    let values = StoredObject::from(&values.write(destination.uri(), &options, destination.precondition())?);
    let text = text(&metadata.name, &arguments.data_s3_uri, &report) + &tables::notes(&notes);
    let links = [Link::from(&stored).title("The whole report"), Link::from(&values).title("The values of every row")];
    let outcome = ShapOutcome {
        evaluation_name: name,
        model: ModelReference { uri: arguments.model_s3_uri, name: metadata.name, algorithm: metadata.algorithm },
        data_s3_uri: arguments.data_s3_uri,
        explanation: told(report, &mut notes),
        report: stored,
        values,
        figures: exhibition.figures(),
        notes,
    };
    let mut reply = Reply::new(outcome).text(text);
    for link in links {
        reply = reply.link(link);
    }
    Ok(exhibition.show(reply))
}

/// The figures by the names that they are stored under.
fn named(figures: Vec<Figure>) -> Vec<(String, Figure)> {
    let mut counts = std::collections::BTreeMap::<&'static str, u32>::new();
    figures
        .into_iter()
        .map(|figure| {
            let name = match figure.kind() {
                "beeswarm" => "shap_beeswarm",
                "waterfall" => "shap_waterfall",
                _ => "shap_importance",
            };
            let count = counts.entry(name).or_default();
            *count += 1;
            (if *count == 1 { name.to_owned() } else { format!("{name}_{count}") }, figure)
        })
        .collect()
}

/// The report as an answer has it.
fn told(mut report: ExplanationReport, notes: &mut Vec<String>) -> ExplanationReport {
    for output in &mut report.outputs {
        if output.features.len() > FEATURES_TOLD {
            let note = format!(
                "of {} features the {FEATURES_TOLD} that matter most are told: the report has all",
                output.features.len()
            );
            output.features.truncate(FEATURES_TOLD);
            output.row_values.iter_mut().for_each(|row| row.values.truncate(FEATURES_TOLD));
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    report
}

fn text(model: &str, data: &str, report: &ExplanationReport) -> String {
    let data = data.rsplit('/').next().unwrap_or(data);
    let mut text = format!(
        "`{model}` explained on {} rows of {data} by {} ({}).\n",
        report.rows,
        report.method.as_str(),
        report.output.as_str()
    );
    for output in &report.outputs {
        let of = output.class.as_ref().map(|class| format!(" of `{class}`")).unwrap_or_default();
        let mut table = Table::new(["Feature", "Mean |SHAP|", "Direction"]);
        for feature in output.features.iter().take(FEATURES_LISTED) {
            table.push([
                feature.feature.clone(),
                number(feature.mean_absolute),
                feature.direction.map(number).unwrap_or_default(),
            ]);
        }
        text.push_str(&format!("\nBase value{of}: {}.\n\n{table}", number(output.base_value)));
    }
    text + &tables::notes(&report.notes)
}
