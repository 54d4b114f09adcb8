//! `evaluate_clustering`.

use kumiko_sdk::choices;
use kumiko_sdk::content::Link;
use kumiko_sdk::figures::StoredFigure;
use kumiko_sdk::markdown::{Table, number};
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{StoredObject, data_name, segment};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::FileFormat;
use kumiko_sdk::vocabulary::evaluation::{ClusteringReport, ClusteringSpecification};
use kumiko_sdk::vocabulary::figures::{Bar, BarOrder, Bars, Figure};
use kumiko_sdk::vocabulary::learning::{DEFAULT_SEED, Task};

use crate::arguments::{Place, yes};
use crate::subject::{ModelReference, open_data};
use crate::summary::{self, Published, REPORT_NAME};
use crate::tables;

/// The measures in the text, in this order.
const MEASURES: [&str; 5] = ["silhouette", "davies_bouldin", "calinski_harabasz", "inertia", "noise_rows"];
/// The measures beside known classes, in this order.
const AGREEMENT: [&str; 5] =
    ["adjusted_rand_index", "normalized_mutual_information", "homogeneity", "completeness", "v_measure"];
/// The clusters that the text lists.
const CLUSTERS_LISTED: usize = 20;

/// Which clustering to measure on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClusteringArguments {
    /// The model, as a training left it.
    model_s3_uri: String,
    /// The rows to put into clusters: `s3://bucket/key`, or a path in an allowed folder.
    test_data_s3_uri: String,
    /// The format of the data. Found out from its name and first bytes where it is not given.
    #[serde(default)]
    #[schemars(schema_with = "choices::optional::<FileFormat>")]
    file_format: Option<FileFormat>,
    /// A column of known classes to compare the clusters with.
    label_column: Option<String>,
    /// Whether distances are measured between columns brought to equal spread. Without it a column of large numbers decides alone.
    #[serde(default = "yes")]
    standardize: bool,
    /// The seed of the sample behind the silhouette of many rows.
    #[serde(default = "default_seed")]
    seed: u64,
    /// Whether to draw the clusters' silhouettes.
    #[serde(default = "yes")]
    generate_plots: bool,
    #[serde(flatten)]
    place: Place,
}

fn default_seed() -> u64 {
    DEFAULT_SEED
}

/// How well a clustering does.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ClusteringEvaluation {
    /// What the evaluation is called.
    evaluation_name: String,
    /// The model.
    model: ModelReference,
    /// The rows that it was measured on.
    test_data_s3_uri: String,
    /// The measures.
    metrics: ClusteringReport,
    /// The report in the store, as JSON.
    report: StoredObject,
    /// The figures, where they were asked for.
    figures: Vec<StoredFigure>,
    /// What a person should know.
    notes: Vec<String>,
}

/// Measures the clusters that a model puts rows into: silhouette, Davies–Bouldin and Calinski–Harabasz index, a table of the clusters with
/// their centres; and where classes are known, how far both agree (adjusted Rand index, normalised mutual information).
#[tool(title = "Evaluate a clustering", destructive, idempotent, long_running)]
pub(crate) fn evaluate_clustering(arguments: ClusteringArguments) -> Result<Reply<ClusteringEvaluation>> {
    let model = Model::load(&arguments.model_s3_uri)?;
    let metadata = model.metadata()?;
    if metadata.task != Task::Clustering {
        let (name, task) = (&metadata.name, metadata.task.as_str());
        return Err(Fault::invalid("wrong_task", format!("the model `{name}` is for {task}, not for clustering"))
            .hint("`evaluate_classifier` and `evaluate_regressor` measure models with known answers"));
    }
    let default = || format!("{}-on-{}", segment(&metadata.name), data_name(&arguments.test_data_s3_uri));
    let (name, folder) = arguments.place.named(default);
    folder.file(REPORT_NAME).check()?;
    let frame = open_data(&arguments.test_data_s3_uri, arguments.file_format)?;
    let specification = ClusteringSpecification {
        label_column: arguments.label_column,
        standardize: arguments.standardize,
        seed: arguments.seed,
    };
    let report = model.evaluate_clustering(&frame, &specification)?;

    let mut notes = Vec::new();
    let figure = if arguments.generate_plots { silhouettes(&metadata.name, &report) } else { None };
    let figures = figure.map(|figure| ("silhouettes", figure));
    let Published { report: stored, exhibition } =
        summary::publish(&folder, REPORT_NAME, &report, figures, &mut notes)?;
    let text = text(&metadata.name, &arguments.test_data_s3_uri, &report) + &tables::notes(&notes);
    let link = Link::from(&stored).title("The whole report");
    let evaluation = ClusteringEvaluation {
        evaluation_name: name,
        model: ModelReference { uri: arguments.model_s3_uri, name: metadata.name, algorithm: metadata.algorithm },
        test_data_s3_uri: arguments.test_data_s3_uri,
        metrics: report,
        report: stored,
        figures: exhibition.figures(),
        notes,
    };
    Ok(exhibition.show(Reply::new(evaluation).text(text).link(link)))
}

/// The mean silhouette of each cluster; none where there are no two to compare.
fn silhouettes(model: &str, report: &ClusteringReport) -> Option<Figure> {
    let bars: Vec<Bar> = (report.table.iter())
        .filter_map(|cluster| {
            let name = format!("cluster {} ({} rows)", cluster.cluster, cluster.size);
            Some(Bar { name, value: cluster.silhouette?, interval: None })
        })
        .take(CLUSTERS_LISTED)
        .collect();
    (bars.len() > 1).then(|| {
        Figure::Bars(Bars {
            title: format!("Silhouettes of {model}"),
            subtitle: Some(format!("{} rows · {} clusters", report.rows, report.clusters)),
            value_label: "Mean silhouette, −1 to 1".to_owned(),
            order: BarOrder::LargestFirst,
            bars,
        })
    })
}

fn text(model: &str, data: &str, report: &ClusteringReport) -> String {
    let data = data.rsplit('/').next().unwrap_or(data);
    let mut clusters = Table::new(["Cluster", "Rows", "Share", "Silhouette"]);
    for cluster in report.table.iter().take(CLUSTERS_LISTED) {
        clusters.push([
            cluster.cluster.to_string(),
            cluster.size.to_string(),
            number(cluster.share),
            cluster.silhouette.map(number).unwrap_or_default(),
        ]);
    }
    let mut text = format!(
        "`{model}` on {data}: {} rows in {} clusters.\n\n{}\n{clusters}",
        report.rows,
        report.clusters,
        tables::metrics(report, &MEASURES, &[]),
    );
    if let Some(agreement) = &report.agreement {
        text.push_str(&format!("\nBeside the known classes:\n\n{}", tables::metrics(agreement, &AGREEMENT, &[])));
    }
    text + &tables::notes(&report.notes)
}
