//! Rows sorted into cells, and the counts that the measures are made of.
#![allow(
    clippy::indexing_slicing,
    reason = "a row's cell and a cell's codes are made here, below the lengths of their lists"
)]

use std::collections::HashMap;

use super::Population;

/// What rows have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cell {
    facet: bool,
    label: u32,
    positive: bool,
    predicted: bool,
    group: u32,
    flip: Option<i8>,
}

/// Rows by what they have in common.
pub(super) struct Cells {
    /// In the order in which they first occur.
    cells: Vec<Cell>,
    /// The cell of each row.
    of_row: Vec<u32>,
    labels: usize,
    groups: usize,
}

/// Rows of one side by label and prediction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Confusion {
    pub(super) true_positives: u64,
    pub(super) false_positives: u64,
    pub(super) false_negatives: u64,
    pub(super) true_negatives: u64,
}

impl Confusion {
    pub(super) fn rows(self) -> u64 {
        self.positive() + self.negative()
    }

    pub(super) fn positive(self) -> u64 {
        self.true_positives + self.false_negatives
    }

    pub(super) fn negative(self) -> u64 {
        self.true_negatives + self.false_positives
    }

    pub(super) fn predicted_positive(self) -> u64 {
        self.true_positives + self.false_positives
    }

    pub(super) fn predicted_negative(self) -> u64 {
        self.true_negatives + self.false_negatives
    }
}

/// Rows of one group by outcome and side: those of both sides, and those of the facet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    pub(super) positive: u64,
    pub(super) positive_facet: u64,
    pub(super) negative: u64,
    pub(super) negative_facet: u64,
}

impl Group {
    fn add(&mut self, positive: bool, facet: bool, count: u64) {
        let of_facet = if facet { count } else { 0 };
        if positive {
            self.positive += count;
            self.positive_facet += of_facet;
        } else {
            self.negative += count;
            self.negative_facet += of_facet;
        }
    }
}

/// Counts of rows.
pub(super) struct Tally {
    /// Of the rest.
    pub(super) rest: Confusion,
    /// Of the facet.
    pub(super) facet: Confusion,
    /// Rows of the rest and of the facet with each label.
    pub(super) labels: Vec<[u64; 2]>,
    /// Each group by known labels.
    pub(super) groups_by_label: Vec<Group>,
    /// Each group by predictions.
    pub(super) groups_by_prediction: Vec<Group>,
    /// Rows of the facet that would flip to positive, less those that would flip to negative.
    pub(super) flips: i64,
    /// Rows of the facet that went through the flip test.
    pub(super) flip_tested: u64,
}

impl Cells {
    pub(super) fn of_labels(population: &Population<'_>) -> Self {
        Self::new(population, |_| (false, None))
    }

    pub(super) fn of_predictions(
        population: &Population<'_>,
        predicted: &[bool],
        flips: Option<&[Option<i8>]>,
    ) -> Self {
        Self::new(population, |row| (predicted[row], flips.and_then(|flips| flips[row])))
    }

    fn new(population: &Population<'_>, prediction: impl Fn(usize) -> (bool, Option<i8>)) -> Self {
        let mut cells = Vec::new();
        let mut known = HashMap::new();
        let mut of_row = Vec::with_capacity(population.facet.len());
        for (row, facet) in population.facet.iter().enumerate() {
            let (predicted, flip) = prediction(row);
            let label = population.labels[row];
            let cell = Cell {
                facet: *facet,
                label,
                positive: population.positive[label as usize],
                predicted,
                group: population.groups.map_or(0, |groups| groups[row]),
                flip,
            };
            of_row.push(*known.entry(cell).or_insert_with(|| {
                cells.push(cell);
                cells.len() as u32 - 1
            }));
        }
        let groups = cells.iter().map(|cell| cell.group as usize + 1).max().unwrap_or(0);
        Self { cells, of_row, labels: population.positive.len(), groups }
    }

    pub(super) fn rows(&self) -> usize {
        self.of_row.len()
    }

    /// Counts rows, each so often as `times` says.
    pub(super) fn tally(&self, times: Option<&[u32]>) -> Tally {
        let mut counts = vec![0_u64; self.cells.len()];
        for (row, cell) in self.of_row.iter().enumerate() {
            counts[*cell as usize] += times.map_or(1, |times| u64::from(times[row]));
        }
        let mut tally = Tally {
            rest: Confusion::default(),
            facet: Confusion::default(),
            labels: vec![[0; 2]; self.labels],
            groups_by_label: vec![Group::default(); self.groups],
            groups_by_prediction: vec![Group::default(); self.groups],
            flips: 0,
            flip_tested: 0,
        };
        for (cell, count) in self.cells.iter().zip(counts) {
            let side = if cell.facet { &mut tally.facet } else { &mut tally.rest };
            match (cell.positive, cell.predicted) {
                (true, true) => side.true_positives += count,
                (true, false) => side.false_negatives += count,
                (false, true) => side.false_positives += count,
                (false, false) => side.true_negatives += count,
            }
            tally.labels[cell.label as usize][usize::from(cell.facet)] += count;
            tally.groups_by_label[cell.group as usize].add(cell.positive, cell.facet, count);
            tally.groups_by_prediction[cell.group as usize].add(cell.predicted, cell.facet, count);
            if let (true, Some(flip)) = (cell.facet, cell.flip) {
                tally.flips += i64::from(flip) * count as i64;
                tally.flip_tested += count;
            }
        }
        tally
    }
}
