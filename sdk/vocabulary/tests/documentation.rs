//! `docs/vocabulary.md` holds the JSON Schema of every document, as the types have it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::path::PathBuf;

use kumiko_vocabulary::data::{DatasetSummary, ReadOptions, ValidationReport, ValidationRules, WriteOptions};
use kumiko_vocabulary::evaluation::{
    BiasMeasure, BiasReport, BiasSpecification, ClassificationReport, ClusteringReport, ClusteringSpecification,
    Comparison, ComparisonSpecification, EvaluationSpecification, ExplanationReport, ExplanationSpecification,
    RegressionReport,
};
use kumiko_vocabulary::figures::Figure;
use kumiko_vocabulary::jobs::{Job, JobOrder, JobPage};
use kumiko_vocabulary::learning::{
    CrossValidation, CrossValidationReport, ModelMetadata, ReinforcementReport, ReinforcementSpecification,
    TrainingSpecification,
};
use kumiko_vocabulary::preparation::{Balancing, PipelineDescription, PipelineSpecification, Split};
use schemars::{Schema, schema_for};

/// The documents by the names that the contract uses.
fn documents() -> Vec<(&'static str, Schema)> {
    vec![
        ("read-options", schema_for!(ReadOptions)),
        ("write-options", schema_for!(WriteOptions)),
        ("dataset-summary", schema_for!(DatasetSummary)),
        ("validation-rules", schema_for!(ValidationRules)),
        ("validation-report", schema_for!(ValidationReport)),
        ("pipeline", schema_for!(PipelineSpecification)),
        ("pipeline-description", schema_for!(PipelineDescription)),
        ("split", schema_for!(Split)),
        ("balancing", schema_for!(Balancing)),
        ("training-specification", schema_for!(TrainingSpecification)),
        ("reinforcement-specification", schema_for!(ReinforcementSpecification)),
        ("model-metadata", schema_for!(ModelMetadata)),
        ("cross-validation", schema_for!(CrossValidation)),
        ("cross-validation-report", schema_for!(CrossValidationReport)),
        ("reinforcement-report", schema_for!(ReinforcementReport)),
        ("evaluation-specification", schema_for!(EvaluationSpecification)),
        ("classification-report", schema_for!(ClassificationReport)),
        ("regression-report", schema_for!(RegressionReport)),
        ("clustering-specification", schema_for!(ClusteringSpecification)),
        ("clustering-report", schema_for!(ClusteringReport)),
        ("comparison-specification", schema_for!(ComparisonSpecification)),
        ("comparison", schema_for!(Comparison)),
        ("bias-specification", schema_for!(BiasSpecification)),
        ("bias-report", schema_for!(BiasReport)),
        ("explanation-specification", schema_for!(ExplanationSpecification)),
        ("explanation-report", schema_for!(ExplanationReport)),
        ("figure", schema_for!(Figure)),
        ("job-order", schema_for!(JobOrder)),
        ("job", schema_for!(Job)),
        ("job-page", schema_for!(JobPage)),
    ]
}

#[test]
fn the_page_says_what_the_types_say() {
    let mut page = "# Vocabulary\n\nThe JSON documents of the contract (`wit/`), by the names used there, as JSON Schema 2020-12. They are the types of the \
crate `kumiko-vocabulary`; a test keeps this page equal to them (`KUMIKO_WRITE_DOCS=1 cargo test --release --workspace --test documentation` \
writes it).\n"
        .to_owned();
    for (name, schema) in documents() {
        let schema = serde_json::to_string_pretty(&schema).unwrap();
        write!(page, "\n## `{name}`\n\n```json\n{schema}\n```\n").unwrap();
    }
    // Of the checkout whose tests run, also where several share one target directory.
    let folder =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let path = folder.join("../../docs/vocabulary.md");
    if std::env::var_os("KUMIKO_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/vocabulary.md does not say what the types say: write it with KUMIKO_WRITE_DOCS=1");
}

/// The measures as `docs/bias.md` has them.
fn measures() -> String {
    let mut table = "| measure | name | formula | range | reading |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for measure in BiasMeasure::ALL {
        let (name, title) = (measure.as_str(), measure.title());
        let (formula, range, reading) =
            (measure.formula().replace('|', "\\|"), measure.range(), measure.reading().replace('|', "\\|"));
        writeln!(table, "| {name} | {title} | {formula} | {range} | {reading} |").unwrap();
    }
    table
}

#[test]
fn the_page_about_bias_has_every_measure_as_the_code_has_it_and_no_other() {
    const START: &str = "<!-- measures -->\n";
    const END: &str = "<!-- /measures -->\n";
    let folder =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let path = folder.join("../../docs/bias.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let expected = measures();
    if std::env::var_os("KUMIKO_WRITE_DOCS").is_some() {
        return std::fs::write(&path, format!("{before}{START}{expected}{END}{after}")).unwrap();
    }
    assert!(table == expected, "docs/bias.md does not say what the code says: write it with KUMIKO_WRITE_DOCS=1");
}
