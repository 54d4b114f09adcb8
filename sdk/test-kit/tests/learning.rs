//! Frames, pipelines, models and charts: the server's own, in a test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use kumiko_sdk::charts;
use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects::Precondition;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, ReadOptions, ValidationRules, WriteOptions};
use kumiko_sdk::vocabulary::evaluation::{ComparisonSpecification, EvaluationSpecification};
use kumiko_sdk::vocabulary::figures::Figure;
use kumiko_sdk::vocabulary::learning::{Algorithm, Task, TrainingSpecification};
use kumiko_sdk::vocabulary::preparation::{Balancing, BalancingMethod, PipelineSpecification, Split};
use kumiko_test_kit::TestHost;

const PEOPLE: &str = "s3://data/people.csv";

/// Two groups that one number tells apart, and a category that says nothing.
fn people() -> TestHost {
    let mut csv = "height,town,group\n".to_owned();
    for row in 0..60 {
        let (offset, group) = if row % 3 == 0 { (10, "tall") } else { (0, "short") };
        csv.push_str(&format!("{},{},{group}\n", offset + row % 7, ["Ulm", "Bonn"][row % 2]));
    }
    let host = TestHost::new().unwrap();
    host.put(PEOPLE, csv).unwrap();
    host
}

fn open() -> Frame {
    Frame::open(PEOPLE, &ReadOptions::default()).unwrap()
}

#[test]
fn a_frame_is_read_looked_at_queried_and_written() {
    let host = people();
    host.run(|| {
        let frame = open();
        assert_eq!(frame.height().unwrap(), 60);
        assert_eq!(frame.schema().unwrap()[1].name, "town");
        assert_eq!(frame.summary(2).unwrap().rows, 60);
        assert_eq!(frame.numbers("height").unwrap()[..2], [10.0, 1.0]);
        assert_eq!(frame.numbers("town").unwrap_err().code, "column_not_numeric");
        assert!(frame.validate(&serde_json::from_value::<ValidationRules>(json!({})).unwrap()).is_ok());
        let counted = Frame::sql(
            "SELECT \"group\", COUNT(*) AS n FROM people GROUP BY \"group\" ORDER BY n",
            &[("people", &frame)],
        )
        .unwrap();
        assert_eq!(
            Value::from(counted.rows(0, 10).unwrap()),
            json!([{ "group": "tall", "n": 20 }, { "group": "short", "n": 40 }])
        );
        let options = WriteOptions { format: FileFormat::Parquet, compression: None, delimiter: None };
        frame.write("s3://data/people.parquet", &options, &Precondition::Absent).unwrap();
        let again = Frame::open("s3://data/people.parquet", &ReadOptions::default()).unwrap();
        assert_eq!(again.rows(0, 60).unwrap(), frame.rows(0, 60).unwrap());
        assert_eq!(Frame::from_arrow(&frame.arrow(&["height"]).unwrap()).unwrap().height().unwrap(), 60);
    });
}

#[test]
fn a_pipeline_learns_on_one_part_and_is_applied_to_the_other() {
    people().run(|| {
        let split: Split =
            serde_json::from_value(json!({ "ratios": [0.5, 0.5], "method": "stratified", "column": "group" })).unwrap();
        let parts = open().split(&split).unwrap();
        let specification: PipelineSpecification = serde_json::from_value(json!({
            "kind": "supervised", "target_column": "group", "task_type": "classification"
        }))
        .unwrap();
        let (pipeline, _) = Pipeline::fit(&parts[0], &specification).unwrap();
        pipeline.save("s3://data/pipeline.json", &Precondition::Absent).unwrap();
        let loaded = Pipeline::load("s3://data/pipeline.json").unwrap();
        assert_eq!(loaded.describe().unwrap().input_columns.len(), 3);
        let rows = |pipeline: &Pipeline| pipeline.apply(&parts[1]).unwrap().rows(0, 30).unwrap();
        assert_eq!(rows(&loaded), rows(&pipeline));
        let balanced = parts[0].balance(&Balancing::new("group", BalancingMethod::RandomOver)).unwrap();
        assert!(balanced.height().unwrap() > parts[0].height().unwrap());
    });
}

#[test]
fn a_model_is_trained_saved_loaded_and_measured() {
    let host = people();
    host.run(|| {
        let frame = open();
        let train = |seed| {
            let specification = TrainingSpecification {
                seed,
                ..TrainingSpecification::new(Algorithm::RandomForest, Task::Classification, "group")
            };
            Model::train(&frame, &specification.with("n_estimators", 5), TrainingInputs::default()).unwrap()
        };
        let model = train(42);
        let written = model.save("s3://models/groups.kumiko", &Precondition::Absent).unwrap();
        let loaded = Model::load(&written.info.uri).unwrap();
        assert_eq!(loaded.metadata().unwrap().signature.target.as_deref(), Some("group"));
        let report = loaded.evaluate(&frame, &EvaluationSpecification::default()).unwrap().classification().unwrap();
        assert_eq!((report.rows, report.accuracy), (60, 1.0));
        assert_eq!(loaded.predict(&frame).unwrap().rows(0, 1).unwrap()[0]["prediction"], "tall");
        let comparison = Model::compare(&[&model, &train(43)], &frame, &ComparisonSpecification::default()).unwrap();
        assert_eq!(comparison.ranking.len(), 2);
    });
}

#[test]
fn a_figure_is_drawn() {
    TestHost::new().unwrap().run(|| {
        let figure: Figure = serde_json::from_value(json!({
            "kind": "confusion_matrix", "title": "Groups", "classes": ["short", "tall"], "counts": [[40, 0], [1, 19]]
        }))
        .unwrap();
        let drawing = charts::draw(&figure).unwrap();
        assert!(drawing.svg.contains("Groups") && drawing.png.starts_with(b"\x89PNG"));
    });
}
