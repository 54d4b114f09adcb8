//! Growing one tree: level by level, or the best leaf first.
//!
//! Nodes are expanded in batches: their rows are parted (`partition`), the histograms of the smaller children are added up and
//! those of their siblings are what is left of the parent's, and every child's best split is found (`search`, on `tiles` and `split`). All
//! of it runs in parallel over nodes and tiles. A batch holds nodes that are to be split whatever comes; growing the best leaf first, it
//! holds the next best ones too, ahead of their turn: those whose turn does not come stay leaves.
#![allow(clippy::indexing_slicing, reason = "nodes are numbered as they are made, tiles as they were cut")]

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use rayon::prelude::*;

use super::partition::{Parting, RowLists};
use super::quantise::{Packed, second};
use super::sampling::ColumnDraws;
use super::search::Job;
use super::settings::Settings;
use super::split::{Judge, Parent, Split};
use super::table::Table;
use super::tiles::Rows;

/// Nodes expanded ahead of their turn at most: more would often be in vain.
const AHEAD: usize = 4;
/// Nodes expanded at once at most.
const BATCH: usize = 512;

/// A node in the making.
pub(super) struct Growing {
    pub(super) start: usize,
    pub(super) end: usize,
    depth: usize,
    pub(super) sums: Packed,
    pub(super) bounds: (f64, f64),
    pub(super) histogram: Option<Vec<Packed>>,
    pub(super) split: Option<Split>,
    pub(super) children: Option<(usize, usize)>,
    /// Whether the children's rows lie apart; not on the last level.
    pub(super) parted: bool,
    /// Whether the split is part of the tree.
    pub(super) chosen: bool,
}

/// Grows one tree after another with the same working memory.
pub(super) struct Grower<'a> {
    pub(super) table: &'a Table,
    pub(super) settings: &'a Settings,
    pub(super) lists: RowLists,
    /// Memory of histograms, for the next ones.
    pub(super) pool: Vec<Vec<Packed>>,
    /// Histograms that are kept now.
    pub(super) kept: usize,
}

/// What one tree is grown from.
pub(super) struct Round<'a> {
    pub(super) packed: &'a [Packed],
    pub(super) judge: Judge,
    pub(super) columns: ColumnDraws,
}

impl<'a> Grower<'a> {
    pub(super) fn new(table: &'a Table, settings: &'a Settings) -> Self {
        Self { table, settings, lists: RowLists::default(), pool: Vec::new(), kept: 0 }
    }

    /// Grows a tree on the rows in the lists. The root comes first.
    pub(super) fn grow(&mut self, round: &mut Round<'_>) -> Vec<Growing> {
        let all = self.lists.of(0, self.lists.len());
        let sums = total(all, round.packed);
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        let mut nodes = vec![Growing::new(0, self.lists.len(), 0, sums, bounds)];
        let wanted = self.searchable(&nodes[0], round);
        if wanted {
            let histogram = self.buffer();
            let columns = [round.columns.next(0), None];
            let job = Job { built: 0, histogram, rest: None, columns, wanted: [true, false], pieces: Vec::new() };
            self.search(vec![job], &mut nodes, round);
        }
        if self.settings.best_first {
            self.best_first(&mut nodes, round);
        } else {
            self.level_by_level(&mut nodes, round);
        }
        for node in &mut nodes {
            self.release(node.histogram.take());
        }
        nodes
    }

    fn level_by_level(&mut self, nodes: &mut Vec<Growing>, round: &mut Round<'_>) {
        let mut queue: VecDeque<usize> = (0..1).filter(|root| nodes[*root].split.is_some()).collect();
        let mut leaves = 1;
        while !queue.is_empty() && leaves < self.settings.leaves {
            let count = queue.len().min(BATCH).min(self.settings.leaves - leaves);
            let batch: Vec<usize> = queue.drain(..count).collect();
            leaves += batch.len();
            self.expand(&batch, nodes, round);
            for node in batch {
                nodes[node].chosen = true;
                if let Some((left, right)) = nodes[node].children {
                    queue.extend([left, right].into_iter().filter(|child| nodes[*child].split.is_some()));
                }
            }
        }
    }

    fn best_first(&mut self, nodes: &mut Vec<Growing>, round: &mut Round<'_>) {
        let mut queue = BinaryHeap::new();
        queue.extend(Candidate::of(nodes, 0));
        let mut leaves = 1;
        while leaves < self.settings.leaves {
            let Some(best) = queue.pop() else { break };
            if nodes[best.node].children.is_none() {
                let mut batch = vec![best.node];
                let most = AHEAD.min(self.settings.leaves - leaves);
                let mut looked_at = Vec::new();
                while batch.len() < most
                    && let Some(next) = queue.pop()
                {
                    if nodes[next.node].children.is_none() {
                        batch.push(next.node);
                    }
                    looked_at.push(next);
                }
                queue.extend(looked_at);
                self.expand(&batch, nodes, round);
            }
            nodes[best.node].chosen = true;
            leaves += 1;
            if let Some((left, right)) = nodes[best.node].children {
                queue.extend(Candidate::of(nodes, left));
                queue.extend(Candidate::of(nodes, right));
            }
        }
    }

    /// Gives nodes that have a split their children, and the children their best splits.
    fn expand(&mut self, batch: &[usize], nodes: &mut Vec<Growing>, round: &mut Round<'_>) {
        let mut batch: Vec<(usize, Split)> =
            batch.iter().filter_map(|node| Some((*node, nodes[*node].split?))).collect();
        batch.sort_unstable_by_key(|(node, _)| nodes[*node].start);
        let parted: Vec<(usize, Split)> =
            batch.iter().filter(|(node, _)| nodes[*node].depth + 1 < self.settings.depth).copied().collect();
        let partings: Vec<Parting> = parted
            .iter()
            .map(|(node, split)| Parting {
                start: nodes[*node].start,
                end: nodes[*node].end,
                column: split.column,
                table: split.table(),
            })
            .collect();
        let mut lefts = self.lists.part(&partings, &self.table.codes).into_iter();
        let mut jobs = Vec::new();
        for (node, split) in batch {
            let parent = &nodes[node];
            let is_parted = parent.depth + 1 < self.settings.depth;
            let (start, end, depth) = (parent.start, parent.end, parent.depth + 1);
            let middle = start + if is_parted { lefts.next().unwrap_or(0) } else { 0 };
            let (left_bounds, right_bounds) = self.child_bounds(parent, &split, &round.judge);
            let right_sums = parent.sums.wrapping_sub(split.left);
            let left = nodes.len();
            nodes.push(Growing::new(start, middle, depth, split.left, left_bounds));
            nodes.push(Growing::new(middle, end, depth, right_sums, right_bounds));
            let parent = &mut nodes[node];
            (parent.children, parent.parted) = (Some((left, left + 1)), is_parted);
            let histogram = parent.histogram.take();
            if is_parted {
                self.plan([left, left + 1], histogram, nodes, round, &mut jobs);
            } else {
                self.release(histogram);
            }
        }
        self.search(jobs, nodes, round);
    }

    /// The histograms that two siblings need.
    fn plan(
        &mut self,
        [left, right]: [usize; 2],
        parent: Option<Vec<Packed>>,
        nodes: &[Growing],
        round: &mut Round<'_>,
        jobs: &mut Vec<Job>,
    ) {
        let left_is_small = nodes[left].rows() <= nodes[right].rows();
        let (small, large) = if left_is_small { (left, right) } else { (right, left) };
        let [small_wanted, large_wanted] = [small, large].map(|node| self.searchable(&nodes[node], round));
        let depth = nodes[left].depth;
        let mut columns = |wanted: bool| wanted.then(|| round.columns.next(depth)).flatten();
        let columns = [columns(small_wanted), columns(large_wanted)];
        let wanted = [small_wanted, large_wanted];
        match parent {
            Some(parent) if large_wanted => {
                let histogram = self.buffer();
                let rest = Some((large, parent));
                jobs.push(Job { built: small, histogram, rest, columns, wanted, pieces: Vec::new() });
            }
            parent => {
                self.release(parent);
                for ((node, wanted), columns) in [small, large].into_iter().zip(wanted).zip(columns) {
                    if wanted {
                        let (histogram, columns) = (self.buffer(), [columns, None]);
                        let wanted = [true, false];
                        jobs.push(Job { built: node, histogram, rest: None, columns, wanted, pieces: Vec::new() });
                    }
                }
            }
        }
    }

    /// Whether a node may have a split at all.
    fn searchable(&self, node: &Growing, round: &Round<'_>) -> bool {
        let weight = f64::from(second(node.sums)) / round.judge.scale.second;
        node.rows() > 1
            && node.depth < self.settings.depth
            && weight >= 2.0 * self.settings.penalty.child_weight
            && !self.table.tiles.tiles.is_empty()
    }

    /// What the children's values may be: apart at the middle of theirs, where the column has a direction.
    fn child_bounds(&self, parent: &Growing, split: &Split, judge: &Judge) -> ((f64, f64), (f64, f64)) {
        let (lower, upper) = parent.bounds;
        let direction = self.table.monotone.get(split.column).copied().unwrap_or(0);
        if direction == 0 {
            return (parent.bounds, parent.bounds);
        }
        let weight = |sums: Packed| {
            let (first, second) = judge.scale.unpack(sums);
            judge.weight(first, second, parent.bounds)
        };
        let middle = weight(split.left).midpoint(weight(parent.sums.wrapping_sub(split.left)));
        if direction > 0 { ((lower, middle), (middle, upper)) } else { ((middle, upper), (lower, middle)) }
    }
}

impl Growing {
    fn new(start: usize, end: usize, depth: usize, sums: Packed, bounds: (f64, f64)) -> Self {
        Self {
            start,
            end,
            depth,
            sums,
            bounds,
            histogram: None,
            split: None,
            children: None,
            parted: false,
            chosen: false,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn parent(&self) -> Parent {
        Parent { sums: self.sums, bounds: self.bounds }
    }
}

/// A leaf that can be split. The largest gain comes first, of equal ones the earliest made.
#[derive(PartialEq)]
struct Candidate {
    gain: f64,
    node: usize,
}

impl Candidate {
    fn of(nodes: &[Growing], node: usize) -> Option<Self> {
        nodes[node].split.map(|split| Self { gain: split.gain, node })
    }
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.gain.total_cmp(&other.gain).then(other.node.cmp(&self.node))
    }
}

/// The sums over all rows.
fn total(rows: Rows<'_>, packed: &[Packed]) -> Packed {
    let sum = |packed: Packed, other: Packed| packed.wrapping_add(other);
    match rows {
        Rows::Range(start, end) => {
            packed[start..end].par_chunks(16_384).map(|part| part.iter().copied().fold(0, sum)).reduce(|| 0, sum)
        }
        Rows::Listed(rows) => rows
            .par_chunks(16_384)
            .map(|part| part.iter().map(|row| packed[*row as usize]).fold(0, sum))
            .reduce(|| 0, sum),
    }
}
