//! The best split of a node on one column.
//!
//! The samples' codes fall into a histogram; one pass over the occupied bins scores each gap between two of them. Small nodes
//! occupy few of the 256 bins: a 64-bit mask remembers which groups of four bins to look at, so that a node of ten rows costs ten
//! rows' work and not 256 bins'. Where values are missing, a second pass tries them on the other side.
#![allow(
    clippy::indexing_slicing,
    reason = "rows of samples are rows of the column; arrays of 256 are indexed by bytes"
)]

use crate::binning::MISSING;

use super::criterion::{Criterion, Sample};

/// A split, and how good it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Split {
    /// [`Criterion::score`].
    pub(super) score: f64,
    /// The column.
    pub(super) column: usize,
    /// The highest bin of the left half.
    pub(super) low: u8,
    /// The lowest occupied bin of the right half; [`MISSING`] where only missing values are in it.
    pub(super) high: u8,
    /// Whether the missing values of the node go left; none where the node has none.
    pub(super) missing_left: Option<bool>,
}

/// Counts of rows in bins, where leaves have a least number of rows.
pub(super) struct RowCounts {
    least: u32,
    bins: [u32; 256],
}

impl RowCounts {
    pub(super) fn new(least: usize) -> Self {
        Self { least: u32::try_from(least).unwrap_or(u32::MAX), bins: [0; 256] }
    }
}

/// Puts the best split on this column into `best`, if it beats what is there. False where all samples fall into one bin.
pub(super) fn best_on_column<C: Criterion>(
    criterion: &mut C,
    counts: &mut RowCounts,
    column: usize,
    codes: &[u8],
    samples: &[Sample],
    best: &mut Option<Split>,
) -> bool {
    let counting = counts.least > 1;
    let mut groups = 0_u64;
    for sample in samples {
        let bin = codes[sample.row as usize];
        criterion.add(bin, sample);
        groups |= 1 << (bin >> 2);
        if counting {
            counts.bins[usize::from(bin)] += 1;
        }
    }
    let rows = samples.len() as u32;
    let missing = criterion.occupied(MISSING);
    let mut search = Search { column, rows, missing, best, found: false };
    search.pass(criterion, counts, groups, false);
    if missing {
        search.pass(criterion, counts, groups, true);
    }
    let found = search.found;
    occupied_bins(groups, |bin| {
        criterion.clear(bin);
        if counting {
            counts.bins[usize::from(bin)] = 0;
        }
    });
    found
}

struct Search<'a> {
    column: usize,
    rows: u32,
    missing: bool,
    best: &'a mut Option<Split>,
    found: bool,
}

impl Search<'_> {
    /// Scores every gap between occupied bins, with the missing values on one side.
    #[inline]
    fn pass<C: Criterion>(&mut self, criterion: &mut C, counts: &RowCounts, groups: u64, missing_left: bool) {
        criterion.begin_pass();
        let mut left_rows = 0;
        if missing_left {
            criterion.shift(MISSING);
            left_rows += counts.bins[usize::from(MISSING)];
        }
        let mut low = None;
        occupied_bins(groups, |bin| {
            if bin == MISSING || !criterion.occupied(bin) {
                return;
            }
            if let Some(low) = low {
                self.consider(criterion.score(), counts, left_rows, low, bin, missing_left);
            }
            criterion.shift(bin);
            left_rows += counts.bins[usize::from(bin)];
            low = Some(bin);
        });
        if let (Some(low), true, false) = (low, self.missing, missing_left) {
            // Every value on the left, the missing ones on the right.
            self.consider(criterion.score(), counts, left_rows, low, MISSING, missing_left);
        }
    }

    #[inline]
    fn consider(&mut self, score: f64, counts: &RowCounts, left_rows: u32, low: u8, high: u8, missing_left: bool) {
        self.found = true;
        if counts.least > 1 && (left_rows < counts.least || self.rows - left_rows < counts.least) {
            return;
        }
        if self.best.is_none_or(|best| score > best.score) && score.is_finite() {
            let missing_left = self.missing.then_some(missing_left);
            *self.best = Some(Split { score, column: self.column, low, high, missing_left });
        }
    }
}

/// Calls `visit` with every bin of the groups in the mask, rising.
#[inline]
fn occupied_bins(mut groups: u64, mut visit: impl FnMut(u8)) {
    while groups != 0 {
        let first = (groups.trailing_zeros() as u8) << 2;
        for bin in first..=first + 3 {
            visit(bin);
        }
        groups &= groups - 1;
    }
}
