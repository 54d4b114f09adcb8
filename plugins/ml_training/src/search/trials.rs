//! The search itself: which settings are tried, on how many rows, and which of them are dropped early.
//!
//! Settings come in cohorts. Without successive halving a cohort is as many as are measured side by side, each on all rows. With it
//! (Jamieson and Talwalkar, 2016) a cohort of nine is measured on a ninth of the training rows, the best three on a third, the best one on
//! all: most of the time goes into what is worth it.

use kumiko_sdk::prelude::*;
use kumiko_sdk::progress;
use kumiko_sdk::vocabulary::evaluation::ComparisonMetric;
use kumiko_sdk::vocabulary::learning::CrossValidationReport;
use serde_json::Map;

use super::draws::Draws;
use super::ledger::Ledger;
use super::parzen::{self, Seen};
use super::space::{Point, Space};

/// Of how many settings one goes on to the next share of the rows.
const ETA: usize = 3;
/// The shares of the training rows that a cohort is measured on, one after the other.
const RUNGS: [f64; 3] = [1.0 / 9.0, 1.0 / 3.0, 1.0];
/// Draws that fail to give settings that were not tried before, until a space counts as exhausted.
const REPEATS: usize = 50;

/// How settings are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = kumiko_sdk::choices::plain)]
pub(crate) enum Strategy {
    /// Every combination of the values, in order: of an interval five values, of a short one of whole numbers all.
    Grid,
    /// Drawn at random: good beside many settings of which few matter.
    Random,
    /// The tree-structured Parzen estimator: settings like those that did well so far.
    #[default]
    Bayesian,
}

/// Whether settings that do badly are dropped early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = kumiko_sdk::choices::plain)]
pub(crate) enum EarlyStopping {
    /// No: every trial is measured on all rows.
    #[default]
    None,
    /// Of nine settings on a ninth of the rows the best three go on to a third of them, and the best of these to all.
    SuccessiveHalving,
}

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrialStatus {
    /// Measured on all rows.
    Completed,
    /// Dropped early: others did better on fewer rows.
    Stopped,
    /// It could not be trained.
    Failed,
}

/// Settings that were tried.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Trial {
    /// The number of the trial, from 1.
    pub(crate) trial: u32,
    /// What became of it.
    pub(crate) status: TrialStatus,
    /// The settings that were searched.
    pub(crate) hyperparameters: Map<String, Value>,
    /// The mean score over the parts, on the largest share of the rows that the trial came to.
    pub(crate) score: Option<f64>,
    /// The standard deviation of the score over the parts.
    pub(crate) deviation: Option<f64>,
    /// The share of the training rows that this was measured on.
    pub(crate) row_share: f64,
    /// The time of its trainings, in seconds.
    pub(crate) training_seconds: f64,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    #[serde(skip)]
    pub(crate) point: Point,
}

/// How to search.
pub(crate) struct Plan {
    pub(crate) strategy: Strategy,
    pub(crate) early_stopping: EarlyStopping,
    pub(crate) trials: usize,
    pub(crate) side_by_side: usize,
    pub(crate) seed: u64,
}

/// Tries settings until there are as many trials as planned, or none are left to try. Gives the trials in their order.
pub(crate) fn search(plan: &Plan, space: &Space, ledger: &mut Ledger<'_>) -> Result<Vec<Trial>> {
    let mut source = Source {
        plan,
        space,
        draws: Draws::new(plan.seed),
        grid: space.grid().take(plan.trials).collect::<Vec<_>>().into_iter(),
    };
    let mut trials: Vec<Trial> = Vec::new();
    let cohort = match plan.early_stopping {
        EarlyStopping::None => plan.side_by_side,
        EarlyStopping::SuccessiveHalving => ETA.pow(RUNGS.len() as u32 - 1),
    };
    while trials.len() < plan.trials {
        progress::check()?;
        let points = source.next(cohort.min(plan.trials - trials.len()), &trials, ledger.metric());
        if points.is_empty() {
            break;
        }
        let (first, count) = (trials.len(), points.len());
        for (number, point) in points.into_iter().enumerate() {
            trials.push(Trial {
                trial: u32::try_from(first + number + 1).unwrap_or(u32::MAX),
                status: TrialStatus::Stopped,
                hyperparameters: space.settings(&point),
                score: None,
                deviation: None,
                row_share: 0.0,
                training_seconds: 0.0,
                failure: None,
                point,
            });
        }
        let new = trials.get_mut(first..first + count).unwrap_or_default();
        run_cohort(plan, new, ledger)?;
        let best = best(&trials, ledger.metric()).and_then(|best| best.score);
        let message =
            best.map_or_else(|| "searching".to_owned(), |best| format!("searching; best score so far {best:.5}"));
        progress::report(trials.len() as f64, Some(plan.trials as f64), &message);
    }
    Ok(trials)
}

/// Measures one cohort.
fn run_cohort(plan: &Plan, trials: &mut [Trial], ledger: &mut Ledger<'_>) -> Result<()> {
    let shares: &[f64] = match plan.early_stopping {
        EarlyStopping::None => &[1.0],
        EarlyStopping::SuccessiveHalving => &RUNGS,
    };
    let mut running: Vec<usize> = (0..trials.len()).collect();
    for (rung, share) in shares.iter().enumerate() {
        for batch in running.chunks(plan.side_by_side.max(1)) {
            let settings: Vec<_> = batch
                .iter()
                .filter_map(|trial| trials.get(*trial))
                .map(|trial| trial.hyperparameters.clone())
                .collect();
            for (trial, report) in batch.iter().zip(ledger.measure(&settings, *share)?) {
                if let Some(trial) = trials.get_mut(*trial) {
                    trial.note(&report, *share);
                }
            }
            progress::check()?;
        }
        let metric = ledger.metric();
        running.retain(|trial| trials.get(*trial).is_some_and(|trial| trial.status != TrialStatus::Failed));
        if rung + 1 < shares.len() {
            let worth = |trial: &usize| trials.get(*trial).map_or(f64::MIN, |trial| trial.worth(metric));
            running.sort_by(|one, other| worth(other).total_cmp(&worth(one)).then(one.cmp(other)));
            running.truncate(running.len().div_ceil(ETA));
            running.sort_unstable();
        }
    }
    Ok(())
}

impl Trial {
    fn note(&mut self, report: &CrossValidationReport, share: f64) {
        self.row_share = share;
        self.training_seconds += report.training_seconds;
        self.score = report.mean;
        self.deviation = report.deviation;
        self.failure = report.failure.as_ref().map(|failure| failure.message.clone());
        self.status = match report.mean {
            None => TrialStatus::Failed,
            Some(_) if share >= 1.0 => TrialStatus::Completed,
            Some(_) => TrialStatus::Stopped,
        };
    }

    /// The score so that more is better; the least there is for a trial that failed.
    fn worth(&self, metric: Option<ComparisonMetric>) -> f64 {
        let sign = if metric.is_some_and(|metric| !metric.more_is_better()) { -1.0 } else { 1.0 };
        self.score.map_or(f64::MIN, |score| sign * score)
    }
}

/// The best of the trials that were measured on all rows; the first of equals.
pub(crate) fn best(trials: &[Trial], metric: Option<ComparisonMetric>) -> Option<&Trial> {
    let completed = trials.iter().filter(|trial| trial.status == TrialStatus::Completed);
    completed.reduce(|best, trial| if trial.worth(metric) > best.worth(metric) { trial } else { best })
}

/// Where settings come from.
struct Source<'a> {
    plan: &'a Plan,
    space: &'a Space,
    draws: Draws,
    grid: std::vec::IntoIter<Point>,
}

impl Source<'_> {
    /// Up to `count` points whose settings were not tried before.
    fn next(&mut self, count: usize, trials: &[Trial], metric: Option<ComparisonMetric>) -> Vec<Point> {
        if self.plan.strategy == Strategy::Grid {
            return self.grid.by_ref().take(count).collect();
        }
        let seen: Vec<Seen> =
            trials.iter().map(|trial| Seen { point: trial.point.clone(), worth: trial.worth(metric) }).collect();
        let mut points: Vec<Point> = Vec::new();
        let mut repeats = 0;
        while points.len() < count && repeats < REPEATS {
            let point = match self.plan.strategy {
                // A strategy that only proposes what was tried has nothing left to learn: chance finds the rest.
                Strategy::Bayesian if repeats < REPEATS / 2 => parzen::propose(self.space, &seen, &mut self.draws),
                _ => self.space.draw(&mut self.draws),
            };
            let settings = self.space.settings(&point);
            let tried = trials.iter().any(|trial| trial.hyperparameters == settings)
                || points.iter().any(|other| self.space.settings(other) == settings);
            if tried {
                repeats += 1;
            } else {
                points.push(point);
            }
        }
        points
    }
}
