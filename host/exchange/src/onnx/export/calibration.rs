//! Calibrated probabilities, with 64 bits as here.

use kumiko_learn::{CalibrationMap, Sigmoid};

use super::super::graph::{GraphBuilder, Setting};
use super::super::proto::data_type;

/// Sends probabilities, `width` columns of 32-bit floats, through their maps. The result has the probability of the second of two classes,
/// or one for each class; its width comes with it. Without maps it is what it was.
pub(super) fn add(graph: &mut GraphBuilder, values: &str, width: usize, maps: &[CalibrationMap]) -> (String, usize) {
    if maps.is_empty() {
        return (values.to_owned(), width);
    }
    let wide = graph.cast(values, data_type::DOUBLE);
    if let [map] = maps {
        let second = if width == 1 { wide } else { column(graph, &wide, 1) };
        let mapped = mapped(graph, &second, map);
        return (graph.cast(&mapped, data_type::FLOAT), 1);
    }
    let columns: Vec<String> = (maps.iter().enumerate())
        .map(|(class, map)| {
            let column = column(graph, &wide, class);
            mapped(graph, &column, map)
        })
        .collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let together = graph.node("Concat", &columns, vec![("axis", Setting::Whole(1))]);
    let axis = graph.wholes(&[1], &[1]);
    let sum = graph.node("ReduceSum", &[&together, &axis], vec![("keepdims", Setting::Whole(1))]);
    let nothing = graph.doubles(&[1], &[0.0]);
    let is_something = graph.node("Greater", &[&sum, &nothing], Vec::new());
    // No division by zero: those rows are replaced below.
    let one = graph.doubles(&[1], &[1.0]);
    let divisor = graph.node("Where", &[&is_something, &sum, &one], Vec::new());
    let shares = graph.node("Div", &[&together, &divisor], Vec::new());
    let even = graph.doubles(&[1], &[1.0 / maps.len() as f64]);
    let shares = graph.node("Where", &[&is_something, &shares, &even], Vec::new());
    (graph.cast(&shares, data_type::FLOAT), maps.len())
}

fn column(graph: &mut GraphBuilder, values: &str, position: usize) -> String {
    let position = graph.wholes(&[1], &[position as i64]);
    graph.node("Gather", &[values, &position], vec![("axis", Setting::Whole(1))])
}

fn mapped(graph: &mut GraphBuilder, column: &str, map: &CalibrationMap) -> String {
    match map {
        CalibrationMap::Sigmoid(map) => {
            let (least, most) = (graph.doubles(&[], &[Sigmoid::EDGE]), graph.doubles(&[], &[1.0 - Sigmoid::EDGE]));
            let inside = graph.node("Clip", &[column, &least, &most], Vec::new());
            let one = graph.doubles(&[1], &[1.0]);
            let rest = graph.node("Sub", &[&one, &inside], Vec::new());
            let odds = graph.node("Div", &[&inside, &rest], Vec::new());
            let odds = graph.node("Log", &[&odds], Vec::new());
            let (slope, intercept) = (graph.doubles(&[1], &[map.slope]), graph.doubles(&[1], &[map.intercept]));
            let tilted = graph.node("Mul", &[&odds, &slope], Vec::new());
            let score = graph.node("Add", &[&tilted, &intercept], Vec::new());
            graph.node("Sigmoid", &[&score], Vec::new())
        }
        // The value before the first point, and at each point the change of the slope times what lies above it.
        CalibrationMap::Isotonic(map) => {
            let points: Vec<f64> = map.from.iter().map(|point| f64::from(*point)).collect();
            let rises = points.windows(2).zip(map.to.windows(2)).map(|(x, y)| match (x, y) {
                ([x0, x1], [y0, y1]) => (y1 - y0) / (x1 - x0),
                _ => 0.0,
            });
            let slopes: Vec<f64> = std::iter::once(0.0).chain(rises).chain([0.0]).collect();
            let changes: Vec<f64> = slopes.array_windows().map(|[before, after]| after - before).collect();
            let count = points.len();
            let points = graph.doubles(&[1, count], &points);
            let above = graph.node("Sub", &[column, &points], Vec::new());
            let nothing = graph.doubles(&[1], &[0.0]);
            let above = graph.node("Max", &[&above, &nothing], Vec::new());
            let changes = graph.doubles(&[count, 1], &changes);
            let risen = graph.node("MatMul", &[&above, &changes], Vec::new());
            let first = graph.doubles(&[1], &[map.to.first().copied().unwrap_or(0.0)]);
            graph.node("Add", &[&risen, &first], Vec::new())
        }
    }
}
