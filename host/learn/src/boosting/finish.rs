//! From nodes in the making to a tree: in preorder, with leaves numbered as they come; and rows sent to those leaves.
#![allow(
    clippy::indexing_slicing,
    reason = "nodes name nodes that were made with them; codes are bytes in arrays of 256"
)]

use std::sync::atomic::{AtomicU16, Ordering};

use rayon::prelude::*;

use super::codes::{ColumnCodes, distinct};
use super::grow::Growing;
use super::objective::{Scores, weighted_median};
use super::partition::{Ending, EndingKind};
use super::split::{Judge, SplitTest};
use super::table::Table;
use super::tiles::BINS;
use super::tree::{Node, Tree};

/// Rows of a piece of work.
const BLOCK_ROWS: usize = 4_096;
/// Noted for a node that is no leaf.
const NO_LEAF: u16 = u16::MAX;

/// A grown tree, with what leads rows of codes and not of numbers down it.
pub(super) struct Finished {
    pub(super) tree: Tree,
    /// For each leaf its node.
    leaves: Vec<usize>,
    steps: Vec<Step>,
    tables: Vec<[bool; BINS]>,
}

/// A node for codes.
struct Step {
    column: usize,
    /// The position of the table that says which codes go left.
    table: usize,
    right: usize,
    leaf: u16,
}

impl Finished {
    /// Puts the chosen nodes in order. `values` makes a leaf's value, learning rate included.
    pub(super) fn new(nodes: &[Growing], table: &Table, judge: &Judge, learning_rate: f64, output: usize) -> Self {
        let mut finished = Self {
            tree: Tree { output: output as u32, ..Tree::default() },
            leaves: Vec::new(),
            steps: Vec::new(),
            tables: Vec::new(),
        };
        let mut pending = vec![(0, None)];
        while let Some((number, right_of)) = pending.pop() {
            let position = finished.tree.nodes.len();
            if let Some(parent) = right_of {
                let parent: usize = parent;
                finished.tree.nodes[parent].set_right(position);
                finished.steps[parent].right = position;
            }
            let node: &Growing = &nodes[number];
            let (first, second) = judge.scale.unpack(node.sums);
            finished.tree.covers.push(second as f32);
            match (node.split, node.children) {
                (Some(split), Some((left, right))) if node.chosen => {
                    finished.tree.gains.push(split.gain as f32);
                    let question = match split.test {
                        SplitTest::UpTo(code) => {
                            // Below the number after the edge is up to the edge. Past the last edge there are the missing values
                            // alone.
                            let edges = &table.edges[split.column];
                            let threshold = edges.get(usize::from(code)).map_or(f32::MAX, |edge| edge.next_up());
                            Node::below(split.column, threshold, split.missing_left)
                        }
                        SplitTest::NoneOf(codes) => {
                            finished.tree.sets.push(codes);
                            Node::none_of(split.column, finished.tree.sets.len() - 1, split.missing_left)
                        }
                    };
                    finished.tree.nodes.push(question);
                    let table = finished.tables.len();
                    finished.steps.push(Step { column: split.column, table, right: 0, leaf: NO_LEAF });
                    finished.tables.push(split.table());
                    pending.push((right, Some(position)));
                    pending.push((left, None));
                }
                _ => {
                    finished.tree.gains.push(0.0);
                    let value = learning_rate * judge.weight(first, second, node.bounds);
                    finished.tree.nodes.push(Node::leaf(value as f32));
                    finished.steps.push(Step { column: 0, table: 0, right: 0, leaf: finished.leaves.len() as u16 });
                    finished.leaves.push(position);
                }
            }
        }
        finished
    }

    /// Where the rows that the tree was grown on end up.
    pub(super) fn endings(&self, nodes: &[Growing]) -> Vec<Ending> {
        let mut endings = Vec::new();
        let mut leaf = 0;
        let mut pending = vec![0];
        while let Some(number) = pending.pop() {
            let node = &nodes[number];
            let (start, end) = (node.start, node.end);
            match (node.split, node.children) {
                (Some(split), Some(_)) if node.chosen && !node.parted => {
                    let left = split.table();
                    let leaf_of = Box::new(left.map(|left| leaf + u16::from(!left)));
                    let kind = EndingKind::Question { column: split.column, leaf_of };
                    endings.push(Ending { start, end, kind });
                    leaf += 2;
                }
                (Some(_), Some((left, right))) if node.chosen => pending.extend([right, left]),
                _ => {
                    endings.push(Ending { start, end, kind: EndingKind::Leaf(leaf) });
                    leaf = leaf.wrapping_add(1);
                }
            }
        }
        endings
    }

    /// The leaf that a row comes to. For each step there are the codes of the column that it asks about.
    fn leaf_of(&self, of_steps: &[&[u8]], row: usize) -> u16 {
        let mut position = 0;
        loop {
            let step = &self.steps[position];
            if step.leaf != NO_LEAF {
                return step.leaf;
            }
            let left = self.tables[step.table][usize::from(of_steps[position][row])];
            position = if left { position + 1 } else { step.right };
        }
    }

    /// Notes the leaves of all rows of a table, or of those that are not in a rising list. Row `row` has its leaf at
    /// `row × stride + offset`.
    pub(super) fn note_walked(
        &self,
        codes: &ColumnCodes,
        but: Option<&[u32]>,
        noted: &[AtomicU16],
        stride: usize,
        offset: usize,
    ) {
        let asked = distinct(self.steps.iter().filter(|step| step.leaf == NO_LEAF).map(|step| step.column));
        (0..codes.rows.div_ceil(BLOCK_ROWS)).into_par_iter().for_each(|block| {
            let rows = block * BLOCK_ROWS..codes.rows.min((block + 1) * BLOCK_ROWS);
            let codes = codes.rows(rows.clone(), &asked);
            let of_steps: Vec<&[u8]> = self.steps.iter().map(|step| codes.column(step.column)).collect();
            let mut known = but.map(|but| &but[but.partition_point(|row| (*row as usize) < rows.start)..]);
            for row in rows {
                if let Some([first, rest @ ..]) = known
                    && *first as usize == row
                {
                    known = Some(rest);
                    continue;
                }
                let leaf = self.leaf_of(&of_steps, row - codes.first);
                noted[row * stride + offset].store(leaf, Ordering::Relaxed);
            }
        });
    }

    /// For each leaf its value.
    pub(super) fn values(&self) -> Vec<f32> {
        self.leaves
            .iter()
            .map(|position| match self.tree.nodes[*position].kind() {
                super::tree::Kind::Leaf(value) => value,
                _ => 0.0,
            })
            .collect()
    }

    /// Gives each leaf the median of what is still to be explained of its rows: what minimises the absolute error.
    pub(super) fn set_medians(&mut self, scores: &Scores, learning_rate: f64) {
        let mut residuals = vec![Vec::new(); self.leaves.len()];
        for row in 0..scores.rows() {
            residuals[usize::from(scores.leaves[row].load(Ordering::Relaxed))].push(scores.residual(row));
        }
        let medians: Vec<f64> = residuals.par_iter_mut().map(|residuals| weighted_median(residuals)).collect();
        for (position, median) in self.leaves.iter().zip(medians) {
            self.tree.nodes[*position] = Node::leaf((learning_rate * median) as f32);
        }
    }
}
