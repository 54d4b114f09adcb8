//! Rows in the leaves of a k-d tree (Bentley, 1975), for all pairs within a distance and for the nearest row.
//!
//! Work goes leaf by leaf: the leaves near a leaf are found once for all its rows, and rows of two leaves are compared at once.
//! With few columns that is a short loop over a leaf's rows; with many, where boxes hardly tell rows apart, a matrix product with 32
//! bits, whose doubtful cases are decided by the exact distance. Distances are always those of 64-bit numbers, so a row at the very
//! distance asked for is within it.
#![allow(
    clippy::indexing_slicing,
    reason = "leaves, rows and columns are cut from lengths known when the tree is built"
)]

use rayon::prelude::*;

use crate::distances::{Rows, partial_distances, slack};

/// Rows in a leaf where columns are few; a leaf's columns have so many places each.
const LEAF: usize = 32;
/// Rows in a leaf where columns are many.
const LARGE_LEAF: usize = 256;
/// Columns up to which rows are compared one by one.
const FEW_COLUMNS: usize = 16;
/// Rows from which the halves of a tree are built side by side.
const PARALLEL: usize = 4_096;

/// The tree.
pub(crate) struct Tree {
    width: usize,
    /// The rows as they were given, row after row.
    values: Vec<f64>,
    /// Rows in the order of the leaves.
    order: Vec<u32>,
    nodes: Vec<Node>,
    /// The nodes that are leaves.
    leaves: Vec<u32>,
    /// With few columns: leaf after leaf, column after column, [`LEAF`] places each; no row is at infinity.
    lanes: Vec<f64>,
    /// With many columns: each leaf's rows about the mean of all, with 32 bits.
    blocks: Vec<Rows>,
}

struct Node {
    /// Its rows' places in the order.
    start: u32,
    end: u32,
    /// The children's positions, or the number of the leaf.
    kind: Kind,
    lowest: Vec<f64>,
    highest: Vec<f64>,
}

#[derive(Clone, Copy)]
enum Kind {
    Inner(u32, u32),
    Leaf(u32),
}

/// What a half of a tree is put together from.
struct Part {
    nodes: Vec<Node>,
}

/// Which rows of two leaves are within a distance: the first leaf's rows by the second's.
#[derive(Default)]
pub(crate) struct Near {
    within: Vec<bool>,
    products: Vec<f32>,
    many: usize,
}

impl Near {
    /// For one row of the first leaf: which rows of the second are within the distance.
    pub(crate) fn row(&self, row: usize) -> &[bool] {
        &self.within[row * self.many..][..self.many]
    }
}

impl Tree {
    /// Builds a tree over rows, row after row.
    pub(crate) fn new(values: Vec<f64>, width: usize) -> Self {
        let rows = values.len() / width.max(1);
        let mut order: Vec<u32> = (0..rows as u32).collect();
        let few = width <= FEW_COLUMNS;
        let size = if few { LEAF } else { LARGE_LEAF };
        let mut nodes = if rows == 0 { Vec::new() } else { build(&values, width, size, &mut order, 0).nodes };
        let mut leaves = Vec::new();
        for (position, node) in nodes.iter_mut().enumerate() {
            if matches!(node.kind, Kind::Leaf(_)) {
                node.kind = Kind::Leaf(leaves.len() as u32);
                leaves.push(position as u32);
            }
        }
        let mut tree = Self { width, values, order, nodes, leaves, lanes: Vec::new(), blocks: Vec::new() };
        if few {
            tree.lanes = tree.all_lanes();
        } else {
            tree.blocks = tree.all_blocks(rows);
        }
        tree
    }

    /// The number of leaves.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves.len()
    }

    /// The rows of a leaf.
    pub(crate) fn rows(&self, leaf: usize) -> &[u32] {
        let node = &self.nodes[self.leaves[leaf] as usize];
        &self.order[node.start as usize..node.end as usize]
    }

    /// Calls `visit` with every leaf that may have a row within the distance of one of this leaf's, itself included.
    pub(crate) fn leaves_near(&self, leaf: usize, squared: f64, mut visit: impl FnMut(usize)) {
        let own = &self.nodes[self.leaves[leaf] as usize];
        let mut pending = vec![0_u32];
        while let Some(position) = pending.pop() {
            let node = &self.nodes[position as usize];
            let mut distance = 0.0;
            for column in 0..self.width {
                let gap = (node.lowest[column] - own.highest[column]).max(own.lowest[column] - node.highest[column]);
                distance += gap.max(0.0) * gap.max(0.0);
            }
            // Rounding never leaves a pair out: gaps are differences like those of the rows, and smaller.
            if distance > squared {
                continue;
            }
            match node.kind {
                Kind::Leaf(leaf) => visit(leaf as usize),
                Kind::Inner(left, right) => pending.extend([right, left]),
            }
        }
    }

    /// Compares the rows of two leaves.
    pub(crate) fn compare(&self, leaf: usize, other: usize, squared: f64, near: &mut Near) {
        near.many = self.rows(other).len();
        near.within.clear();
        if self.blocks.is_empty() {
            self.compare_lanes(leaf, other, squared, &mut near.within);
        } else {
            self.compare_blocks(leaf, other, squared, near);
        }
    }

    fn compare_lanes(&self, leaf: usize, other: usize, squared: f64, within: &mut Vec<bool>) {
        let many = self.rows(other).len();
        let lanes = self.leaf_lanes(other);
        for row in self.rows(leaf) {
            let row = self.row(*row);
            let mut sums = [0.0; LEAF];
            for (value, places) in row.iter().zip(lanes) {
                for (sum, other) in sums.iter_mut().zip(places) {
                    *sum += (value - other) * (value - other);
                }
            }
            within.extend(sums[..many].iter().map(|sum| *sum <= squared));
        }
    }

    fn compare_blocks(&self, leaf: usize, other: usize, squared: f64, near: &mut Near) {
        let (own, others) = (&self.blocks[leaf], &self.blocks[other]);
        partial_distances(&own.values, others, &mut near.products);
        let largest = others.norms.iter().copied().fold(0.0, f32::max);
        for ((row, norm), products) in self.rows(leaf).iter().zip(&own.norms).zip(near.products.chunks_exact(near.many))
        {
            let doubt = f64::from(slack(*norm, largest)) + squared * 1e-6;
            for (product, candidate) in products.iter().zip(self.rows(other)) {
                let distance = f64::from(*product) + f64::from(*norm);
                near.within.push(if (distance - squared).abs() > doubt {
                    distance < squared
                } else {
                    squared_distance(self.row(*row), self.row(*candidate)) <= squared
                });
            }
        }
    }

    /// The row nearest to a point within a distance, the first of equals.
    pub(crate) fn nearest(&self, point: &[f64], squared: f64) -> Option<u32> {
        let mut best: Option<(f64, u32)> = None;
        let mut pending: Vec<(f64, u32)> = if self.nodes.is_empty() { Vec::new() } else { vec![(0.0, 0)] };
        while let Some((bound, position)) = pending.pop() {
            let least = best.map_or(squared, |(distance, _)| distance);
            if bound > least {
                continue;
            }
            let node = &self.nodes[position as usize];
            match node.kind {
                Kind::Inner(left, right) => {
                    let (to_left, to_right) = (self.to_box(point, left), self.to_box(point, right));
                    // The nearer half comes off the list first.
                    if to_left < to_right {
                        pending.extend([(to_right, right), (to_left, left)]);
                    } else {
                        pending.extend([(to_left, left), (to_right, right)]);
                    }
                }
                Kind::Leaf(_) => {
                    for row in &self.order[node.start as usize..node.end as usize] {
                        let distance = squared_distance(point, self.row(*row));
                        let nearer = best.is_none_or(|(least, first)| (distance, *row) < (least, first));
                        if distance <= squared && nearer {
                            best = Some((distance, *row));
                        }
                    }
                }
            }
        }
        best.map(|(_, row)| row)
    }

    fn to_box(&self, point: &[f64], node: u32) -> f64 {
        let node = &self.nodes[node as usize];
        let bounds = node.lowest.iter().zip(&node.highest);
        point
            .iter()
            .zip(bounds)
            .map(|(value, (lowest, highest))| {
                let gap = (lowest - value).max(value - highest).max(0.0);
                gap * gap
            })
            .sum()
    }

    fn row(&self, row: u32) -> &[f64] {
        &self.values[row as usize * self.width..][..self.width]
    }

    /// A leaf's columns.
    fn leaf_lanes(&self, leaf: usize) -> &[[f64; LEAF]] {
        let (lanes, _) = self.lanes.as_chunks::<LEAF>();
        &lanes[leaf * self.width..][..self.width]
    }

    fn all_lanes(&self) -> Vec<f64> {
        let mut lanes = vec![f64::INFINITY; self.leaves() * self.width * LEAF];
        lanes.par_chunks_mut(self.width * LEAF).enumerate().for_each(|(leaf, lanes)| {
            for (place, row) in self.rows(leaf).iter().enumerate() {
                for (column, value) in self.row(*row).iter().enumerate() {
                    lanes[column * LEAF + place] = *value;
                }
            }
        });
        lanes
    }

    fn all_blocks(&self, rows: usize) -> Vec<Rows> {
        let mut means = vec![0.0; self.width];
        for row in self.values.chunks_exact(self.width) {
            for (mean, value) in means.iter_mut().zip(row) {
                *mean += value / rows as f64;
            }
        }
        (0..self.leaves())
            .into_par_iter()
            .map(|leaf| {
                let rows = self.rows(leaf).iter().flat_map(|row| self.row(*row).iter().zip(&means));
                Rows::new(rows.map(|(value, mean)| (value - mean) as f32).collect(), self.width)
            })
            .collect()
    }
}

/// ‖x − y‖².
fn squared_distance(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(left, right)| (left - right) * (left - right)).sum()
}

/// Builds the nodes over some rows, whose places in the order begin at `start`; the first node is the root.
fn build(values: &[f64], width: usize, size: usize, order: &mut [u32], start: usize) -> Part {
    let (mut lowest, mut highest) = (vec![f64::INFINITY; width], vec![f64::NEG_INFINITY; width]);
    for row in order.iter() {
        for ((lowest, highest), value) in
            lowest.iter_mut().zip(&mut highest).zip(&values[*row as usize * width..][..width])
        {
            *lowest = lowest.min(*value);
            *highest = highest.max(*value);
        }
    }
    let (begin, end) = (start as u32, (start + order.len()) as u32);
    if order.len() <= size {
        return Part { nodes: vec![Node { start: begin, end, kind: Kind::Leaf(0), lowest, highest }] };
    }
    let extent = |column: &usize| highest[*column] - lowest[*column];
    let widest = (0..width).reduce(|best, column| if extent(&column) > extent(&best) { column } else { best });
    let column = widest.unwrap_or_default();
    let middle = order.len() / 2;
    let value = |row: &u32| values[*row as usize * width + column];
    order.select_nth_unstable_by(middle, |left, right| value(left).total_cmp(&value(right)).then(left.cmp(right)));
    let (left, right) = order.split_at_mut(middle);
    let (parallel, after) = (left.len() >= PARALLEL, start + middle);
    let first = |left: &mut [u32]| build(values, width, size, left, start);
    let second = |right: &mut [u32]| build(values, width, size, right, after);
    let (left, right) =
        if parallel { rayon::join(|| first(left), || second(right)) } else { (first(left), second(right)) };
    let offset = 1 + left.nodes.len() as u32;
    let mut nodes = Vec::with_capacity(1 + left.nodes.len() + right.nodes.len());
    nodes.push(Node { start: begin, end, kind: Kind::Inner(1, offset), lowest, highest });
    for (part, by) in [(left, 1), (right, offset)] {
        nodes.extend(part.nodes.into_iter().map(|mut node| {
            if let Kind::Inner(left, right) = &mut node.kind {
                *left += by;
                *right += by;
            }
            node
        }));
    }
    Part { nodes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn leaves_find_every_pair_and_the_nearest_row_that_plain_comparison_finds() {
        for (rows, width, distance) in [(1, 1, 0.1), (500, 1, 0.01), (3_000, 2, 0.05), (700, 5, 0.4), (900, 30, 1.9)] {
            let mut random = Random::new(7, width as u64);
            let values: Vec<f64> = (0..rows * width).map(|_| f64::from(random.uniform() as f32)).collect();
            let tree = Tree::new(values.clone(), width);
            let squared = distance * distance;
            let row = |row: usize| &values[row * width..][..width];
            let mut pairs = vec![Vec::new(); rows];
            let mut near = Near::default();
            for leaf in 0..tree.leaves() {
                let mut others = Vec::new();
                tree.leaves_near(leaf, squared, |other| others.push(other));
                for other in others {
                    tree.compare(leaf, other, squared, &mut near);
                    for (place, row) in tree.rows(leaf).iter().enumerate() {
                        let found = tree.rows(other).iter().zip(near.row(place)).filter(|(_, within)| **within);
                        pairs[*row as usize].extend(found.map(|(row, _)| *row as usize));
                    }
                }
            }
            for (position, mut found) in pairs.into_iter().enumerate() {
                found.sort_unstable();
                let expected: Vec<usize> =
                    (0..rows).filter(|other| squared_distance(row(position), row(*other)) <= squared).collect();
                assert_eq!(found, expected);
            }
            let point: Vec<f64> = (0..width).map(|_| random.uniform()).collect();
            let plain = (0..rows)
                .map(|other| (squared_distance(&point, row(other)), other as u32))
                .min_by(|left, right| left.partial_cmp(right).unwrap())
                .unwrap();
            assert_eq!(tree.nearest(&point, 1e9), Some(plain.1));
            assert_eq!(tree.nearest(&point, plain.0 * 0.99), None);
        }
        assert_eq!(Tree::new(Vec::new(), 3).nearest(&[0.0; 3], 1.0), None);
    }
}
