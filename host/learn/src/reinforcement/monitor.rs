//! What goes on around every training: progress, the learning curve, cancellation, trying the policy out, and when to stop.
//!
//! Every `eval_freq` time steps the greedy policy acts in `n_eval_episodes` episodes of its own. The best policy so far is kept, by
//! their mean return. Where that reaches `stop_at_mean_reward`, 100 other episodes decide: if their mean less its standard error
//! reaches it too, the training ends there. A training that goes to its end leaves the best of the policies tried, the last
//! one among them. The episodes are never learnt from and do not count as time steps.

use std::collections::VecDeque;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{ReinforcementReport, ReinforcementTraining, ReturnPoint};

use crate::error::Error;
use crate::random::Random;

use super::environments::EnvironmentKind;
use super::policy::Policy;
use super::settings::Trying;

/// Points of the learning curve at most.
const CURVE_POINTS: u64 = 200;
/// Reports of progress in a training at most.
const REPORTS: u64 = 400;
/// Episodes that the recent mean is taken over.
const RECENT: usize = 100;
/// Episodes that decide whether the policy is good enough, and that the final report is made from.
const DECIDING: usize = 100;

/// Streams of a training's seed.
pub(super) mod streams {
    /// Weights at the start.
    pub(in crate::reinforcement) const WEIGHTS: u64 = 1;
    /// The order of rows, and what is drawn from a buffer.
    pub(in crate::reinforcement) const ORDER: u64 = 2;
    /// Seeds of the episodes that the policy is tried in.
    pub(super) const TRYING: u64 = 3;
    /// Environment i: its start states and the actions drawn in it.
    pub(in crate::reinforcement) const ENVIRONMENTS: u64 = 1_000;
}

/// Watches over a training.
pub(super) struct Monitor<'a> {
    kind: EnvironmentKind,
    total: u64,
    trying: Trying,
    control: &'a dyn Control,
    /// Of the episodes for choosing, for deciding, and for the report.
    seeds: [u64; 3],
    steps: u64,
    episodes: u64,
    recent: VecDeque<f64>,
    reported: u64,
    next_try: u64,
    best: Option<(f64, Policy)>,
    solved: Option<ReinforcementReport>,
    curve: Vec<ReturnPoint>,
    stretch: Stretch,
}

/// The episodes since the last point of the curve.
#[derive(Default)]
struct Stretch {
    episodes: u64,
    reward: f64,
    length: f64,
    end: u64,
}

impl<'a> Monitor<'a> {
    pub(super) fn new(kind: EnvironmentKind, total: u64, trying: Trying, seed: u64, control: &'a dyn Control) -> Self {
        let mut random = Random::new(seed, streams::TRYING);
        let mut monitor = Self {
            kind,
            total,
            trying,
            control,
            seeds: [(); 3].map(|()| random.bits()),
            steps: 0,
            episodes: 0,
            recent: VecDeque::with_capacity(RECENT),
            reported: 0,
            next_try: trying.every,
            best: None,
            solved: None,
            curve: Vec::new(),
            stretch: Stretch::default(),
        };
        monitor.stretch.end = monitor.stretch_length();
        monitor
    }

    fn stretch_length(&self) -> u64 {
        self.total.div_ceil(CURVE_POINTS)
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// The share of the training that is over.
    pub(super) fn share(&self) -> f64 {
        self.steps as f64 / self.total as f64
    }

    pub(super) fn is_over(&self) -> bool {
        self.steps >= self.total
    }

    /// Ends in [`Error::Cancelled`] where the caller has gone.
    pub(super) fn look(&self) -> Result<(), Error> {
        if self.control.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// An episode of the training has ended.
    pub(super) fn ended(&mut self, reward: f64, length: u64) {
        self.episodes += 1;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(reward);
        self.stretch.episodes += 1;
        self.stretch.reward += reward;
        self.stretch.length += length as f64;
    }

    /// So many time steps more have been taken.
    pub(super) fn advance(&mut self, steps: u64) -> Result<(), Error> {
        self.steps += steps;
        if self.steps >= self.stretch.end {
            self.close_stretch();
        }
        let reached = self.steps * REPORTS / self.total;
        if reached > self.reported {
            self.reported = reached;
            let recent = if self.recent.is_empty() {
                "no episode has ended yet".to_owned()
            } else {
                let mean = self.recent.iter().sum::<f64>() / self.recent.len() as f64;
                format!("mean return of the last {} episodes {mean:.2}", self.recent.len())
            };
            let message = format!("{} of {} time steps in {}, {recent}", self.steps, self.total, self.kind.id());
            self.control.report(self.steps as f64, Some(self.total as f64), &message);
        }
        self.look()
    }

    fn close_stretch(&mut self) {
        if self.stretch.episodes > 0 {
            let count = self.stretch.episodes as f64;
            self.curve.push(ReturnPoint {
                timestep: self.steps,
                episodes: self.stretch.episodes,
                mean_reward: self.stretch.reward / count,
                mean_length: self.stretch.length / count,
            });
            self.stretch = Stretch::default();
        }
        self.stretch.end = self.steps + self.stretch_length();
    }

    /// Tries the policy out where it is time to; true where the training may end.
    pub(super) fn good_enough(&mut self, policy: impl FnOnce() -> Policy) -> Result<bool, Error> {
        if self.steps < self.next_try && !self.is_over() {
            return Ok(false);
        }
        self.next_try = self.steps + self.trying.every;
        let policy = policy();
        let [choosing, deciding, _] = self.seeds;
        let mean = policy.evaluate(self.kind, self.trying.episodes, choosing, self.control)?.mean_reward;
        let reached = self.trying.stop_at.is_some_and(|stop_at| mean >= stop_at);
        if reached {
            let report = policy.evaluate(self.kind, DECIDING, deciding, self.control)?;
            let error = report.deviation / (DECIDING as f64).sqrt();
            if self.trying.stop_at.is_some_and(|stop_at| report.mean_reward - error >= stop_at) {
                self.best = Some((mean, policy));
                self.solved = Some(report);
                return Ok(true);
            }
        }
        if self.best.as_ref().is_none_or(|(best, _)| mean >= *best) {
            self.best = Some((mean, policy));
        }
        Ok(false)
    }

    /// The policy to keep, and how the training went. `last` is the policy that it ended with.
    pub(super) fn finish(mut self, last: impl FnOnce() -> Policy) -> Result<(Policy, ReinforcementTraining), Error> {
        self.close_stretch();
        let policy = self.best.take().map_or_else(last, |(_, policy)| policy);
        let [_, _, reporting] = self.seeds;
        let report = policy.evaluate(self.kind, DECIDING, reporting, self.control)?;
        let training = ReinforcementTraining {
            environment: Some(self.kind.id().to_owned()),
            timesteps: self.steps,
            episodes: self.episodes,
            solved_at: self.solved.as_ref().map(|_| self.steps),
            learning_curve: self.curve,
            report: Some(report),
        };
        Ok((policy, training))
    }
}
