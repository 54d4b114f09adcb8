//! A boosted tree: nodes in preorder, twelve bytes each, with what they covered and gained.
//!
//! The left child of a node is the next node; the right one is named. So a walk down always goes forward, and a tree that
//! passes [`Tree::check`] can neither loop nor leave its nodes.
#![allow(
    clippy::indexing_slicing,
    reason = "nodes, columns and sets are in range by `Tree::check`, which every tree from elsewhere passes and every grown tree meets"
)]

use std::hint::select_unpredictable;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::packed;

/// The column of a leaf.
const LEAF: u32 = u32::MAX;
/// Set in the column of a node that sends missing values left.
pub(super) const MISSING_LEFT: u32 = 1 << 31;
/// Set in the column of a node that asks about categories.
const CATEGORIES: u32 = 1 << 30;
/// The column without its marks.
const COLUMN: u32 = CATEGORIES - 1;
/// Columns at most, so that no column looks like a mark.
pub(super) const MOST_COLUMNS: usize = COLUMN as usize;
/// Categories at most.
pub(super) const MOST_CATEGORIES: u32 = 256;

/// Rows that walk down a tree side by side.
const ROWS_ABREAST: usize = 16;

/// A set of categories, as bits.
pub(super) type Categories = [u64; 4];

/// A question, or an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    /// Values below this go left; in a leaf, its value; where categories are asked about, the position of their set as bits.
    number: f32,
    /// The column asked about with its marks, or [`LEAF`].
    column: u32,
    /// The right child.
    right: u32,
}

/// What a node is.
pub(super) enum Kind {
    Leaf(f32),
    Below { column: usize, threshold: f32, missing_left: bool, right: usize },
    NoneOf { column: usize, set: usize, missing_left: bool, right: usize },
}

impl Node {
    pub(super) fn leaf(value: f32) -> Self {
        Self { number: value, column: LEAF, right: 0 }
    }

    /// A question whose right child is not yet known.
    pub(super) fn below(column: usize, threshold: f32, missing_left: bool) -> Self {
        Self { number: threshold, column: column as u32 | mark(missing_left), right: 0 }
    }

    /// A question about categories: those of the set go right.
    pub(super) fn none_of(column: usize, set: usize, missing_left: bool) -> Self {
        Self { number: f32::from_bits(set as u32), column: column as u32 | CATEGORIES | mark(missing_left), right: 0 }
    }

    /// Names the right child.
    pub(super) fn set_right(&mut self, position: usize) {
        self.right = position as u32;
    }

    pub(super) fn kind(&self) -> Kind {
        if self.column == LEAF {
            return Kind::Leaf(self.number);
        }
        let column = (self.column & COLUMN) as usize;
        let missing_left = self.column & MISSING_LEFT != 0;
        let right = self.right as usize;
        if self.column & CATEGORIES == 0 {
            Kind::Below { column, threshold: self.number, missing_left, right }
        } else {
            Kind::NoneOf { column, set: self.number.to_bits() as usize, missing_left, right }
        }
    }
}

fn mark(missing_left: bool) -> u32 {
    if missing_left { MISSING_LEFT } else { 0 }
}

/// Whether a category is not in the set. What is no category from 0 to 255 is in no set.
pub(super) fn is_outside(set: &Categories, value: f32) -> bool {
    !(0.0..MOST_CATEGORIES as f32).contains(&value) || {
        let category = value as usize;
        set[category / 64] >> (category % 64) & 1 == 0
    }
}

/// A tree.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    /// The output that the leaves add to.
    pub(super) output: u32,
    /// The nodes in preorder.
    #[serde(serialize_with = "write_nodes", deserialize_with = "read_nodes")]
    pub(super) nodes: Vec<Node>,
    /// For each node the sum of second derivatives of the rows that came through.
    #[serde(with = "packed")]
    pub(super) covers: Vec<f32>,
    /// For each node what its split gained; 0 in a leaf.
    #[serde(with = "packed")]
    pub(super) gains: Vec<f32>,
    /// Sets of categories that go right.
    #[serde(serialize_with = "write_sets", deserialize_with = "read_sets")]
    pub(super) sets: Vec<Categories>,
}

impl Tree {
    /// For each row the value of the leaf that it comes to. The rows have every column of the model, and go down side by side:
    /// while one waits for its node to come from memory, the others walk on.
    #[inline]
    pub(super) fn leaves<const ROWS: usize>(&self, rows: [&[f32]; ROWS]) -> [f32; ROWS] {
        let mut positions = [0; ROWS];
        let mut walking = true;
        while walking {
            walking = false;
            for (position, row) in positions.iter_mut().zip(rows) {
                let node = &self.nodes[*position];
                if node.column != LEAF {
                    let value = row[(node.column & COLUMN) as usize];
                    let below = if node.column & CATEGORIES == 0 {
                        value < node.number
                    } else {
                        is_outside(&self.sets[node.number.to_bits() as usize], value) & !value.is_nan()
                    };
                    let left = below | (value.is_nan() & (node.column & MISSING_LEFT != 0));
                    // Which way a row goes is as good as random: a branch would be guessed wrongly half of the time.
                    *position = select_unpredictable(left, *position + 1, node.right as usize);
                    walking = true;
                }
            }
        }
        positions.map(|position| self.nodes[position].number)
    }

    /// Adds to the scores, `outputs` for a row, the leaf of each row of [`rows_of`].
    pub(super) fn add_leaves(&self, by_row: &[f32], scores: &mut [f64], outputs: usize) {
        let rows = scores.len() / outputs;
        let columns = by_row.len() / rows.max(1);
        let row = |row: usize| &by_row[row * columns..(row + 1) * columns];
        let output = self.output as usize;
        let abreast = rows - rows % ROWS_ABREAST;
        for first in (0..abreast).step_by(ROWS_ABREAST) {
            let leaves = self.leaves::<ROWS_ABREAST>(std::array::from_fn(|offset| row(first + offset)));
            for (offset, leaf) in leaves.into_iter().enumerate() {
                scores[(first + offset) * outputs + output] += f64::from(leaf);
            }
        }
        for position in abreast..rows {
            let [leaf] = self.leaves([row(position)]);
            scores[position * outputs + output] += f64::from(leaf);
        }
    }

    /// Whether every node leads forward to nodes there are, asks about columns and sets there are, and every leaf is a number.
    pub(super) fn check(&self, columns: usize, outputs: usize) -> Result<(), String> {
        if self.nodes.is_empty() {
            return Err("a tree has no nodes".to_owned());
        }
        if self.output as usize >= outputs {
            return Err(format!("a tree adds to output {} of {outputs}", self.output));
        }
        if self.covers.len() != self.nodes.len() || self.gains.len() != self.nodes.len() {
            return Err("a tree's covers or gains are not one for each node".to_owned());
        }
        if self.covers.iter().chain(&self.gains).any(|number| !number.is_finite() || *number < 0.0) {
            return Err("a node's cover or gain is not a number of zero or more".to_owned());
        }
        for (position, node) in self.nodes.iter().enumerate() {
            let (column, right) = match node.kind() {
                Kind::Leaf(value) if value.is_finite() => continue,
                Kind::Leaf(_) => return Err(format!("the leaf {position} of a tree has no valid value")),
                Kind::Below { threshold, .. } if threshold.is_nan() => {
                    return Err(format!("the node {position} of a tree has no threshold"));
                }
                Kind::NoneOf { set, .. } if set >= self.sets.len() => {
                    return Err(format!("the node {position} of a tree has no categories"));
                }
                Kind::Below { column, right, .. } | Kind::NoneOf { column, right, .. } => (column, right),
            };
            if column >= columns || right <= position + 1 || right >= self.nodes.len() {
                return Err(format!("the node {position} of a tree leads nowhere"));
            }
        }
        Ok(())
    }
}

/// Rows, each with its values side by side.
pub(super) fn rows_of(columns: &[&[f32]], rows: Range<usize>) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * columns.len()];
    for (position, column) in columns.iter().enumerate() {
        for (row, value) in values.chunks_exact_mut(columns.len()).zip(&column[rows.clone()]) {
            row[position] = *value;
        }
    }
    values
}

fn write_nodes<S: Serializer>(nodes: &[Node], serializer: S) -> Result<S::Ok, S::Error> {
    packed::write_triples(nodes.iter().map(|node| [node.number.to_bits(), node.column, node.right]), serializer)
}

fn read_nodes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Node>, D::Error> {
    packed::read_triples(deserializer, |[number, column, right]| Node { number: f32::from_bits(number), column, right })
}

fn write_sets<S: Serializer>(sets: &[Categories], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = sets.iter().flatten().flat_map(|word| word.to_le_bytes()).collect();
    serializer.serialize_bytes(&bytes)
}

fn read_sets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Categories>, D::Error> {
    let bytes = deserializer.deserialize_bytes(packed::Bytes)?;
    let (words, rest) = bytes.as_chunks::<8>();
    let (sets, words_left) = words.as_chunks::<4>();
    if !rest.is_empty() || !words_left.is_empty() {
        return Err(serde::de::Error::custom(format!("{} bytes are no whole number of sets", bytes.len())));
    }
    Ok(sets.iter().map(|set| set.map(u64::from_le_bytes)).collect())
}
