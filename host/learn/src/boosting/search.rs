//! From the rows of nodes to their best splits: histograms are added up, or are what is left of a parent's, and searched.
//!
//! Work is cut by node and tile. In memory, nodes with many rows are cut further; codes in files are gone through block by block for all
//! nodes together.
#![allow(clippy::indexing_slicing, reason = "nodes are numbered as they are made, tiles as they were cut")]

use std::sync::Arc;

use rayon::prelude::*;

use super::codes::Lent;
use super::grow::{Grower, Growing, Round};
use super::partition::RowLists;
use super::quantise::Packed;
use super::settings::Settings;
use super::split::{Best, CategoryLimits, Scratch, Split, categories, consider, ordered};
use super::table::Table;
use super::tiles::{BINS, Tile};

/// Bytes of histograms kept at most, for siblings to be subtracted from; past them both children are added up.
const HISTOGRAM_BYTES: usize = 256 << 20;
/// Rows whose histograms are added up as one piece of work.
const PIECE_ROWS: usize = 32_768;
/// Pieces at most that a node's rows are cut into.
const MOST_PIECES: usize = 16;

/// Histograms to be made: one added up, and maybe its sibling's from what the parent left.
pub(super) struct Job {
    pub(super) built: usize,
    pub(super) histogram: Vec<Packed>,
    /// The sibling and its parent's histogram.
    pub(super) rest: Option<(usize, Vec<Packed>)>,
    pub(super) columns: [Option<Arc<[bool]>>; 2],
    pub(super) wanted: [bool; 2],
    /// Sums of parts of the rows, where they are added up in parts.
    pub(super) pieces: Vec<Vec<Packed>>,
}

impl Grower<'_> {
    /// Makes the histograms and finds the best splits in them.
    pub(super) fn search(&mut self, mut jobs: Vec<Job>, nodes: &mut [Growing], round: &Round<'_>) {
        if self.table.tiles.are_in_files() {
            self.add_blocks(&mut jobs, nodes, round);
        } else {
            self.add_pieces(&mut jobs, nodes, round);
        }
        let tiles = &self.table.tiles;
        let mut tasks = Vec::with_capacity(jobs.len() * tiles.tiles.len());
        for job in &mut jobs {
            let mut rest = job.rest.as_mut().map(|(node, parent)| (*node, tiles.cut(parent)));
            let mut at = 0;
            for (tile, own) in tiles.cut(&mut job.histogram) {
                let sibling = rest.as_mut().and_then(|(node, parts)| Some((*node, parts.next()?.1)));
                let pieces = job.pieces.iter().map(|piece| &piece[at..at + own.len()]).collect();
                at += own.len();
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
        for (job, found) in jobs.into_iter().zip(found.chunks(tiles.tiles.len().max(1))) {
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
        let mut tasks = Vec::new();
        for job in jobs.iter_mut() {
            let node = &nodes[job.built];
            let rows = self.lists.of(node.start, node.end);
            let size = rows.len().div_ceil(job.pieces.len().max(1));
            for (number, piece) in job.pieces.iter_mut().enumerate() {
                let part = rows.part((number * size).min(rows.len()), ((number + 1) * size).min(rows.len()));
                tasks.extend(self.table.tiles.cut(piece).map(|(tile, own)| (tile, part, own)));
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
        let (rows, tiles) = (self.table.codes.rows, &self.table.tiles);
        let length = self.table.codes.block_rows();
        let ranges = jobs.iter().map(|job| (nodes[job.built].start, nodes[job.built].end));
        let mut cuts = self.lists.cut(ranges, length, usize::MAX);
        cuts.sort_by_key(|cut| cut.block);
        for cuts in cuts.chunk_by(|first, second| first.block == second.block) {
            let first = cuts[0].block * length;
            let block: Vec<Lent<'_>> =
                tiles.tiles.par_iter().with_max_len(1).map(|tile| tile.read(first..rows.min(first + length))).collect();
            let mut cuts = cuts.iter().peekable();
            let mut tasks = Vec::new();
            for (number, job) in jobs.iter_mut().enumerate() {
                let Some(cut) = cuts.next_if(|cut| cut.owner == number) else { continue };
                let part = self.lists.of(cut.start, cut.end);
                let parts = tiles.cut(&mut job.pieces[0]).zip(&block);
                tasks.extend(parts.map(|((tile, own), codes)| (tile, codes, part, own)));
            }
            tasks.into_par_iter().with_max_len(1).for_each(|(tile, codes, rows, histogram)| {
                tile.add(codes, first, rows, round.packed, histogram);
            });
        }
    }

    fn fresh(&self) -> Vec<Packed> {
        vec![0; self.table.tiles.histogram_length()]
    }

    pub(super) fn buffer(&mut self) -> Vec<Packed> {
        self.kept += 1;
        self.pool.pop().unwrap_or_else(|| self.fresh())
    }

    pub(super) fn release(&mut self, histogram: Option<Vec<Packed>>) {
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
