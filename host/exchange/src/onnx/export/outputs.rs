//! From what a model computes to what it says: `prediction` for numbers, `label` and `probabilities` for classes.

use kumiko_learn::CalibrationMap;

use super::super::graph::{GraphBuilder, Setting};
use super::super::proto::data_type;
use super::calibration;

/// The output with a number for each row.
const PREDICTION: &str = "prediction";
/// The output with the likeliest class of each row.
const LABEL: &str = "label";
/// The output with a probability for each row and class.
const PROBABILITIES: &str = "probabilities";

/// A number for each row, from a column of 32-bit floats.
pub(super) fn number(graph: &mut GraphBuilder, values: &str) {
    graph.output(PREDICTION, values, data_type::FLOAT, Some(1));
}

/// What becomes classes: their names, and the maps that calibrate the probabilities, where there are any.
#[derive(Clone, Copy)]
pub(super) struct Classes<'a> {
    pub(super) names: &'a [String],
    pub(super) maps: &'a [CalibrationMap],
}

/// Classes of which the columns, 32-bit floats, are the probabilities; of two classes one column, that of the second, is enough.
pub(super) fn classes(graph: &mut GraphBuilder, values: &str, width: usize, classes: Classes<'_>) {
    let (values, width) = &calibration::add(graph, values, width, classes.maps);
    let (values, width, classes) = (values.as_str(), *width, classes.names);
    let probabilities = if width == 1 {
        let one = graph.floats(&[1], &[1.0]);
        let first = graph.node("Sub", &[&one, values], Vec::new());
        graph.node("Concat", &[&first, values], vec![("axis", Setting::Whole(1))])
    } else {
        values.to_owned()
    };
    // The first of equals, as everywhere.
    let settings = vec![("axis", Setting::Whole(1)), ("keepdims", Setting::Whole(0))];
    let likeliest = graph.node("ArgMax", &[&probabilities], settings);
    let whole: Option<Vec<i64>> =
        classes.iter().map(|class| class.parse::<i64>().ok().filter(|number| number.to_string() == *class)).collect();
    let (names, element) = match whole {
        Some(numbers) => (graph.wholes(&[numbers.len()], &numbers), data_type::INT64),
        None => (graph.texts(&[classes.len()], classes), data_type::STRING),
    };
    let label = graph.node("Gather", &[&names, &likeliest], vec![("axis", Setting::Whole(0))]);
    graph.output(LABEL, &label, element, None);
    graph.output(PROBABILITIES, &probabilities, data_type::FLOAT, Some(classes.len()));
}
