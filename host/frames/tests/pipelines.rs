//! What is learnt on one frame and applied to others.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{all, csv, names, rows};
use kumiko_frames::{Error, Frame, Pipeline};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::preparation::{PipelineSpecification, TargetSummary};
use serde_json::{Value, json};

fn fit(frame: &Frame, specification: Value) -> Result<(Pipeline, Frame), Error> {
    let specification: PipelineSpecification = serde_json::from_value(specification).unwrap();
    Pipeline::fit(frame, &specification, &Unattended)
}

fn supervised(config: Value) -> Value {
    json!({"kind": "supervised", "target_column": "y", "task_type": "classification", "preprocessing_config": config})
}

fn training() -> Frame {
    csv("x,city,flag,y\n1,a,true,yes\n3,b,false,no\n,a,true,yes\n5,,true,no\n7,c,,\n").unwrap()
}

#[test]
fn numbers_are_filled_and_scaled_text_becomes_columns_and_the_target_keeps_its_labels() {
    let (pipeline, frame) = fit(&training(), supervised(json!({}))).unwrap();
    assert_eq!(names(&frame), ["x", "city_a", "city_b", "flag", "y"]);
    // Of x, 1 3 3 5 are left once the missing one is the median 3: mean 3, deviation √2.
    let x = frame.numbers("x").unwrap();
    let expected = [-2.0 / 2.0_f64.sqrt(), 0.0, 0.0, 2.0 / 2.0_f64.sqrt()];
    assert!(x.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{x:?}");
    assert_eq!(frame.numbers("city_a").unwrap(), [1.0, 0.0, 1.0, 1.0]);
    let report = pipeline.describe().fit;
    assert_eq!((report.rows_given, report.rows_kept, report.rows_without_target, report.features), (5, 4, 1, 4));
    let Some(TargetSummary::Classes(classes)) = report.target else { panic!("classes") };
    assert_eq!(
        classes.iter().map(|class| (class.value.clone(), class.count)).collect::<Vec<_>>(),
        [(json!("no"), 2), (json!("yes"), 2)]
    );
}

#[test]
fn what_was_learnt_is_applied_unchanged_to_other_rows() {
    let (pipeline, fitted) = fit(&training(), supervised(json!({}))).unwrap();
    let other = csv("flag,city,x\n,zebra,100\nfalse,b,\n").unwrap();
    let applied = pipeline.apply(&other).unwrap();
    assert_eq!(names(&applied), names(&fitted)[..4]);
    assert_eq!(fitted.schema()[..4], applied.schema());
    let expected = (100.0 - 3.0) / 2.0_f64.sqrt();
    assert!((applied.numbers("x").unwrap()[0] - expected).abs() < 1e-9);
    assert_eq!(applied.numbers("x").unwrap()[1], 0.0);
    let rows = all(&applied);
    assert_eq!((&rows[0]["city_a"], &rows[0]["city_b"], &rows[0]["flag"]), (&json!(0), &json!(0), &json!(1)));
    let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap(), "p.json").unwrap();
    assert_eq!(all(&again.apply(&other).unwrap()), rows);
    assert_eq!(again.describe(), pipeline.describe());
}

#[test]
fn rows_with_gaps_are_dropped_when_fitting_and_kept_for_predictions() {
    let (pipeline, frame) = fit(&training(), supervised(json!({"handle_missing": "drop"}))).unwrap();
    assert_eq!((frame.height(), pipeline.describe().fit.rows_with_missing_values), (2, 2));
    let gaps = csv("x,city,flag\n,a,true\n1,a,true\n").unwrap();
    assert_eq!(pipeline.apply(&gaps).unwrap().height(), 1);
    let every = pipeline.apply_to_every_row(&gaps).unwrap();
    assert_eq!((every.height(), every.numbers("x").unwrap()[0].is_finite()), (2, true));
    let only_gaps = csv("x,y\n,a\n,b\n1,\n").unwrap();
    let error = fit(&csv("x,z,y\n,1,a\n1,,b\n").unwrap(), supervised(json!({"handle_missing": "drop"}))).unwrap_err();
    assert!(error.to_string().contains("2 of 2 rows"), "{error}");
    assert!(fit(&only_gaps, supervised(json!({}))).is_ok());
}

#[test]
fn every_way_to_fill_and_to_scale_gives_its_own_numbers() {
    let frame = csv("x,y\n1,0\n1,1\n4,0\n10,1\n,0\n").unwrap();
    let last = |config: Value| {
        let frame = fit(&frame, supervised(config)).unwrap().1;
        frame.numbers("x").unwrap()[4]
    };
    for (missing, expected) in [("mean", 4.0), ("median", 2.5), ("mode", 1.0)] {
        assert_eq!(last(json!({"handle_missing": missing, "normalize": false})), expected, "{missing}");
    }
    assert_eq!(last(json!({"handle_missing": "constant", "fill_value": -1, "normalize": "none"})), -1.0);
    assert_eq!(last(json!({"handle_missing": "mean", "normalize": "minmax"})), 3.0 / 9.0);
    assert_eq!(last(json!({"handle_missing": "mean", "normalize": "robust"})), 0.0);
    assert!(last(json!({"handle_missing": "mean", "normalize": true})).abs() < 1e-12);
}

#[test]
fn nan_and_infinities_count_as_missing() {
    use kumiko_frames::ColumnData::{Integers, Numbers};
    let frame = Frame::from_columns(vec![
        ("x".into(), Numbers(vec![1.0, f64::NAN, f64::INFINITY, 3.0])),
        ("y".into(), Integers(vec![0, 1, 0, 1])),
    ])
    .unwrap();
    let (pipeline, frame) = fit(&frame, supervised(json!({"normalize": false}))).unwrap();
    assert_eq!(frame.numbers("x").unwrap(), [1.0, 2.0, 2.0, 3.0]);
    assert_eq!(pipeline.describe().fit.values_not_finite, 2);
}

#[test]
fn the_encodings_number_categories_each_in_its_way() {
    let frame = csv("c,y\nb,1\na,0\nb,1\n,0\n").unwrap();
    let encode = |method: &str| fit(&frame, supervised(json!({"encode_categorical": method}))).unwrap();
    assert_eq!(encode("ordinal").1.numbers("c").unwrap(), [1.0, 0.0, 1.0, 1.0]);
    assert_eq!(encode("frequency").1.numbers("c").unwrap(), [0.75, 0.25, 0.75, 0.75]);
    assert_eq!(all(&encode("none").1)[3]["c"], "b");
    let unseen = csv("c\nzzz\n").unwrap();
    assert_eq!(encode("ordinal").0.apply(&unseen).unwrap().numbers("c").unwrap(), [-1.0]);
    assert_eq!(encode("frequency").0.apply(&unseen).unwrap().numbers("c").unwrap(), [0.0]);
    // The mean target is 0.5; b has 2 of 3 and is drawn to the mean by ten rows' weight.
    let (pipeline, _) = encode("target");
    let encoded = pipeline.apply(&csv("c\nb\nzzz\n").unwrap()).unwrap().numbers("c").unwrap();
    assert!((encoded[0] - (2.0 + 10.0 * 0.5) / 13.0).abs() < 1e-12 && encoded[1] == 0.5, "{encoded:?}");
}

#[test]
fn target_encoding_does_not_hand_a_row_its_own_answer() {
    // Every category occurs once: in fold, its encoding would be its own target.
    let mut text = String::from("c,y\n");
    (0..200).for_each(|row| text.push_str(&format!("k{row},{}\n", row * 7919 % 13 % 2)));
    let config = json!({"encode_categorical": "target", "target_smoothing": 0});
    let (_, frame) = fit(&csv(&text).unwrap(), supervised(config)).unwrap();
    let (encoded, target) = (frame.numbers("c").unwrap(), frame.numbers("y").unwrap());
    assert!(encoded.iter().zip(&target).all(|(encoded, target)| (encoded - target).abs() > 0.3), "{encoded:?}");
}

#[test]
fn many_categories_are_numbered_and_too_many_columns_refused() {
    let mut text = String::from("c,y\n");
    (0..1_500).for_each(|row| text.push_str(&format!("k{row},{}\n", row % 2)));
    let frame = csv(&text).unwrap();
    assert_eq!(names(&fit(&frame, supervised(json!({}))).unwrap().1), ["c", "y"]);
    let error = fit(&frame, supervised(json!({"encode_categorical": "one_hot"}))).unwrap_err();
    assert!(matches!(error, Error::TooManyCategories { found: 1_500, .. }), "{error}");
}

#[test]
fn a_category_may_be_called_what_a_column_is_called() {
    let frame = csv("c,c_a,y\na,1,0\nb,2,1\n").unwrap();
    let (pipeline, frame) = fit(&frame, supervised(json!({}))).unwrap();
    assert_eq!(names(&frame), ["c_a", "c_b", "c_a_2", "y"]);
    assert_eq!(pipeline.apply(&frame_of_two()).unwrap().schema().len(), 4);
}

fn frame_of_two() -> Frame {
    csv("c,c_a,y\na,1,0\nb,2,1\n").unwrap()
}

#[test]
fn what_cannot_be_learnt_from_is_told() {
    let refused = |text: &str, task: &str| {
        let specification = json!({"kind": "supervised", "target_column": "target", "task_type": task});
        fit(&csv(text).unwrap(), specification).unwrap_err()
    };
    assert!(
        matches!(refused("x,Target\n1,2\n", "regression"), Error::ColumnNotFound { nearest, .. } if nearest == ["Target"])
    );
    assert!(matches!(refused("x,target\n1,a\n", "regression"), Error::ColumnNotNumeric { .. }));
    assert!(matches!(refused("x,target\n1,\n", "regression"), Error::NothingInColumn { .. }));
    assert!(matches!(refused("x,target\n1,a\n2,a\n", "classification"), Error::OneClass { .. }));
    assert!(matches!(refused("x,target\n", "regression"), Error::NothingInColumn { .. }));
    let (pipeline, _) = fit(&training(), supervised(json!({}))).unwrap();
    assert!(
        matches!(pipeline.apply(&csv("x,city\n1,a\n").unwrap()), Err(Error::ColumnNotFound { column, .. }) if column == "flag")
    );
    let text = csv("x,city,flag\nlots,a,true\n").unwrap();
    assert!(matches!(pipeline.apply(&text), Err(Error::ColumnType { column, .. }) if column == "x"));
}

#[test]
fn one_row_and_columns_of_nothing_are_enough_for_a_regression() {
    let frame = csv("x,empty,y\n4,,2.5\n").unwrap();
    let specification = json!({"kind": "supervised", "target_column": "y", "task_type": "regression"});
    let (pipeline, frame) = fit(&frame, specification).unwrap();
    assert_eq!(all(&frame), json!([{"x": 0.0, "y": 2.5}]));
    assert!(
        pipeline
            .describe()
            .columns
            .iter()
            .any(|column| column.name == "empty" && column.treatment.contains("no value"))
    );
}

#[test]
fn ten_thousand_columns_are_prepared() {
    let line = |cell: &dyn Fn(usize) -> String| (0..10_000).map(cell).collect::<Vec<_>>().join(",");
    let mut text = format!("{},y\n", line(&|column| format!("x{column}")));
    (0..5).for_each(|row| text.push_str(&format!("{},{}\n", line(&|column| (column * row).to_string()), row % 2)));
    let (pipeline, frame) = fit(&csv(&text).unwrap(), supervised(json!({}))).unwrap();
    assert_eq!((frame.schema().len(), pipeline.describe().fit.features), (10_001, 10_000));
}

#[test]
fn features_that_do_not_vary_or_repeat_others_are_left_out() {
    let frame = csv("a,twice,flat,b\n1,2,5,9\n2,4,5,1\n3,6,5,7\n4,8,5,2\n").unwrap();
    let specification = json!({"kind": "unsupervised", "variance_threshold": 0, "correlation_threshold": 0.95});
    let (pipeline, fitted) = fit(&frame, specification).unwrap();
    assert_eq!(names(&fitted), ["a", "b"]);
    assert_eq!(all(&pipeline.apply(&frame).unwrap()), all(&fitted));
    let target = json!({"kind": "unsupervised", "preprocessing_config": {"encode_categorical": "target"}});
    assert!(matches!(fit(&csv("c\na\nb\n").unwrap(), target), Err(Error::Argument { .. })));
}

#[test]
fn the_standard_pipeline_fills_and_encodes_and_does_not_scale() {
    let pipeline = Pipeline::standard(&training(), &["y".into()]).unwrap();
    let applied = pipeline.apply(&training()).unwrap();
    assert_eq!(names(&applied), ["x", "city_a", "city_b", "city_c", "flag"]);
    assert_eq!(applied.numbers("x").unwrap(), [1.0, 3.0, 4.0, 5.0, 7.0]);
}

#[test]
fn documents_that_are_no_pipeline_are_refused_in_words() {
    assert!(matches!(Pipeline::from_bytes(b"{}", "p"), Err(Error::NotAPipeline { .. })));
    assert!(matches!(Pipeline::from_bytes(b"\x00", "p"), Err(Error::NotAPipeline { .. })));
    let later = br#"{"format": "kumiko-pipeline", "version": 99}"#;
    let error = Pipeline::from_bytes(later, "p.json").unwrap_err();
    assert!(matches!(error, Error::PipelineVersion { found: 99, .. }), "{error}");
    let bytes = Pipeline::standard(&training(), &[]).unwrap().to_bytes().unwrap();
    assert!(matches!(Pipeline::from_bytes(&bytes[..bytes.len() / 2], "p"), Err(Error::NotAPipeline { .. })));
}

#[test]
fn trajectories_get_returns_advantages_and_stacked_observations() {
    let frame = rows(json!([
        {"o": 0.0, "a": 1, "r": 1.0, "d": false, "v": 0.5},
        {"o": 2.0, "a": 0, "r": 2.0, "d": true, "v": 0.25},
        {"o": 4.0, "a": 1, "r": 3.0, "d": false, "v": 0.0},
    ]));
    let specification = json!({
        "kind": "reinforcement", "observation_columns": ["o"], "action_column": "a", "reward_column": "r", "done_column": "d",
        "value_column": "v", "gamma": 0.5, "gae_lambda": 0.5, "frame_stack": 2, "normalize": "minmax",
    });
    let (pipeline, fitted) = fit(&frame, specification.clone()).unwrap();
    assert_eq!(
        names(&fitted),
        ["episode", "step", "o", "o_previous_1", "a", "r", "done", "discounted_return", "advantage"]
    );
    assert_eq!(fitted.numbers("discounted_return").unwrap(), [2.0, 2.0, 3.0]);
    // δ₁ = 2 - 0.25; δ₀ = 1 + 0.5 · 0.25 - 0.5; A₀ = δ₀ + 0.25 δ₁.
    assert_eq!(fitted.numbers("advantage").unwrap(), [0.625 + 0.25 * 1.75, 1.75, 3.0]);
    assert_eq!(fitted.numbers("o").unwrap(), [0.0, 0.5, 1.0]);
    assert_eq!(fitted.numbers("o_previous_1").unwrap(), [0.0, 0.0, 1.0]);
    assert_eq!(fitted.numbers("episode").unwrap(), [0.0, 0.0, 1.0]);
    let live = pipeline.apply(&rows(json!([{"o": 8.0}]))).unwrap();
    assert_eq!(all(&live), json!([{"episode": 0, "step": 0, "o": 2.0, "o_previous_1": 2.0}]));
    let mut learnt = specification;
    learnt.as_object_mut().unwrap().remove("value_column");
    assert!(fit(&frame, learnt).unwrap().1.numbers("advantage").unwrap().iter().all(|advantage| advantage.is_finite()));
}

#[test]
fn steps_of_feature_engineering_add_their_columns() {
    let frame = csv("n,m,day,g,t\n1,2,2024-02-29,a,Red red blue\n2,3,2024-03-02,b,\n4,5,2023-12-31,a,blue\n").unwrap();
    let specification = json!({"kind": "features", "steps": [
        {"step": "polynomial", "columns": ["n"], "degree": 3},
        {"step": "interactions", "columns": ["n", "m"]},
        {"step": "date_parts", "columns": ["day"], "parts": ["year", "weekday", "is_weekend", "week"]},
        {"step": "cyclical", "column": "day", "part": "month"},
        {"step": "binning", "columns": ["m"], "bins": 2},
        {"step": "logarithm", "columns": ["n"]},
        {"step": "power", "columns": ["n"], "method": "box_cox"},
        {"step": "group_aggregates", "by": ["g"], "columns": ["n"], "functions": ["mean", "count"]},
        {"step": "lags", "columns": ["n"], "offsets": [1], "order_by": "day"},
        {"step": "rolling", "columns": ["n"], "window": 2, "functions": ["mean", "max"]},
        {"step": "hashed_text", "columns": ["t"], "buckets": 2},
        {"step": "sql", "query": "SELECT *, n + m AS total FROM data"},
        {"step": "drop", "columns": ["t"]},
    ]});
    let (pipeline, fitted) = fit(&frame, specification).unwrap();
    let rows = all(&fitted);
    assert_eq!((&rows[2]["n_power_3"], &rows[2]["n_times_m"]), (&json!(64.0), &json!(20.0)));
    assert_eq!(
        (&rows[0]["day_year"], &rows[0]["day_weekday"], &rows[1]["day_is_weekend"], &rows[2]["day_week"]),
        (&json!(2024), &json!(4), &json!(1), &json!(52))
    );
    assert!((fitted.numbers("day_month_sine").unwrap()[2] - (std::f64::consts::TAU * 11.0 / 12.0).sin()).abs() < 1e-12);
    assert_eq!(fitted.numbers("m_bin").unwrap(), [0.0, 1.0, 1.0]);
    assert_eq!(fitted.numbers("n_mean_by_g").unwrap(), [2.5, 2.0, 2.5]);
    assert_eq!((&rows[0]["n_lag_1"], &rows[1]["n_lag_1"], &rows[2]["n_lag_1"]), (&json!(4), &json!(1), &Value::Null));
    assert_eq!(fitted.numbers("n_rolling_mean_2").unwrap(), [1.0, 1.5, 3.0]);
    assert_eq!(rows[2]["total"], json!(9));
    assert!(rows[1]["t_hash_0"].is_null() && rows[0].get("t").is_none());

    let other = csv("n,m,day,g,t\n100,-9,2024-01-01,unseen,x\n").unwrap();
    let applied = pipeline.apply(&other).unwrap();
    assert_eq!(applied.schema(), fitted.schema());
    let row = &all(&applied)[0];
    assert_eq!((&row["m_bin"], &row["n_count_by_g"]), (&json!(0), &json!(3.0)));
    let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap(), "p").unwrap();
    assert_eq!(all(&again.apply(&other).unwrap()), all(&applied));
}

#[test]
fn a_step_that_would_overwrite_or_cannot_run_is_refused() {
    let frame = csv("n,n_log,t\n1,2,x\n").unwrap();
    let step = |step: Value| fit(&frame, json!({"kind": "features", "steps": [step]})).unwrap_err();
    assert!(
        matches!(step(json!({"step": "logarithm", "columns": ["n"]})), Error::NameTaken { column, .. } if column == "n_log")
    );
    assert!(matches!(step(json!({"step": "polynomial", "columns": ["t"]})), Error::ColumnNotNumeric { .. }));
    assert!(matches!(
        step(json!({"step": "date_parts", "columns": ["t"], "parts": ["year"]})),
        Error::ColumnType { .. }
    ));
    assert!(matches!(step(json!({"step": "binning", "columns": ["n"], "bins": 1})), Error::Argument { .. }));
    assert!(matches!(step(json!({"step": "sql", "query": "SELECT * FROM read_csv('x')"})), Error::SqlRefused { .. }));
    assert!(matches!(step(json!({"step": "lags", "columns": ["n"], "offsets": [0]})), Error::Argument { .. }));
}

#[test]
fn the_same_input_makes_the_same_bytes() {
    let frame = training();
    let bytes = || fit(&frame, supervised(json!({"encode_categorical": "target"}))).unwrap().0.to_bytes().unwrap();
    assert_eq!(bytes(), bytes());
}
