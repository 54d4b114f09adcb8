//! The nearest rows of rows: every row with every other, in blocks by matrix multiplication.
#![allow(clippy::indexing_slicing, reason = "rows are cut from a matrix whose length is a multiple of its width")]

use rayon::prelude::*;

use crate::distances::{Rows, partial_distances, squared_distance};

/// Rows compared at once with [`OTHERS`] others: a block of distances stays in the near cache.
const ROWS_AT_ONCE: usize = 64;
/// See [`ROWS_AT_ONCE`].
const OTHERS: usize = 512;

/// Rows in pieces that others are compared with.
pub(crate) struct Pieces(Vec<Rows>);

impl Pieces {
    pub(crate) fn new(rows: &Rows) -> Self {
        Self(
            rows.values.chunks(OTHERS * rows.width.max(1)).map(|piece| Rows::new(piece.to_vec(), rows.width)).collect(),
        )
    }

    /// Calls `visit` for each query and piece with the query's place, the piece's first row and the squared distances less the
    /// query's squared norm.
    pub(crate) fn compare(&self, rows: &Rows, queries: &[usize], mut visit: impl FnMut(usize, usize, &[f32])) {
        let gathered: Vec<f32> = queries.iter().flat_map(|row| rows.row(*row)).copied().collect();
        let mut products = Vec::new();
        for (piece, others) in self.0.iter().enumerate() {
            partial_distances(&gathered, others, &mut products);
            for (query, distances) in products.chunks_exact(others.len().max(1)).enumerate() {
                visit(query, piece * OTHERS, distances);
            }
        }
    }
}

/// For each query, a row's number, the `count` nearest other rows with their squared distances, nearest first, the first of
/// equals first.
pub(crate) fn nearest_rows(rows: &Rows, queries: &[usize], count: usize) -> Vec<Vec<(f32, u32)>> {
    let pieces = Pieces::new(rows);
    queries
        .par_chunks(ROWS_AT_ONCE)
        .flat_map_iter(|queries| {
            let mut found: Vec<Candidates> = queries.iter().map(|_| Candidates::new(count)).collect();
            pieces.compare(rows, queries, |query, first, distances| {
                let candidates = &mut found[query];
                for (place, distance) in distances.iter().enumerate() {
                    if *distance <= candidates.limit && first + place != queries[query] {
                        candidates.add(*distance, (first + place) as u32);
                    }
                }
            });
            let exact = |(candidates, query): (Candidates, &usize)| {
                let mut nearest: Vec<(f32, u32)> = (candidates.finish().into_iter())
                    .map(|(_, row)| (squared_distance(rows.row(*query), rows.row(row as usize)), row))
                    .collect();
                nearest.sort_unstable_by(order);
                nearest
            };
            found.into_iter().zip(queries).map(exact).collect::<Vec<_>>()
        })
        .collect()
}

fn order(left: &(f32, u32), right: &(f32, u32)) -> std::cmp::Ordering {
    left.0.total_cmp(&right.0).then(left.1.cmp(&right.1))
}

/// The nearest rows so far, and some that are not among them any more.
struct Candidates {
    count: usize,
    rows: Vec<(f32, u32)>,
    /// What a row must not be beyond to be among the nearest.
    limit: f32,
}

impl Candidates {
    fn new(count: usize) -> Self {
        Self { count, rows: Vec::with_capacity(2 * count + 1), limit: f32::INFINITY }
    }

    fn add(&mut self, distance: f32, row: u32) {
        self.rows.push((distance, row));
        if self.rows.len() > 2 * self.count {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if self.count > 0 && self.rows.len() > self.count {
            let (_, last, _) = self.rows.select_nth_unstable_by(self.count - 1, order);
            self.limit = last.0;
        }
        self.rows.truncate(self.count);
    }

    fn finish(mut self) -> Vec<(f32, u32)> {
        self.cut();
        self.rows
    }
}
