//! A dense network: columns standardised with 64 bits, layers with 32, as here.

use kumiko_learn::{NetworkOutput, NetworkView};

use super::super::graph::{GraphBuilder, Setting};
use super::super::proto::data_type;
use super::outputs::{self, Classes};

/// Adds the network and what it says.
pub(super) fn add(graph: &mut GraphBuilder, network: &NetworkView, classes: Option<Classes<'_>>, input: &str) {
    let mut value = standardised(graph, network, input);
    for layer in &network.layers {
        let weights = graph.floats(&[layer.inputs, layer.outputs], &layer.weights);
        let biases = graph.floats(&[layer.outputs], &layer.biases);
        value = graph.node("Gemm", &[&value, &weights, &biases], Vec::new());
        let activation = match layer.activation {
            "relu" => "Relu",
            "tanh" => "Tanh",
            "logistic" => "Sigmoid",
            _ => continue,
        };
        value = graph.node(activation, &[&value], Vec::new());
    }
    match (network.output, classes) {
        (NetworkOutput::Classes(count), Some(classes)) => {
            let probabilities = if count == 2 {
                graph.node("Sigmoid", &[&value], Vec::new())
            } else {
                graph.node("Softmax", &[&value], vec![("axis", Setting::Whole(1))])
            };
            outputs::classes(graph, &probabilities, if count == 2 { 1 } else { count as usize }, classes);
        }
        (NetworkOutput::Values { mean, deviation }, _) => {
            let wide = graph.cast(&value, data_type::DOUBLE);
            let factor = graph.doubles(&[1], &[deviation]);
            let scaled = graph.node("Mul", &[&wide, &factor], Vec::new());
            let offset = graph.doubles(&[1], &[mean]);
            let moved = graph.node("Add", &[&scaled, &offset], Vec::new());
            let narrow = graph.cast(&moved, data_type::FLOAT);
            outputs::number(graph, &narrow);
        }
        // A classifier without names for its classes: its scores.
        (NetworkOutput::Classes(_), None) => outputs::number(graph, &value),
    }
}

fn standardised(graph: &mut GraphBuilder, network: &NetworkView, input: &str) -> String {
    let columns = network.means.len();
    let wide = graph.cast(input, data_type::DOUBLE);
    let means = graph.doubles(&[columns], &network.means);
    let moved = graph.node("Sub", &[&wide, &means], Vec::new());
    let inverse = |deviation: &f64| if *deviation == 0.0 { 0.0 } else { 1.0 / deviation };
    let factors: Vec<f64> = network.deviations.iter().map(inverse).collect();
    let factors = graph.doubles(&[columns], &factors);
    let scaled = graph.node("Mul", &[&moved, &factors], Vec::new());
    let narrow = graph.cast(&scaled, data_type::FLOAT);
    let (least, most) = (graph.floats(&[], &[-network.furthest]), graph.floats(&[], &[network.furthest]));
    graph.node("Clip", &[&narrow, &least, &most], Vec::new())
}
