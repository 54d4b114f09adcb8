//! Growing one tree, depth first.
//!
//! The samples of a node lie together; a split parts them in place, stably, so that rows stay in order and memory is read
//! forward. Once a node is small, the codes of its rows are copied into a block of their own: from there on its whole subtree
//! works within the processor's near cache.
#![allow(
    clippy::indexing_slicing,
    reason = "ranges come from partitions of the same slice; columns are below the number of columns"
)]

use kumiko_vocabulary::Control;

use crate::binning::{Binned, MISSING};
use crate::error::Error;
use crate::random::Random;

use super::criterion::{Criterion, Sample};
use super::split::{RowCounts, Split, best_on_column};
use super::tree::{Node, Tree};

/// Bytes of codes that a block of a small node's rows may have: half of a small second-level cache.
const BLOCK_BYTES: usize = 128 * 1024;
/// A block of fewer rows would cost more to copy than it saves.
const LEAST_BLOCK_ROWS: usize = 256;
/// Nodes of at least so many rows ask whether the training is cancelled.
const ROWS_BETWEEN_QUESTIONS: usize = 16_384;

/// When to stop splitting, and how many columns to look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Levels of questions at most.
    pub(super) depth: usize,
    /// Rows that a node needs to be split.
    pub(super) rows_to_split: usize,
    /// Rows that a leaf needs.
    pub(super) rows_in_leaf: usize,
    /// Columns drawn for a node, at least 1.
    pub(super) columns: usize,
}

/// Grows one tree after another with the same working memory.
pub(super) struct Grower<'a, C> {
    binned: &'a Binned,
    limits: Limits,
    criterion: C,
    counts: RowCounts,
    columns: Vec<u32>,
    scratch: Vec<Sample>,
    block: Vec<u8>,
    block_rows: usize,
}

/// Codes of some rows, column after column.
#[derive(Clone, Copy)]
struct View<'a> {
    codes: &'a [u8],
    rows: usize,
    /// Whether these are a small node's rows, copied.
    is_block: bool,
}

impl<'a> View<'a> {
    fn column(&self, column: usize) -> &'a [u8] {
        &self.codes[column * self.rows..(column + 1) * self.rows]
    }
}

/// A node to be grown.
struct Pending {
    start: usize,
    end: usize,
    depth: usize,
    /// The node whose right child this is.
    right_of: Option<usize>,
}

/// A tree in the making.
struct Growth<'a> {
    tree: Tree,
    random: Random,
    /// For each column the weighted decrease of impurity.
    gains: Vec<f64>,
    control: &'a dyn Control,
}

impl<'a, C: Criterion> Grower<'a, C> {
    pub(super) fn new(binned: &'a Binned, limits: Limits, criterion: C) -> Self {
        let columns = binned.edges.len();
        let block_rows = BLOCK_BYTES / columns.max(1);
        Self {
            binned,
            limits,
            criterion,
            counts: RowCounts::new(limits.rows_in_leaf),
            columns: (0..columns as u32).collect(),
            scratch: Vec::new(),
            block: Vec::new(),
            block_rows: if block_rows < LEAST_BLOCK_ROWS { 0 } else { block_rows },
        }
    }

    /// Grows a tree on samples, which are rearranged. Returns it with the decrease of impurity by column, which adds up to 1
    /// unless the tree is a single leaf.
    pub(super) fn grow(
        &mut self,
        samples: &mut [Sample],
        random: Random,
        control: &dyn Control,
    ) -> Result<(Tree, Vec<f64>), Error> {
        // Columns in their first order: a tree depends on its seed alone, not on the trees grown before it by the same thread.
        for (position, column) in self.columns.iter_mut().enumerate() {
            *column = position as u32;
        }
        let mut growth = Growth { tree: Tree::default(), random, gains: vec![0.0; self.columns.len()], control };
        let whole = View { codes: &self.binned.codes, rows: self.binned.rows, is_block: false };
        let root = Pending { start: 0, end: samples.len(), depth: 0, right_of: None };
        self.subtree(whole, samples, root, &mut growth)?;
        let total: f64 = growth.gains.iter().sum();
        if total > 0.0 {
            growth.gains.iter_mut().for_each(|gain| *gain /= total);
        }
        growth.tree.nodes.shrink_to_fit();
        growth.tree.covers.shrink_to_fit();
        Ok((growth.tree, growth.gains))
    }

    fn subtree(
        &mut self,
        view: View<'_>,
        samples: &mut [Sample],
        root: Pending,
        growth: &mut Growth<'_>,
    ) -> Result<(), Error> {
        let mut pending = vec![root];
        while let Some(node) = pending.pop() {
            let rows = node.end - node.start;
            if rows >= ROWS_BETWEEN_QUESTIONS && growth.control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            if !view.is_block && rows <= self.block_rows && rows > self.limits.rows_to_split {
                self.in_block(view, &mut samples[node.start..node.end], &node, growth)?;
                continue;
            }
            let position = growth.tree.nodes.len();
            if let Some(parent) = node.right_of {
                growth.tree.nodes[parent].set_right(position);
            }
            let samples = &mut samples[node.start..node.end];
            let pure = self.criterion.begin_node(samples);
            growth.tree.covers.push(self.criterion.weight().min(f64::from(f32::MAX)) as f32);
            let small = rows < self.limits.rows_to_split
                || rows < 2 * self.limits.rows_in_leaf
                || node.depth >= self.limits.depth;
            let split = if pure || small { None } else { self.best_split(view, samples, &mut growth.random) };
            let Some(split) = split else {
                growth.tree.nodes.push(Node::leaf(self.criterion.leaf(&mut growth.tree.distributions)));
                continue;
            };
            growth.gains[split.column] += (split.score - self.criterion.unsplit()).max(0.0);
            let left = partition(view.column(split.column), &split, samples, &mut self.scratch);
            let threshold = self.binned.threshold(split.column, split.low, split.high);
            // Where no value was missing here, one that is later goes where most rows went.
            let missing_left = split.missing_left.unwrap_or(2 * left >= rows);
            growth.tree.nodes.push(Node::question(split.column, threshold, missing_left));
            let middle = node.start + left;
            let depth = node.depth + 1;
            pending.push(Pending { start: middle, end: node.end, depth, right_of: Some(position) });
            pending.push(Pending { start: node.start, end: middle, depth, right_of: None });
        }
        Ok(())
    }

    /// Grows a subtree on a copy of its rows' codes.
    fn in_block(
        &mut self,
        view: View<'_>,
        samples: &mut [Sample],
        node: &Pending,
        growth: &mut Growth<'_>,
    ) -> Result<(), Error> {
        let rows = samples.len();
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        for column in 0..self.columns.len() {
            let codes = view.column(column);
            block.extend(samples.iter().map(|sample| codes[sample.row as usize]));
        }
        for (row, sample) in samples.iter_mut().enumerate() {
            sample.row = row as u32;
        }
        let root = Pending { start: 0, end: rows, depth: node.depth, right_of: node.right_of };
        let result = self.subtree(View { codes: &block, rows, is_block: true }, samples, root, growth);
        self.block = block;
        result
    }

    /// The best split over columns drawn at random: so many as the limits say, and further ones while none can be split.
    fn best_split(&mut self, view: View<'_>, samples: &[Sample], random: &mut Random) -> Option<Split> {
        let mut best = None;
        let mut splittable = false;
        let total = self.columns.len();
        for drawn in 0..total {
            if drawn >= self.limits.columns && splittable {
                break;
            }
            self.columns.swap(drawn, drawn + random.below(total - drawn));
            let column = self.columns[drawn] as usize;
            splittable |=
                best_on_column(&mut self.criterion, &mut self.counts, column, view.column(column), samples, &mut best);
        }
        best
    }
}

/// Parts the samples in place, each half in its former order. Returns how many are on the left.
fn partition(codes: &[u8], split: &Split, samples: &mut [Sample], scratch: &mut Vec<Sample>) -> usize {
    if scratch.len() < samples.len() {
        scratch.resize(samples.len(), Sample::default());
    }
    let missing_left = split.missing_left == Some(true);
    let mut left = 0;
    let mut right = 0;
    for position in 0..samples.len() {
        let sample = samples[position];
        let code = codes[sample.row as usize];
        let goes_left = if code == MISSING { missing_left } else { code <= split.low };
        // Written to both sides and counted on one: no branch to mispredict.
        samples[left] = sample;
        scratch[right] = sample;
        left += usize::from(goes_left);
        right += usize::from(!goes_left);
    }
    samples[left..].copy_from_slice(&scratch[..right]);
    left
}
