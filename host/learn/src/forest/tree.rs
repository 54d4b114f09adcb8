//! A grown tree: nodes in preorder, twelve bytes each.
//!
//! The left child of a node is the next node; the right one is named. So a walk down always goes forward, and a tree that
//! passes [`Tree::check`] can neither loop nor leave its nodes.
#![allow(
    clippy::indexing_slicing,
    reason = "nodes and columns are in range by `Tree::check`, which every tree from a file passes and every grown tree meets"
)]

use std::hint::select_unpredictable;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::packed;
use crate::trees::{NodeKind, NodeView, Test};

/// The column of a leaf.
const LEAF: u32 = u32::MAX;
/// Set in the column of a node that sends missing values left.
const MISSING_LEFT: u32 = 1 << 31;
/// Columns at most, so that no column looks like a flag.
pub(super) const MOST_COLUMNS: usize = (1 << 30) - 1;

/// A question, or an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    /// Values up to this go left; in a leaf, its value.
    number: f32,
    /// The column asked about and [`MISSING_LEFT`], or [`LEAF`].
    column: u32,
    /// The right child; in a leaf, its reference.
    other: u32,
}

impl Node {
    /// A leaf with its value and reference.
    pub(super) fn leaf((value, reference): (f32, u32)) -> Self {
        Self { number: value, column: LEAF, other: reference }
    }

    /// A question whose right child is not yet known.
    pub(super) fn question(column: usize, threshold: f32, missing_left: bool) -> Self {
        Self { number: threshold, column: column as u32 | if missing_left { MISSING_LEFT } else { 0 }, other: 0 }
    }

    /// Names the right child.
    pub(super) fn set_right(&mut self, position: usize) {
        self.other = position as u32;
    }
}

/// A tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    /// The nodes in preorder.
    #[serde(serialize_with = "write_nodes", deserialize_with = "read_nodes")]
    pub(super) nodes: Vec<Node>,
    /// Leaves' distributions over three classes or more, one after another.
    #[serde(with = "packed")]
    pub(super) distributions: Vec<f32>,
    /// For each node the weight of the samples that came through it; empty in files of before they were kept.
    #[serde(default, with = "packed")]
    pub(super) covers: Vec<f32>,
}

impl Tree {
    /// For each row the value and reference of the leaf that it comes to. The rows have every column of the forest.
    ///
    /// The rows go down side by side: while one waits for its node to come from memory, the others walk on.
    #[inline]
    pub(super) fn leaves<const ROWS: usize>(&self, rows: [&[f32]; ROWS]) -> [(f32, u32); ROWS] {
        let mut positions = [0; ROWS];
        let mut walking = true;
        while walking {
            walking = false;
            for (position, row) in positions.iter_mut().zip(rows) {
                let node = &self.nodes[*position];
                if node.column != LEAF {
                    let value = row[(node.column & !MISSING_LEFT) as usize];
                    let left = (value <= node.number) | (value.is_nan() & (node.column & MISSING_LEFT != 0));
                    // Which way a row goes is as good as random: a branch would be guessed wrongly half of the time.
                    *position = select_unpredictable(left, *position + 1, node.other as usize);
                    walking = true;
                }
            }
        }
        positions.map(|position| {
            let node = &self.nodes[position];
            (node.number, node.other)
        })
    }

    /// The nodes in plain form; `values` makes the numbers of a leaf of its value and reference. Without covers they are 0.
    pub(super) fn view(&self, values: impl Fn((f32, u32)) -> Vec<f64>) -> Vec<NodeView> {
        let covers = self.covers.iter().map(|cover| f64::from(*cover)).chain(std::iter::repeat(0.0));
        (self.nodes.iter().zip(covers).enumerate())
            .map(|(position, (node, cover))| NodeView {
                cover,
                kind: if node.column == LEAF {
                    NodeKind::Leaf { values: values((node.number, node.other)) }
                } else {
                    NodeKind::Question {
                        column: (node.column & !MISSING_LEFT) as usize,
                        // Up to the threshold is below the next number; nothing finite lies above the last.
                        test: Test::Below(node.number.next_up()),
                        missing_left: node.column & MISSING_LEFT != 0,
                        left: position + 1,
                        right: node.other as usize,
                        gain: 0.0,
                    }
                },
            })
            .collect()
    }

    /// Whether every node leads forward to nodes there are, asks about columns there are, and every leaf has a value fit for the
    /// forest: `classes` is none for regression.
    pub(super) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        if self.nodes.is_empty() {
            return Err("a tree has no nodes".to_owned());
        }
        let distributions = match classes {
            Some(classes) if classes > 2 => {
                if !self.distributions.len().is_multiple_of(classes) {
                    return Err("a tree's distributions are not a whole number of rows".to_owned());
                }
                classes + self.distributions.len() / classes
            }
            _ => usize::MAX,
        };
        if self.distributions.iter().any(|share| !(0.0..=1.0).contains(share)) {
            return Err("a leaf's share is not between 0 and 1".to_owned());
        }
        if !self.covers.is_empty() && self.covers.len() != self.nodes.len() {
            return Err("a tree has not as many covers as nodes".to_owned());
        }
        if self.covers.iter().any(|cover| !cover.is_finite() || *cover < 0.0) {
            return Err("a node's cover is no finite number of zero or more".to_owned());
        }
        for (position, node) in self.nodes.iter().enumerate() {
            if node.column == LEAF {
                let fits = match classes {
                    None => node.number.is_finite(),
                    Some(2) => (0.0..=1.0).contains(&node.number),
                    Some(_) => (node.other as usize) < distributions,
                };
                if !fits {
                    return Err(format!("the leaf {position} of a tree has no valid value"));
                }
            } else {
                let right = node.other as usize;
                if (node.column & !MISSING_LEFT) as usize >= columns
                    || right <= position + 1
                    || right >= self.nodes.len()
                {
                    return Err(format!("the node {position} of a tree leads nowhere"));
                }
                if node.number.is_nan() {
                    return Err(format!("the node {position} of a tree has no threshold"));
                }
            }
        }
        Ok(())
    }
}

fn write_nodes<S: Serializer>(nodes: &[Node], serializer: S) -> Result<S::Ok, S::Error> {
    packed::write_triples(nodes.iter().map(|node| [node.number.to_bits(), node.column, node.other]), serializer)
}

fn read_nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Node>, D::Error> {
    packed::read_triples(deserializer, |[number, column, other]| Node { number: f32::from_bits(number), column, other })
}
