//! Random trees with rows for them, and Shapley values by their definition.
#![allow(dead_code, reason = "every test binary uses some of it")]

use kumiko_learn::explain::Contributions;
use kumiko_learn::trees::{NodeKind, NodeView, Test, TreeEnsemble, TreeView};

use super::Generator;

/// A random tree that asks about few columns often, with categories, gaps and covers of every kind.
pub(crate) fn random_tree(
    generator: &mut Generator,
    columns: usize,
    depth: usize,
    outputs: usize,
    output: Option<usize>,
) -> TreeView {
    let mut nodes = Vec::new();
    grow(generator, columns, depth, output.map_or(outputs, |_| 1), 100.0, &mut nodes);
    TreeView { output, nodes }
}

fn grow(generator: &mut Generator, columns: usize, depth: usize, width: usize, cover: f64, nodes: &mut Vec<NodeView>) {
    let position = nodes.len();
    if depth == 0 || generator.next() < 0.15 {
        let values = (0..width).map(|_| generator.next() * 4.0 - 2.0).collect();
        nodes.push(NodeView { cover, kind: NodeKind::Leaf { values } });
        return;
    }
    nodes.push(NodeView { cover, kind: NodeKind::Leaf { values: Vec::new() } });
    let column = (generator.next() * columns as f64) as usize;
    let test = if column == 0 {
        Test::NoneOf((0..4).rev().filter(|_| generator.next() < 0.5).collect())
    } else {
        Test::Below(generator.next() as f32)
    };
    let share = 0.05 + 0.9 * generator.next();
    let missing_left = generator.next() < 0.5;
    grow(generator, columns, depth - 1, width, cover * share, nodes);
    let right = nodes.len();
    grow(generator, columns, depth - 1, width, cover * (1.0 - share), nodes);
    nodes[position].kind = NodeKind::Question { column, test, missing_left, left: position + 1, right, gain: 0.0 };
}

/// Rows for such trees: the first column holds categories, every column has gaps.
pub(crate) fn random_rows(generator: &mut Generator, columns: usize, rows: usize) -> Vec<Vec<f32>> {
    let value = |generator: &mut Generator, column: usize| {
        let value = generator.next();
        match (generator.next() < 0.1, column) {
            (true, _) => f32::NAN,
            (false, 0) => (value * 5.0).floor() as f32,
            (false, _) => value as f32,
        }
    };
    (0..columns).map(|column| (0..rows).map(|_| value(generator, column)).collect()).collect()
}

pub(crate) fn slices(columns: &[Vec<f32>]) -> Vec<&[f32]> {
    columns.iter().map(Vec::as_slice).collect()
}

fn goes_left(test: &Test, missing_left: bool, value: f32) -> bool {
    match test {
        _ if value.is_nan() => missing_left,
        Test::Below(threshold) => value < *threshold,
        Test::NoneOf(categories) => !categories.contains(&(value as u32)),
    }
}

/// What a tree gives where only some columns are known, by the definition of the path-dependent game.
pub(crate) fn expectation(tree: &TreeView, node: usize, row: &[f32], known: u32) -> Vec<f64> {
    match &tree.nodes[node].kind {
        NodeKind::Leaf { values } => values.clone(),
        NodeKind::Question { column, test, missing_left, left, right, .. } => {
            if known >> column & 1 == 1 {
                let next = if goes_left(test, *missing_left, row[*column]) { *left } else { *right };
                return expectation(tree, next, row, known);
            }
            let share = tree.nodes[*left].cover / tree.nodes[node].cover;
            let (left, right) = (expectation(tree, *left, row, known), expectation(tree, *right, row, known));
            left.iter().zip(right).map(|(left, right)| share * left + (1.0 - share) * right).collect()
        }
    }
}

/// Shapley values by their definition: the mean over all orders of the columns. `game(known)` is the worth of a set of columns.
pub(crate) fn shapley(columns: usize, game: impl Fn(u32) -> f64) -> Vec<f64> {
    let worth: Vec<f64> = (0..1 << columns).map(game).collect();
    let mut weights = vec![1.0 / columns as f64; columns];
    for size in 1..columns {
        weights[size] = weights[size - 1] * size as f64 / (columns - size) as f64;
    }
    (0..columns)
        .map(|column| {
            let without = (0..1_u32 << columns).filter(|known| known >> column & 1 == 0);
            without
                .map(|known| {
                    let gain = worth[(known | 1 << column) as usize] - worth[known as usize];
                    weights[known.count_ones() as usize] * gain
                })
                .sum()
        })
        .collect()
}

pub(crate) fn row_of(columns: &[Vec<f32>], row: usize) -> Vec<f32> {
    columns.iter().map(|column| column[row]).collect()
}

pub(crate) fn near(left: f64, right: f64, tolerance: f64) -> bool {
    (left - right).abs() <= tolerance * right.abs().max(1.0)
}

pub(crate) fn add_up(contributions: &Contributions) -> f64 {
    let mut worst = 0.0_f64;
    for (output, predictions) in contributions.predictions.iter().enumerate() {
        for (row, prediction) in predictions.iter().enumerate() {
            let sum: f64 = contributions.values[output].iter().map(|feature| feature[row]).sum();
            worst = worst.max((contributions.base_values[output] + sum - prediction).abs());
        }
    }
    worst
}

/// A tree's output where the columns in `known` are the row's and the others those of a background row.
fn mixed(tree: &TreeView, row: &[f32], other: &[f32], known: u32) -> Vec<f64> {
    let values: Vec<f32> =
        (0..row.len()).map(|column| if known >> column & 1 == 1 { row[column] } else { other[column] }).collect();
    expectation(tree, 0, &values, u32::MAX)
}

pub(crate) fn worth(ensemble: &TreeEnsemble, output: usize, row: &[f32], other: &[f32], known: u32) -> f64 {
    let tree_worth = |tree: &TreeView| {
        let worth = mixed(tree, row, other, known);
        match tree.output {
            None => worth[output],
            Some(own) => {
                if own == output {
                    worth[0]
                } else {
                    0.0
                }
            }
        }
    };
    ensemble.base[output] + ensemble.trees.iter().map(tree_worth).sum::<f64>()
}
