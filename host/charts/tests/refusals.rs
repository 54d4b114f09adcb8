//! What cannot be drawn is refused by field and position.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_charts::{Error, draw, limits};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::FaultKind;
use kumiko_vocabulary::figures::Figure;
use serde_json::{Value, json};

fn refusal(document: Value) -> Error {
    let figure: Figure = serde_json::from_value(document).unwrap();
    draw(&figure).unwrap_err()
}

fn place(document: Value) -> String {
    match refusal(document) {
        Error::NotFinite { place, .. }
        | Error::OutOfRange { place, .. }
        | Error::NotPositive { place, .. }
        | Error::NotRising { place, .. }
        | Error::Reversed { place, .. }
        | Error::Empty { place }
        | Error::TooMany { place, .. }
        | Error::Unequal { place, .. } => place,
        other @ Error::Rendering { .. } => panic!("{other}"),
    }
}

fn roc(points: Value) -> Value {
    json!({"kind": "roc_curve", "title": "t", "curves": [
        {"name": "a", "area": 0.5, "points": [{"x": 0, "y": 0}]},
        {"name": "b", "area": 0.5, "points": points},
    ]})
}

fn lines(points: Value, scale: &str) -> Value {
    json!({"kind": "lines", "title": "t", "x_label": "x", "y_label": "y", "y_scale": scale, "series": [{"name": "a", "points": points}]})
}

#[test]
fn a_number_that_is_missing_is_refused_by_its_position() {
    let error = refusal(roc(json!([{"x": 0, "y": 0}, {"x": 0.5, "y": null}])));
    assert!(
        matches!(&error, Error::NotFinite { place, value } if place == "curves[1].points[1].y" && value.is_nan()),
        "{error}"
    );
}

#[test]
fn an_infinite_number_is_refused_by_its_position() {
    let Figure::Bars(mut figure) =
        serde_json::from_value(json!({"kind": "bars", "title": "t", "value_label": "v", "bars": [
        {"name": "a", "value": 1}, {"name": "b", "value": 2}]}))
        .unwrap()
    else {
        panic!()
    };
    figure.bars[1].value = f64::INFINITY;
    let error = draw(&Figure::Bars(figure)).unwrap_err();
    assert_eq!(error, Error::NotFinite { place: "bars[1].value".to_owned(), value: f64::INFINITY });
}

#[test]
fn a_rate_above_one_is_refused() {
    assert_eq!(place(roc(json!([{"x": 1.5, "y": 0}]))), "curves[1].points[0].x");
}

#[test]
fn empty_lists_are_refused_by_name() {
    assert_eq!(place(roc(json!([]))), "curves[1].points");
    assert_eq!(place(json!({"kind": "confusion_matrix", "title": "t", "classes": [], "counts": []})), "classes");
    assert_eq!(place(json!({"kind": "residuals", "title": "t", "points": []})), "points");
    assert_eq!(
        place(
            json!({"kind": "histogram", "title": "t", "x_label": "x", "edges": [1], "series": [{"name": "a", "values": []}]})
        ),
        "edges[1..]"
    );
    assert_eq!(place(json!({"kind": "comparison", "title": "t", "models": ["a"], "metrics": []})), "metrics");
    assert_eq!(
        place(json!({"kind": "beeswarm", "title": "t", "features": [{"name": "a", "points": []}]})),
        "features[0].points"
    );
    assert_eq!(
        place(
            json!({"kind": "waterfall", "title": "t", "value_label": "v", "base_value": 0, "prediction": 0, "steps": []})
        ),
        "steps"
    );
}

#[test]
fn a_waterfall_that_does_not_end_at_its_prediction_is_refused() {
    let document = |prediction: f64| {
        json!({"kind": "waterfall", "title": "t", "value_label": "v", "base_value": 1, "prediction": prediction,
            "steps": [{"name": "a", "contribution": 2}, {"name": "b", "contribution": -0.5}]})
    };
    assert_eq!(place(document(2.6)), "prediction");
    draw(&serde_json::from_value(document(2.5 + 1e-7)).unwrap()).unwrap();
}

#[test]
fn a_matrix_that_is_not_square_is_refused() {
    let document = json!({"kind": "confusion_matrix", "title": "t", "classes": ["a", "b"], "counts": [[1, 2], [3]]});
    assert_eq!(place(document), "counts[1]");
}

#[test]
fn more_than_the_bound_is_refused_with_the_bound() {
    let points: Vec<Value> = (0..=limits::MAX_POINTS).map(|index| json!({"predicted": index, "residual": 0})).collect();
    let error = refusal(json!({"kind": "residuals", "title": "t", "points": points}));
    assert!(error.to_string().contains("at most 100000"), "{error}");
    let classes: Vec<Value> = (0..=limits::MAX_BARS).map(|index| json!({"name": "a", "count": index})).collect();
    assert_eq!(place(json!({"kind": "distribution", "title": "t", "classes": classes})), "classes");
}

#[test]
fn points_are_counted_over_all_series() {
    let points: Vec<Value> = (0..=limits::MAX_POINTS / 2).map(|_| json!({"x": 0, "y": 0})).collect();
    let curve = json!({"name": "a", "area": 0.5, "points": points});
    assert_eq!(place(json!({"kind": "roc_curve", "title": "t", "curves": [curve, curve]})), "curves[].points");
}

#[test]
fn a_logarithmic_axis_refuses_zero() {
    assert_eq!(place(lines(json!([{"x": 0, "y": 1}, {"x": 1, "y": 0}]), "logarithmic")), "series[0].points[1].y");
}

#[test]
fn edges_that_do_not_rise_are_refused() {
    let document = json!({"kind": "histogram", "title": "t", "x_label": "x", "edges": [1, 2, 2], "series": [{"name": "a", "values": [1, 1]}]});
    assert_eq!(place(document), "edges[2]");
}

#[test]
fn a_reversed_interval_is_refused() {
    let points = json!([{"x": 0, "y": 1, "interval": {"low": 2, "high": 0}}]);
    assert_eq!(place(lines(points, "linear")), "series[0].points[0].interval");
}

#[test]
fn a_band_with_gaps_is_refused() {
    let points = json!([{"x": 0, "y": 1, "interval": {"low": 0, "high": 2}}, {"x": 1, "y": 1}]);
    assert_eq!(place(lines(points, "linear")), "series[0].points[].interval");
}

#[test]
fn a_number_that_no_axis_carries_is_refused() {
    assert_eq!(place(lines(json!([{"x": 1e200, "y": 1}]), "linear")), "series[0].points[0].x");
}

#[test]
fn a_refusal_reaches_the_caller_with_code_and_hint() {
    let fault = Fault::from(refusal(roc(json!([]))));
    assert_eq!((fault.kind, fault.code.as_str()), (FaultKind::InvalidArguments, "figure_empty"));
    assert!(fault.message.contains("`curves[1].points`") && fault.hint.is_some());
}
