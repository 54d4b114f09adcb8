//! How well a policy does: whole episodes, greedily.
//!
//! Episode i of a seed starts at the state that the environment draws by a number of its own, so the same seed gives the same
//! episodes whatever the policy and the number of threads, and two policies can be compared on the same starts.

use kumiko_vocabulary::Control;
use kumiko_vocabulary::learning::ReinforcementReport;
use rayon::prelude::*;

use crate::error::Error;
use crate::random::Random;

use super::environments::EnvironmentKind;
use super::policy::{Policy, Scratch};

/// Steps between two looks at whether the caller has gone.
const STEPS_PER_LOOK: u64 = 256;
/// Episodes at most.
pub(super) const MOST_EPISODES: usize = 100_000;
/// Half the width of a 95 % interval, in standard errors.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// One episode.
#[derive(Clone, Copy, Debug)]
struct Episode {
    reward: f64,
    length: u64,
    success: bool,
}

impl Policy {
    /// Lets the policy act in an environment for some episodes: 1 to 100,000. An environment that it does not fit is
    /// [`Error::PolicyMisfit`].
    pub fn evaluate(
        &self,
        environment: EnvironmentKind,
        episodes: usize,
        seed: u64,
        control: &dyn Control,
    ) -> Result<ReinforcementReport, Error> {
        self.check_environment(environment)?;
        if !(1..=MOST_EPISODES).contains(&episodes) {
            return Err(Error::Specification {
                name: "episodes",
                value: episodes.to_string(),
                expected: format!("a whole number from 1 to {MOST_EPISODES}"),
            });
        }
        let outcomes = (0..episodes as u64)
            .into_par_iter()
            .map_init(Scratch::default, |scratch, episode| self.episode(environment, seed, episode, scratch, control))
            .collect::<Result<Vec<Episode>, Error>>()?;
        Ok(report(environment, seed, &outcomes))
    }

    fn episode(
        &self,
        kind: EnvironmentKind,
        seed: u64,
        episode: u64,
        scratch: &mut Scratch,
        control: &dyn Control,
    ) -> Result<Episode, Error> {
        let mut environment = kind.make();
        let mut observation = environment.reset(Random::new(seed, episode).bits());
        let (mut reward, mut length) = (0.0, 0);
        loop {
            if length % STEPS_PER_LOOK == 0 && control.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let step = environment.step(self.act_with(&observation, scratch))?;
            reward += step.reward;
            length += 1;
            if step.terminated || step.truncated {
                return Ok(Episode { reward, length, success: environment.succeeded() });
            }
            observation = step.observation;
        }
    }
}

fn report(kind: EnvironmentKind, seed: u64, episodes: &[Episode]) -> ReinforcementReport {
    let returns: Vec<f64> = episodes.iter().map(|episode| episode.reward).collect();
    let count = returns.len().max(1) as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|reward| (reward - mean).powi(2)).sum();
    let deviation = if returns.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
    let mut sorted = returns.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |position: usize| sorted.get(position).copied().unwrap_or(0.0);
    let threshold = kind.threshold();
    ReinforcementReport {
        environment: kind.id().to_owned(),
        episodes: returns.len() as u64,
        seed,
        mean_reward: mean,
        deviation,
        margin: NORMAL_95 * deviation / count.sqrt(),
        minimum: at(0),
        median: (at((sorted.len().max(1) - 1) / 2) + at(sorted.len() / 2)) / 2.0,
        maximum: at(sorted.len().max(1) - 1),
        success_rate: episodes.iter().filter(|episode| episode.success).count() as f64 / count,
        success: kind.success().to_owned(),
        mean_length: episodes.iter().map(|episode| episode.length as f64).sum::<f64>() / count,
        threshold,
        solved: threshold.map(|threshold| mean >= threshold),
        returns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_holds_the_figures_of_its_episodes() {
        let episodes = [(480.0, 480, false), (500.0, 500, true), (490.0, 490, false), (500.0, 500, true)]
            .map(|(reward, length, success)| Episode { reward, length, success });
        let report = report(EnvironmentKind::CartPole, 3, &episodes);
        // python -c "import numpy as n; r=[480,500,490,500]; print(n.mean(r), n.std(r,ddof=1), n.median(r))"
        assert!((report.mean_reward - 492.5).abs() < 1e-12);
        assert!((report.deviation - 9.574_271_077_563_381).abs() < 1e-12);
        assert_eq!((report.minimum, report.median, report.maximum), (480.0, 495.0, 500.0));
        assert_eq!((report.success_rate, report.mean_length, report.solved), (0.5, 492.5, Some(true)));
    }
}
