//! Trees as one `TreeEnsembleRegressor` that gives the sums of the leaves.
//!
//! The operator's precision is that of its input: with 64 bits thresholds are compared as the 32-bit numbers that they are, and
//! leaves are added up exactly enough for any number of trees. Version 3 of the operators has no test for membership, so a
//! categorical question becomes a chain of comparisons that lead to the same node, as LightGBM's converter makes them; onnxruntime
//! takes such a chain for a set again.

use std::collections::BTreeSet;

use kumiko_learn::trees::{NodeKind, Test, TreeEnsemble, TreeView};

use super::super::graph::{GraphBuilder, Setting};
use super::super::proto::data_type;

/// Adds the trees; the result has for each row the sums, a 32-bit float for each output.
pub(super) fn add(graph: &mut GraphBuilder, ensemble: &TreeEnsemble, input: &str) -> String {
    let input = graph.cast(input, data_type::DOUBLE);
    let mut nodes = Nodes::default();
    for (number, tree) in ensemble.trees.iter().enumerate() {
        nodes.add_tree(number as i64, tree);
    }
    // onnxruntime adds the base to outputs that a leaf has spoken for, and leaves the others at zero.
    let spoken_for: BTreeSet<usize> = ensemble.trees.iter().filter_map(|tree| tree.output).collect();
    if ensemble.trees.iter().all(|tree| tree.output.is_some()) {
        let silent =
            (0..ensemble.outputs).filter(|output| !spoken_for.contains(output)).map(|output| (output as i64, 0.0));
        let silent: Vec<(i64, f64)> = silent.collect();
        if !silent.is_empty() {
            nodes.leaf(ensemble.trees.len() as i64, 0, &silent);
        }
    }
    let settings = vec![
        ("aggregate_function", Setting::Text("SUM")),
        ("base_values_as_tensor", Setting::Doubles(ensemble.base.clone())),
        ("n_targets", Setting::Whole(ensemble.outputs as i64)),
        ("nodes_treeids", Setting::Wholes(nodes.tree)),
        ("nodes_nodeids", Setting::Wholes(nodes.node)),
        ("nodes_featureids", Setting::Wholes(nodes.column)),
        ("nodes_modes", Setting::Texts(nodes.mode)),
        ("nodes_values_as_tensor", Setting::Doubles(nodes.value)),
        ("nodes_truenodeids", Setting::Wholes(nodes.if_true)),
        ("nodes_falsenodeids", Setting::Wholes(nodes.if_false)),
        ("nodes_missing_value_tracks_true", Setting::Wholes(nodes.missing_true)),
        ("target_treeids", Setting::Wholes(nodes.leaf_tree)),
        ("target_nodeids", Setting::Wholes(nodes.leaf_node)),
        ("target_ids", Setting::Wholes(nodes.leaf_output)),
        ("target_weights_as_tensor", Setting::Doubles(nodes.leaf_value)),
    ];
    graph.ml_node("TreeEnsembleRegressor", &[&input], settings)
}

/// The operator's attributes: an entry for each node, and one for each number in a leaf.
#[derive(Default)]
struct Nodes {
    tree: Vec<i64>,
    node: Vec<i64>,
    column: Vec<i64>,
    mode: Vec<String>,
    value: Vec<f64>,
    if_true: Vec<i64>,
    if_false: Vec<i64>,
    missing_true: Vec<i64>,
    leaf_tree: Vec<i64>,
    leaf_node: Vec<i64>,
    leaf_output: Vec<i64>,
    leaf_value: Vec<f64>,
}

impl Nodes {
    fn add_tree(&mut self, tree: i64, view: &TreeView) {
        // Numbers for the nodes that a chain needs besides its first.
        let mut next = view.nodes.len() as i64;
        for (position, node) in view.nodes.iter().enumerate() {
            let position = position as i64;
            match &node.kind {
                NodeKind::Leaf { values } => {
                    let first = view.output.unwrap_or(0) as i64;
                    let values: Vec<(i64, f64)> = (first..).zip(values.iter().copied()).collect();
                    self.leaf(tree, position, &values);
                }
                NodeKind::Question { column, test, missing_left, left, right, .. } => {
                    let (column, left, right) = (*column as i64, *left as i64, *right as i64);
                    match test {
                        Test::Below(threshold) => {
                            let question = Question { column, mode: "BRANCH_LT", value: f64::from(*threshold) };
                            self.question(tree, position, question, (left, right), *missing_left);
                        }
                        Test::NoneOf(members) if members.is_empty() => {
                            let question = Question { column, mode: "BRANCH_LEQ", value: f64::INFINITY };
                            self.question(tree, position, question, (left, right), *missing_left);
                        }
                        Test::NoneOf(members) => {
                            let mut own = position;
                            for (number, member) in members.iter().enumerate() {
                                let otherwise = if number + 1 == members.len() {
                                    left
                                } else {
                                    next += 1;
                                    next - 1
                                };
                                let question = Question { column, mode: "BRANCH_EQ", value: f64::from(*member) };
                                self.question(tree, own, question, (right, otherwise), !missing_left);
                                own = otherwise;
                            }
                        }
                    }
                }
            }
        }
    }

    fn question(&mut self, tree: i64, node: i64, question: Question, children: (i64, i64), missing_true: bool) {
        self.tree.push(tree);
        self.node.push(node);
        self.column.push(question.column);
        self.mode.push(question.mode.to_owned());
        self.value.push(question.value);
        self.if_true.push(children.0);
        self.if_false.push(children.1);
        self.missing_true.push(i64::from(missing_true));
    }

    fn leaf(&mut self, tree: i64, node: i64, values: &[(i64, f64)]) {
        self.question(tree, node, Question { column: 0, mode: "LEAF", value: 0.0 }, (0, 0), false);
        for (output, value) in values {
            self.leaf_tree.push(tree);
            self.leaf_node.push(node);
            self.leaf_output.push(*output);
            self.leaf_value.push(*value);
        }
    }
}

struct Question {
    column: i64,
    mode: &'static str,
    value: f64,
}
