//! Boosted trees in the plain form that explanations and other formats share, and back.
#![allow(clippy::indexing_slicing, reason = "positions are compared with the number of nodes before they are used")]

use crate::trees::{Link, NodeKind, NodeView, Test, TreeEnsemble, TreeView};

use super::Boosted;
use super::objective::Objective;
use super::tree::{Categories, Kind, MOST_CATEGORIES, MOST_COLUMNS, Node, Tree};

impl Boosted {
    /// The trees in plain form.
    #[must_use]
    pub fn ensemble(&self) -> TreeEnsemble {
        TreeEnsemble {
            columns: self.columns as usize,
            outputs: self.base.len(),
            base: self.base.clone(),
            link: match self.objective {
                Objective::SquaredError | Objective::AbsoluteError => Link::Identity,
                Objective::Poisson => Link::Exponential,
                Objective::Logistic => Link::Logistic,
                Objective::Softmax => Link::Softmax,
            },
            trees: self.trees.iter().map(view).collect(),
        }
    }

    /// A model of trees in plain form, as they come from another library's file. A leaf with a number for every output becomes
    /// a tree for each. What cannot be walked, or has categories above 255, is refused in words.
    pub fn from_ensemble(ensemble: &TreeEnsemble) -> Result<Self, String> {
        let objective = match ensemble.link {
            Link::Identity if ensemble.outputs == 1 => Objective::SquaredError,
            Link::Exponential if ensemble.outputs == 1 => Objective::Poisson,
            Link::Logistic if ensemble.outputs == 1 => Objective::Logistic,
            Link::Softmax if ensemble.outputs > 2 => Objective::Softmax,
            link => return Err(format!("{} outputs with the link {link:?} are no boosted model", ensemble.outputs)),
        };
        let mut trees = Vec::with_capacity(ensemble.trees.len());
        for tree in &ensemble.trees {
            let outputs = match tree.output {
                Some(output) => output..output + 1,
                None => 0..ensemble.outputs,
            };
            for output in outputs {
                trees.push(stored(tree, output)?);
            }
        }
        let columns = u32::try_from(ensemble.columns).map_err(|_| "there are too many columns".to_owned())?;
        let model = Self { columns, objective, base: ensemble.base.clone(), trees };
        let classes = match objective {
            Objective::Logistic => Some(2),
            Objective::Softmax => Some(ensemble.outputs),
            _ => None,
        };
        model.check(ensemble.columns, classes)?;
        Ok(model)
    }
}

fn view(tree: &Tree) -> TreeView {
    let nodes = tree.nodes.iter().enumerate().map(|(position, node)| {
        let question = |column, test, missing_left, right| NodeKind::Question {
            column,
            test,
            missing_left,
            left: position + 1,
            right,
            gain: f64::from(tree.gains[position]),
        };
        let kind = match node.kind() {
            Kind::Leaf(value) => NodeKind::Leaf { values: vec![f64::from(value)] },
            Kind::Below { column, threshold, missing_left, right } => {
                question(column, Test::Below(threshold), missing_left, right)
            }
            Kind::NoneOf { column, set, missing_left, right } => {
                question(column, Test::NoneOf(listed(&tree.sets[set])), missing_left, right)
            }
        };
        NodeView { cover: f64::from(tree.covers[position]), kind }
    });
    TreeView { output: Some(tree.output as usize), nodes: nodes.collect() }
}

/// The categories of a set, rising.
fn listed(set: &Categories) -> Vec<u32> {
    (0..MOST_CATEGORIES).filter(|category| set[*category as usize / 64] >> (category % 64) & 1 == 1).collect()
}

/// One output of a tree, its nodes put in preorder.
fn stored(view: &TreeView, output: usize) -> Result<Tree, String> {
    let mut tree = Tree { output: output as u32, ..Tree::default() };
    if view.nodes.is_empty() {
        return Err("a tree has no nodes".to_owned());
    }
    let mut pending = vec![(0_usize, None)];
    let mut seen = vec![false; view.nodes.len()];
    while let Some((number, right_of)) = pending.pop() {
        let position = tree.nodes.len();
        // Shared children would be copied, and theirs again: without end, as good as.
        if std::mem::replace(&mut seen[number], true) {
            return Err(format!("the node {number} of a tree is the child of two"));
        }
        if let Some(parent) = right_of {
            let parent: usize = parent;
            tree.nodes[parent].set_right(position);
        }
        let node = &view.nodes[number];
        tree.covers.push(node.cover as f32);
        match &node.kind {
            NodeKind::Leaf { values } => {
                let value = if view.output.is_some() { values.first() } else { values.get(output) };
                let value = value.ok_or_else(|| format!("the leaf {number} of a tree has no value"))?;
                tree.gains.push(0.0);
                tree.nodes.push(Node::leaf(*value as f32));
            }
            NodeKind::Question { column, test, missing_left, left, right, gain } => {
                if [left, right].into_iter().any(|child| *child <= number || *child >= view.nodes.len()) {
                    return Err(format!("the node {number} of a tree leads nowhere"));
                }
                if *column >= MOST_COLUMNS {
                    return Err(format!("the node {number} of a tree asks about column {column}"));
                }
                tree.gains.push(gain.max(0.0) as f32);
                tree.nodes.push(match test {
                    Test::Below(threshold) => Node::below(*column, *threshold, *missing_left),
                    Test::NoneOf(categories) => {
                        tree.sets.push(set(categories)?);
                        Node::none_of(*column, tree.sets.len() - 1, *missing_left)
                    }
                });
                pending.push((*right, Some(position)));
                pending.push((*left, None));
            }
        }
    }
    Ok(tree)
}

fn set(categories: &[u32]) -> Result<Categories, String> {
    let mut set = Categories::default();
    for category in categories {
        if *category >= MOST_CATEGORIES {
            return Err(format!("category {category} is above 255"));
        }
        set[*category as usize / 64] |= 1 << (category % 64);
    }
    Ok(set)
}
