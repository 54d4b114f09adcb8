//! The classification report.
#![allow(clippy::indexing_slicing, reason = "classes have a ranking and rows a count each; codes are checked before")]

use kumiko_vocabulary::evaluation::{
    AreaAverages, Average, ClassMetrics, ClassificationReport, ConfidenceInterval, EvaluationSpecification,
    MAXIMUM_CALIBRATION_BINS,
};
use rayon::prelude::*;

use crate::data::{Predictions, check_codes};
use crate::error::Error;

use super::calibration::calibration;
use super::counts::{Counts, Scores};
use super::ranking::{Areas, Ranking};
use super::resampling::{intervals, resample};

/// What rows are called in errors.
const TRUTH: &str = "the known answers";

/// Measures class predictions against known classes. `truth` holds positions in `classes`, which are the model's classes in its
/// order ([`class_codes`](crate::class_codes) makes them of labels).
pub fn classification(
    truth: &[u32],
    classes: &[String],
    predictions: &Predictions,
    specification: &EvaluationSpecification,
) -> Result<ClassificationReport, Error> {
    let positive = positive_class(specification.positive_class.as_deref(), classes)?;
    let (predicted, probabilities) = checked(truth, classes, predictions)?;
    if specification.average == Average::Binary && classes.len() != 2 {
        return Err(Error::Specification {
            name: "average",
            value: "binary".to_owned(),
            expected: format!("macro, weighted or micro: there are {} classes", classes.len()),
        });
    }
    let judged = Judged::new(truth, classes.len(), positive, predicted, probabilities);
    let counts = judged.counts(None);
    let areas = judged.areas(None);
    let binary = classes.len() == 2;
    let roc_averages = judged.area_averages(&counts, &areas, |areas| areas.roc);
    let precision_recall_averages = judged.area_averages(&counts, &areas, |areas| areas.precision_recall);
    let headline = |averages: &AreaAverages| averages.binary.unwrap_or(averages.macro_average);
    let Scores { precision, recall, f1 } = counts.averaged(specification.average, positive);
    let (roc_curves, precision_recall_curves) = match specification.curve_points {
        0 => (Vec::new(), Vec::new()),
        points => (0..classes.len())
            .filter(|class| !binary || *class == positive)
            .filter_map(|class| judged.rankings[class].curves(&classes[class], points.max(2) as usize))
            .unzip(),
    };
    if specification.calibration_bins > MAXIMUM_CALIBRATION_BINS {
        return Err(Error::Specification {
            name: "calibration_bins",
            value: specification.calibration_bins.to_string(),
            expected: format!("at most {MAXIMUM_CALIBRATION_BINS}; 0 for none"),
        });
    }
    let calibration = match specification.calibration_bins as usize {
        0 => Vec::new(),
        bins => (0..classes.len())
            .filter(|class| !binary || *class == positive)
            .map(|class| calibration(&classes[class], &probabilities[class], truth, class, bins))
            .collect(),
    };
    Ok(ClassificationReport {
        rows: truth.len() as u64,
        classes: classes.to_vec(),
        positive_class: binary.then(|| classes[positive].clone()),
        accuracy: counts.accuracy(),
        balanced_accuracy: counts.balanced_accuracy(),
        average: specification.average,
        precision,
        recall,
        f1,
        precision_averages: counts.averages(positive, |scores| scores.precision),
        recall_averages: counts.averages(positive, |scores| scores.recall),
        f1_averages: counts.averages(positive, |scores| scores.f1),
        roc_auc: roc_averages.as_ref().map(headline),
        roc_auc_averages: roc_averages,
        pr_auc: precision_recall_averages.as_ref().map(headline),
        pr_auc_averages: precision_recall_averages,
        log_loss: judged.log_loss(None),
        brier: judged.brier(None),
        mcc: counts.mcc(),
        per_class: per_class(classes, &counts, &areas),
        intervals: judged.intervals(specification)?,
        confusion_matrix: counts.matrix,
        roc_curves,
        precision_recall_curves,
        calibration,
    })
}

/// The position of the positive class: the one named, or the second.
pub(super) fn positive_class(named: Option<&str>, classes: &[String]) -> Result<usize, Error> {
    let Some(name) = named else { return Ok(1) };
    let position = classes.iter().position(|class| class == name);
    position.ok_or_else(|| Error::Specification {
        name: "positive_class",
        value: format!("`{name}`"),
        expected: format!("one of {}", classes.join(", ")),
    })
}

/// Predicted codes and probabilities that fit the truth and the classes.
pub(super) fn checked<'a>(
    truth: &[u32],
    classes: &[String],
    predictions: &'a Predictions,
) -> Result<(&'a [u32], &'a [Vec<f32>]), Error> {
    let Predictions::Classes { codes, probabilities } = predictions else {
        return Err(Error::Specification {
            name: "predictions",
            value: "numbers".to_owned(),
            expected: "classes".to_owned(),
        });
    };
    let length = |what: &str, expected: usize, found: usize| {
        if expected == found { Ok(()) } else { Err(Error::Length { what: what.to_owned(), expected, found }) }
    };
    if truth.is_empty() {
        return Err(Error::Rows { what: TRUTH.to_owned(), rows: 0, expected: "one at least" });
    }
    if classes.len() < 2 {
        return Err(Error::Length { what: "the list of classes".to_owned(), expected: 2, found: classes.len() });
    }
    check_codes(truth, classes.len(), TRUTH)?;
    check_codes(codes, classes.len(), "the predictions")?;
    length("the list of predicted classes", truth.len(), codes.len())?;
    length("the list of probability columns", classes.len(), probabilities.len())?;
    for column in probabilities {
        length("a column of probabilities", truth.len(), column.len())?;
        if let Some(row) = column.iter().position(|probability| !(0.0..=1.0).contains(probability)) {
            let value = format!("{} in row {row}", column[row]);
            return Err(Error::Specification {
                name: "probabilities",
                value,
                expected: "numbers from 0 to 1".to_owned(),
            });
        }
    }
    Ok((codes, probabilities))
}

fn per_class(classes: &[String], counts: &Counts, areas: &[Areas]) -> Vec<ClassMetrics> {
    (classes.iter().zip(areas).enumerate())
        .map(|(position, (class, areas))| {
            let Scores { precision, recall, f1 } = counts.scores(position);
            ClassMetrics {
                class: class.clone(),
                support: counts.support(position),
                predicted: counts.predicted(position),
                precision,
                recall,
                f1,
                roc_auc: areas.roc,
                pr_auc: areas.precision_recall,
            }
        })
        .collect()
}

/// Predictions beside the truth, sorted and summed so that each resampling costs one pass over the rows. Everywhere `times` says
/// how often a row counts; without it, once.
pub(super) struct Judged<'a> {
    truth: &'a [u32],
    classes: usize,
    positive: usize,
    predicted: &'a [u32],
    rankings: Vec<Ranking>,
    log_losses: Vec<f64>,
    briers: Vec<f64>,
}

impl<'a> Judged<'a> {
    pub(super) fn new(
        truth: &'a [u32],
        classes: usize,
        positive: usize,
        predicted: &'a [u32],
        probabilities: &[Vec<f32>],
    ) -> Self {
        let rankings =
            probabilities.par_iter().enumerate().map(|(class, column)| Ranking::new(column, truth, class)).collect();
        let of_truth = |row: usize| probabilities[truth[row] as usize][row];
        // scikit-learn keeps probabilities this far from 0 and 1, by the resolution of their type.
        let clipped = |probability: f32| f64::from(probability.clamp(f32::EPSILON, 1.0 - f32::EPSILON));
        let log_losses = (0..truth.len()).map(|row| -clipped(of_truth(row)).ln()).collect();
        let briers = (0..truth.len())
            .map(|row| {
                let distance = |class: usize| {
                    let hit = if truth[row] as usize == class { 1.0 } else { 0.0 };
                    (f64::from(probabilities[class][row]) - hit).powi(2)
                };
                if classes == 2 { distance(positive) } else { (0..classes).map(distance).sum() }
            })
            .collect();
        Self { truth, classes, positive, predicted, rankings, log_losses, briers }
    }

    pub(super) fn counts(&self, times: Option<&[u32]>) -> Counts {
        Counts::new(self.truth, self.predicted, self.classes, times)
    }

    /// F1 of the positive class of two, weighted otherwise.
    pub(super) fn headline_f1(&self, counts: &Counts) -> f64 {
        let average = if self.classes == 2 { Average::Binary } else { Average::Weighted };
        counts.averaged(average, self.positive).f1
    }

    pub(super) fn log_loss(&self, times: Option<&[u32]>) -> f64 {
        mean(&self.log_losses, times)
    }

    fn brier(&self, times: Option<&[u32]>) -> f64 {
        mean(&self.briers, times)
    }

    fn areas(&self, times: Option<&[u32]>) -> Vec<Areas> {
        self.rankings.iter().map(|ranking| ranking.areas(times)).collect()
    }

    /// Area under the ROC curve of the positive class, or the mean of one class against the rest.
    pub(super) fn roc_auc(&self, times: Option<&[u32]>) -> Option<f64> {
        self.headline_area(times, |areas| areas.roc)
    }

    fn headline_area(&self, times: Option<&[u32]>, of: impl Fn(Areas) -> Option<f64>) -> Option<f64> {
        if self.classes == 2 {
            return of(self.rankings[self.positive].areas(times));
        }
        let areas = self.rankings.iter().map(|ranking| of(ranking.areas(times))).collect::<Option<Vec<f64>>>()?;
        Some(areas.iter().sum::<f64>() / areas.len() as f64)
    }

    fn area_averages(
        &self,
        counts: &Counts,
        areas: &[Areas],
        of: impl Fn(&Areas) -> Option<f64>,
    ) -> Option<AreaAverages> {
        let areas = areas.iter().map(of).collect::<Option<Vec<f64>>>()?;
        let weighted: f64 = areas.iter().enumerate().map(|(class, area)| area * counts.support(class) as f64).sum();
        Some(AreaAverages {
            binary: (self.classes == 2).then(|| areas[self.positive]),
            macro_average: areas.iter().sum::<f64>() / areas.len() as f64,
            weighted_average: weighted / self.truth.len() as f64,
        })
    }

    fn intervals(&self, specification: &EvaluationSpecification) -> Result<Vec<ConfidenceInterval>, Error> {
        const NAMES: [&str; 9] =
            ["accuracy", "precision", "recall", "f1", "mcc", "roc_auc", "pr_auc", "log_loss", "brier"];
        let measures = |times: Option<&[u32]>| -> Vec<Option<f64>> {
            let counts = self.counts(times);
            let Scores { precision, recall, f1 } = counts.averaged(specification.average, self.positive);
            vec![
                Some(counts.accuracy()),
                Some(precision),
                Some(recall),
                Some(f1),
                Some(counts.mcc()),
                self.roc_auc(times),
                self.headline_area(times, |areas| areas.precision_recall),
                Some(self.log_loss(times)),
                Some(self.brier(times)),
            ]
        };
        let drawn = resample(self.truth.len(), specification.bootstrap_samples, specification.seed, |times| {
            measures(Some(times))
        })?;
        let values: Vec<(&str, Option<f64>)> = NAMES.into_iter().zip(measures(None)).collect();
        Ok(intervals(&values, &drawn))
    }
}

/// The mean of numbers that count so often as `times` says, once for each row in all.
fn mean(numbers: &[f64], times: Option<&[u32]>) -> f64 {
    let sum: f64 = match times {
        None => numbers.iter().sum(),
        Some(times) => numbers.iter().zip(times).map(|(number, times)| number * f64::from(*times)).sum(),
    };
    sum / numbers.len() as f64
}
