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

use super::tiles::{BINS, Rows};

/// Rows of a chunk.
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
pub(super) struct Parting<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    /// The codes of the column asked about.
    pub(super) codes: &'a [u8],
    /// For each code whether it goes left.
    pub(super) table: [bool; BINS],
}

/// A chunk of a node.
struct Chunk<'a> {
    node: usize,
    start: usize,
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

    /// Parts nodes, which are in the order of their starts. Returns for each how many rows went left.
    pub(super) fn part(&mut self, nodes: &[Parting<'_>]) -> Vec<usize> {
        if nodes.is_empty() {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.all);
        let mut chunks = Vec::new();
        let (mut rows, mut second, mut at) = (self.rows.as_mut_slice(), self.second.as_mut_slice(), 0);
        for (number, node) in nodes.iter().enumerate() {
            skip(&mut rows, node.start - at);
            skip(&mut second, node.start - at);
            for start in (node.start..node.end).step_by(CHUNK_ROWS) {
                let length = CHUNK_ROWS.min(node.end - start);
                let whole = length == node.end - node.start;
                let (rows, second) = (take(&mut rows, length), take(&mut second, length));
                chunks.push(Chunk { node: number, start, rows, second, whole });
            }
            at = node.end;
        }
        let counts: Vec<usize> = chunks
            .par_iter_mut()
            .with_max_len(1)
            .map(|chunk| {
                let node = &nodes[chunk.node];
                let left = if all {
                    part_chunk((chunk.start..).map(|row| row as u32), chunk.second, node)
                } else {
                    part_chunk(chunk.rows.iter().copied(), chunk.second, node)
                };
                if chunk.whole {
                    copy_back(chunk.second, left, chunk.rows);
                }
                left
            })
            .collect();
        let mut lefts = vec![0; nodes.len()];
        let cut: Vec<(usize, usize, usize, usize)> = chunks
            .iter()
            .zip(counts)
            .map(|(chunk, left)| {
                lefts[chunk.node] += left;
                (chunk.node, chunk.start, chunk.second.len(), left)
            })
            .collect();
        self.gather(nodes, &cut);
        lefts
    }

    /// Copies the chunks (node, start, length, left rows) of nodes that have several to where they belong.
    fn gather(&mut self, nodes: &[Parting<'_>], chunks: &[(usize, usize, usize, usize)]) {
        let mut pieces: Vec<(&mut [u32], &[u32], bool)> = Vec::new();
        let (mut rows, mut at) = (self.rows.as_mut_slice(), 0);
        for chunks in chunks.chunk_by(|first, second| first.0 == second.0) {
            let node = &nodes[chunks[0].0];
            if chunks.len() == 1 {
                continue;
            }
            skip(&mut rows, node.start - at);
            for (_, start, _, left) in chunks {
                pieces.push((take(&mut rows, *left), &self.second[*start..start + left], false));
            }
            for (_, start, length, left) in chunks {
                pieces.push((take(&mut rows, length - left), &self.second[start + left..start + length], true));
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
    pub(super) fn note_leaves(&self, endings: &[Ending<'_>], noted: &[AtomicU16], stride: usize, offset: usize) {
        let chunks: Vec<(&Ending<'_>, usize)> = endings
            .iter()
            .flat_map(|ending| (ending.start..ending.end).step_by(CHUNK_ROWS).map(move |start| (ending, start)))
            .collect();
        chunks.into_par_iter().with_max_len(4).for_each(|(ending, start)| {
            let note = |row: usize| {
                let leaf = match &ending.kind {
                    EndingKind::Leaf(leaf) => *leaf,
                    EndingKind::Question { codes, leaf_of } => leaf_of[usize::from(codes[row])],
                };
                noted[row * stride + offset].store(leaf, Ordering::Relaxed);
            };
            match self.of(start, ending.end.min(start + CHUNK_ROWS)) {
                Rows::Range(start, end) => (start..end).for_each(note),
                Rows::Listed(rows) => rows.iter().for_each(|row| note(*row as usize)),
            }
        });
    }
}

/// Where rows end up.
pub(super) struct Ending<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: EndingKind<'a>,
}

/// In a leaf, or in one of two by a last question that the rows were not parted by.
pub(super) enum EndingKind<'a> {
    Leaf(u16),
    Question {
        codes: &'a [u8],
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

/// Left rows from the front, right rows from the back; how many are left.
#[inline]
fn part_chunk(rows: impl Iterator<Item = u32>, second: &mut [u32], node: &Parting<'_>) -> usize {
    let mut left = 0;
    let mut right = second.len();
    for row in rows.take(second.len()) {
        let goes_left = node.table[usize::from(node.codes[row as usize])];
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
    use super::*;

    #[test]
    fn rows_are_parted_stably_in_one_chunk_and_in_many() {
        let rows = 3 * CHUNK_ROWS + 17;
        let codes: Vec<u8> = (0..rows).map(|row| (row * 7_919 % 256) as u8).collect();
        let mut lists = RowLists::default();
        lists.begin(rows, None);
        let table = std::array::from_fn(|code| code < 100);
        let lefts = lists.part(&[Parting { start: 0, end: rows, codes: &codes, table }]);
        let (mut expected, right): (Vec<u32>, Vec<u32>) = (0..rows as u32).partition(|row| codes[*row as usize] < 100);
        assert_eq!(lefts, [expected.len()]);
        expected.extend(right);
        assert_eq!(lists.rows, expected);
        let small = Parting { start: 5, end: 905, codes: &vec![0; rows], table: [true; BINS] };
        let wide = Parting { start: 1_000, end: rows, codes: &codes, table: std::array::from_fn(|code| code % 2 == 0) };
        assert_eq!(lists.part(&[small, wide])[0], 900);
        let mut sorted = lists.rows.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(row, listed)| row == *listed as usize));
        assert_eq!(lists.rows[..1_000], expected[..1_000]);
    }
}
