//! Lloyd's iterations with bounds (Hamerly, 2010; Ding and others, 2015, "Yinyang"): the same clusters as without, for less work.
//!
//! In order, in every iteration: the centres' moves loosen what is known of each row (an upper bound of the distance to its own
//! centre, a lower bound of that to each group of other centres); a row whose bounds still part its centre from all others is
//! done; the others are gathered and measured against all centres by matrix multiplication. Then the centres move to the means of
//! their rows, whose sums are kept up with the rows that changed sides. Bounds allow for what distances may be off by.
#![allow(clippy::indexing_slicing, reason = "rows, centres and groups are counted below their numbers")]

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::blocks::block_size;
use crate::checkpoint::are_finite;
use crate::distances::{ROWS_AT_ONCE, Rows, partial_distances, slack, squared_distance};
use crate::packed;

/// Centres that share a lower bound.
const GROUP: usize = 10;
/// Rounding of the bounds' sums, as a share of them.
const ROUNDING: f32 = 1e-6;
/// Bounds that are kept in a state at most: 128 MiB.
const MOST_KEPT_BOUNDS: usize = 32 << 20;

/// What the iterations come to.
#[derive(Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Centre after centre.
    #[serde(with = "packed")]
    pub(super) centres: Vec<f32>,
    /// The sum of squared distances after each iteration, the rows with the centres that they had in it.
    pub(super) curve: Vec<f64>,
    pub(super) converged: bool,
}

/// When to stop.
pub(super) struct Limits {
    pub(super) iterations: usize,
    /// The sum of the centres' squared moves that counts as none.
    pub(super) tolerance: f64,
}

/// Where the iterations stand between two of them. The bounds belong to it: which rows they spare decides how sums are
/// made, and so their last digits.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// Centre after centre.
    #[serde(with = "packed")]
    centres: Vec<f32>,
    /// How far each centre has moved last.
    #[serde(with = "packed")]
    moves: Vec<f32>,
    /// The centre of each row.
    labels: Vec<u32>,
    /// For each row an upper bound of the distance to its centre.
    #[serde(with = "packed")]
    upper: Vec<f32>,
    /// For each row and group of centres a lower bound of the distance to the group's other centres.
    #[serde(with = "packed")]
    lower: Vec<f32>,
    /// For each centre the sums of its rows' columns.
    sums: Vec<f64>,
    /// For each centre the weight of its rows.
    totals: Vec<f64>,
    curve: Vec<f64>,
}

impl State {
    /// Before the first iteration, with these centres, one after the other.
    pub(super) fn new(rows: &Rows, centres: Vec<f32>) -> Self {
        let clusters = centres.len() / rows.width.max(1);
        Self {
            moves: vec![0.0; clusters],
            labels: vec![0; rows.len()],
            upper: vec![f32::INFINITY; rows.len()],
            lower: vec![0.0; rows.len() * clusters.div_ceil(GROUP)],
            sums: vec![0.0; centres.len()],
            totals: vec![0.0; clusters],
            curve: Vec::new(),
            centres,
        }
    }

    /// Whether it is small enough to be kept every now and then.
    pub(super) fn is_small(&self) -> bool {
        self.upper.len() + self.lower.len() <= MOST_KEPT_BOUNDS
    }

    /// Whether a state that was read is one that iterations over these rows can have come to.
    pub(super) fn fits(&self, rows: &Rows, clusters: usize, limits: &Limits) -> bool {
        let bounds = self.upper.len() == rows.len() && self.lower.len() == rows.len() * clusters.div_ceil(GROUP);
        let lengths = self.centres.len() == clusters * rows.width
            && self.moves.len() == clusters
            && self.labels.len() == rows.len()
            && self.sums.len() == clusters * rows.width
            && self.totals.len() == clusters;
        bounds
            && lengths
            && self.curve.len() < limits.iterations
            && self.labels.iter().all(|label| (*label as usize) < clusters)
            && are_finite(self.centres.iter().chain(&self.moves))
            && are_finite(self.sums.iter().chain(&self.totals).chain(&self.curve))
            && !self.upper.iter().chain(&self.lower).any(|bound| bound.is_nan())
    }

    /// Moves the centres; the sum of their squared moves.
    fn move_to(&mut self, centres: Vec<f32>, width: usize) -> f64 {
        let mut total = 0.0;
        let pairs = centres.chunks_exact(width).zip(self.centres.chunks_exact(width));
        for ((after, before), moved) in pairs.zip(&mut self.moves) {
            let square = squared_distance(after, before);
            total += f64::from(square);
            *moved = square.sqrt() * (1.0 + ROUNDING);
        }
        self.centres = centres;
        total
    }
}

/// The state of a block of rows.
struct Block<'a> {
    start: usize,
    labels: &'a mut [u32],
    upper: &'a mut [f32],
    lower: &'a mut [f32],
}

/// The centres with what their last move means for the bounds.
struct Centres<'a> {
    points: Rows,
    /// How far each centre has moved.
    moves: &'a [f32],
    /// The farthest move in each group.
    group_moves: Vec<f32>,
    /// Half the distance to the next centre: a row nearer than this is at home.
    half_gaps: Vec<f32>,
}

/// What a block's rows brought and took: for each centre the sums of its columns, and its weight.
struct Change {
    sums: Vec<f64>,
    weights: Vec<f64>,
    changed: usize,
}

/// Iterates from a state. `cancelled` is asked between iterations, and shown where they stand; none where it says yes.
pub(super) fn run(
    rows: &Rows,
    weights: Option<&[f32]>,
    mut state: State,
    limits: &Limits,
    cancelled: impl Fn(&State) -> bool,
) -> Option<Outcome> {
    let (width, size) = (rows.width, block_size(rows.len()));
    let square: f64 = (0..rows.len())
        .into_par_iter()
        .with_min_len(size)
        .map(|row| weight(weights, row) * f64::from(rows.norms[row]))
        .collect::<Vec<f64>>()
        .iter()
        .sum();
    let mut converged = false;
    for iteration in state.curve.len()..limits.iterations {
        if cancelled(&state) {
            return None;
        }
        let points = Rows::new(state.centres.clone(), width);
        let State { moves, labels, upper, lower, sums, totals, .. } = &mut state;
        let centres = Centres::new(points, moves);
        let groups = centres.group_moves.len();
        let changes: Vec<Change> = labels
            .par_chunks_mut(size)
            .zip(upper.par_chunks_mut(size))
            .zip(lower.par_chunks_mut(size * groups))
            .enumerate()
            .map(|(block, ((labels, upper), lower))| {
                let block = Block { start: block * size, labels, upper, lower };
                block.assign(rows, weights, &centres, iteration == 0)
            })
            .collect();
        let mut changed = 0;
        for change in changes {
            add(sums, &change.sums);
            add(totals, &change.weights);
            changed += change.changed;
        }
        let (filled, counts) = refilled(rows, weights, labels, &centres.points, sums, totals);
        let mut next = centres.points.values.clone();
        for ((next, sums), total) in next.chunks_exact_mut(width).zip(filled.chunks_exact(width)).zip(&counts) {
            if *total > 0.0 {
                for (next, sum) in next.iter_mut().zip(sums) {
                    *next = (sum / total) as f32;
                }
            }
        }
        // Σ w ‖x − c‖² = Σ w ‖x‖² − Σ (Σ w) ‖c‖², where the centres are means.
        let explained: f64 = (sums.chunks_exact(width).zip(totals.iter()))
            .filter(|(_, total)| **total > 0.0)
            .map(|(sums, total)| sums.iter().map(|sum| sum * sum).sum::<f64>() / total)
            .sum();
        state.curve.push((square - explained).max(0.0));
        let moved = state.move_to(next, width);
        converged = changed == 0 || moved <= limits.tolerance;
        if converged {
            break;
        }
    }
    Some(Outcome { centres: state.centres, curve: state.curve, converged })
}

fn weight(weights: Option<&[f32]>, row: usize) -> f64 {
    weights.map_or(1.0, |weights| f64::from(weights[row]))
}

fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// The sums and weights that the centres are to move to. A centre without rows gets the row farthest from its own centre, as in
/// scikit-learn; that row's label, and so the sums that are kept, stay until the next iteration measures it. A centre for which
/// there is none has the weight 0.
fn refilled(
    rows: &Rows,
    weights: Option<&[f32]>,
    labels: &[u32],
    centres: &Rows,
    sums: &[f64],
    totals: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let (mut sums, mut totals) = (sums.to_vec(), totals.to_vec());
    // A weight that came and went leaves rounding behind.
    let least = totals.iter().sum::<f64>() * 1e-12;
    let empty: Vec<usize> = (0..totals.len()).filter(|cluster| totals[*cluster] <= least).collect();
    if empty.is_empty() {
        return (sums, totals);
    }
    empty.iter().for_each(|cluster| totals[*cluster] = 0.0);
    let distances: Vec<f32> = (labels.par_iter().enumerate())
        .map(|(row, label)| squared_distance(rows.row(row), centres.row(*label as usize)))
        .collect();
    let mut order: Vec<u32> = (0..labels.len() as u32).filter(|row| weight(weights, *row as usize) > 0.0).collect();
    let farther = |left: &u32, right: &u32| {
        distances[*right as usize].total_cmp(&distances[*left as usize]).then(left.cmp(right))
    };
    if order.len() > empty.len() {
        order.select_nth_unstable_by(empty.len(), farther);
        order.truncate(empty.len());
    }
    order.sort_unstable_by(farther);
    for (cluster, row) in empty.into_iter().zip(order) {
        let row = row as usize;
        let (from, weight) = (labels[row] as usize, weight(weights, row));
        if distances[row] <= 0.0 {
            break;
        }
        for (column, value) in rows.row(row).iter().enumerate() {
            sums[from * rows.width + column] -= weight * f64::from(*value);
            sums[cluster * rows.width + column] = weight * f64::from(*value);
        }
        totals[from] = Some(totals[from] - weight).filter(|left| *left > least).unwrap_or(0.0);
        totals[cluster] = weight;
    }
    (sums, totals)
}

impl<'a> Centres<'a> {
    fn new(points: Rows, moves: &'a [f32]) -> Self {
        let half_gaps = (0..points.len())
            .into_par_iter()
            .with_min_len(16)
            .map(|cluster| {
                let others = (0..points.len()).filter(|other| *other != cluster);
                let least = others
                    .map(|other| squared_distance(points.row(cluster), points.row(other)))
                    .fold(f32::INFINITY, f32::min);
                0.5 * least.sqrt() * (1.0 - ROUNDING)
            })
            .collect();
        let group_moves = moves.chunks(GROUP).map(|moves| moves.iter().copied().fold(0.0, f32::max)).collect();
        Self { points, moves, group_moves, half_gaps }
    }
}

impl Block<'_> {
    /// Brings every row to its nearest centre.
    fn assign(mut self, rows: &Rows, weights: Option<&[f32]>, centres: &Centres<'_>, first: bool) -> Change {
        let (width, clusters) = (rows.width, centres.points.len());
        let groups = centres.group_moves.len();
        let mut change = Change { sums: vec![0.0; clusters * width], weights: vec![0.0; clusters], changed: 0 };
        let mut pending: Vec<u32> = Vec::with_capacity(ROWS_AT_ONCE);
        let (mut gathered, mut products) = (Vec::with_capacity(ROWS_AT_ONCE * width), Vec::new());
        for position in 0..self.labels.len() {
            if !first && self.is_at_home(position, rows, centres, groups) {
                continue;
            }
            pending.push(position as u32);
            gathered.extend_from_slice(rows.row(self.start + position));
            if pending.len() == ROWS_AT_ONCE || position + 1 == self.labels.len() {
                self.measure(&pending, &gathered, &mut products, rows, weights, centres, first, &mut change);
                pending.clear();
                gathered.clear();
            }
        }
        if !pending.is_empty() {
            self.measure(&pending, &gathered, &mut products, rows, weights, centres, first, &mut change);
        }
        change
    }

    /// Loosens a row's bounds by the centres' moves; whether they still part its centre from the others.
    fn is_at_home(&mut self, position: usize, rows: &Rows, centres: &Centres<'_>, groups: usize) -> bool {
        let label = self.labels[position] as usize;
        let lower = &mut self.lower[position * groups..][..groups];
        let mut least = f32::INFINITY;
        for (bound, moved) in lower.iter_mut().zip(&centres.group_moves) {
            *bound = (*bound - moved) * (1.0 - ROUNDING);
            least = least.min(*bound);
        }
        let bound = least.max(centres.half_gaps[label]);
        let upper = &mut self.upper[position];
        *upper = (*upper + centres.moves[label]) * (1.0 + ROUNDING);
        if *upper <= bound {
            return true;
        }
        let square = squared_distance(rows.row(self.start + position), centres.points.row(label));
        *upper = square.sqrt() * (1.0 + ROUNDING);
        *upper <= bound
    }

    /// Measures gathered rows against all centres.
    #[allow(clippy::too_many_arguments, reason = "the buffers are the caller's, to be used again")]
    fn measure(
        &mut self,
        pending: &[u32],
        gathered: &[f32],
        products: &mut Vec<f32>,
        rows: &Rows,
        weights: Option<&[f32]>,
        centres: &Centres<'_>,
        first: bool,
        change: &mut Change,
    ) {
        let (width, clusters, groups) = (rows.width, centres.points.len(), centres.group_moves.len());
        let largest = centres.points.norms.iter().copied().fold(0.0, f32::max);
        partial_distances(gathered, &centres.points, products);
        for ((position, row), distances) in
            pending.iter().zip(gathered.chunks_exact(width)).zip(products.chunks_exact(clusters))
        {
            let position = *position as usize;
            let norm = rows.norms[self.start + position];
            let (before, allowed) = (self.labels[position], slack(norm, largest));
            let lower = &mut self.lower[position * groups..][..groups];
            // The nearest and second nearest of each group; the nearest of all, the first of equals.
            let (mut best, mut nearest, mut beside) = (f32::INFINITY, 0, f32::INFINITY);
            for (group, distances) in distances.chunks(GROUP).enumerate() {
                let (mut least, mut second, mut at) = (f32::INFINITY, f32::INFINITY, 0);
                for (place, distance) in distances.iter().enumerate() {
                    if *distance < least {
                        (second, least, at) = (least, *distance, place);
                    } else if *distance < second {
                        second = *distance;
                    }
                }
                lower[group] = (least + norm - allowed).max(0.0).sqrt();
                if least < best {
                    (best, nearest, beside) = (least, group * GROUP + at, second);
                }
            }
            lower[nearest / GROUP] = (beside + norm - allowed).max(0.0).sqrt();
            self.upper[position] = (best + norm + allowed).max(0.0).sqrt();
            self.labels[position] = nearest as u32;
            if first || nearest as u32 != before {
                let weight = weight(weights, self.start + position);
                change.changed += 1;
                change.weights[nearest] += weight;
                for (sum, value) in change.sums[nearest * width..][..width].iter_mut().zip(row) {
                    *sum += weight * f64::from(*value);
                }
                if !first {
                    let before = before as usize;
                    change.weights[before] -= weight;
                    for (sum, value) in change.sums[before * width..][..width].iter_mut().zip(row) {
                        *sum -= weight * f64::from(*value);
                    }
                }
            }
        }
    }
}
