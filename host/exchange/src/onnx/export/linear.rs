//! Weighted sums, with 64 bits as here.

use kumiko_learn::{LinearModel, LogisticModel};

use super::super::graph::{GraphBuilder, Setting};
use super::super::proto::data_type;

/// Adds a linear model; the result is a column of 32-bit floats.
pub(super) fn add_linear(graph: &mut GraphBuilder, model: &LinearModel, input: &str) -> String {
    let sums = sums(graph, std::slice::from_ref(&model.coefficients), &[model.intercept], input);
    graph.cast(&sums, data_type::FLOAT)
}

/// Adds a logistic model; the result has the probability of the second class, or one for each class.
pub(super) fn add_logistic(graph: &mut GraphBuilder, model: &LogisticModel, input: &str) -> String {
    let scores = sums(graph, &model.coefficients, &model.intercepts, input);
    let probabilities = if model.intercepts.len() == 1 {
        graph.node("Sigmoid", &[&scores], Vec::new())
    } else {
        graph.node("Softmax", &[&scores], vec![("axis", Setting::Whole(1))])
    };
    graph.cast(&probabilities, data_type::FLOAT)
}

/// Intercepts plus coefficients times columns, for each output.
fn sums(graph: &mut GraphBuilder, coefficients: &[Vec<f64>], intercepts: &[f64], input: &str) -> String {
    let outputs = intercepts.len();
    let columns = coefficients.first().map_or(0, Vec::len);
    let by_column: Vec<f64> = (0..columns)
        .flat_map(|column| coefficients.iter().filter_map(move |of_output| of_output.get(column).copied()))
        .collect();
    let input = graph.cast(input, data_type::DOUBLE);
    let weights = graph.doubles(&[columns, outputs], &by_column);
    let products = graph.node("MatMul", &[&input, &weights], Vec::new());
    let intercepts = graph.doubles(&[outputs], intercepts);
    graph.node("Add", &[&products, &intercepts], Vec::new())
}
