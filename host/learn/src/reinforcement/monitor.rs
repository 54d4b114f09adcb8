//! What goes on around every training: progress, the learning curve, cancellation, states to go on from, trying the
//! policy out, and when to stop.
//!
//! Every `eval_freq` time steps the greedy policy acts in `n_eval_episodes` episodes of its own. The best policy so far is kept, by
//! their mean return. Where that reaches `stop_at_mean_reward`, 100 other episodes decide: if their mean less its standard error
//! reaches it too, the training ends there. A training that goes to its end leaves the best of the policies tried, the last
//! one among them. The episodes are never learnt from and do not count as time steps.

use std::collections::VecDeque;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::{ReinforcementReport, ReinforcementTraining, ReturnPoint};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Checkpoint, are_finite, resumed};
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
    checkpoint: Option<Checkpoint>,
    control: &'a dyn Control,
    /// Of the episodes for choosing, for deciding, and for the report.
    seeds: [u64; 3],
    course: Course,
    solved: Option<ReinforcementReport>,
}

/// How the training has gone so far.
#[derive(Default, Serialize, Deserialize)]
struct Course {
    steps: u64,
    episodes: u64,
    recent: VecDeque<f64>,
    next_try: u64,
    best: Option<(f64, Policy)>,
    curve: Vec<ReturnPoint>,
    stretch: Stretch,
}

/// The episodes since the last point of the curve.
#[derive(Default, Serialize, Deserialize)]
struct Stretch {
    episodes: u64,
    reward: f64,
    length: f64,
    end: u64,
}

impl<'a> Monitor<'a> {
    pub(super) fn new(
        kind: EnvironmentKind,
        total: u64,
        trying: Trying,
        seed: u64,
        checkpoint: Option<Checkpoint>,
        control: &'a dyn Control,
    ) -> Self {
        let mut random = Random::new(seed, streams::TRYING);
        let course = Course { next_try: trying.every, ..Course::default() };
        let seeds = [(); 3].map(|()| random.bits());
        let mut monitor = Self { kind, total, trying, checkpoint, control, seeds, course, solved: None };
        monitor.course.stretch.end = monitor.stretch_length();
        monitor
    }

    /// Where the training goes on: at what was kept last, if `follows(kept, begun)` says that it can stand there, else
    /// at `begun`, whose policy is `policy`.
    pub(super) fn resume<T: DeserializeOwned>(
        &mut self,
        begun: T,
        policy: &Policy,
        follows: impl FnOnce(&T, &T) -> bool,
    ) -> T {
        let course = std::mem::take(&mut self.course);
        let (learning, course) = resumed(self.checkpoint.as_ref(), self.control, (begun, course), |kept, begun| {
            self.can_come_to(&kept.1, policy) && follows(&kept.0, &begun.0)
        });
        self.course = course;
        learning
    }

    /// Keeps what the training stands at between two rounds, where it is time to.
    pub(super) fn keep(&self, learning: &impl Serialize) {
        if let Some(own) = &self.checkpoint {
            own.keep(self.control, || (learning, &self.course));
        }
    }

    /// Whether a course that was read is one that the training can have taken.
    fn can_come_to(&self, course: &Course, policy: &Policy) -> bool {
        let Course { steps, episodes, recent, next_try, best, curve, stretch } = course;
        let is_next = |step: u64, after: u64| (steps + 1..=steps + after).contains(&step);
        *steps < self.total
            && *episodes <= *steps
            && stretch.episodes <= *episodes
            && recent.len() <= RECENT
            && are_finite(recent)
            && is_next(*next_try, self.trying.every)
            && is_next(stretch.end, self.stretch_length())
            && are_finite(&[stretch.reward, stretch.length])
            && curve.len() as u64 <= CURVE_POINTS
            && curve.iter().all(|point| are_finite(&[point.mean_reward, point.mean_length]))
            && best.as_ref().is_none_or(|(mean, best)| mean.is_finite() && best.can_follow(policy))
    }

    fn stretch_length(&self) -> u64 {
        self.total.div_ceil(CURVE_POINTS)
    }

    pub(super) fn steps(&self) -> u64 {
        self.course.steps
    }

    /// The share of the training that is over.
    pub(super) fn share(&self) -> f64 {
        self.course.steps as f64 / self.total as f64
    }

    pub(super) fn is_over(&self) -> bool {
        self.course.steps >= self.total
    }

    /// Ends in [`Error::Cancelled`] where the caller has gone.
    pub(super) fn look(&self) -> Result<(), Error> {
        if self.control.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// An episode of the training has ended.
    pub(super) fn ended(&mut self, reward: f64, length: u64) {
        let Course { episodes, recent, stretch, .. } = &mut self.course;
        *episodes += 1;
        if recent.len() == RECENT {
            recent.pop_front();
        }
        recent.push_back(reward);
        stretch.episodes += 1;
        stretch.reward += reward;
        stretch.length += length as f64;
    }

    /// So many time steps more have been taken.
    pub(super) fn advance(&mut self, steps: u64) -> Result<(), Error> {
        let reported = self.course.steps * REPORTS / self.total;
        self.course.steps += steps;
        if self.course.steps >= self.course.stretch.end {
            self.close_stretch();
        }
        let Course { steps, recent, .. } = &self.course;
        if steps * REPORTS / self.total > reported {
            let recent = if recent.is_empty() {
                "no episode has ended yet".to_owned()
            } else {
                let mean = recent.iter().sum::<f64>() / recent.len() as f64;
                format!("mean return of the last {} episodes {mean:.2}", recent.len())
            };
            let message = format!("{steps} of {} time steps in {}, {recent}", self.total, self.kind.id());
            self.control.report(*steps as f64, Some(self.total as f64), &message);
        }
        self.look()
    }

    fn close_stretch(&mut self) {
        let length = self.stretch_length();
        let Course { steps, curve, stretch, .. } = &mut self.course;
        if stretch.episodes > 0 {
            let count = stretch.episodes as f64;
            curve.push(ReturnPoint {
                timestep: *steps,
                episodes: stretch.episodes,
                mean_reward: stretch.reward / count,
                mean_length: stretch.length / count,
            });
            *stretch = Stretch::default();
        }
        stretch.end = *steps + length;
    }

    /// Tries the policy out where it is time to; true where the training may end.
    pub(super) fn good_enough(&mut self, policy: impl FnOnce() -> Policy) -> Result<bool, Error> {
        if self.course.steps < self.course.next_try && !self.is_over() {
            return Ok(false);
        }
        self.course.next_try = self.course.steps + self.trying.every;
        let policy = policy();
        let [choosing, deciding, _] = self.seeds;
        let mean = policy.evaluate(self.kind, self.trying.episodes, choosing, self.control)?.mean_reward;
        let reached = self.trying.stop_at.is_some_and(|stop_at| mean >= stop_at);
        if reached {
            let report = policy.evaluate(self.kind, DECIDING, deciding, self.control)?;
            let error = report.deviation / (DECIDING as f64).sqrt();
            if self.trying.stop_at.is_some_and(|stop_at| report.mean_reward - error >= stop_at) {
                self.course.best = Some((mean, policy));
                self.solved = Some(report);
                return Ok(true);
            }
        }
        if self.course.best.as_ref().is_none_or(|(best, _)| mean >= *best) {
            self.course.best = Some((mean, policy));
        }
        Ok(false)
    }

    /// The policy to keep, and how the training went. `last` is the policy that it ended with.
    pub(super) fn finish(mut self, last: impl FnOnce() -> Policy) -> Result<(Policy, ReinforcementTraining), Error> {
        self.close_stretch();
        let Course { steps, episodes, best, curve, .. } = self.course;
        let policy = best.map_or_else(last, |(_, policy)| policy);
        let [_, _, reporting] = self.seeds;
        let report = policy.evaluate(self.kind, DECIDING, reporting, self.control)?;
        let training = ReinforcementTraining {
            environment: Some(self.kind.id().to_owned()),
            timesteps: steps,
            episodes,
            solved_at: self.solved.as_ref().map(|_| steps),
            learning_curve: curve,
            report: Some(report),
        };
        Ok((policy, training))
    }
}
