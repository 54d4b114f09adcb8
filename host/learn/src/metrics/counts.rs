//! What a confusion matrix yields: accuracy, precision, recall, F1, Matthews correlation.
#![allow(
    clippy::indexing_slicing,
    reason = "the matrix is square with a row for each class; codes are checked against the number of classes"
)]

use kumiko_vocabulary::evaluation::{Average, MetricAverages};

/// Row counts: a line for each true class, a column for each predicted one.
pub(super) struct Counts {
    pub(super) matrix: Vec<Vec<u64>>,
}

/// Precision, recall and F1 of one class; 0 where they would be 0 / 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Scores {
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
}

impl Counts {
    /// Counts rows, each so often as `times` says.
    pub(super) fn new(truth: &[u32], predicted: &[u32], classes: usize, times: Option<&[u32]>) -> Self {
        let mut matrix = vec![vec![0; classes]; classes];
        for (row, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            matrix[*truth as usize][*predicted as usize] += times.map_or(1, |times| u64::from(times[row]));
        }
        Self { matrix }
    }

    pub(super) fn classes(&self) -> usize {
        self.matrix.len()
    }

    pub(super) fn support(&self, class: usize) -> u64 {
        self.matrix[class].iter().sum()
    }

    pub(super) fn predicted(&self, class: usize) -> u64 {
        self.matrix.iter().map(|line| line[class]).sum()
    }

    fn total(&self) -> u64 {
        self.matrix.iter().flatten().sum()
    }

    fn right(&self) -> u64 {
        (0..self.classes()).map(|class| self.matrix[class][class]).sum()
    }

    pub(super) fn accuracy(&self) -> f64 {
        ratio(self.right(), self.total())
    }

    /// The mean recall of the classes that occur.
    pub(super) fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> = (0..self.classes())
            .filter(|class| self.support(*class) > 0)
            .map(|class| self.scores(class).recall)
            .collect();
        recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
    }

    pub(super) fn scores(&self, class: usize) -> Scores {
        let right = self.matrix[class][class];
        let (support, predicted) = (self.support(class), self.predicted(class));
        Scores {
            precision: ratio(right, predicted),
            recall: ratio(right, support),
            f1: ratio(2 * right, support + predicted),
        }
    }

    /// Precision, recall and F1 by one average. Classes that neither occur nor are predicted are left out, as scikit-learn does.
    pub(super) fn averaged(&self, average: Average, positive: usize) -> Scores {
        let present = (0..self.classes()).filter(|class| self.support(*class) + self.predicted(*class) > 0);
        let weighted = |weight: &dyn Fn(usize) -> f64| {
            let (mut sum, mut total) = (Scores::default(), 0.0);
            for class in present {
                let (scores, weight) = (self.scores(class), weight(class));
                sum.precision += weight * scores.precision;
                sum.recall += weight * scores.recall;
                sum.f1 += weight * scores.f1;
                total += weight;
            }
            let mean = |sum: f64| if total > 0.0 { sum / total } else { 0.0 };
            Scores { precision: mean(sum.precision), recall: mean(sum.recall), f1: mean(sum.f1) }
        };
        match average {
            Average::Binary => self.scores(positive),
            Average::Macro => weighted(&|_| 1.0),
            Average::Weighted => weighted(&|class| self.support(class) as f64),
            // Every row is one decision: precision, recall and F1 are all the share of right ones.
            Average::Micro => Scores { precision: self.accuracy(), recall: self.accuracy(), f1: self.accuracy() },
        }
    }

    /// One of the three scores under every average.
    pub(super) fn averages(&self, positive: usize, of: impl Fn(Scores) -> f64) -> MetricAverages {
        MetricAverages {
            binary: (self.classes() == 2).then(|| of(self.scores(positive))),
            macro_average: of(self.averaged(Average::Macro, positive)),
            weighted_average: of(self.averaged(Average::Weighted, positive)),
            micro_average: of(self.averaged(Average::Micro, positive)),
        }
    }

    /// Matthews correlation for any number of classes (Gorodkin, 2004); 0 where one class alone occurs or is predicted.
    pub(super) fn mcc(&self) -> f64 {
        let total = self.total() as f64;
        let (mut crossed, mut true_squares, mut predicted_squares) = (0.0, 0.0, 0.0);
        for class in 0..self.classes() {
            let (support, predicted) = (self.support(class) as f64, self.predicted(class) as f64);
            crossed += support * predicted;
            true_squares += support * support;
            predicted_squares += predicted * predicted;
        }
        let spread = (total * total - true_squares) * (total * total - predicted_squares);
        if spread > 0.0 { (self.right() as f64 * total - crossed) / spread.sqrt() } else { 0.0 }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
