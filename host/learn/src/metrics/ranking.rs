//! Areas and curves of one class against the rest: rows ordered by the class's probability, and what calling the first so many
//! of them the class would bring.
#![allow(clippy::indexing_slicing, reason = "positions are those of the rows that the ranking was made of")]

use kumiko_vocabulary::evaluation::{PrecisionRecallCurve, PrecisionRecallPoint, RocCurve, RocPoint};

/// Rows by falling probability of one class.
pub(super) struct Ranking {
    /// Row and whether it is of the class; equal probabilities side by side.
    rows: Vec<(u32, bool)>,
    /// Where each run of equal probabilities ends in `rows`, and that probability.
    ends: Vec<(u32, f32)>,
}

/// Rows called the class so far: of it, and of others.
#[derive(Clone, Copy)]
struct Called {
    of_class: u64,
    of_others: u64,
}

/// Areas under the two curves.
#[derive(Clone, Copy)]
pub(super) struct Areas {
    /// By trapezoids; none where the class or the rest does not occur.
    pub(super) roc: Option<f64>,
    /// Average precision, Σ (recall − recall before) × precision; none where the class does not occur.
    pub(super) precision_recall: Option<f64>,
}

impl Ranking {
    pub(super) fn new(probabilities: &[f32], truth: &[u32], class: usize) -> Self {
        let mut order: Vec<u32> = (0..probabilities.len() as u32).collect();
        order.sort_unstable_by(|left, right| {
            probabilities[*right as usize].total_cmp(&probabilities[*left as usize]).then(left.cmp(right))
        });
        let mut ends: Vec<(u32, f32)> = Vec::new();
        for (position, row) in order.iter().enumerate() {
            let probability = probabilities[*row as usize];
            let end = position as u32 + 1;
            match ends.last_mut() {
                Some(last) if last.1 == probability => last.0 = end,
                _ => ends.push((end, probability)),
            }
        }
        let rows = order.into_iter().map(|row| (row, truth[row as usize] as usize == class)).collect();
        Self { rows, ends }
    }

    /// Calls `visit` after each run of equal probabilities. Rows count so often as `times` says.
    fn walk(&self, times: Option<&[u32]>, mut visit: impl FnMut(Called, f32)) {
        let mut called = Called { of_class: 0, of_others: 0 };
        let mut start = 0;
        for (end, probability) in &self.ends {
            for (row, of_class) in &self.rows[start..*end as usize] {
                let count = times.map_or(1, |times| u64::from(times[*row as usize]));
                if *of_class {
                    called.of_class += count;
                } else {
                    called.of_others += count;
                }
            }
            start = *end as usize;
            visit(called, *probability);
        }
    }

    pub(super) fn areas(&self, times: Option<&[u32]>) -> Areas {
        // Twice the area in counts is a whole number: exact, whatever the order of rows.
        let (mut twice_roc, mut precision_recall) = (0_u128, 0.0);
        let mut before = Called { of_class: 0, of_others: 0 };
        self.walk(times, |called, _| {
            twice_roc +=
                u128::from(called.of_others - before.of_others) * u128::from(called.of_class + before.of_class);
            if called.of_class > before.of_class {
                let precision = called.of_class as f64 / (called.of_class + called.of_others) as f64;
                precision_recall += (called.of_class - before.of_class) as f64 * precision;
            }
            before = called;
        });
        let (of_class, of_others) = (before.of_class as f64, before.of_others as f64);
        Areas {
            roc: (of_class > 0.0 && of_others > 0.0).then(|| twice_roc as f64 / (2.0 * of_class * of_others)),
            precision_recall: (of_class > 0.0).then(|| precision_recall / of_class),
        }
    }

    /// The curves, where both kinds of row occur, with at most `points` points each.
    pub(super) fn curves(&self, class: &str, points: usize) -> Option<(RocCurve, PrecisionRecallCurve)> {
        let areas = self.areas(None);
        let (area, average_precision) = (areas.roc?, areas.precision_recall?);
        let total = self.rows.iter().fold(Called { of_class: 0, of_others: 0 }, |mut total, (_, of_class)| {
            if *of_class {
                total.of_class += 1;
            } else {
                total.of_others += 1;
            }
            total
        });
        let mut roc = vec![RocPoint { false_positive_rate: 0.0, true_positive_rate: 0.0, threshold: None }];
        let mut precision_recall = vec![PrecisionRecallPoint { recall: 0.0, precision: 1.0, threshold: None }];
        self.walk(None, |called, probability| {
            let recall = called.of_class as f64 / total.of_class as f64;
            let threshold = Some(f64::from(probability));
            roc.push(RocPoint {
                false_positive_rate: called.of_others as f64 / total.of_others as f64,
                true_positive_rate: recall,
                threshold,
            });
            let precision = called.of_class as f64 / (called.of_class + called.of_others) as f64;
            precision_recall.push(PrecisionRecallPoint { recall, precision, threshold });
        });
        let roc = thinned(roc, points, |point| (point.false_positive_rate, point.true_positive_rate));
        let precision_recall = thinned(precision_recall, points, |point| (point.recall, point.precision));
        let baseline = total.of_class as f64 / self.rows.len() as f64;
        let class = class.to_owned();
        Some((
            RocCurve { class: class.clone(), area, points: roc },
            PrecisionRecallCurve { class, area: average_precision, baseline, points: precision_recall },
        ))
    }
}

/// At most `most` of the points, at even distances along the curve, with its ends. Distances are horizontal plus vertical, so
/// that steep and flat parts keep their shape.
fn thinned<T>(points: Vec<T>, most: usize, place: impl Fn(&T) -> (f64, f64)) -> Vec<T> {
    if points.len() <= most {
        return points;
    }
    let places: Vec<(f64, f64)> = points.iter().map(place).collect();
    let mut travelled = vec![0.0];
    let mut distance = 0.0;
    for pair in places.windows(2) {
        if let [from, to] = pair {
            distance += (to.0 - from.0).abs() + (to.1 - from.1).abs();
            travelled.push(distance);
        }
    }
    let last = points.len() - 1;
    let stretch = distance / (most.max(2) - 1) as f64;
    let mut next = 0.0;
    let mut kept = 0;
    let (points_kept, most) = (points.into_iter().zip(travelled).enumerate(), most.max(2));
    points_kept
        .filter_map(|(position, (point, travelled))| {
            let keep = position == last || (travelled >= next && kept < most - 1);
            if keep {
                kept += 1;
                // Past a long jump the next point is due one stretch further on.
                next = (travelled / stretch).floor().mul_add(stretch, stretch);
            }
            keep.then_some(point)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_curve_keeps_its_ends_its_limit_and_its_area() {
        let rows = 20_000_u32;
        let truth: Vec<u32> = (0..rows).map(|row| u32::from(row * 7_919 % 1_000 < row / 20)).collect();
        let probabilities: Vec<f32> = (0..rows).map(|row| row as f32 / rows as f32).collect();
        let (roc, precision_recall) = Ranking::new(&probabilities, &truth, 1).curves("yes", 200).unwrap();
        assert!(roc.points.len() <= 200 && roc.points.len() > 150, "{}", roc.points.len());
        assert_eq!((roc.points[0].false_positive_rate, roc.points[0].true_positive_rate), (0.0, 0.0));
        let last = roc.points.last().unwrap();
        assert_eq!((last.false_positive_rate, last.true_positive_rate), (1.0, 1.0));
        let area: f64 = roc
            .points
            .windows(2)
            .map(|pair| {
                (pair[1].false_positive_rate - pair[0].false_positive_rate)
                    * f64::midpoint(pair[1].true_positive_rate, pair[0].true_positive_rate)
            })
            .sum();
        assert!((area - roc.area).abs() < 1e-3, "{area} {}", roc.area);
        assert!(precision_recall.points.len() <= 200);
        assert_eq!(precision_recall.points.last().unwrap().recall, 1.0);
    }
}
