//! Interventional SHAP values of trees: what is not known of a row is taken from a background row, with all the background's
//! dependencies between columns broken (Lundberg and others, From local explanations to global understanding with
//! explainable AI for trees, 2020).
//!
//! Against one background row, a leaf can be reached only if the row or the background row meets all of the path's questions about
//! each column. Its game then depends on how many columns only the row meets (`a`) and only the background row meets (`b`):
//! each of the former gets value × (a − 1)! b! / (a + b)!, each of the latter −value × a! (b − 1)! / (a + b)!.
//!
//! There are two ways to add that up over all background rows, and each tree takes the cheaper one:
//!
//! - Where no path has more than [`TABLED`] columns, each leaf gets a table: for every set of the path's columns that a row may meet,
//!   what each column gets from all background rows together. The sum over background rows is, at each point `t` of a
//!   quadrature (see `path_dependent`), a Kronecker product of one 2 × 2 matrix for each column, applied to the counts of the sets
//!   that background rows meet. A row then reads one line of each leaf's table, however many background rows there are.
//! - Otherwise each pair of rows walks the tree. Where both go the same way there is one way to go, and a pair sees few of
//!   the leaves.
#![allow(clippy::too_many_arguments, reason = "sums are written into memory that the caller keeps")]
#![allow(
    clippy::indexing_slicing,
    reason = "positions come from a checked tree; tables are laid out for sets of a path's columns"
)]

use super::quadrature::gauss_legendre;
use super::tree::{Child, NONE, Tree};

/// Columns of a path for which there are tables.
const TABLED: usize = 9;
/// Numbers in the tables of a tree at most: 16 MiB.
const MOST_TABLED: usize = 2 << 20;
/// Below this both coefficients are looked up; a table of more would be large.
const TABLED_COEFFICIENTS: usize = 512;

/// (i − 1)! j! / (i + j)! for i + j up to a greatest sum.
#[derive(Clone, Debug)]
pub(super) struct Coefficients {
    width: usize,
    table: Vec<f64>,
    /// ln n!, for sums beyond the table.
    logarithms: Vec<f64>,
}

impl Coefficients {
    pub(super) fn new(largest: usize) -> Self {
        let width = largest.min(TABLED_COEFFICIENTS) + 1;
        let mut table = vec![0.0; width * width];
        for first in 1..width {
            table[first * width] = 1.0 / first as f64;
            for second in 1..width {
                let before = table[first * width + second - 1];
                table[first * width + second] = before * second as f64 / (first + second) as f64;
            }
        }
        let mut logarithms = vec![0.0];
        if largest > TABLED_COEFFICIENTS {
            let mut sum = 0.0;
            logarithms.extend((1..=largest).map(|number| {
                sum += (number as f64).ln();
                sum
            }));
        }
        Self { width, table, logarithms }
    }

    #[inline]
    fn of(&self, first: usize, second: usize) -> f64 {
        if first < self.width && second < self.width {
            return self.table[first * self.width + second];
        }
        if first == 0 {
            return 0.0;
        }
        (self.logarithms[first - 1] + self.logarithms[second] - self.logarithms[first + second]).exp()
    }
}

/// A tree with what all rows share.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) tree: Tree,
    tables: Option<Tables>,
}

/// For each leaf a table with a line for every set of columns that a row may meet and a number for each column.
#[derive(Clone, Debug)]
struct Tables {
    /// Where each leaf's table begins.
    starts: Vec<usize>,
    numbers: Vec<f64>,
    /// The columns of each leaf's path, in the order of their numbers.
    columns: Vec<u32>,
    /// Where each leaf's columns begin.
    column_starts: Vec<usize>,
}

impl Prepared {
    /// Prepares a tree for `rows` rows. `background` holds the background rows, row after row. Pairs of rows that are scaled one by
    /// one (`scaled`) cannot be put into tables.
    pub(super) fn new(tree: Tree, rows: usize, background: &[f32], columns: usize, scaled: bool) -> Self {
        let tables = (!scaled && tables_are_cheaper(&tree, rows, background.len() / columns))
            .then(|| Tables::new(&tree, background, columns));
        Self { tree, tables }
    }

    /// Adds each row's SHAP values, summed over the background rows. `scale(row, background row)` multiplies a pair's.
    pub(super) fn add(
        &self,
        rows: &[f32],
        background: &[f32],
        size: Size,
        coefficients: &Coefficients,
        scratch: &mut Scratch,
        scale: Option<&dyn Fn(usize, usize) -> f64>,
        sums: &mut [f64],
    ) {
        if self.tree.splits.is_empty() {
            return;
        }
        let Size { columns, outputs } = size;
        let rows = rows.chunks_exact(columns).zip(sums.chunks_exact_mut(columns * outputs));
        if let Some(tables) = &self.tables {
            for (row, sums) in rows {
                tables.add(&self.tree, row, columns, &mut scratch.met, sums);
            }
            return;
        }
        scratch.states.clear();
        scratch.states.resize(self.tree.splits.len() + 1, [UNDECIDED; 2]);
        for (number, (row, sums)) in rows.enumerate() {
            for (other, background) in background.chunks_exact(columns).enumerate() {
                let scale = scale.map_or(1.0, |scale| scale(number, other));
                walk_pair(&self.tree, row, background, scratch);
                for output in 0..self.tree.width {
                    let start = (self.tree.output + output) * columns;
                    let sums = &mut sums[start..start + columns];
                    add_pair(&self.tree, output, coefficients, scratch, scale, sums);
                }
            }
        }
    }
}

/// The numbers of columns and outputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) columns: usize,
    pub(super) outputs: usize,
}

/// Compares the costs of both ways in nanoseconds, roughly: what decides is how the numbers of rows multiply.
fn tables_are_cheaper(tree: &Tree, rows: usize, background: usize) -> bool {
    if tree.order > TABLED {
        return false;
    }
    let (mut numbers, mut build, mut read, mut pair) = (0, 0.0, 0.0, 0.0);
    for distinct in &tree.distinct {
        let lines = 1_usize << distinct;
        numbers += lines * *distinct as usize;
        let distinct = f64::from(*distinct);
        build += lines as f64 * distinct * (distinct / 2.0) * 2.0 + background as f64 * 4.0;
        read += 5.0 + distinct;
        // A column is met by the row or the background row in three of four cases.
        pair += 20.0 * 0.75_f64.powf(distinct);
    }
    let rows = rows as f64;
    numbers <= MOST_TABLED && build + rows * read < rows * background as f64 * pair
}

impl Tables {
    fn new(tree: &Tree, background: &[f32], columns: usize) -> Self {
        let leaves = tree.distinct.len();
        let (mut starts, mut column_starts) = (vec![0; leaves + 1], vec![0; leaves + 1]);
        for (leaf, distinct) in tree.distinct.iter().enumerate() {
            starts[leaf + 1] = starts[leaf] + ((*distinct as usize) << distinct);
            column_starts[leaf + 1] = column_starts[leaf] + *distinct as usize;
        }
        let mut tables =
            Self { numbers: vec![0.0; starts[leaves]], columns: vec![0; column_starts[leaves]], starts, column_starts };
        tables.name_columns(tree);
        // Which of a leaf's sets how many background rows meet.
        let mut counts_starts = vec![0; leaves + 1];
        for (leaf, distinct) in tree.distinct.iter().enumerate() {
            counts_starts[leaf + 1] = counts_starts[leaf] + (1 << distinct);
        }
        let mut counts = vec![0.0; counts_starts[leaves]];
        let mut met = Vec::new();
        for row in background.chunks_exact(columns) {
            walk_sets(tree, row, &mut met, |leaf, set| counts[counts_starts[leaf] + set] += 1.0);
        }
        let rules: Vec<Vec<(f64, f64)>> = (0..=TABLED).map(|order| gauss_legendre(order.div_ceil(2))).collect();
        let mut sums = vec![0.0; 1 << TABLED];
        for (leaf, distinct) in tree.distinct.iter().enumerate() {
            let distinct = *distinct as usize;
            let lines = &mut tables.numbers[tables.starts[leaf]..tables.starts[leaf + 1]];
            for (point, weight) in &rules[distinct] {
                let sums = &mut sums[..1 << distinct];
                sums.copy_from_slice(&counts[counts_starts[leaf]..counts_starts[leaf + 1]]);
                transform(sums, *point);
                add_lines(lines, sums, distinct, *point, *weight);
            }
        }
        tables
    }

    fn name_columns(&mut self, tree: &Tree) {
        let mut pending = vec![(tree.root(), Vec::new())];
        while let Some((place, mut path)) = pending.pop() {
            match place {
                Child::Leaf(leaf) => {
                    self.columns[self.column_starts[leaf]..self.column_starts[leaf + 1]].copy_from_slice(&path);
                }
                Child::Split(split) => {
                    let split = &tree.splits[split];
                    if split.same == NONE {
                        path.push(split.column);
                    }
                    pending.push((split.left(), path.clone()));
                    pending.push((split.right(), path));
                }
            }
        }
    }

    fn add(&self, tree: &Tree, row: &[f32], columns: usize, met: &mut Vec<u32>, sums: &mut [f64]) {
        walk_sets(tree, row, met, |leaf, set| {
            let names = &self.columns[self.column_starts[leaf]..self.column_starts[leaf + 1]];
            let start = self.starts[leaf] + set * names.len();
            let line = &self.numbers[start..start + names.len()];
            for (output, value) in tree.values(leaf).iter().enumerate() {
                let sums = &mut sums[(tree.output + output) * columns..(tree.output + output + 1) * columns];
                for (column, number) in names.iter().zip(line) {
                    sums[*column as usize] += value * number;
                }
            }
        });
    }
}

/// Calls `visit` for each leaf with the set of its path's columns that the row meets, a bit for each.
fn walk_sets(tree: &Tree, row: &[f32], met: &mut Vec<u32>, mut visit: impl FnMut(usize, usize)) {
    met.resize(tree.splits.len(), 0);
    if let Some(first) = met.first_mut() {
        *first = u32::MAX;
    }
    for (position, split) in tree.splits.iter().enumerate() {
        let left = tree.goes_left(split, row);
        let above = met[position];
        let bit = 1 << split.ordinal;
        for (child, goes) in [(split.left(), left), (split.right(), !left)] {
            let set = above & !(if goes { 0 } else { bit });
            match child {
                Child::Split(below) => met[below] = set,
                Child::Leaf(leaf) => visit(leaf, set as usize & ((1 << tree.distinct[leaf]) - 1)),
            }
        }
    }
}

/// Turns counts of the sets that background rows meet into, for each set that a row meets, the sum over background rows of the
/// chance that the leaf is reached where each column is the row's with the chance `point`.
fn transform(sums: &mut [f64], point: f64) {
    let mut step = 1;
    while step < sums.len() {
        for pair in sums.chunks_exact_mut(2 * step) {
            let (missed, met) = pair.split_at_mut(step);
            for (missed, met) in missed.iter_mut().zip(met) {
                (*missed, *met) = ((1.0 - point) * *met, point * *missed + *met);
            }
        }
        step *= 2;
    }
}

/// Adds one point's part of the integral to a leaf's lines.
fn add_lines(lines: &mut [f64], sums: &[f64], distinct: usize, point: f64, weight: f64) {
    let (with_row, with_background) = (weight / point, weight / (1.0 - point));
    for (set, line) in lines.chunks_exact_mut(distinct.max(1)).enumerate() {
        for (column, number) in line.iter_mut().enumerate() {
            let bit = 1 << column;
            // Where the row meets the column, background rows that meet it too change nothing and are taken out.
            *number += if set & bit == 0 {
                -with_background * sums[set]
            } else {
                with_row * (sums[set] - sums[set & !bit] / (1.0 - point))
            };
        }
    }
}

/// Both rows have met the path's questions about a column.
const UNDECIDED: u8 = 0;
/// Only the row has: the path follows it.
const ROW: u8 = 1;
/// Only the background row has.
const BACKGROUND: u8 = 2;

/// A place where a pair of rows parts, or a leaf that it reaches.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Parting { column: u32 },
    Leaf { leaf: u32, by_row: u32, by_background: u32 },
}

/// Working memory, to be kept from tree to tree.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    met: Vec<u32>,
    /// For each question and side who decides about its column below; the last entry is for columns that are new.
    states: Vec<[u8; 2]>,
    entries: Vec<Entry>,
    pending: Vec<(Child, u32, u32)>,
    sums: Vec<(f64, f64)>,
}

/// Walks all ways that a pair of rows may go: at each parting the row's first, then the background row's.
fn walk_pair(tree: &Tree, row: &[f32], background: &[f32], scratch: &mut Scratch) {
    let Scratch { states, entries, pending, .. } = scratch;
    entries.clear();
    let mut next = Some((tree.root(), 0, 0));
    while let Some((place, by_row, by_background)) = next {
        let position = match place {
            Child::Split(position) => position,
            Child::Leaf(leaf) => {
                entries.push(Entry::Leaf { leaf: leaf as u32, by_row, by_background });
                next = pending.pop();
                continue;
            }
        };
        let split = &tree.splits[position];
        let same = if split.same == NONE { tree.splits.len() } else { split.same as usize };
        let side = |left: bool| if left { split.left() } else { split.right() };
        let decided = states[same][usize::from(split.same_right)];
        next = if decided == UNDECIDED {
            let (left, background_left) = (tree.goes_left(split, row), tree.goes_left(split, background));
            if left == background_left {
                states[position] = [UNDECIDED; 2];
                Some((side(left), by_row, by_background))
            } else {
                states[position] = if left { [ROW, BACKGROUND] } else { [BACKGROUND, ROW] };
                entries.push(Entry::Parting { column: split.column });
                pending.push((side(background_left), by_row, by_background + 1));
                Some((side(left), by_row + 1, by_background))
            }
        } else {
            states[position] = [decided; 2];
            let left = tree.goes_left(split, if decided == ROW { row } else { background });
            Some((side(left), by_row, by_background))
        };
    }
}

/// Adds up what a pair's leaves bring to each column: at a parting, the row's side brings the column what each of its leaves gives
/// to a column that only the row meets, and the background row's side takes what each of its leaves takes.
fn add_pair(
    tree: &Tree,
    output: usize,
    coefficients: &Coefficients,
    scratch: &mut Scratch,
    scale: f64,
    sums: &mut [f64],
) {
    let Scratch { entries, sums: stack, .. } = scratch;
    stack.clear();
    for entry in entries.iter().rev() {
        match *entry {
            Entry::Leaf { leaf, by_row, by_background } => {
                let value = scale * tree.leaves[leaf as usize * tree.width + output];
                let (by_row, by_background) = (by_row as usize, by_background as usize);
                let given = value * coefficients.of(by_row, by_background);
                stack.push((given, value * coefficients.of(by_background, by_row)));
            }
            Entry::Parting { column } => {
                // The row's side was walked last on the way back, so it lies on top.
                let (by_row, by_background) = (stack.pop().unwrap_or_default(), stack.pop().unwrap_or_default());
                sums[column as usize] += by_row.0 - by_background.1;
                stack.push((by_row.0 + by_background.0, by_row.1 + by_background.1));
            }
        }
    }
}
