//! Path-dependent SHAP values of trees: what a question without an answer would lead to is weighted by the shares of the training
//! rows that went each way (Lundberg, Erion and Lee, Consistent individualized feature attribution for tree ensembles, 2018).
//!
//! The game that a leaf plays is a product over the distinct columns of its path: of a column that is known, whether the row
//! meets all of the path's questions about it (1 or 0); of one that is not, the product `z` of the shares on the path. The
//! Shapley value of such a game is an integral over `t`, the chance of a column to be known (Owen, Multilinear
//! extensions of games, 1972):
//!
//! φ = Σ over leaves of value × (met − z) × ∫₀¹ Π over the path's other columns of (t × met + (1 − t) × z) dt
//!
//! The product is a polynomial of a degree below the number `d` of distinct columns, so ⌈d/2⌉ points of Gauss and Legendre integrate
//! it exactly. For each point, all leaves together take one walk down and one up: at a question with children l and r, the
//! path's product P (down) and the expectations U of the subtrees (up) are
//!
//! P_r = c P, P_l = (1 − c) P, U = (1 − c) U_l + c U_r, φ += ± share × Σ weight × z / f² × P (U_l − U_r)
//!
//! where, for a column that the row has met so far with the product z of shares, f = t + (1 − t) z, g = (1 − t) z / f and c is g ×
//! share of the right where the row goes left, else 1 − g × share of the left. Once the row has missed a column's question,
//! c is the share of the right alone and nothing is added to φ. A subtree that asks about missed columns alone is a constant, and is not walked.
//! All terms have one sign and nothing is divided by a small number, so deep trees lose no digits. A row costs O(nodes × d/2).
#![allow(
    clippy::indexing_slicing,
    reason = "positions come from a checked tree; tables are laid out for its questions and a constant number of points"
)]

use std::hint::select_unpredictable;

use super::quadrature::gauss_legendre;
use super::tree::{Child, NONE, Tree};

/// Points worked on at once at most; deeper trees take several passes.
const MOST_LANES: usize = 16;
/// Columns of a path that a subtree's mask tells apart; the last bit is for all others.
const MASKED: u32 = 63;
/// The mask of a subtree that must be walked whatever was missed.
const ALWAYS: u64 = 1 << MASKED;

/// What a question needs beside [`super::tree::Split`].
#[derive(Clone, Copy, Debug)]
struct Weights {
    /// The column's bit in masks.
    bit: u64,
    /// The columns of the path above that the subtree asks about again, or [`ALWAYS`].
    mask: u64,
    /// The row of `tables`.
    table: u32,
    /// The nearest question above about the same column, or the one past the last.
    same: u32,
}

/// A tree with the numbers that all rows share.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) tree: Tree,
    weights: Vec<Weights>,
    /// Points worked on at once.
    lanes: usize,
    passes: usize,
    /// For each pass and row of the table, g and weight × z / f², at each point. Row 0 is for columns that are new to the path.
    tables: Vec<f64>,
    rows: usize,
    /// For each question and side, the expectation of that child: `width` numbers.
    sides: Vec<f64>,
    /// The expectation of the whole tree.
    pub(super) expectation: Vec<f64>,
}

impl Prepared {
    pub(super) fn new(tree: Tree) -> Self {
        let points = tree.order.div_ceil(2).max(1);
        let passes = points.div_ceil(MOST_LANES);
        let lanes = lanes(points.div_ceil(passes));
        let mut rule = gauss_legendre(points);
        // Points that only fill up the last pass weigh nothing.
        rule.resize(lanes * passes, (0.5, 0.0));
        // The product of shares of the questions above about the same column, for each question; 1 where there are none.
        let mut products = vec![1.0; tree.splits.len()];
        let mut repeated = Vec::new();
        let mut weights = Vec::with_capacity(tree.splits.len());
        for (position, split) in tree.splits.iter().enumerate() {
            let mut table = 0;
            if split.same != NONE {
                let above = &tree.splits[split.same as usize];
                let share = if split.same_right { above.right_share } else { above.left_share };
                products[position] = products[split.same as usize] * share;
                repeated.push(products[position]);
                table = repeated.len() as u32;
            }
            let bit = if split.ordinal < MASKED { 1 << split.ordinal } else { 0 };
            let same = if split.same == NONE { tree.splits.len() as u32 } else { split.same };
            weights.push(Weights { bit, mask: if split.same == NONE || bit == 0 { ALWAYS } else { bit }, table, same });
        }
        let rows = repeated.len() + 1;
        let mut tables = Vec::with_capacity(rows * 2 * rule.len());
        for pass in rule.chunks_exact(lanes) {
            for product in std::iter::once(1.0).chain(repeated.iter().copied()) {
                let met = |point: f64| point + (1.0 - point) * product;
                tables.extend(pass.iter().map(|(point, _)| (1.0 - point) * product / met(*point)));
                tables.extend(pass.iter().map(|(point, weight)| weight * product / (met(*point) * met(*point))));
            }
        }
        let mut prepared = Self {
            weights,
            lanes,
            passes,
            tables,
            rows,
            sides: vec![0.0; tree.splits.len() * 2 * tree.width],
            expectation: tree.leaves[..tree.width].to_vec(),
            tree,
        };
        prepared.gather();
        prepared
    }

    /// Masks and expectations, from the last question to the first.
    fn gather(&mut self) {
        let width = self.tree.width;
        for (position, split) in self.tree.splits.iter().enumerate().rev() {
            for (side, child) in [split.left(), split.right()].into_iter().enumerate() {
                for output in 0..width {
                    self.sides[(2 * position + side) * width + output] = match child {
                        Child::Leaf(leaf) => self.tree.leaves[leaf * width + output],
                        Child::Split(below) => {
                            let side = |side: usize| self.sides[(2 * below + side) * width + output];
                            let below = &self.tree.splits[below];
                            below.left_share * side(0) + below.right_share * side(1)
                        }
                    };
                }
                if let Child::Split(below) = child {
                    let mask = self.weights[below].mask;
                    self.weights[position].mask |= mask;
                }
            }
            // Of a column that is new here, nothing above can have been missed.
            if split.same == NONE {
                self.weights[position].mask = ALWAYS;
            }
        }
        if let Some(split) = self.tree.splits.first() {
            for output in 0..width {
                self.expectation[output] =
                    split.left_share * self.sides[output] + split.right_share * self.sides[width + output];
            }
        }
    }

    /// Adds each row's SHAP values. A row has `columns` values in `rows`, and `columns` numbers for each output in `sums`.
    pub(super) fn add(&self, rows: &[f32], columns: usize, outputs: usize, scratch: &mut Scratch, sums: &mut [f64]) {
        if self.tree.splits.is_empty() {
            return;
        }
        match self.lanes {
            2 => self.add_rows(&mut scratch.two, rows, columns, outputs, sums),
            4 => self.add_rows(&mut scratch.four, rows, columns, outputs, sums),
            6 => self.add_rows(&mut scratch.six, rows, columns, outputs, sums),
            8 => self.add_rows(&mut scratch.eight, rows, columns, outputs, sums),
            12 => self.add_rows(&mut scratch.twelve, rows, columns, outputs, sums),
            _ => self.add_rows(&mut scratch.sixteen, rows, columns, outputs, sums),
        }
    }

    fn add_rows<const LANES: usize>(
        &self,
        lanes: &mut Lanes<LANES>,
        rows: &[f32],
        columns: usize,
        outputs: usize,
        sums: &mut [f64],
    ) {
        lanes.missed.clear();
        lanes.missed.resize(self.tree.splits.len() + 1, 0);
        for pass in 0..self.passes {
            let tables = &self.tables[pass * self.rows * 2 * LANES..(pass + 1) * self.rows * 2 * LANES];
            let (tables, _) = tables.as_chunks::<LANES>();
            for (row, sums) in rows.chunks_exact(columns).zip(sums.chunks_exact_mut(columns * outputs)) {
                self.down(tables, row, lanes);
                for output in 0..self.tree.width {
                    let start = (self.tree.output + output) * columns;
                    self.up(tables, output, lanes, &mut sums[start..start + columns]);
                }
            }
        }
    }

    /// Walks down with a row: leaves an entry for each question that is not part of a constant.
    fn down<const LANES: usize>(&self, tables: &[[f64; LANES]], row: &[f32], lanes: &mut Lanes<LANES>) {
        let Lanes { entries, pending, missed, .. } = lanes;
        entries.clear();
        let mut next = Some((0, 0_u64, [1.0; LANES]));
        while let Some((position, cold, product)) = next {
            let split = &self.tree.splits[position];
            let weights = &self.weights[position];
            let left = self.tree.goes_left(split, row);
            let was_missed = missed[weights.same as usize] >> u8::from(split.same_right) & 1 == 1;
            missed[position] = u8::from(was_missed | !left) | u8::from(was_missed | left) << 1;
            let signed = select_unpredictable(left, split.right_share, -split.left_share);
            let (constant, factor) =
                if was_missed { (split.right_share, 0.0) } else { (select_unpredictable(left, 0.0, 1.0), signed) };
            let table = &tables[2 * weights.table as usize];
            let mut right_product = [0.0; LANES];
            let mut left_product = [0.0; LANES];
            for lane in 0..LANES {
                right_product[lane] = product[lane] * (constant + factor * table[lane]);
                left_product[lane] = product[lane] - right_product[lane];
            }
            let cold_left = cold | select_unpredictable(left, 0, weights.bit);
            let cold_right = cold | select_unpredictable(left, weights.bit, 0);
            let walked = |child: Child, cold: u64| match child {
                Child::Split(below) if self.weights[below].mask & !cold != 0 => Some(below),
                _ => None,
            };
            let (left_child, right_child) = (walked(split.left(), cold_left), walked(split.right(), cold_right));
            entries.push(Entry {
                product,
                constant,
                factor,
                position: position as u32,
                left: left_child.is_some(),
                right: right_child.is_some(),
            });
            next = match (left_child, right_child) {
                (Some(left), Some(right)) => {
                    pending.push((right, cold_right, right_product));
                    Some((left, cold_left, left_product))
                }
                (Some(left), None) => Some((left, cold_left, left_product)),
                (None, Some(right)) => Some((right, cold_right, right_product)),
                (None, None) => pending.pop(),
            };
        }
    }

    /// Walks back up for one output, adding to the row's sums.
    fn up<const LANES: usize>(
        &self,
        tables: &[[f64; LANES]],
        output: usize,
        lanes: &mut Lanes<LANES>,
        sums: &mut [f64],
    ) {
        let Lanes { entries, expectations, .. } = lanes;
        let width = self.tree.width;
        expectations.clear();
        for entry in entries.iter().rev() {
            let position = entry.position as usize;
            let side = |side: usize| self.sides[(2 * position + side) * width + output];
            let weights = &self.weights[position];
            let table = &tables[2 * weights.table as usize];
            let weighted = &tables[2 * weights.table as usize + 1];
            let mut expectation = [0.0; LANES];
            let mut sum = 0.0;
            if !entry.left && !entry.right {
                let (left, difference) = (side(0), side(0) - side(1));
                for lane in 0..LANES {
                    sum += weighted[lane] * entry.product[lane];
                    expectation[lane] = left - (entry.constant + entry.factor * table[lane]) * difference;
                }
                sum *= difference;
            } else {
                // The left subtree was walked last on the way up, so it lies on top.
                let below = |walked: bool, side_value: f64, stack: &mut Vec<[f64; LANES]>| {
                    if walked { stack.pop().unwrap_or([0.0; LANES]) } else { [side_value; LANES] }
                };
                let left = below(entry.left, side(0), expectations);
                let right = below(entry.right, side(1), expectations);
                for lane in 0..LANES {
                    let difference = left[lane] - right[lane];
                    sum += weighted[lane] * entry.product[lane] * difference;
                    expectation[lane] = left[lane] - (entry.constant + entry.factor * table[lane]) * difference;
                }
            }
            sums[self.tree.splits[position].column as usize] += entry.factor * sum;
            expectations.push(expectation);
        }
    }
}

/// The number of lanes that there is code for and that holds so many points.
fn lanes(points: usize) -> usize {
    [2, 4, 6, 8, 12].into_iter().find(|lanes| points <= *lanes).unwrap_or(MOST_LANES)
}

/// A question on a row's walk.
#[derive(Clone, Copy, Debug)]
struct Entry<const LANES: usize> {
    /// P.
    product: [f64; LANES],
    /// c is `constant` + `factor` × g.
    constant: f64,
    /// What φ is multiplied by, too; 0 where the column was missed.
    factor: f64,
    position: u32,
    /// Whether the left child was walked.
    left: bool,
    right: bool,
}

/// Working memory of a walk with so many points.
#[derive(Debug, Default)]
struct Lanes<const LANES: usize> {
    entries: Vec<Entry<LANES>>,
    pending: Vec<(usize, u64, [f64; LANES])>,
    expectations: Vec<[f64; LANES]>,
    /// For each question and the one past the last: bit 0 where the row has missed the column left of it, bit 1 right of it.
    missed: Vec<u8>,
}

/// Working memory, to be kept from tree to tree.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    two: Lanes<2>,
    four: Lanes<4>,
    six: Lanes<6>,
    eight: Lanes<8>,
    twelve: Lanes<12>,
    sixteen: Lanes<16>,
}
