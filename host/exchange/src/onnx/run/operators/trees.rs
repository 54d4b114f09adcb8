//! `TreeEnsembleRegressor`, `TreeEnsembleClassifier` and, of version 5, `TreeEnsemble`.
//!
//! All three become one form: nodes that ask about a column and lead to others, and leaves with numbers for outputs. When it is
//! made, every way down is followed once: it ends, in a leaf, within the longest way's steps. So a row's walk needs no check but that
//! of the columns, which is made for all rows at once.
#![allow(clippy::indexing_slicing, reason = "children, leaves and columns are checked when the trees are made and run")]

use std::collections::HashMap;

use rayon::prelude::*;

use super::super::attributes::Attributes;
use super::super::tensor::{Data, Meter, Tensor, Value};
use super::scores::{Classes, Transform, logistic};
use super::{Kernel, Refusal, kernel};
use crate::Limits;

/// Rows that one task works on.
const BLOCK_ROWS: usize = 256;

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>, limits: &Limits) -> Option<Result<Kernel, Refusal>> {
    Some(match name {
        "TreeEnsembleRegressor" => regressor(attributes, limits),
        "TreeEnsembleClassifier" => classifier(attributes, limits),
        "TreeEnsemble" => general(attributes, limits),
        _ => return None,
    })
}

/// How a node compares a value with its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    LessOrEqual,
    Less,
    GreaterOrEqual,
    Greater,
    Equal,
    NotEqual,
    Member,
    Leaf,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Compared with; of a set its position.
    value: f64,
    column: u32,
    mode: Mode,
    missing_is_true: bool,
    /// Where a row goes that passes the test; of a leaf, the first of its numbers.
    yes: u32,
    /// Where the others go; of a leaf, behind the last of its numbers.
    no: u32,
}

/// How the trees' numbers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Average,
    Least,
    Most,
}

impl Aggregate {
    fn of(name: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "SUM" => Self::Sum,
            "AVERAGE" => Self::Average,
            "MIN" => Self::Least,
            "MAX" => Self::Most,
            other => return Err(Refusal::Damaged(format!("there is no aggregate function {other}"))),
        })
    }
}

struct Trees {
    nodes: Vec<Node>,
    roots: Vec<u32>,
    /// What leaves add: output and number.
    leaves: Vec<(u32, f64)>,
    sets: Vec<Vec<f64>>,
    outputs: usize,
    base: Vec<f64>,
    aggregate: Aggregate,
    /// The columns that a row needs to have.
    columns: usize,
    /// The longest ways of all trees together.
    steps: u64,
}

fn damaged(problem: impl Into<String>) -> Refusal {
    Refusal::Damaged(problem.into())
}

impl Trees {
    /// Checks that every way ends in a leaf, and measures the longest.
    fn finish(mut self, limits: &Limits) -> Result<Self, Refusal> {
        if self.nodes.len() > limits.tree_nodes {
            return Err(damaged(format!("{} nodes; at most {} are read", self.nodes.len(), limits.tree_nodes)));
        }
        if let Some((output, _)) = self.leaves.iter().find(|(output, _)| *output as usize >= self.outputs) {
            return Err(damaged(format!("a leaf is for the output {output} of {}", self.outputs)));
        }
        // 0 where a node was not seen, 1 while the ways below it are followed, else its longest way and 2.
        let mut height = vec![0_u32; self.nodes.len()];
        for root in &self.roots {
            let mut way = vec![*root];
            while let Some(node) = way.last().copied() {
                let Some(Node { mode, yes, no, .. }) = self.nodes.get(node as usize) else {
                    return Err(damaged(format!("a way leads to node {node} of {}", self.nodes.len())));
                };
                let children = if *mode == Mode::Leaf { [None, None] } else { [Some(*yes), Some(*no)] };
                let mut open = None;
                let mut longest = 0;
                for child in children.into_iter().flatten() {
                    match height.get(child as usize) {
                        None => return Err(damaged(format!("a way leads to node {child} of {}", self.nodes.len()))),
                        Some(0) => open = Some(child),
                        Some(1) => return Err(damaged(format!("the ways below node {child} lead back to it"))),
                        Some(height) => longest = longest.max(height - 1),
                    }
                }
                match open {
                    Some(child) => {
                        height[node as usize] = 1;
                        way.push(child);
                    }
                    None => {
                        height[node as usize] = longest + 2;
                        way.pop();
                    }
                }
            }
            self.steps += u64::from(height[*root as usize] - 1);
        }
        self.columns = self
            .nodes
            .iter()
            .filter(|node| node.mode != Mode::Leaf)
            .map(|node| node.column as usize + 1)
            .max()
            .unwrap_or(0);
        Ok(self)
    }

    /// For each row its numbers, and whether a leaf spoke for each.
    fn run(&self, input: &Tensor, meter: &mut Meter<'_>) -> Result<(usize, Vec<f64>), String> {
        let (rows, width) = input.rows()?;
        if width < self.columns {
            return Err(format!("{width} columns; its trees ask about {}", self.columns));
        }
        meter.take(&[rows, self.outputs])?;
        meter.spend((rows as u64).saturating_mul(self.steps))?;
        let values = input.data.numbers().ok_or("numbers were expected, not texts")?;
        let mut results = vec![0.0; rows * self.outputs];
        (results.par_chunks_mut((BLOCK_ROWS * self.outputs).max(1)).enumerate()).for_each(|(block, results)| {
            let rows = results.len() / self.outputs.max(1);
            let mut seen = vec![false; results.len()];
            // A tree at a time, so that its nodes stay near.
            for root in &self.roots {
                for row in 0..rows {
                    let start = (block * BLOCK_ROWS + row) * width;
                    let own = row * self.outputs..(row + 1) * self.outputs;
                    self.add(*root, &values[start..start + width], &mut results[own.clone()], &mut seen[own]);
                }
            }
            for row in results.chunks_exact_mut(self.outputs.max(1)) {
                for (output, result) in row.iter_mut().enumerate() {
                    if self.aggregate == Aggregate::Average {
                        *result /= self.roots.len() as f64;
                    }
                    *result += self.base.get(output).copied().unwrap_or_default();
                }
            }
        });
        Ok((rows, results))
    }

    fn add(&self, root: u32, row: &[f64], results: &mut [f64], seen: &mut [bool]) {
        let mut node = &self.nodes[root as usize];
        while node.mode != Mode::Leaf {
            let value = row[node.column as usize];
            let passes = match node.mode {
                Mode::LessOrEqual => value <= node.value,
                Mode::Less => value < node.value,
                Mode::GreaterOrEqual => value >= node.value,
                Mode::Greater => value > node.value,
                Mode::Equal => value == node.value,
                Mode::NotEqual => value != node.value,
                Mode::Member => {
                    self.sets[node.value as usize].binary_search_by(|member| member.total_cmp(&(value + 0.0))).is_ok()
                }
                Mode::Leaf => true,
            };
            let passes = passes || node.missing_is_true && value.is_nan();
            node = &self.nodes[if passes { node.yes } else { node.no } as usize];
        }
        for (output, number) in &self.leaves[node.yes as usize..node.no as usize] {
            let (result, seen) = (&mut results[*output as usize], &mut seen[*output as usize]);
            *result = match self.aggregate {
                Aggregate::Sum | Aggregate::Average => *result + number,
                Aggregate::Least if *seen => result.min(*number),
                Aggregate::Most if *seen => result.max(*number),
                Aggregate::Least | Aggregate::Most => *number,
            };
            *seen = true;
        }
    }
}

/// The trees of versions 1 to 3. `kind` is the prefix of the leaves' attributes: `target` or `class`.
fn flat(attributes: &Attributes<'_>, kind: &str, outputs: usize, limits: &Limits) -> Result<Trees, Refusal> {
    let list = |name: &str| attributes.wholes(name).unwrap_or_default();
    let (tree_ids, node_ids) = (list("nodes_treeids"), list("nodes_nodeids"));
    let (columns, yes, no) = (list("nodes_featureids"), list("nodes_truenodeids"), list("nodes_falsenodeids"));
    let values = attributes.numbers("nodes_values").map_err(damaged)?.unwrap_or_default();
    let modes = attributes.strings("nodes_modes").unwrap_or_default();
    let missing = list("nodes_missing_value_tracks_true");
    let count = tree_ids.len();
    let lengths = [node_ids.len(), columns.len(), yes.len(), no.len(), values.len(), modes.len()];
    if lengths.iter().any(|length| *length != count) || !missing.is_empty() && missing.len() != count {
        return Err(damaged("the lists of its nodes differ in length"));
    }
    if count > limits.tree_nodes || u32::try_from(count).is_err() {
        return Err(damaged(format!("{count} nodes; at most {} are read", limits.tree_nodes)));
    }
    let mut positions = HashMap::with_capacity(count);
    for (position, id) in tree_ids.iter().zip(node_ids).enumerate() {
        if positions.insert(id, position as u32).is_some() {
            return Err(damaged(format!("node {} of tree {} is there twice", id.1, id.0)));
        }
    }
    let mut nodes = Vec::with_capacity(count);
    let mut has_parent = vec![false; count];
    for position in 0..count {
        let tree = &tree_ids[position];
        let mode = match &*modes[position] {
            "BRANCH_LEQ" => Mode::LessOrEqual,
            "BRANCH_LT" => Mode::Less,
            "BRANCH_GTE" => Mode::GreaterOrEqual,
            "BRANCH_GT" => Mode::Greater,
            "BRANCH_EQ" => Mode::Equal,
            "BRANCH_NEQ" => Mode::NotEqual,
            "LEAF" => Mode::Leaf,
            other => return Err(Refusal::Part(format!(" with nodes of the mode {other}"))),
        };
        let mut child = |id: &i64| -> Result<u32, Refusal> {
            if mode == Mode::Leaf {
                return Ok(0);
            }
            let child = *positions.get(&(tree, id)).ok_or_else(|| damaged(format!("tree {tree} has no node {id}")))?;
            has_parent[child as usize] = true;
            Ok(child)
        };
        let (yes, no) = (child(&yes[position])?, child(&no[position])?);
        let column = u32::try_from(columns[position]).ok().filter(|column| *column < u32::MAX);
        let column = if mode == Mode::Leaf { Some(0) } else { column };
        nodes.push(Node {
            value: values[position],
            column: column.ok_or_else(|| damaged(format!("there is no column {}", columns[position])))?,
            mode,
            missing_is_true: missing.get(position).is_some_and(|missing| *missing != 0),
            yes,
            no,
        });
    }
    let mut leaves = leaves(attributes, kind, &positions, nodes.len())?;
    leaves.sort_by_key(|(node, _, _)| *node);
    let mut start = 0;
    for (position, node) in nodes.iter_mut().enumerate() {
        let end = start + leaves[start..].iter().take_while(|(owner, _, _)| *owner as usize == position).count();
        if node.mode == Mode::Leaf {
            (node.yes, node.no) = (start as u32, end as u32);
        }
        start = end;
    }
    let roots: Vec<u32> = (0..count as u32).filter(|position| !has_parent[*position as usize]).collect();
    let mut of_tree = HashMap::new();
    for root in &roots {
        if of_tree.insert(tree_ids[*root as usize], *root).is_some() {
            return Err(damaged(format!("tree {} has two roots", tree_ids[*root as usize])));
        }
    }
    if tree_ids.iter().any(|tree| !of_tree.contains_key(tree)) {
        return Err(damaged("a tree has no root"));
    }
    let trees = Trees {
        nodes,
        roots,
        leaves: leaves.into_iter().map(|(_, output, number)| (output, number)).collect(),
        sets: Vec::new(),
        outputs,
        base: attributes.numbers("base_values").map_err(damaged)?.unwrap_or_default(),
        aggregate: Aggregate::of(&attributes.string("aggregate_function", "SUM"))?,
        columns: 0,
        steps: 0,
    };
    trees.finish(limits)
}

/// What leaves say: the node's position, the output, the number.
fn leaves(
    attributes: &Attributes<'_>,
    kind: &str,
    positions: &HashMap<(&i64, &i64), u32>,
    nodes: usize,
) -> Result<Vec<(u32, u32, f64)>, Refusal> {
    let list = |name: &str| attributes.wholes(&format!("{kind}_{name}")).unwrap_or_default();
    let (trees, owners, outputs) = (list("treeids"), list("nodeids"), list("ids"));
    let numbers = attributes.numbers(&format!("{kind}_weights")).map_err(damaged)?.unwrap_or_default();
    if [owners.len(), outputs.len(), numbers.len()].iter().any(|length| *length != trees.len())
        || u32::try_from(trees.len()).is_err()
    {
        return Err(damaged(format!("the lists of its leaves differ in length ({nodes} nodes)")));
    }
    let mut made = Vec::with_capacity(trees.len());
    for (((tree, owner), output), number) in trees.iter().zip(owners).zip(outputs).zip(numbers) {
        let node = positions.get(&(tree, owner)).ok_or_else(|| damaged(format!("tree {tree} has no node {owner}")))?;
        let output = u32::try_from(*output).map_err(|_| damaged(format!("there is no output {output}")))?;
        made.push((*node, output, number));
    }
    Ok(made)
}

fn floats(rows: usize, width: usize, values: Vec<f64>) -> Value {
    Value::Tensor(Tensor::new(vec![rows, width], Data::Float(values.into_iter().map(|value| value as f32).collect())))
}

fn outputs(attributes: &Attributes<'_>) -> Result<usize, Refusal> {
    let outputs =
        usize::try_from(attributes.whole("n_targets", 1)).ok().filter(|outputs| (1..=1 << 20).contains(outputs));
    outputs.ok_or_else(|| damaged(format!("it has {} targets", attributes.whole("n_targets", 1))))
}

fn regressor(attributes: &Attributes<'_>, limits: &Limits) -> Result<Kernel, Refusal> {
    let outputs = outputs(attributes)?;
    let trees = flat(attributes, "target", outputs, limits)?;
    let transform = Transform::of(&attributes.string("post_transform", "NONE"))?;
    Ok(Box::new(move |inputs, meter| {
        let (rows, mut values) = trees.run(inputs.tensor(0)?, meter)?;
        values.chunks_exact_mut(outputs).for_each(|row| transform.apply(row));
        Ok(vec![floats(rows, outputs, values)])
    }))
}

fn classifier(attributes: &Attributes<'_>, limits: &Limits) -> Result<Kernel, Refusal> {
    let classes = Classes::of(attributes, "classlabels_int64s")?;
    let count = classes.len();
    let transform = Transform::of(&attributes.string("post_transform", "NONE"))?;
    let mut trees = flat(attributes, "class", count, limits)?;
    // With two classes, leaves that speak for one of them alone: its score stands for both.
    let spoken_for = trees.leaves.first().map(|(class, _)| *class);
    let one_score =
        count == 2 && spoken_for.is_some() && trees.leaves.iter().all(|(class, _)| Some(*class) == spoken_for);
    let are_probabilities = one_score && trees.leaves.iter().all(|(_, number)| *number >= 0.0);
    let mut base = 0.0;
    if one_score {
        base = trees.base.last().copied().unwrap_or_default();
        trees.base.clear();
    }
    let column = spoken_for.unwrap_or(0) as usize;
    Ok(Box::new(move |inputs, meter| {
        let (rows, mut values) = trees.run(inputs.tensor(0)?, meter)?;
        for row in values.chunks_exact_mut(count) {
            if let ([first, second], true) = (&mut *row, one_score) {
                let score = base + if column == 0 { *first } else { *second };
                (*first, *second) = match transform {
                    Transform::Logistic => (logistic(-score), logistic(score)),
                    _ if are_probabilities => (1.0 - score, score),
                    _ => (-score, score),
                };
            } else {
                transform.apply(row);
            }
        }
        let labels = classes.likeliest(&values);
        Ok(vec![Value::Tensor(Tensor::vector(labels)), floats(rows, count, values)])
    }))
}

/// Version 5: nodes by their positions, leaves in lists of their own.
fn general(attributes: &Attributes<'_>, limits: &Limits) -> Result<Kernel, Refusal> {
    let list = |name: &str| attributes.wholes(name).unwrap_or_default();
    let tensor = |name: &str| attributes.tensor(name).map_err(damaged);
    let numbers = |tensor: Option<Tensor>| tensor.and_then(|tensor| tensor.data.numbers()).unwrap_or_default();
    let modes: Vec<i64> = numbers(tensor("nodes_modes")?).into_iter().map(|mode| mode as i64).collect();
    let splits = tensor("nodes_splits")?;
    let is_double = splits.as_ref().is_some_and(|splits| matches!(splits.data, Data::Double(_)));
    let splits = numbers(splits);
    let (columns, yes, no) = (list("nodes_featureids"), list("nodes_truenodeids"), list("nodes_falsenodeids"));
    let (yes_is_leaf, no_is_leaf) = (list("nodes_trueleafs"), list("nodes_falseleafs"));
    let missing = list("nodes_missing_value_tracks_true");
    let (leaf_outputs, leaf_numbers) = (list("leaf_targetids"), numbers(tensor("leaf_weights")?));
    let inner = modes.len();
    let lengths = [splits.len(), columns.len(), yes.len(), no.len(), yes_is_leaf.len(), no_is_leaf.len()];
    if lengths.iter().any(|length| *length != inner)
        || leaf_outputs.len() != leaf_numbers.len()
        || !missing.is_empty() && missing.len() != inner
    {
        return Err(damaged("the lists of its nodes differ in length"));
    }
    let count = inner.saturating_add(leaf_numbers.len());
    if count > limits.tree_nodes || u32::try_from(count).is_err() {
        return Err(damaged(format!("{count} nodes; at most {} are read", limits.tree_nodes)));
    }
    let mut members = numbers(tensor("membership_values")?).into_iter();
    let mut sets = Vec::new();
    let mut nodes = Vec::with_capacity(count);
    for position in 0..inner {
        let mode = match modes[position] {
            0 => Mode::LessOrEqual,
            1 => Mode::Less,
            2 => Mode::GreaterOrEqual,
            3 => Mode::Greater,
            4 => Mode::Equal,
            5 => Mode::NotEqual,
            6 => Mode::Member,
            other => return Err(damaged(format!("there is no mode {other}"))),
        };
        let mut value = splits[position];
        if mode == Mode::Member {
            value = sets.len() as f64;
            let mut set: Vec<f64> =
                members.by_ref().take_while(|member| !member.is_nan()).map(|member| member + 0.0).collect();
            set.sort_by(f64::total_cmp);
            sets.push(set);
        }
        let child = |id: i64, is_leaf: i64| {
            let id = u32::try_from(id)
                .ok()
                .filter(|id| (*id as usize) < if is_leaf != 0 { leaf_numbers.len() } else { inner });
            id.map(|id| if is_leaf != 0 { id + inner as u32 } else { id })
        };
        let children = child(yes[position], yes_is_leaf[position]).zip(child(no[position], no_is_leaf[position]));
        let (yes, no) = children.ok_or_else(|| damaged(format!("the node {position} leads nowhere")))?;
        let column = u32::try_from(columns[position]).ok().filter(|column| *column < u32::MAX);
        let column = column.ok_or_else(|| damaged(format!("there is no column {}", columns[position])))?;
        let missing_is_true = missing.get(position).is_some_and(|missing| *missing != 0);
        nodes.push(Node { value, column, mode, missing_is_true, yes, no });
    }
    let mut leaves = Vec::with_capacity(leaf_numbers.len());
    for (position, (output, number)) in (0_u32..).zip(leaf_outputs.iter().zip(leaf_numbers)) {
        let output = u32::try_from(*output).map_err(|_| damaged(format!("there is no output {output}")))?;
        leaves.push((output, number));
        nodes.push(Node {
            value: 0.0,
            column: 0,
            mode: Mode::Leaf,
            missing_is_true: false,
            yes: position,
            no: position + 1,
        });
    }
    let roots = list("tree_roots").iter().map(|root| u32::try_from(*root).ok().filter(|root| (*root as usize) < count));
    let roots = roots.collect::<Option<Vec<u32>>>().ok_or_else(|| damaged("a root is not there"))?;
    let outputs = outputs(attributes)?;
    let aggregate = match attributes.whole("aggregate_function", 1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 => Aggregate::Least,
        3 => Aggregate::Most,
        other => return Err(damaged(format!("there is no aggregate function {other}"))),
    };
    let trees = Trees { nodes, roots, leaves, sets, outputs, base: Vec::new(), aggregate, columns: 0, steps: 0 }
        .finish(limits)?;
    let transform = Transform::numbered(attributes.whole("post_transform", 0))?;
    kernel(move |inputs, meter| {
        let (rows, mut values) = trees.run(inputs.tensor(0)?, meter)?;
        values.chunks_exact_mut(outputs).for_each(|row| transform.apply(row));
        let data = if is_double {
            Data::Double(values)
        } else {
            Data::Float(values.into_iter().map(|value| value as f32).collect())
        };
        Ok(Tensor::new(vec![rows, outputs], data))
    })
}
