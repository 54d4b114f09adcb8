//! Calibration: whether of the rows given a probability of 0.7 seven in ten are of the class.
//!
//! Bins of equal width, as `sklearn.calibration.calibration_curve` makes them with `strategy="uniform"`: a probability on an edge is in
//! the bin below it. Bins without rows are left out.
#![allow(
    clippy::indexing_slicing,
    reason = "a bin is found below their number, and rows have a probability and a class each"
)]

use kumiko_vocabulary::evaluation::{CalibrationBin, ClassCalibration};

/// The bins of one class against the rest. `bins` is one at least.
pub(super) fn calibration(
    class: &str,
    probabilities: &[f32],
    truth: &[u32],
    position: usize,
    bins: usize,
) -> ClassCalibration {
    let edges: Vec<f64> = (1..bins).map(|edge| edge as f64 * (1.0 / bins as f64)).collect();
    let mut sums = vec![(0.0, 0_u64, 0_u64); bins];
    for (probability, truth) in probabilities.iter().zip(truth) {
        let probability = f64::from(*probability);
        let sum = &mut sums[edges.partition_point(|edge| *edge < probability)];
        sum.0 += probability;
        sum.1 += u64::from(*truth as usize == position);
        sum.2 += 1;
    }
    let found: Vec<CalibrationBin> = sums
        .into_iter()
        .filter(|(_, _, rows)| *rows > 0)
        .map(|(predicted, of_class, rows)| CalibrationBin {
            predicted: predicted / rows as f64,
            observed: of_class as f64 / rows as f64,
            rows,
        })
        .collect();
    let rows = probabilities.len().max(1) as f64;
    let error = found.iter().map(|bin| (bin.predicted - bin.observed).abs() * bin.rows as f64 / rows).sum();
    ClassCalibration { class: class.to_owned(), expected_calibration_error: error, bins: found }
}
