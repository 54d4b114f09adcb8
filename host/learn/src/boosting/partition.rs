//! Parting the rows of nodes: those that go left come first, each side in its former order.
//!
//! A node's rows are cut into chunks. Each chunk is parted into its stretch of a second list (left rows from the front, right rows
//! from the back), then the stretches are copied back to where they belong. Chunks run in parallel, of one node and of many.
#![allow(
    clippy::indexing_slicing,
    reason = "chunks and pieces are cut from the nodes' ranges, which do not overlap; rows are below the number of rows"
)]

use std::sync::atomic::{AtomicU16, Ordering};

use rayon::prelude::*;

use super::codes::ColumnCodes;
use super::tiles::{BINS, Rows};

/// Rows of a chunk at most.
const CHUNK_ROWS: usize = 16_384;

/// The lists of rows that nodes are ranges of.
#[derive(Default)]
pub(super) struct RowLists {
    rows: Vec<u32>,
    second: Vec<u32>,
    /// Whether the list is yet to be written, and stands for every row in order.
    all: bool,
}

/// A node to be parted.
pub(super) struct Parting {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The column asked about.
    pub(super) column: usize,
    /// For each code whether it goes left.
    pub(super) table: [bool; BINS],
}

/// A part of a range of the lists whose rows are of one block of codes.
pub(super) struct Cut {
    /// The range's position among those that were cut.
    pub(super) owner: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) block: usize,
}

/// A chunk of a node.
struct Chunk<'a> {
    cut: &'a Cut,
    number: usize,
    rows: &'a mut [u32],
    second: &'a mut [u32],
    whole: bool,
}

impl RowLists {
    /// Starts with every row, or with those listed.
    pub(super) fn begin(&mut self, rows: usize, sampled: Option<&[u32]>) {
        self.all = sampled.is_none();
        match sampled {
            Some(sampled) => {
                self.rows.clear();
                self.rows.extend_from_slice(sampled);
                self.second.resize(sampled.len(), 0);
            }
            None => {
                self.rows.resize(rows, 0);
                self.second.resize(rows, 0);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a node.
    pub(super) fn of(&self, start: usize, end: usize) -> Rows<'_> {
        if self.all { Rows::Range(start, end) } else { Rows::Listed(&self.rows[start..end]) }
    }

    /// Cuts ranges where a new block begins and after `most` rows.
    pub(super) fn cut(&self, ranges: impl Iterator<Item = (usize, usize)>, block_rows: usize, most: usize) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for (owner, (mut start, end)) in ranges.enumerate() {
            while start < end {
                let rest = self.of(start, end);
                let block = rest.first() / block_rows;
                // The rows of a range rise.
                let count = rest.before((block + 1) * block_rows).min(most);
                cuts.push(Cut { owner, start, end: start + count, block });
                start += count;
            }
        }
        cuts
    }

    /// Parts nodes, which are in the order of their starts. Returns for each how many rows went left.
    pub(super) fn part(&mut self, nodes: &[Parting], codes: &ColumnCodes) -> Vec<usize> {
        if nodes.is_empty() {
            return Vec::new();
        }
        let cuts = self.cut(nodes.iter().map(|node| (node.start, node.end)), codes.block_rows(), CHUNK_ROWS);
        let all = std::mem::take(&mut self.all);
        let mut chunks = Vec::with_capacity(cuts.len());
        let (mut rows, mut second, mut at) = (self.rows.as_mut_slice(), self.second.as_mut_slice(), 0);
        for (number, cut) in cuts.iter().enumerate() {
            let node = &nodes[cut.owner];
            skip(&mut rows, cut.start - at);
            skip(&mut second, cut.start - at);
            let length = cut.end - cut.start;
            let whole = length == node.end - node.start;
            let (rows, second) = (take(&mut rows, length), take(&mut second, length));
            chunks.push(Chunk { cut, number, rows, second, whole });
            at = cut.end;
        }
        chunks.sort_by_key(|chunk| chunk.cut.block);
        let mut counts = vec![0; cuts.len()];
        for chunks in chunks.chunk_by_mut(|first, second| first.cut.block == second.cut.block) {
            let block = codes.block(chunks[0].cut.block, chunks.iter().map(|chunk| nodes[chunk.cut.owner].column));
            let lefts: Vec<usize> = chunks
                .par_iter_mut()
                .with_max_len(1)
                .map(|chunk| {
                    let node = &nodes[chunk.cut.owner];
                    let (codes, table) = (block.column(node.column), &node.table);
                    let left = if all {
                        let rows = (chunk.cut.start..).map(|row| row as u32);
                        part_chunk(rows, chunk.second, codes, block.first, table)
                    } else {
                        part_chunk(chunk.rows.iter().copied(), chunk.second, codes, block.first, table)
                    };
                    if chunk.whole {
                        copy_back(chunk.second, left, chunk.rows);
                    }
                    left
                })
                .collect();
            for (chunk, left) in chunks.iter().zip(lefts) {
                counts[chunk.number] = left;
            }
        }
        let mut lefts = vec![0; nodes.len()];
        for (cut, left) in cuts.iter().zip(&counts) {
            lefts[cut.owner] += left;
        }
        self.gather(nodes, &cuts, &counts);
        lefts
    }

    /// Copies the parts of nodes that have several, `lefts` of each on the left side, to where they belong.
    fn gather(&mut self, nodes: &[Parting], cuts: &[Cut], lefts: &[usize]) {
        let mut pieces: Vec<(&mut [u32], &[u32], bool)> = Vec::new();
        let (mut rows, mut at, mut number) = (self.rows.as_mut_slice(), 0, 0);
        for cuts in cuts.chunk_by(|first, second| first.owner == second.owner) {
            let lefts = &lefts[number..number + cuts.len()];
            number += cuts.len();
            if cuts.len() == 1 {
                continue;
            }
            let node = &nodes[cuts[0].owner];
            skip(&mut rows, node.start - at);
            for (cut, left) in cuts.iter().zip(lefts) {
                pieces.push((take(&mut rows, *left), &self.second[cut.start..cut.start + left], false));
            }
            for (cut, left) in cuts.iter().zip(lefts) {
                let length = cut.end - cut.start - left;
                pieces.push((take(&mut rows, length), &self.second[cut.start + left..cut.end], true));
            }
            at = node.end;
        }
        pieces.into_par_iter().for_each(|(to, from, reversed)| {
            if reversed {
                to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
            } else {
                to.copy_from_slice(from);
            }
        });
    }

    /// Notes leaves of rows: for each range its leaf, or the leaves of the two sides of a last question. Row `row` has its leaf at
    /// `row × stride + offset`.
    pub(super) fn note_leaves(
        &self,
        endings: &[Ending],
        codes: &ColumnCodes,
        noted: &[AtomicU16],
        stride: usize,
        offset: usize,
    ) {
        let ranges = endings.iter().map(|ending| (ending.start, ending.end));
        let mut cuts = self.cut(ranges, codes.block_rows(), CHUNK_ROWS);
        cuts.sort_by_key(|cut| cut.block);
        for cuts in cuts.chunk_by(|first, second| first.block == second.block) {
            let column = |cut: &Cut| match &endings[cut.owner].kind {
                EndingKind::Leaf(_) => None,
                EndingKind::Question { column, .. } => Some(*column),
            };
            let block = codes.block(cuts[0].block, cuts.iter().filter_map(column));
            cuts.par_iter().with_max_len(4).for_each(|cut| {
                let place = |row: usize| &noted[row * stride + offset];
                let rows = self.of(cut.start, cut.end);
                match &endings[cut.owner].kind {
                    EndingKind::Leaf(leaf) => rows.for_each(|row| place(row).store(*leaf, Ordering::Relaxed)),
                    EndingKind::Question { column, leaf_of } => {
                        let codes = block.column(*column);
                        rows.for_each(|row| {
                            place(row).store(leaf_of[usize::from(codes[row - block.first])], Ordering::Relaxed);
                        });
                    }
                }
            });
        }
    }
}

/// Where rows end up.
pub(super) struct Ending {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: EndingKind,
}

/// In a leaf, or in one of two by a last question that the rows were not parted by.
pub(super) enum EndingKind {
    Leaf(u16),
    Question {
        /// The column asked about.
        column: usize,
        /// For each code the leaf.
        leaf_of: Box<[u16; BINS]>,
    },
}

fn skip(list: &mut &mut [u32], count: usize) {
    take(list, count);
}

fn take<'a>(list: &mut &'a mut [u32], count: usize) -> &'a mut [u32] {
    let (taken, rest) = std::mem::take(list).split_at_mut(count);
    *list = rest;
    taken
}

/// Left rows from the front, right rows from the back; how many are left. The codes begin with those of the row `first`.
#[inline]
fn part_chunk(
    rows: impl Iterator<Item = u32>,
    second: &mut [u32],
    codes: &[u8],
    first: usize,
    table: &[bool; BINS],
) -> usize {
    let mut left = 0;
    let mut right = second.len();
    for row in rows.take(second.len()) {
        let goes_left = table[usize::from(codes[row as usize - first])];
        // Which side a row goes to is as good as random: the place is chosen without a branch.
        let place = std::hint::select_unpredictable(goes_left, left, right.wrapping_sub(1));
        second[place] = row;
        left += usize::from(goes_left);
        right -= usize::from(!goes_left);
    }
    left
}

fn copy_back(second: &[u32], left: usize, rows: &mut [u32]) {
    let (to_left, to_right) = rows.split_at_mut(left);
    let (from_left, from_right) = second.split_at(left);
    to_left.copy_from_slice(from_left);
    to_right.iter_mut().zip(from_right.iter().rev()).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests {
    use super::super::codes::{CodeFile, FILE_BLOCK_ROWS};
    use super::*;
    use crate::binning::Binned;

    /// The same codes in memory and in a file.
    fn both(rows: usize, columns: [Vec<u8>; 2]) -> [ColumnCodes; 2] {
        let codes = columns.concat();
        let file = CodeFile::new(&tempfile::tempfile).unwrap();
        file.write(&codes, 0).unwrap();
        let binned = Binned { rows, codes, edges: Vec::new() };
        [ColumnCodes::from(binned), ColumnCodes::new(rows, file)]
    }

    #[test]
    fn rows_are_parted_stably_in_one_chunk_and_in_many_in_memory_and_in_a_file() {
        let rows = FILE_BLOCK_ROWS + 3 * CHUNK_ROWS + 17;
        let codes: Vec<u8> = (0..rows).map(|row| (row * 7_919 % 256) as u8).collect();
        for columns in both(rows, [codes.clone(), vec![0; rows]]) {
            let mut lists = RowLists::default();
            lists.begin(rows, None);
            let table = std::array::from_fn(|code| code < 100);
            let lefts = lists.part(&[Parting { start: 0, end: rows, column: 0, table }], &columns);
            let (left, right): (Vec<u32>, Vec<u32>) = (0..rows as u32).partition(|row| codes[*row as usize] < 100);
            assert_eq!(lefts, [left.len()]);
            let expected = [left.as_slice(), &right].concat();
            assert_eq!(lists.rows, expected);
            let small = Parting { start: 5, end: 905, column: 1, table: [true; BINS] };
            let even = std::array::from_fn(|code| code % 2 == 0);
            let wide = Parting { start: left.len(), end: rows, column: 0, table: even };
            let count = right.iter().filter(|row| codes[**row as usize].is_multiple_of(2)).count();
            assert_eq!(lists.part(&[small, wide], &columns), [900, count]);
            let (even, odd): (Vec<u32>, Vec<u32>) =
                right.iter().partition(|row| codes[**row as usize].is_multiple_of(2));
            assert_eq!(lists.rows, [left.as_slice(), &even, &odd].concat());
        }
    }
}
