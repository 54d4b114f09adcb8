//! Work over rows in blocks, in parallel, with the same result whatever the number of threads.
//!
//! The blocks follow from the number of rows alone, and what they yield is put together in their order, so that floating-point
//! sums are made in one order only.

use std::ops::Range;

use rayon::prelude::*;

/// Rows in a block at least: less would not pay for handing it to a thread.
const SMALLEST_BLOCK: usize = 2_048;
/// Blocks at most: what each yields is held at once.
const MOST_BLOCKS: usize = 64;

/// Numbers that all blocks of a sum may yield together: 64 MiB.
const MOST_NUMBERS: usize = 8 << 20;

/// Rows in a block, for whoever cuts slices that are to be written to.
pub(crate) fn block_size(rows: usize) -> usize {
    rows.div_ceil(MOST_BLOCKS).max(SMALLEST_BLOCK)
}

/// The blocks that `rows` rows are cut into: `most` at most.
fn blocks(rows: usize, most: usize) -> Vec<Range<usize>> {
    let size = rows.div_ceil(most).max(SMALLEST_BLOCK);
    (0..rows).step_by(size).map(|start| start..rows.min(start + size)).collect()
}

/// What `work` makes of each block, in order.
pub(crate) fn map_blocks<T: Send>(rows: usize, work: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
    blocks(rows, MOST_BLOCKS).into_par_iter().map(work).collect()
}

/// The element-wise sum of what `work` makes of each block: `length` numbers each.
pub(crate) fn sum_blocks(
    rows: usize,
    length: usize,
    work: impl Fn(Range<usize>) -> Vec<f64> + Sync + Send,
) -> Vec<f64> {
    let most = (MOST_NUMBERS / length.max(1)).clamp(2, MOST_BLOCKS);
    let parts: Vec<Vec<f64>> = blocks(rows, most).into_par_iter().map(work).collect();
    let mut total = vec![0.0; length];
    for part in parts {
        for (sum, term) in total.iter_mut().zip(part) {
            *sum += term;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_row_once_and_are_few() {
        for rows in [0, 1, 2_047, 2_048, 2_049, 1_000_003] {
            let blocks = blocks(rows, MOST_BLOCKS);
            assert!(blocks.len() <= MOST_BLOCKS);
            let mut next = 0;
            for block in blocks {
                assert_eq!(block.start, next);
                next = block.end;
            }
            assert_eq!(next, rows);
        }
    }
}
