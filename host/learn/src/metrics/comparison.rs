//! Several models on the same rows: measures, ranking, and which differences are more than chance.
#![allow(clippy::indexing_slicing, reason = "there is a measure for each candidate")]

use kumiko_vocabulary::evaluation::{
    ComparedModel, Comparison, ComparisonMetric, ComparisonSpecification, PairedComparison,
};
use kumiko_vocabulary::learning::{HeadlineMetrics, Task};

use crate::data::{Predictions, Target};
use crate::error::Error;

use super::classification::{Judged, checked, positive_class};
use super::regression::{self, Errors};
use super::resampling::{interval, resample};
use super::significance::{Outcome, holm, mcnemar, wilcoxon};
use super::{classification_headline, headline};
use crate::estimator::Answers;

/// A model's predictions under its name.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// What the comparison calls it.
    pub name: &'a str,
    /// What it says of the rows.
    pub predictions: &'a Predictions,
}

/// Compares two models or more on rows with known answers, in the candidates' codes. Each pair is tested row by row: McNemar's
/// test of who is right for classes, Wilcoxon's of the absolute errors for numbers; Holm's correction covers all pairs.
pub fn compare(
    truth: &Target,
    candidates: &[Candidate<'_>],
    specification: &ComparisonSpecification,
) -> Result<Comparison, Error> {
    if candidates.len() < 2 {
        return Err(Error::Length {
            what: "the list of models to compare".to_owned(),
            expected: 2,
            found: candidates.len(),
        });
    }
    if !(specification.significance_level > 0.0 && specification.significance_level < 1.0) {
        return Err(Error::Specification {
            name: "significance_level",
            value: specification.significance_level.to_string(),
            expected: "a number above 0 and below 1".to_owned(),
        });
    }
    let task = truth.task().ok_or_else(no_truth)?;
    if let Some(metric) = specification.metric.filter(|metric| metric.task() != task) {
        let expected = format!("a measure of {}", task.as_str());
        return Err(Error::Specification { name: "metric", value: metric.as_str().to_owned(), expected });
    }
    let rows = Rows::new(truth, candidates, specification)?;
    let metrics = rows.headlines();
    let metric = chosen_metric(specification.metric, task, &metrics)?;
    let values: Vec<f64> = metrics.iter().filter_map(|metrics| value(metric, metrics)).collect();
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    let better =
        |left: f64, right: f64| if metric.more_is_better() { right.total_cmp(&left) } else { left.total_cmp(&right) };
    order.sort_by(|left, right| better(values[*left], values[*right]));
    let ranking = order
        .iter()
        .map(|position| ComparedModel {
            rank: 1 + values.iter().filter(|other| better(**other, values[*position]).is_lt()).count() as u32,
            name: candidates[*position].name.to_owned(),
            value: values[*position],
            metrics: metrics[*position].clone(),
        })
        .collect();
    let drawn = rows.resampled(metric, specification)?;
    let pairs =
        pairs(&order)
            .map(|(first, second)| (first, second, rows.test(first, second)))
            .collect::<Vec<(usize, usize, Outcome)>>();
    let adjusted = holm(&pairs.iter().map(|(_, _, outcome)| outcome.p_value).collect::<Vec<f64>>());
    let pairs = (pairs.into_iter().zip(adjusted))
        .map(|((first, second, outcome), adjusted_p_value)| {
            let differences: Vec<f64> = drawn.iter().filter_map(|drawn| Some(drawn[first]? - drawn[second]?)).collect();
            let bounds = interval(differences);
            PairedComparison {
                first: candidates[first].name.to_owned(),
                second: candidates[second].name.to_owned(),
                difference: values[first] - values[second],
                lower: bounds.map(|bounds| bounds.0),
                upper: bounds.map(|bounds| bounds.1),
                test: outcome.test,
                statistic: outcome.statistic,
                p_value: outcome.p_value,
                adjusted_p_value,
                significant: adjusted_p_value < specification.significance_level,
            }
        })
        .collect();
    Ok(Comparison { task, rows: truth.rows() as u64, metric, ranking, pairs })
}

/// Models are compared by known answers.
fn no_truth() -> Error {
    Error::Specification {
        name: "truth",
        value: "absent".to_owned(),
        expected: "known answers, classes or numbers".to_owned(),
    }
}

/// Every pair of an order, the better one first.
fn pairs(order: &[usize]) -> impl Iterator<Item = (usize, usize)> + '_ {
    order
        .iter()
        .enumerate()
        .flat_map(|(position, first)| order.iter().skip(position + 1).map(|second| (*first, *second)))
}

/// The measure asked for, or the task's usual one, if every model has it.
fn chosen_metric(
    asked: Option<ComparisonMetric>,
    task: Task,
    metrics: &[HeadlineMetrics],
) -> Result<ComparisonMetric, Error> {
    let everywhere = |metric: ComparisonMetric| metrics.iter().all(|metrics| value(metric, metrics).is_some());
    match (asked, task) {
        (Some(metric), _) if everywhere(metric) => Ok(metric),
        (Some(metric), _) => Err(Error::Specification {
            name: "metric",
            value: metric.as_str().to_owned(),
            expected: "a measure that these rows can give: this one needs answers that vary".to_owned(),
        }),
        (None, Task::Classification) if everywhere(ComparisonMetric::RocAuc) => Ok(ComparisonMetric::RocAuc),
        (None, Task::Classification) => Ok(ComparisonMetric::Accuracy),
        (None, _) => Ok(ComparisonMetric::Rmse),
    }
}

fn value(metric: ComparisonMetric, metrics: &HeadlineMetrics) -> Option<f64> {
    match metric {
        ComparisonMetric::Accuracy => metrics.accuracy,
        ComparisonMetric::F1 => metrics.f1,
        ComparisonMetric::LogLoss => metrics.log_loss,
        ComparisonMetric::RocAuc => metrics.roc_auc,
        ComparisonMetric::Rmse => metrics.rmse,
        ComparisonMetric::Mae => metrics.mae,
        ComparisonMetric::R2 => metrics.r2,
    }
}

/// The candidates' predictions beside the truth, checked.
enum Rows<'a> {
    Classes { truth: &'a [u32], classes: usize, positive: usize, candidates: Vec<(&'a [u32], &'a [Vec<f32>])> },
    Values { truth: &'a [f64], candidates: Vec<&'a Predictions>, errors: Vec<Errors<'a>> },
}

impl<'a> Rows<'a> {
    fn new(
        truth: &'a Target,
        candidates: &[Candidate<'a>],
        specification: &ComparisonSpecification,
    ) -> Result<Self, Error> {
        match truth {
            Target::Classes { codes, classes } => {
                let positive = positive_class(specification.positive_class.as_deref(), classes)?;
                let candidates = candidates
                    .iter()
                    .map(|candidate| checked(codes, classes, candidate.predictions))
                    .collect::<Result<_, _>>()?;
                Ok(Self::Classes { truth: codes, classes: classes.len(), positive, candidates })
            }
            Target::Values(truth) => {
                let mut errors = Vec::new();
                for candidate in candidates {
                    let Predictions::Values(predicted) = candidate.predictions else {
                        return Err(Error::Specification {
                            name: "predictions",
                            value: "classes".to_owned(),
                            expected: "numbers".to_owned(),
                        });
                    };
                    regression::check(truth, predicted)?;
                    errors.push(Errors::new(truth, predicted));
                }
                let candidates = candidates.iter().map(|candidate| candidate.predictions).collect();
                Ok(Self::Values { truth, candidates, errors })
            }
            Target::None => Err(no_truth()),
        }
    }

    fn headlines(&self) -> Vec<HeadlineMetrics> {
        match self {
            Self::Classes { truth, classes, positive, candidates } => candidates
                .iter()
                .map(|(codes, probabilities)| classification_headline(truth, *classes, *positive, codes, probabilities))
                .collect(),
            Self::Values { truth, candidates, .. } => {
                candidates.iter().map(|predictions| headline(Answers::Values(truth), predictions)).collect()
            }
        }
    }

    /// For each drawing of rows the measure of each candidate.
    fn resampled(
        &self,
        metric: ComparisonMetric,
        specification: &ComparisonSpecification,
    ) -> Result<Vec<Vec<Option<f64>>>, Error> {
        let ComparisonSpecification { bootstrap_samples: samples, seed, .. } = *specification;
        match self {
            Self::Classes { truth, classes, positive, candidates } => {
                let judged: Vec<Judged<'_>> = candidates
                    .iter()
                    .map(|(codes, probabilities)| Judged::new(truth, *classes, *positive, codes, probabilities))
                    .collect();
                let measure = |judged: &Judged<'_>, times: &[u32]| match metric {
                    ComparisonMetric::RocAuc => judged.roc_auc(Some(times)),
                    ComparisonMetric::LogLoss => Some(judged.log_loss(Some(times))),
                    ComparisonMetric::F1 => Some(judged.headline_f1(&judged.counts(Some(times)))),
                    _ => Some(judged.counts(Some(times)).accuracy()),
                };
                resample(truth.len(), samples, seed, |times| {
                    judged.iter().map(|judged| measure(judged, times)).collect()
                })
            }
            Self::Values { truth, errors, .. } => {
                let measure = |errors: &Errors<'_>, times: &[u32]| match metric {
                    ComparisonMetric::Mae => Some(errors.mae(Some(times))),
                    ComparisonMetric::R2 => errors.r2(Some(times)),
                    _ => Some(errors.rmse(Some(times))),
                };
                resample(truth.len(), samples, seed, |times| {
                    errors.iter().map(|errors| measure(errors, times)).collect()
                })
            }
        }
    }

    fn test(&self, first: usize, second: usize) -> Outcome {
        match self {
            Self::Classes { truth, candidates, .. } => {
                let (mut first_right, mut second_right) = (0, 0);
                for ((truth, first), second) in truth.iter().zip(candidates[first].0).zip(candidates[second].0) {
                    first_right += u64::from(first == truth && second != truth);
                    second_right += u64::from(second == truth && first != truth);
                }
                mcnemar(first_right, second_right)
            }
            Self::Values { errors, .. } => wilcoxon(&errors[first].absolute, &errors[second].absolute),
        }
    }
}
