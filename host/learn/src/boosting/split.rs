//! The best split of a node on one column, found in its histogram.
//!
//! With G and H the sums of first and second derivatives of a side, a split gains G²/(H + λ) summed over both sides, minus that of
//! the node (Chen and Guestrin, XGBoost, 2016, equation 7, without its factor ½, as xgboost reports it). Where α, a bound on
//! steps or a direction is set, a side's gain is that of the weight it may have. Missing values are tried on both sides, on the
//! right first; the first of equal splits is taken.
#![allow(
    clippy::too_many_arguments,
    clippy::needless_range_loop,
    reason = "a search writes into memory that its caller keeps; several arrays are filled at one bin"
)]
#![allow(clippy::indexing_slicing, reason = "arrays of 256 are indexed by codes, which are bytes, or by fewer bins")]

use crate::binning::MISSING;

use super::quantise::{Packed, Scale, first, second};
use super::settings::Penalty;
use super::tiles::BINS;

/// A part of the node's gain below this is rounding.
const LEAST_GAIN: f64 = 1e-10;

/// A set of codes.
pub(super) type Codes = [u64; 4];

/// A way to part a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    pub(super) gain: f64,
    pub(super) column: usize,
    pub(super) test: SplitTest,
    pub(super) missing_left: bool,
    /// The sums of the left side.
    pub(super) left: Packed,
}

/// Which codes go left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum SplitTest {
    /// Up to this one.
    UpTo(u8),
    /// All but these.
    NoneOf(Codes),
}

impl Split {
    /// For each code whether it goes left.
    pub(super) fn table(&self) -> [bool; BINS] {
        let mut table: [bool; BINS] = match self.test {
            SplitTest::UpTo(last) => std::array::from_fn(|code| code <= usize::from(last)),
            SplitTest::NoneOf(codes) => std::array::from_fn(|code| codes[code / 64] >> (code % 64) & 1 == 0),
        };
        table[usize::from(MISSING)] = self.missing_left;
        table
    }
}

/// A node to be split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    pub(super) sums: Packed,
    /// What the leaf's value may be, before the learning rate.
    pub(super) bounds: (f64, f64),
}

/// How splits are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judge {
    pub(super) penalty: Penalty,
    pub(super) scale: Scale,
}

impl Judge {
    /// The value of a leaf with these sums, before the learning rate.
    pub(super) fn weight(&self, first: f64, second: f64, (lower, upper): (f64, f64)) -> f64 {
        if second <= 0.0 || second < self.penalty.child_weight {
            return 0.0_f64.clamp(lower, upper);
        }
        let shrunk = first.signum() * (first.abs() - self.penalty.alpha).max(0.0);
        let weight = -shrunk / (second + self.penalty.lambda);
        let step = if self.penalty.step > 0.0 { self.penalty.step } else { f64::INFINITY };
        weight.clamp(-step, step).clamp(lower, upper)
    }

    /// What a leaf with these sums gains over no leaf.
    fn gain(&self, first: f64, second: f64, bounds: (f64, f64)) -> f64 {
        if second <= 0.0 {
            return 0.0;
        }
        let Penalty { lambda, alpha, .. } = self.penalty;
        let weight = self.weight_unchecked(first, second, bounds);
        -(2.0 * first * weight + (second + lambda) * weight * weight + 2.0 * alpha * weight.abs())
    }

    fn weight_unchecked(&self, first: f64, second: f64, bounds: (f64, f64)) -> f64 {
        let penalty = Penalty { child_weight: 0.0, ..self.penalty };
        Self { penalty, scale: self.scale }.weight(first, second, bounds)
    }

    /// What a node gains as a leaf.
    pub(super) fn unsplit(&self, parent: &Parent) -> f64 {
        let (first, second) = self.scale.unpack(parent.sums);
        self.gain(first, second, parent.bounds)
    }

    /// Whether weights are free, so that the gain has its short form.
    fn is_plain(&self, parent: &Parent) -> bool {
        self.penalty.alpha == 0.0 && self.penalty.step == 0.0 && parent.bounds == (f64::NEG_INFINITY, f64::INFINITY)
    }

    /// What both sides gain together; none where a side is too light or the weights go against `direction`.
    pub(super) fn sides(&self, left: Packed, parent: &Parent, direction: i8) -> Option<f64> {
        let (left_first, left_second) = self.scale.unpack(left);
        let (right_first, right_second) = self.scale.unpack(parent.sums.wrapping_sub(left));
        let least = self.penalty.child_weight;
        if left_second <= 0.0 || right_second <= 0.0 || left_second < least || right_second < least {
            return None;
        }
        if direction != 0 {
            let left = self.weight_unchecked(left_first, left_second, parent.bounds);
            let right = self.weight_unchecked(right_first, right_second, parent.bounds);
            if f64::from(direction) * (right - left) < 0.0 {
                return None;
            }
        }
        Some(self.gain(left_first, left_second, parent.bounds) + self.gain(right_first, right_second, parent.bounds))
    }

    /// Whether both sides together gain enough over the node as a leaf; by how much.
    pub(super) fn improves(&self, sides: f64, unsplit: f64) -> Option<f64> {
        let gain = sides - unsplit;
        (gain > LEAST_GAIN * (sides.abs() + unsplit.abs()) && gain >= self.penalty.gamma && gain.is_finite())
            .then_some(gain)
    }
}

/// The best so far of a node: both sides' gain and the split.
pub(super) type Best = Option<(f64, Split)>;

/// Takes the candidate where it beats what is there.
pub(super) fn consider(best: &mut Best, sides: f64, split: Split) {
    if best.as_ref().is_none_or(|(score, _)| sides > *score) && sides.is_finite() {
        *best = Some((sides, split));
    }
}

/// Working memory of a search.
pub(super) struct Scratch {
    sums: [Packed; BINS],
    firsts: [i32; BINS],
    seconds: [i32; BINS],
    scores: [f64; BINS],
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { sums: [0; BINS], firsts: [0; BINS], seconds: [0; BINS], scores: [0.0; BINS] }
    }
}

/// Finds the best split of a column whose codes have an order.
pub(super) fn ordered(
    judge: &Judge,
    parent: &Parent,
    direction: i8,
    column: usize,
    histogram: &[Packed; BINS],
    bins: usize,
    scratch: &mut Scratch,
    best: &mut Best,
) {
    let missing = histogram[usize::from(MISSING)];
    for missing_left in [false, true] {
        if missing_left && missing == 0 {
            break;
        }
        // Every gap between bins; and all bins against the missing values, on whichever side they are.
        let gaps = if missing != 0 && !missing_left { bins } else { bins - 1 };
        let mut sum = if missing_left { missing } else { 0 };
        for bin in 0..gaps {
            sum = sum.wrapping_add(histogram[bin]);
            scratch.sums[bin] = sum;
            scratch.firsts[bin] = first(sum);
            scratch.seconds[bin] = second(sum);
        }
        if direction == 0 && judge.is_plain(parent) {
            plain_scores(judge, parent, gaps, scratch);
        } else {
            for gap in 0..gaps {
                let sides = judge.sides(scratch.sums[gap], parent, direction);
                scratch.scores[gap] = sides.unwrap_or(f64::NEG_INFINITY);
            }
        }
        let scores = &scratch.scores[..gaps];
        let highest = highest(scores);
        if !highest.is_finite() || best.as_ref().is_some_and(|(score, _)| *score >= highest) {
            continue;
        }
        let Some(gap) = scores.iter().position(|score| *score == highest) else { continue };
        // Bins that no row of the node is in gain nothing: the split goes to the middle of the gap between the rows.
        let mut next = gap + 1;
        while next < bins && histogram[next] == 0 {
            next += 1;
        }
        let last = if next < bins { (gap + next - 1) / 2 } else { bins - 1 };
        let left = scratch.sums[gap];
        // Where nothing is missing, what is later goes where most of the weight went.
        let missing_left =
            if missing == 0 { 2 * i64::from(second(left)) >= i64::from(second(parent.sums)) } else { missing_left };
        let split = Split { gain: 0.0, column, test: SplitTest::UpTo(last as u8), missing_left, left };
        consider(best, highest, split);
    }
}

/// Scores of all gaps, where weights are free: in units of the whole numbers and only then in their own.
fn plain_scores(judge: &Judge, parent: &Parent, gaps: usize, scratch: &mut Scratch) {
    let Scale { first: first_scale, second: second_scale } = judge.scale;
    let lambda = judge.penalty.lambda * second_scale;
    let least = (judge.penalty.child_weight * second_scale).max(1.0);
    let unit = second_scale / (first_scale * first_scale);
    let (all_first, all_second) = (f64::from(first(parent.sums)), f64::from(second(parent.sums)));
    let (firsts, seconds) = (&scratch.firsts[..gaps], &scratch.seconds[..gaps]);
    for ((score, left_first), left_second) in scratch.scores[..gaps].iter_mut().zip(firsts).zip(seconds) {
        let (left_first, left_second) = (f64::from(*left_first), f64::from(*left_second));
        let (right_first, right_second) = (all_first - left_first, all_second - left_second);
        let (left, right) = (left_second + lambda, right_second + lambda);
        // Both quotients with one division.
        let sides = (left_first * left_first * right + right_first * right_first * left) / (left * right) * unit;
        *score = if (left_second >= least) & (right_second >= least) { sides } else { f64::NEG_INFINITY };
    }
}

/// The largest number, in four lanes.
fn highest(scores: &[f64]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 4];
    let (fours, rest) = scores.as_chunks::<4>();
    for four in fours {
        for (lane, score) in lanes.iter_mut().zip(four) {
            *lane = if *score > *lane { *score } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f64::NEG_INFINITY, |highest, score| highest.max(*score))
}

/// Finds the best split of a column of categories: one against the rest where there are few, else parted along the order of their
/// weights, which for a convex loss holds the best partition of all (Fisher, 1958).
pub(super) fn categories(
    judge: &Judge,
    parent: &Parent,
    limits: CategoryLimits,
    column: usize,
    histogram: &[Packed; BINS],
    bins: usize,
    best: &mut Best,
) {
    let missing = histogram[usize::from(MISSING)];
    let mut present: Vec<(f64, u8)> = (0..bins)
        .filter(|bin| histogram[*bin] != 0)
        .map(|bin| {
            let (first, second) = judge.scale.unpack(histogram[bin]);
            (judge.weight_unchecked(first, second, (f64::NEG_INFINITY, f64::INFINITY)), bin as u8)
        })
        .collect();
    let sides = if missing == 0 { [false].as_slice() } else { [false, true].as_slice() };
    let mut take = |right: Packed, codes: Codes, missing_left: bool| {
        // A right side of all values leaves the missing ones on the left.
        let left = parent.sums.wrapping_sub(right);
        if let Some(score) = judge.sides(left, parent, 0) {
            let majority = 2 * i64::from(second(left)) >= i64::from(second(parent.sums));
            let missing_left = if missing == 0 { majority } else { missing_left };
            consider(best, score, Split { gain: 0.0, column, test: SplitTest::NoneOf(codes), missing_left, left });
        }
    };
    let start = |missing_left: bool| if missing_left { 0 } else { missing };
    let one_hot = bins < limits.one_hot_below;
    if one_hot {
        for missing_left in sides {
            for (_, bin) in &present {
                let right = histogram[usize::from(*bin)].wrapping_add(start(*missing_left));
                take(right, single(*bin), *missing_left);
            }
        }
    }
    if one_hot && missing == 0 {
        return;
    }
    present.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    let most = if one_hot { present.len() } else { limits.most };
    for missing_left in sides {
        for rising in [true, false] {
            let (mut right, mut codes) = (start(*missing_left), Codes::default());
            for step in 0..present.len().min(most) {
                let bin = present[if rising { step } else { present.len() - 1 - step }].1;
                right = right.wrapping_add(histogram[usize::from(bin)]);
                codes[usize::from(bin) / 64] |= 1 << (bin % 64);
                if step + 1 < present.len() || *missing_left {
                    take(right, codes, *missing_left);
                }
            }
        }
    }
}

/// How categories may be parted.
#[derive(Clone, Copy, Debug)]
pub(super) struct CategoryLimits {
    /// Fewer categories than this are parted one against the rest.
    pub(super) one_hot_below: usize,
    /// Categories on one side of a partition at most.
    pub(super) most: usize,
}

fn single(bin: u8) -> Codes {
    let mut codes = Codes::default();
    codes[usize::from(bin) / 64] |= 1 << (bin % 64);
    codes
}
