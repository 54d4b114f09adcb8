//! `kumiko demo`: the main job, done by an ordinary MCP client against this very binary.
//!
//! load → validate → split → preprocess (fitted on the training rows) → apply → train → evaluate → figures. The data set
//! (`examples/data/`) travels inside the binary, so an installed one needs nothing but its plugins.
#![allow(clippy::indexing_slicing, reason = "a JSON value read by a name that it does not have is null")]

mod client;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use self::client::Client;
use crate::exit::Exit;
use crate::settings::{Settings, Storage};
use crate::terminal;

/// Measurements of 344 penguins of three species: see `examples/data/README.md` for source and licence.
const DATA: &[u8] = include_bytes!("../../../examples/data/penguins.csv");

/// What is predicted.
const TARGET: &str = "species";

/// The measures shown at the end: the report's field, and its name for people.
const MEASURES: [(&str, &str); 6] = [
    ("accuracy", "accuracy"),
    ("f1", "F1 (weighted)"),
    ("roc_auc", "ROC-AUC"),
    ("log_loss", "log loss"),
    ("brier", "Brier score"),
    ("mcc", "Matthews correlation"),
];

/// Runs the demo and prints what came of it.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Exit> {
    let folder = settings.data.join("demo");
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let data = folder.join("penguins.csv");
    std::fs::write(&data, DATA).with_context(|| format!("{} cannot be written", data.display()))?;
    let data = data.canonicalize()?;

    let mut demo = Demo { client: Client::start(settings, &folder).await?, bar: bar(), times: Vec::new() };
    let outcome = demo.steps(&data).await;
    demo.bar.finish_and_clear();
    let evaluation = outcome?;
    report(settings, &evaluation, &demo.times);
    demo.client.close().await?;
    Ok(Exit::Success)
}

/// The session, and what its steps took.
struct Demo {
    client: Client,
    bar: ProgressBar,
    times: Vec<(&'static str, String, Duration)>,
}

impl Demo {
    /// The steps in order; the evaluation's result.
    async fn steps(&mut self, data: &Path) -> anyhow::Result<Value> {
        let began = Instant::now();
        self.bar.set_message("start: the server loads its plugins");
        let tools = self.client.tools().await?;
        self.times.push((
            "start",
            format!("{tools} tools; plugins that are new to the server compile first"),
            began.elapsed(),
        ));
        self.bar.inc(1);
        let data = data.display().to_string();
        let loaded = self.step("load", "load_dataset", json!({ "s3_uri": data })).await?;
        self.told(format!("{} rows, {} columns", loaded["rows"], array(&loaded["columns"])));
        let rules = json!({ "required_columns": [TARGET], "target_column": TARGET });
        let validated = self.step("validate", "validate_data", json!({ "data_s3_uri": data, "schema": rules })).await?;
        self.told(format!("{}, {} warnings", text(&validated["verdict"]), validated["warnings"]));
        let split = json!({ "dataset_s3_uri": data, "method": "stratified", "column": TARGET, "train_ratio": 0.7, "test_ratio": 0.3 });
        let split = self.step("split", "split_dataset", split).await?;
        self.told("stratified by species, 70 % to learn from".to_owned());
        let prepare = json!({ "dataset_s3_uri": split["train_data_s3_uri"], "target_column": TARGET, "task_type": "classification", "handle_missing": "median" });
        let prepared = self.step("preprocess", "preprocess_supervised", prepare).await?;
        self.told(format!(
            "{} features, fitted on {} training rows",
            prepared["num_features"], prepared["num_samples"]
        ));
        let apply = json!({ "dataset_s3_uri": split["test_data_s3_uri"], "pipeline_uri": prepared["pipeline_uri"] });
        let applied = self.step("apply", "apply_preprocessing", apply).await?;
        self.told(format!("the same to {} test rows", applied["num_samples"]));
        let training = json!({
            "algorithm": "random_forest", "train_data_s3_uri": prepared["train_data_s3_uri"], "target_column": TARGET, "training_job_name": "penguins",
        });
        let trained = self.step("train", "train_supervised_classifier", training).await?;
        self.told("random forest of 100 trees".to_owned());
        let evaluation = json!({ "model_s3_uri": trained["model_s3_uri"], "test_data_s3_uri": applied["data_s3_uri"] });
        let evaluated = self.step("evaluate", "evaluate_classifier", evaluation).await?;
        self.told(format!("on {} rows that it had not seen", evaluated["metrics"]["rows"]));
        Ok(evaluated)
    }

    /// Calls a tool as one step; its progress moves the bar.
    async fn step(&mut self, name: &'static str, tool: &str, arguments: Value) -> anyhow::Result<Value> {
        self.bar.set_message(format!("{name}: {tool}"));
        let began = Instant::now();
        let bar = self.bar.clone();
        let result =
            self.client.call(tool, arguments, move |message| bar.set_message(format!("{name}: {message}"))).await?;
        self.times.push((name, String::new(), began.elapsed()));
        self.bar.inc(1);
        Ok(result)
    }

    /// Adds what the last step found to its line in the table of times.
    fn told(&mut self, what: String) {
        if let Some((_, told, _)) = self.times.last_mut() {
            *told = what;
        }
    }
}

fn bar() -> ProgressBar {
    const STEPS: u64 = 8;
    let bar = ProgressBar::new(STEPS);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn report(settings: &Settings, evaluation: &Value, times: &[(&'static str, String, Duration)]) {
    let rows: Vec<Vec<String>> = times
        .iter()
        .map(|(name, told, time)| {
            vec![(*name).to_owned(), format!("{:.0} ms", time.as_secs_f64() * 1_000.0), told.clone()]
        })
        .collect();
    terminal::say(terminal::table(&["STEP", "TIME", "WHAT CAME OF IT"], &rows));
    let total: Duration = times.iter().map(|(_, _, time)| *time).sum();
    terminal::say(format!(
        "total {:.0} ms, every step a tool call over MCP into a fresh WebAssembly instance\n",
        total.as_secs_f64() * 1_000.0
    ));
    let metrics = &evaluation["metrics"];
    let rows: Vec<Vec<String>> = MEASURES
        .iter()
        .filter_map(|(field, name)| {
            let value = metrics[*field].as_f64()?;
            let interval = metrics["intervals"].as_array()?.iter().find(|interval| interval["metric"] == *field);
            let interval = interval.and_then(|interval| {
                Some(format!("{:.3} to {:.3}", interval["lower"].as_f64()?, interval["upper"].as_f64()?))
            });
            Some(vec![(*name).to_owned(), format!("{value:.3}"), interval.unwrap_or_default()])
        })
        .collect();
    terminal::say(terminal::table(&["ON THE TEST ROWS", "", "95 % INTERVAL"], &rows));
    terminal::say("\nfigures:");
    for figure in evaluation["figures"].as_array().into_iter().flatten() {
        for form in ["png", "svg"] {
            terminal::say(format!("  {}", place(settings, text(&figure[form]["uri"]))));
        }
    }
}

/// Where a person finds an object: on the embedded store it is a file.
fn place(settings: &Settings, uri: &str) -> String {
    let file = uri.strip_prefix("s3://").map(|key| settings.data.join("objects").join(key));
    match (&settings.storage, file) {
        (Storage::Embedded, Some(file)) if file.is_file() => file.display().to_string(),
        _ => uri.to_owned(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn array(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}
