//! An ensemble becomes XGBoost's JSON.
//!
//! What xgboost lacks is folded into what it has. Trees come in rounds with one for each class: trees for all outputs are split up,
//! and missing ones are single leaves of zero. Before version 3.1 there is one base score for all outputs, a probability for two classes: bases
//! that it cannot give exactly go into the leaves of the first round.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use kumiko_learn::trees::{Link, NodeKind, NodeView, Test, TreeEnsemble, TreeView};

use super::document::{
    Document, Flag, Forest, ForestParameters, GradientBooster, Learner, LearnerParameters, Objective, Tree,
    TreeParameters,
};
use super::{CLASSES, FORMAT, MOST_CATEGORIES, NO_PARENT};
use crate::{Error, ensemble};

/// The version that the file says it is of: the first with rounds in `iteration_indptr`.
const VERSION: [u32; 3] = [2, 0, 0];
/// A base may be off by this share (or this much, below 1) where it is written as a base score.
const BASE_TOLERANCE: f64 = 2e-7;
/// Characters that xgboost does not take in a column's name.
const NOT_IN_NAMES: [char; 3] = ['[', ']', '<'];

/// Writes a boosted model. `features` are the columns' names, `classes` the names of the classes, none for regression.
///
/// The classes' names go into the attribute `kumiko_classes` of the learner; xgboost itself numbers them. Where a column has a name that xgboost
/// does not take (one with `[`, `]` or `<`), no names are written, and columns are matched by position.
///
/// # Errors
/// [`Error::NotExpressible`]: for a classifier whose sums are probabilities (a random forest), and where the parts do not fit each other.
pub fn write(ensemble: &TreeEnsemble, features: &[String], classes: Option<&[String]>) -> Result<Vec<u8>, Error> {
    ensemble::check(ensemble, FORMAT)?;
    let refused =
        |what: &str, problem: String| Error::NotExpressible { what: what.to_owned(), format: FORMAT, problem };
    let count = match (ensemble.link, classes) {
        (Link::Identity | Link::Exponential, None) if ensemble.outputs == 1 => 0,
        (Link::Identity | Link::Exponential, _) => {
            let problem = "its leaves are probabilities; xgboost's are log odds".to_owned();
            return Err(refused("a classifier that is no boosted model", problem));
        }
        (Link::Logistic, _) => 2,
        (Link::Softmax, _) => ensemble.outputs,
    };
    if classes.map_or(0, <[String]>::len) != count {
        return Err(refused("the model", format!("{count} classes were expected")));
    }
    if features.len() != ensemble.columns {
        return Err(refused("the model", format!("{} names for {} columns", features.len(), ensemble.columns)));
    }
    let document = document(ensemble, features, classes).map_err(|problem| refused("the model", problem))?;
    serde_json::to_vec(&document).map_err(|error| refused("the model", error.to_string()))
}

fn document(ensemble: &TreeEnsemble, features: &[String], classes: Option<&[String]>) -> Result<Document, String> {
    let score = base_score(ensemble);
    let folded = if score.is_some() { vec![0.0; ensemble.outputs] } else { ensemble.base.clone() };
    // Zero on the scale of the margin.
    let neutral = match ensemble.link {
        Link::Logistic => 0.5,
        Link::Exponential => 1.0,
        Link::Identity | Link::Softmax => 0.0,
    };
    let rounds = rounds(ensemble, folded.iter().any(|base| *base != 0.0));
    let mut trees = Vec::new();
    for (number, tree) in rounds.iter().flatten().enumerate() {
        let base = if number < ensemble.outputs { folded.get(number).copied().unwrap_or_default() } else { 0.0 };
        trees.push(arrays(tree, number, ensemble.columns, base)?);
    }
    let classified = (ensemble.link == Link::Softmax).then_some(ensemble.outputs);
    let objective = |name: &str| Objective {
        name: name.to_owned(),
        reg_loss_param: None,
        poisson_regression_param: None,
        softmax_multiclass_param: None,
    };
    let parameter = |key: &'static str, value: String| Some(BTreeMap::from([(key, value)]));
    let objective = match ensemble.link {
        Link::Identity => {
            Objective { reg_loss_param: parameter("scale_pos_weight", "1".to_owned()), ..objective("reg:squarederror") }
        }
        Link::Logistic => {
            Objective { reg_loss_param: parameter("scale_pos_weight", "1".to_owned()), ..objective("binary:logistic") }
        }
        Link::Exponential => Objective {
            poisson_regression_param: parameter("max_delta_step", "0.7".to_owned()),
            ..objective("count:poisson")
        },
        Link::Softmax => Objective {
            softmax_multiclass_param: parameter("num_class", ensemble.outputs.to_string()),
            ..objective("multi:softprob")
        },
    };
    let categorical: BTreeSet<usize> =
        ensemble.trees.iter().flat_map(|tree| &tree.nodes).filter_map(categorical_column).collect();
    let kind = |column: usize| if categorical.contains(&column) { "c" } else { "float" }.to_owned();
    let nameable = features.iter().all(|name| !name.is_empty() && !name.contains(NOT_IN_NAMES));
    let attributes =
        classes.map(|classes| (CLASSES.to_owned(), serde_json::json!(classes).to_string())).into_iter().collect();
    let learner = Learner {
        attributes,
        feature_names: if nameable { features.to_vec() } else { Vec::new() },
        feature_types: (0..ensemble.columns).map(kind).collect(),
        gradient_booster: GradientBooster {
            model: Forest {
                gbtree_model_param: ForestParameters {
                    num_parallel_tree: "1".to_owned(),
                    num_trees: trees.len().to_string(),
                },
                iteration_indptr: (0..=rounds.len()).map(|round| round * ensemble.outputs).collect(),
                tree_info: (0..trees.len()).map(|number| number % ensemble.outputs).collect(),
                trees,
                ..Forest::default()
            },
            name: "gbtree".to_owned(),
        },
        learner_model_param: LearnerParameters {
            base_score: format!("{:E}", score.unwrap_or(neutral)),
            boost_from_average: "1".to_owned(),
            num_class: classified.unwrap_or(0).to_string(),
            num_feature: ensemble.columns.to_string(),
            num_target: "1".to_owned(),
        },
        objective,
    };
    Ok(Document { learner, version: VERSION.to_vec() })
}

fn categorical_column(node: &NodeView) -> Option<usize> {
    match &node.kind {
        NodeKind::Question { column, test: Test::NoneOf(_), .. } => Some(*column),
        _ => None,
    }
}

/// The one base score that gives every output its base, where there is one.
fn base_score(ensemble: &TreeEnsemble) -> Option<f32> {
    let (first, others) = ensemble.base.split_first()?;
    if others.iter().any(|other| other != first) {
        return None;
    }
    let (score, margin) = match ensemble.link {
        Link::Logistic => {
            let score = (1.0 / (1.0 + (-first).exp())) as f32;
            // xgboost computes the margin with 32 bits.
            (score, -f64::from((1.0_f32 / score - 1.0).ln()))
        }
        Link::Exponential => {
            let score = first.exp() as f32;
            (score, f64::from(score.ln()))
        }
        Link::Identity | Link::Softmax => (*first as f32, f64::from(*first as f32)),
    };
    let is_close = (margin - first).abs() <= BASE_TOLERANCE * first.abs().max(1.0);
    (score.is_finite() && margin.is_finite() && is_close).then_some(score)
}

/// Rounds with a tree for each output.
fn rounds(ensemble: &TreeEnsemble, needs_one: bool) -> Vec<Vec<Cow<'_, TreeView>>> {
    let mut by_output: Vec<Vec<Cow<'_, TreeView>>> = vec![Vec::new(); ensemble.outputs];
    for tree in &ensemble.trees {
        match tree.output {
            Some(output) => by_output.iter_mut().skip(output).take(1).for_each(|trees| trees.push(Cow::Borrowed(tree))),
            None if ensemble.outputs == 1 => by_output.iter_mut().for_each(|trees| trees.push(Cow::Borrowed(tree))),
            None => {
                for (output, trees) in by_output.iter_mut().enumerate() {
                    trees.push(Cow::Owned(of_output(tree, output)));
                }
            }
        }
    }
    let count = by_output.iter().map(Vec::len).max().unwrap_or(0).max(usize::from(needs_one));
    let nothing = NodeView { cover: 0.0, kind: NodeKind::Leaf { values: vec![0.0] } };
    let mut columns: Vec<_> = by_output.into_iter().map(Vec::into_iter).collect();
    (0..count)
        .map(|_| {
            let empty = || Cow::Owned(TreeView { output: None, nodes: vec![nothing.clone()] });
            columns.iter_mut().map(|trees| trees.next().unwrap_or_else(empty)).collect()
        })
        .collect()
}

/// A tree with one of several outputs.
fn of_output(tree: &TreeView, output: usize) -> TreeView {
    let nodes = tree.nodes.iter().map(|node| match &node.kind {
        NodeKind::Leaf { values } => {
            let values = vec![values.get(output).copied().unwrap_or_default()];
            NodeView { cover: node.cover, kind: NodeKind::Leaf { values } }
        }
        NodeKind::Question { .. } => node.clone(),
    });
    TreeView { output: Some(output), nodes: nodes.collect() }
}

/// A tree as arrays; `base` is added to its leaves.
fn arrays(tree: &TreeView, id: usize, columns: usize, base: f64) -> Result<Tree, String> {
    let count = tree.nodes.len();
    let mut arrays = Tree {
        id,
        parents: vec![NO_PARENT; count],
        tree_param: TreeParameters {
            num_deleted: "0".to_owned(),
            num_feature: columns.to_string(),
            num_nodes: count.to_string(),
            size_leaf_vector: "1".to_owned(),
        },
        ..Tree::default()
    };
    for (position, node) in tree.nodes.iter().enumerate() {
        let (mut split, mut default_left, mut is_categorical) = ((-1, -1, 0), false, false);
        let (mut condition, mut weight, mut gain_of_split) = (0.0, 0.0, 0.0);
        match &node.kind {
            NodeKind::Leaf { values } => {
                let value = (values.first().copied().unwrap_or_default() + base) as f32;
                if !value.is_finite() {
                    return Err(format!("a leaf of tree {id} is too large for 32 bits"));
                }
                (condition, weight) = (value, value);
            }
            NodeKind::Question { column, test, missing_left, left, right, gain } => {
                split = (*left as i64, *right as i64, *column as i64);
                default_left = *missing_left;
                gain_of_split = *gain as f32;
                for child in [*left, *right] {
                    arrays.parents.iter_mut().skip(child).take(1).for_each(|parent| *parent = position as i64);
                }
                match test {
                    // JSON has no infinities; no finite value is beyond these.
                    Test::Below(threshold) => condition = threshold.clamp(f32::MIN, f32::MAX),
                    // An empty list is none that xgboost takes: every value goes left.
                    Test::NoneOf(members) if members.is_empty() => condition = f32::MAX,
                    Test::NoneOf(members) => {
                        if members.iter().any(|member| *member >= MOST_CATEGORIES) {
                            return Err(format!("a category of tree {id} is {MOST_CATEGORIES} or more"));
                        }
                        is_categorical = true;
                        arrays.categories_nodes.push(position);
                        arrays.categories_segments.push(arrays.categories.len());
                        arrays.categories_sizes.push(members.len());
                        let mut members = members.clone();
                        members.sort_unstable();
                        arrays.categories.extend(members.into_iter().map(i64::from));
                    }
                }
            }
        }
        arrays.left_children.push(split.0);
        arrays.right_children.push(split.1);
        arrays.split_indices.push(split.2);
        arrays.split_conditions.push(condition);
        arrays.split_type.push(Flag(is_categorical));
        arrays.default_left.push(Flag(default_left));
        arrays.base_weights.push(weight);
        arrays.loss_changes.push(if gain_of_split.is_finite() { gain_of_split } else { 0.0 });
        arrays.sum_hessian.push(node.cover.clamp(0.0, f64::from(f32::MAX)) as f32);
    }
    Ok(arrays)
}
