//! A tree prepared for being walked with many rows: questions and leaves apart, in preorder, with what a walk needs to know of the
//! path above each question.
//!
//! A path may ask about a column more than once. What Shapley values need is whether a row meets all of a path's questions
//! about a column, so each question names the nearest one above it about the same column, and the path's distinct columns are
//! numbered in the order in which they first come.
#![allow(
    clippy::indexing_slicing,
    reason = "children are checked to lie behind their parents and within the tree before anything is walked"
)]

use crate::error::Error;
use crate::trees::{NodeKind, Test, TreeEnsemble, TreeView};

/// Set in a child that is a leaf.
const LEAF: u32 = 1 << 31;
/// No question.
pub(super) const NONE: u32 = u32::MAX;

/// Where an answer leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// To another question.
    Split(usize),
    /// To an end.
    Leaf(usize),
}

/// A question.
#[derive(Clone, Debug)]
pub(super) struct Split {
    /// The column asked about.
    pub(super) column: u32,
    /// Values below go left, where there is no set.
    threshold: f32,
    /// The position of the set of categories that go right, or [`NONE`].
    set: u32,
    missing_left: bool,
    left: u32,
    right: u32,
    /// The nearest question above about the same column, or [`NONE`].
    pub(super) same: u32,
    /// Whether the path went right there.
    pub(super) same_right: bool,
    /// The column's number among the distinct columns of the path.
    pub(super) ordinal: u32,
    /// Of the training rows that came here, the share that went left.
    pub(super) left_share: f64,
    /// The share that went right; both add up to 1.
    pub(super) right_share: f64,
}

impl Split {
    pub(super) fn left(&self) -> Child {
        child(self.left)
    }

    pub(super) fn right(&self) -> Child {
        child(self.right)
    }
}

#[inline]
fn child(code: u32) -> Child {
    if code & LEAF == 0 { Child::Split(code as usize) } else { Child::Leaf((code & !LEAF) as usize) }
}

/// A tree.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The questions in preorder.
    pub(super) splits: Vec<Split>,
    /// The sets of categories, rising.
    sets: Vec<Vec<u32>>,
    /// For each leaf, in preorder, `width` numbers.
    pub(super) leaves: Vec<f64>,
    /// For each leaf the number of distinct columns on its path.
    pub(super) distinct: Vec<u32>,
    /// Numbers of a leaf.
    pub(super) width: usize,
    /// The output that a leaf's first number adds to.
    pub(super) output: usize,
    /// Distinct columns of the path with the most.
    pub(super) order: usize,
    /// Whether there are covers, so that shares mean something.
    pub(super) covered: bool,
}

/// A node to be visited on the way down.
struct Pending {
    node: usize,
    /// The question above and whether this is its right child.
    parent: Option<(usize, bool)>,
    /// How many of the path's questions are still in `path` when this is visited.
    depth: usize,
}

/// What is known of a column on the way down: the nearest question about it, where the path went, the column's number.
#[derive(Clone, Copy)]
struct Known {
    split: usize,
    right: bool,
    ordinal: u32,
}

/// A question on the path down.
struct Step {
    column: usize,
    split: usize,
    right: bool,
    ordinal: u32,
    /// What was known of the column before, put back on the way up.
    before: Option<Known>,
    /// Distinct columns of the path down to here.
    distinct: u32,
}

impl Tree {
    /// Prepares the tree at a position of an ensemble. One that is no tree is [`Error::Ensemble`].
    pub(super) fn new(ensemble: &TreeEnsemble, position: usize) -> Result<Self, Error> {
        let refuse = |problem: String| Error::Ensemble { tree: position, problem };
        let view = ensemble.trees.get(position).ok_or_else(|| refuse("there is no such tree".to_owned()))?;
        let width = if view.output.is_some() { 1 } else { ensemble.outputs };
        let output = view.output.unwrap_or(0);
        if output >= ensemble.outputs {
            return Err(refuse(format!("its output is {output} of {}", ensemble.outputs)));
        }
        check(view, ensemble.columns, width).map_err(refuse)?;
        let mut tree = Self {
            splits: Vec::with_capacity(view.nodes.len() / 2),
            sets: Vec::new(),
            leaves: Vec::with_capacity(width * (view.nodes.len() / 2 + 1)),
            distinct: Vec::with_capacity(view.nodes.len() / 2 + 1),
            width,
            output,
            order: 0,
            covered: view.nodes.len() == 1 || view.nodes.first().is_some_and(|root| root.cover > 0.0),
        };
        tree.walk(view, ensemble.columns);
        Ok(tree)
    }

    /// Fills the tree in preorder, keeping the path's questions by column.
    fn walk(&mut self, view: &TreeView, columns: usize) {
        let mut path: Vec<Step> = Vec::new();
        let mut known: Vec<Option<Known>> = vec![None; columns];
        let mut pending = vec![Pending { node: 0, parent: None, depth: 0 }];
        while let Some(Pending { node, parent, depth }) = pending.pop() {
            while path.len() > depth {
                let Some(step) = path.pop() else { break };
                known[step.column] = step.before;
            }
            if let (Some((_, right)), Some(step)) = (parent, path.last_mut()) {
                step.right = right;
                known[step.column] = Some(Known { split: step.split, right, ordinal: step.ordinal });
            }
            let distinct = path.last().map_or(0, |step| step.distinct);
            let code = match &view.nodes[node].kind {
                NodeKind::Leaf { values } => {
                    self.leaves.extend_from_slice(values);
                    self.distinct.push(distinct);
                    self.order = self.order.max(distinct as usize);
                    (self.distinct.len() - 1) as u32 | LEAF
                }
                NodeKind::Question { column, test, missing_left, left, right, .. } => {
                    let split = self.splits.len();
                    let before = known[*column];
                    let ordinal = before.map_or(distinct, |known| known.ordinal);
                    let distinct = distinct + u32::from(before.is_none());
                    let covers = [view.nodes[*left].cover, view.nodes[*right].cover];
                    let total: f64 = covers.iter().sum();
                    let left_share = if total > 0.0 { covers[0] / total } else { 0.5 };
                    let (threshold, set) = match test {
                        Test::Below(threshold) => (*threshold, NONE),
                        Test::NoneOf(categories) => {
                            let mut categories = categories.clone();
                            categories.sort_unstable();
                            self.sets.push(categories);
                            (0.0, (self.sets.len() - 1) as u32)
                        }
                    };
                    self.splits.push(Split {
                        column: *column as u32,
                        threshold,
                        set,
                        missing_left: *missing_left,
                        left: LEAF,
                        right: LEAF,
                        same: before.map_or(NONE, |known| known.split as u32),
                        same_right: before.is_some_and(|known| known.right),
                        ordinal,
                        left_share,
                        right_share: 1.0 - left_share,
                    });
                    path.push(Step { column: *column, split, right: false, ordinal, before, distinct });
                    pending.push(Pending { node: *right, parent: Some((split, true)), depth: depth + 1 });
                    pending.push(Pending { node: *left, parent: Some((split, false)), depth: depth + 1 });
                    split as u32
                }
            };
            match parent {
                Some((parent, true)) => self.splits[parent].right = code,
                Some((parent, false)) => self.splits[parent].left = code,
                None => {}
            }
        }
    }

    /// Whether a row goes left. The row has every column of the ensemble.
    #[inline]
    pub(super) fn goes_left(&self, split: &Split, row: &[f32]) -> bool {
        let value = row[split.column as usize];
        if split.set == NONE {
            return (value < split.threshold) | (value.is_nan() & split.missing_left);
        }
        if value.is_nan() {
            return split.missing_left;
        }
        // A number that no category has is in no set.
        value < 0.0 || self.sets[split.set as usize].binary_search(&(value as u32)).is_err()
    }

    /// Where every walk begins.
    pub(super) fn root(&self) -> Child {
        if self.splits.is_empty() { Child::Leaf(0) } else { Child::Split(0) }
    }

    /// The leaf that a row comes to.
    pub(super) fn leaf(&self, row: &[f32]) -> usize {
        let mut place = self.root();
        loop {
            match place {
                Child::Leaf(leaf) => return leaf,
                Child::Split(split) => {
                    let split = &self.splits[split];
                    place = if self.goes_left(split, row) { split.left() } else { split.right() };
                }
            }
        }
    }

    /// The numbers of a leaf.
    pub(super) fn values(&self, leaf: usize) -> &[f64] {
        &self.leaves[leaf * self.width..(leaf + 1) * self.width]
    }
}

/// Whether nodes make a tree: every node but the root is the child of one node before it, columns are there, numbers are finite.
fn check(view: &TreeView, columns: usize, width: usize) -> Result<(), String> {
    let mut parents = vec![0_u8; view.nodes.len()];
    if view.nodes.is_empty() || view.nodes.len() >= LEAF as usize || columns >= NONE as usize {
        return Err("it has no nodes, or too many".to_owned());
    }
    for (position, node) in view.nodes.iter().enumerate() {
        if !node.cover.is_finite() || node.cover < 0.0 {
            return Err(format!("the cover of node {position} is {}; expected a number of zero or more", node.cover));
        }
        match &node.kind {
            NodeKind::Leaf { values } => {
                if values.len() != width || values.iter().any(|value| !value.is_finite()) {
                    return Err(format!("the leaf {position} has not {width} finite numbers"));
                }
            }
            NodeKind::Question { column, test, left, right, .. } => {
                if *column >= columns {
                    return Err(format!("the node {position} asks about column {column} of {columns}"));
                }
                if matches!(test, Test::Below(threshold) if threshold.is_nan()) {
                    return Err(format!("the node {position} has no threshold"));
                }
                for child in [*left, *right] {
                    match parents.get_mut(child) {
                        Some(count) if child > position && *count == 0 => *count = 1,
                        _ => return Err(format!("the node {position} does not lead to a node of its own behind it")),
                    }
                }
            }
        }
    }
    match parents.iter().skip(1).position(|count| *count == 0) {
        Some(position) => Err(format!("no node leads to the node {}", position + 1)),
        None => Ok(()),
    }
}
