//! Growing one tree: level by level, or the best leaf first.
//!
//! Nodes are expanded in batches: their rows are parted (`partition`), the histograms of the smaller children are added up and
//! those of their siblings are what is left of the parent's (`tiles`), and every child's best split is found (`split`). All three
//! run in parallel over nodes and tiles. A batch holds nodes that are to be split whatever comes; growing the best leaf first, it
//! holds the next best ones too, ahead of their turn: those whose turn does not come stay leaves.
#![allow(clippy::indexing_slicing, reason = "nodes are numbered as they are made, tiles as they were cut")]

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use rayon::prelude::*;

use super::codes::Lent;
use super::partition::{Parting, RowLists};
use super::quantise::{Packed, second};
use super::sampling::ColumnDraws;
use super::settings::Settings;
use super::split::{Best, CategoryLimits, Judge, Parent, Scratch, Split, categories, consider, ordered};
use super::table::Table;
use super::tiles::{BINS, Rows, Tile};

/// Nodes expanded ahead of their turn at most: more would often be in vain.
const AHEAD: usize = 4;
/// Nodes expanded at once at most.
const BATCH: usize = 512;
/// Bytes of histograms kept at most, for siblings to be subtracted from; past them both children are added up.
const HISTOGRAM_BYTES: usize = 256 << 20;
/// Rows whose histograms are added up as one piece of work.
const PIECE_ROWS: usize = 32_768;
/// Pieces at most that a node's rows are cut into.
const MOST_PIECES: usize = 16;

/// A node in the making.
pub(super) struct Growing {
    pub(super) start: usize,
    pub(super) end: usize,
    depth: usize,
    pub(super) sums: Packed,
    pub(super) bounds: (f64, f64),
    histogram: Option<Vec<Packed>>,
    pub(super) split: Option<Split>,
    pub(super) children: Option<(usize, usize)>,
    /// Whether the children's rows lie apart; not on the last level.
    pub(super) parted: bool,
    /// Whether the split is part of the tree.
    pub(super) chosen: bool,
}

/// Grows one tree after another with the same working memory.
pub(super) struct Grower<'a> {
    table: &'a Table,
    settings: &'a Settings,
    pub(super) lists: RowLists,
    pool: Vec<Vec<Packed>>,
    kept: usize,
}

/// What one tree is grown from.
pub(super) struct Round<'a> {
    pub(super) packed: &'a [Packed],
    pub(super) judge: Judge,
    pub(super) columns: ColumnDraws,
}

/// Histograms to be made: one added up, and maybe its sibling's from what the parent left.
struct Job {
    built: usize,
    histogram: Vec<Packed>,
    /// The sibling and its parent's histogram.
    rest: Option<(usize, Vec<Packed>)>,
    columns: [Option<Arc<[bool]>>; 2],
    wanted: [bool; 2],
    pieces: Vec<Vec<Packed>>,
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

    /// Makes the histograms and finds the best splits in them.
    fn search(&mut self, mut jobs: Vec<Job>, nodes: &mut [Growing], round: &Round<'_>) {
        if self.table.tiles.are_in_files() {
            self.add_blocks(&mut jobs, nodes, round);
        } else {
            self.add_pieces(&mut jobs, nodes, round);
        }
        let tiles = &self.table.tiles.tiles;
        let mut tasks = Vec::with_capacity(jobs.len() * tiles.len());
        for job in &mut jobs {
            let mut histogram = job.histogram.as_mut_slice();
            let mut rest = job.rest.as_mut().map(|(node, parent)| (*node, parent.as_mut_slice()));
            let mut at = 0;
            for tile in tiles {
                let length = tile.width * BINS;
                let (own, after) = std::mem::take(&mut histogram).split_at_mut(length);
                histogram = after;
                let mut sibling = None;
                if let Some((node, parent)) = rest {
                    let (own, after) = parent.split_at_mut(length);
                    sibling = Some((node, own));
                    rest = Some((node, after));
                }
                let pieces: Vec<&[Packed]> = job.pieces.iter().map(|piece| &piece[at..at + length]).collect();
                at += length;
                tasks.push(Task {
                    tile,
                    built: job.built,
                    own,
                    sibling,
                    pieces,
                    columns: &job.columns,
                    wanted: job.wanted,
                });
            }
        }
        let (table, settings, lists) = (self.table, self.settings, &self.lists);
        let nodes_seen: &[Growing] = nodes;
        let found: Vec<[Best; 2]> = tasks
            .into_par_iter()
            .with_max_len(1)
            .map_init(Scratch::new, |scratch, task| task.run(table, settings, lists, nodes_seen, round, scratch))
            .collect();
        for (job, found) in jobs.into_iter().zip(found.chunks(tiles.len().max(1))) {
            let mut best: [Best; 2] = [None, None];
            for tile in found {
                for (best, found) in best.iter_mut().zip(tile) {
                    if let Some((sides, split)) = found {
                        consider(best, *sides, *split);
                    }
                }
            }
            let Job { built, histogram, rest, pieces, .. } = job;
            pieces.into_iter().for_each(|piece| self.pool.push(piece));
            let rest = rest.map(|(node, histogram)| (node, Some(histogram)));
            for ((node, histogram), best) in [(built, Some(histogram))].into_iter().chain(rest).zip(best) {
                let parent = nodes[node].parent();
                let unsplit = round.judge.unsplit(&parent);
                let split = best
                    .and_then(|(sides, split)| Some(Split { gain: round.judge.improves(sides, unsplit)?, ..split }));
                nodes[node].split = split;
                let bytes = self.kept * size_of::<Packed>() * self.table.tiles.histogram_length();
                if split.is_some() && bytes < HISTOGRAM_BYTES {
                    nodes[node].histogram = histogram;
                } else {
                    self.release(histogram);
                }
            }
        }
    }

    /// Adds up histograms of nodes with many rows in pieces.
    fn add_pieces(&mut self, jobs: &mut [Job], nodes: &[Growing], round: &Round<'_>) {
        for job in jobs.iter_mut() {
            let pieces = nodes[job.built].rows().div_ceil(PIECE_ROWS).min(MOST_PIECES);
            if pieces > 1 {
                job.pieces = (0..pieces).map(|_| self.pool.pop().unwrap_or_else(|| self.fresh())).collect();
            }
        }
        let tiles = &self.table.tiles.tiles;
        let mut tasks = Vec::new();
        for job in jobs.iter_mut() {
            let node = &nodes[job.built];
            let rows = self.lists.of(node.start, node.end);
            let size = rows.len().div_ceil(job.pieces.len().max(1));
            for (number, piece) in job.pieces.iter_mut().enumerate() {
                let part = rows.part((number * size).min(rows.len()), ((number + 1) * size).min(rows.len()));
                let mut piece = piece.as_mut_slice();
                for tile in tiles {
                    let (own, after) = std::mem::take(&mut piece).split_at_mut(tile.width * BINS);
                    piece = after;
                    tasks.push((tile, part, own));
                }
            }
        }
        tasks.into_par_iter().with_max_len(1).for_each(|(tile, rows, histogram)| {
            histogram.fill(0);
            tile.add(&tile.read(0..self.table.codes.rows), 0, rows, round.packed, histogram);
        });
    }

    /// Adds up the histograms of all jobs block by block, so that codes in files are read once, from beginning to end.
    fn add_blocks(&mut self, jobs: &mut [Job], nodes: &[Growing], round: &Round<'_>) {
        for job in jobs.iter_mut() {
            let mut sums = self.pool.pop().unwrap_or_else(|| self.fresh());
            sums.fill(0);
            job.pieces = vec![sums];
        }
        let (rows, tiles) = (self.table.codes.rows, &self.table.tiles.tiles);
        let length = self.table.codes.block_rows();
        let ranges = jobs.iter().map(|job| (nodes[job.built].start, nodes[job.built].end));
        let mut cuts = self.lists.cut(ranges, length, usize::MAX);
        cuts.sort_by_key(|cut| cut.block);
        for cuts in cuts.chunk_by(|first, second| first.block == second.block) {
            let first = cuts[0].block * length;
            let block: Vec<Lent<'_>> =
                tiles.par_iter().with_max_len(1).map(|tile| tile.read(first..rows.min(first + length))).collect();
            let mut cuts = cuts.iter().peekable();
            let mut tasks = Vec::new();
            for (number, job) in jobs.iter_mut().enumerate() {
                let Some(cut) = cuts.next_if(|cut| cut.owner == number) else { continue };
                let part = self.lists.of(cut.start, cut.end);
                let mut sums = job.pieces[0].as_mut_slice();
                for (tile, codes) in tiles.iter().zip(&block) {
                    let (own, after) = std::mem::take(&mut sums).split_at_mut(tile.width * BINS);
                    sums = after;
                    tasks.push((tile, codes, part, own));
                }
            }
            tasks.into_par_iter().with_max_len(1).for_each(|(tile, codes, rows, histogram)| {
                tile.add(codes, first, rows, round.packed, histogram);
            });
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

    fn fresh(&self) -> Vec<Packed> {
        vec![0; self.table.tiles.histogram_length()]
    }

    fn buffer(&mut self) -> Vec<Packed> {
        self.kept += 1;
        self.pool.pop().unwrap_or_else(|| self.fresh())
    }

    fn release(&mut self, histogram: Option<Vec<Packed>>) {
        if let Some(histogram) = histogram {
            self.kept -= 1;
            self.pool.push(histogram);
        }
    }
}

/// One tile of a job.
struct Task<'a> {
    tile: &'a Tile,
    built: usize,
    own: &'a mut [Packed],
    sibling: Option<(usize, &'a mut [Packed])>,
    pieces: Vec<&'a [Packed]>,
    columns: &'a [Option<Arc<[bool]>>; 2],
    wanted: [bool; 2],
}

impl Task<'_> {
    fn run(
        self,
        table: &Table,
        settings: &Settings,
        lists: &RowLists,
        nodes: &[Growing],
        round: &Round<'_>,
        scratch: &mut Scratch,
    ) -> [Best; 2] {
        self.own.fill(0);
        if self.pieces.is_empty() {
            let node = &nodes[self.built];
            let codes = self.tile.read(0..table.codes.rows);
            self.tile.add(&codes, 0, lists.of(node.start, node.end), round.packed, self.own);
        }
        for piece in self.pieces {
            for (sum, part) in self.own.iter_mut().zip(piece) {
                *sum = sum.wrapping_add(*part);
            }
        }
        let mut best = [None, None];
        let mut find = |number: usize, node: usize, histograms: &[Packed]| {
            if !self.wanted[number] {
                return;
            }
            let parent = nodes[node].parent();
            let mask = self.columns[number].as_deref();
            let (histograms, _) = histograms.as_chunks::<BINS>();
            for ((column, bins), histogram) in self.tile.columns.iter().zip(histograms) {
                if mask.is_some_and(|mask| !mask[*column]) {
                    continue;
                }
                let best = &mut best[number];
                if table.categorical[*column] {
                    let limits =
                        CategoryLimits { one_hot_below: settings.one_hot_below, most: settings.most_categories };
                    categories(&round.judge, &parent, limits, *column, histogram, *bins, best);
                } else {
                    let direction = table.monotone[*column];
                    ordered(&round.judge, &parent, direction, *column, histogram, *bins, scratch, best);
                }
            }
        };
        find(0, self.built, self.own);
        if let Some((node, rest)) = self.sibling {
            for (sum, part) in rest.iter_mut().zip(self.own.iter()) {
                *sum = sum.wrapping_sub(*part);
            }
            find(1, node, rest);
        }
        best
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

    fn rows(&self) -> usize {
        self.end - self.start
    }

    fn parent(&self) -> Parent {
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
