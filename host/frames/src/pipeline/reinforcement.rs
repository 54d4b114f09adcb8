//! Trajectories: normalised and stacked observations, discounted returns, advantages.
//!
//! Return: `G_t = r_t + γ G_{t+1}`. Advantage (Schulman et al. 2016): `A_t = δ_t + γ λ A_{t+1}` with `δ_t = r_t + γ V_{t+1} - V_t`. Both end with
//! the episode: what follows its last step is worth 0.

use std::collections::HashSet;
use std::ops::Range;

use kumiko_vocabulary::preparation::{
    ColumnDescription, ColumnRole, FitReport, MissingValues, PreprocessingConfig, ReinforcementSpecification,
};
use polars::prelude::{Column, DataFrame};
use serde::{Deserialize, Serialize};

use super::baseline;
use super::exact::Exact;
use super::treatment::{self, Treatment};
use super::{Fitted, Learnt};
use crate::Error;
use crate::frame::column;
use crate::numbers::{floats, groups, values_or_nan};

/// The most observations that are stacked.
const MAXIMUM_STACK: u32 = 64;

/// How trajectories are prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TrajectoryPlan {
    specification: ReinforcementSpecification,
    /// The scale of each observation column.
    observations: Vec<Scale>,
    /// The weights of the linear value function; absent where a critic's values are given or no weights can be fitted.
    baseline: Option<Vec<Exact>>,
}

/// `(value - offset) · factor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scale {
    offset: Exact,
    factor: Exact,
}

/// Fits on trajectories.
pub(super) fn fit(frame: &DataFrame, specification: &ReinforcementSpecification) -> Result<Fitted, Error> {
    check(specification)?;
    if frame.height() == 0 {
        return Err(Error::TooFewRows { purpose: "preparing trajectories".to_owned(), needed: 1, found: 0 });
    }
    let config = PreprocessingConfig {
        normalize: specification.normalize,
        handle_missing: MissingValues::Mean,
        ..PreprocessingConfig::default()
    };
    let observations = specification
        .observation_columns
        .iter()
        .map(|name| {
            complete(frame, name, "an observation")?;
            let column = column(frame, name)?;
            match treatment::number(column, &config)? {
                Treatment::Number { offset, factor, .. } => Ok(Scale { offset, factor }),
                other => Err(Error::Internal { message: format!("an observation is treated as {other:?}") }),
            }
        })
        .collect::<Result<Vec<_>, Error>>()?;
    column(frame, &specification.action_column)?;
    let rewards = complete(frame, &specification.reward_column, "a return")?;
    let mut plan = TrajectoryPlan { specification: specification.clone(), observations, baseline: None };
    let episodes = plan.episodes(frame)?;
    if plan.specification.value_column.is_none() {
        let returns = discounted(&rewards, &episodes, specification.gamma);
        let weights = baseline::fit(&plan.normalised(frame)?, &steps(&episodes, frame.height()), &returns);
        plan.baseline = weights.map(|weights| weights.into_iter().map(Exact).collect());
    }
    let transformed = plan.apply(frame)?;
    let fit = FitReport {
        rows_given: frame.height() as u64,
        rows_kept: frame.height() as u64,
        features: (specification.observation_columns.len() * specification.frame_stack as usize) as u64,
        ..FitReport::default()
    };
    let inputs = plan.inputs();
    Ok(Fitted { learnt: Learnt::Reinforcement(plan), frame: transformed, fit, inputs: Some(inputs) })
}

fn check(specification: &ReinforcementSpecification) -> Result<(), Error> {
    let share = |argument: &str, value: f64| {
        if (0.0..=1.0).contains(&value) {
            Ok(())
        } else {
            Err(Error::argument(argument, format!("{value} is not from 0 to 1")))
        }
    };
    share("gamma", specification.gamma)?;
    share("gae_lambda", specification.gae_lambda)?;
    if specification.observation_columns.is_empty() {
        return Err(Error::argument("observation_columns", "at least one column was expected"));
    }
    if !(1..=MAXIMUM_STACK).contains(&specification.frame_stack) {
        return Err(Error::argument(
            "frame_stack",
            format!("{} is not from 1 to {MAXIMUM_STACK}", specification.frame_stack),
        ));
    }
    if specification.done_column.is_none() && specification.episode_column.is_none() {
        return Err(Error::argument("done_column", "this or episode_column is needed to tell where an episode ends"));
    }
    Ok(())
}

/// A column of numbers without a gap.
fn complete(frame: &DataFrame, name: &str, purpose: &'static str) -> Result<Vec<f64>, Error> {
    let values = values_or_nan(&floats(column(frame, name)?)?);
    let missing = values.iter().filter(|value| !value.is_finite()).count();
    if missing > 0 {
        return Err(Error::MissingValues { column: name.to_owned(), count: missing, purpose });
    }
    Ok(values)
}

impl TrajectoryPlan {
    fn inputs(&self) -> Vec<String> {
        let specification = &self.specification;
        specification
            .observation_columns
            .iter()
            .chain([&specification.action_column, &specification.reward_column])
            .chain(&specification.done_column)
            .chain(&specification.episode_column)
            .chain(&specification.value_column)
            .cloned()
            .collect()
    }

    /// Transforms trajectories. Without a reward column there are neither returns nor advantages; without any sign of episodes, all rows
    /// are one.
    pub(super) fn apply(&self, frame: &DataFrame) -> Result<DataFrame, Error> {
        let specification = &self.specification;
        let rows = frame.height();
        let episodes = self.episodes(frame)?;
        let steps = steps(&episodes, rows);
        let observations = self.normalised(frame)?;

        let mut episode_of_row = Vec::with_capacity(rows);
        for (number, episode) in episodes.iter().enumerate() {
            episode_of_row.extend(std::iter::repeat_n(number as i64, episode.len()));
        }
        let mut columns = vec![
            Column::new("episode".into(), episode_of_row),
            Column::new("step".into(), steps.iter().map(|step| *step as i64).collect::<Vec<_>>()),
        ];
        for back in 0..specification.frame_stack as usize {
            for (name, values) in specification.observation_columns.iter().zip(&observations) {
                let name = if back == 0 { name.clone() } else { format!("{name}_previous_{back}") };
                columns.push(Column::new(name.into(), earlier(values, &episodes, back)));
            }
        }
        if frame.get_column_index(&specification.action_column).is_some() {
            columns.push(column(frame, &specification.action_column)?.clone());
        }
        if frame.get_column_index(&specification.reward_column).is_some() {
            let rewards = complete(frame, &specification.reward_column, "a return")?;
            let values = self.values(frame, &observations, &steps)?;
            let mut done = vec![false; rows];
            for episode in &episodes {
                if let Some(last) = done.get_mut(episode.end - 1) {
                    *last = true;
                }
            }
            let returns = discounted(&rewards, &episodes, specification.gamma);
            let advantages = advantages(&rewards, &values, &episodes, specification);
            columns.push(column(frame, &specification.reward_column)?.clone());
            columns.push(Column::new("done".into(), done));
            columns.push(Column::new("discounted_return".into(), returns));
            columns.push(Column::new("advantage".into(), advantages));
        }
        let mut taken = HashSet::new();
        if let Some(column) = columns.iter().find(|column| !taken.insert(column.name().clone())) {
            let operation = "preparing trajectories".to_owned();
            return Err(Error::NameTaken { operation, column: column.name().to_string() });
        }
        Ok(DataFrame::new(rows, columns)?)
    }

    /// The rows of each episode, in order; none is empty.
    fn episodes(&self, frame: &DataFrame) -> Result<Vec<Range<usize>>, Error> {
        let rows = frame.height();
        let mut ends = vec![false; rows];
        if let Some(name) = self.present(frame, self.specification.done_column.as_ref()) {
            for (end, done) in ends.iter_mut().zip(complete(frame, name, "telling where an episode ends")?) {
                *end |= done != 0.0;
            }
        }
        if let Some(name) = self.present(frame, self.specification.episode_column.as_ref()) {
            let (codes, count) = groups(column(frame, name)?)?;
            let changes = codes.windows(2).filter(|pair| pair.first() != pair.last()).count();
            if changes + 1 > count {
                return Err(Error::argument(
                    "episode_column",
                    format!("the rows of an episode of {name:?} do not stand together; sort by it first"),
                ));
            }
            for (end, pair) in ends.iter_mut().zip(codes.windows(2)) {
                *end |= pair.first() != pair.last();
            }
        }
        let mut episodes = Vec::new();
        let mut start = 0;
        for (row, end) in ends.iter().enumerate() {
            if *end || row + 1 == rows {
                episodes.push(start..row + 1);
                start = row + 1;
            }
        }
        Ok(episodes)
    }

    fn present<'a>(&self, frame: &DataFrame, name: Option<&'a String>) -> Option<&'a String> {
        name.filter(|name| frame.get_column_index(name).is_some())
    }

    fn normalised(&self, frame: &DataFrame) -> Result<Vec<Vec<f64>>, Error> {
        let observations = self.specification.observation_columns.iter().zip(&self.observations);
        observations
            .map(|(name, scale)| {
                let mut values = complete(frame, name, "an observation")?;
                values.iter_mut().for_each(|value| *value = (*value - scale.offset.0) * scale.factor.0);
                Ok(values)
            })
            .collect()
    }

    /// The value of each observation: the critic's, the baseline's, or 0 where there is neither.
    fn values(&self, frame: &DataFrame, observations: &[Vec<f64>], steps: &[usize]) -> Result<Vec<f64>, Error> {
        if let Some(name) = &self.specification.value_column {
            return complete(frame, name, "an advantage");
        }
        let Some(weights) = &self.baseline else { return Ok(vec![0.0; steps.len()]) };
        let weights: Vec<f64> = weights.iter().map(|weight| weight.0).collect();
        Ok(baseline::values(&weights, observations, steps))
    }

    /// What becomes of each column.
    pub(super) fn describe(&self) -> Vec<ColumnDescription> {
        let specification = &self.specification;
        let described = |name: &String, role, treatment: String, outputs: Vec<String>| ColumnDescription {
            name: name.clone(),
            role,
            treatment,
            outputs,
        };
        let observations = specification.observation_columns.iter().zip(&self.observations).map(|(name, scale)| {
            let mut outputs = vec![name.clone()];
            outputs.extend((1..specification.frame_stack).map(|back| format!("{name}_previous_{back}")));
            let treatment = format!("(value - {}) / {}", scale.offset.0, 1.0 / scale.factor.0);
            described(name, ColumnRole::Numeric, treatment, outputs)
        });
        let reward = format!("discounted by {}, advantages decay by {}", specification.gamma, specification.gae_lambda);
        let made = vec![specification.reward_column.clone(), "discounted_return".to_owned(), "advantage".to_owned()];
        let signs =
            specification.done_column.iter().chain(&specification.episode_column).chain(&specification.value_column);
        observations
            .chain([
                described(
                    &specification.action_column,
                    ColumnRole::Passthrough,
                    "passes through".to_owned(),
                    vec![specification.action_column.clone()],
                ),
                described(&specification.reward_column, ColumnRole::Source, reward, made),
            ])
            .chain(signs.map(|name| described(name, ColumnRole::Source, "read".to_owned(), Vec::new())))
            .collect()
    }
}

/// The number of each row within its episode.
fn steps(episodes: &[Range<usize>], rows: usize) -> Vec<usize> {
    let mut steps = Vec::with_capacity(rows);
    episodes.iter().for_each(|episode| steps.extend(0..episode.len()));
    steps
}

/// The value this many steps earlier in the episode, or that of its first step.
fn earlier(values: &[f64], episodes: &[Range<usize>], back: usize) -> Vec<f64> {
    let mut shifted = Vec::with_capacity(values.len());
    for episode in episodes {
        let episode = values.get(episode.clone()).unwrap_or_default();
        let leading = back.min(episode.len());
        shifted.extend(std::iter::repeat_n(episode.first().copied().unwrap_or_default(), leading));
        shifted.extend_from_slice(episode.get(..episode.len() - leading).unwrap_or_default());
    }
    shifted
}

fn discounted(rewards: &[f64], episodes: &[Range<usize>], gamma: f64) -> Vec<f64> {
    let mut returns = Vec::with_capacity(rewards.len());
    for episode in episodes {
        let start = returns.len();
        let mut ahead = 0.0;
        for reward in rewards.get(episode.clone()).unwrap_or_default().iter().rev() {
            ahead = reward + gamma * ahead;
            returns.push(ahead);
        }
        if let Some(episode) = returns.get_mut(start..) {
            episode.reverse();
        }
    }
    returns
}

fn advantages(
    rewards: &[f64],
    values: &[f64],
    episodes: &[Range<usize>],
    specification: &ReinforcementSpecification,
) -> Vec<f64> {
    let (gamma, lambda) = (specification.gamma, specification.gae_lambda);
    let mut advantages = Vec::with_capacity(rewards.len());
    for episode in episodes {
        let start = advantages.len();
        let (mut ahead, mut next_value) = (0.0, 0.0);
        let rewards = rewards.get(episode.clone()).unwrap_or_default();
        let values = values.get(episode.clone()).unwrap_or_default();
        for (reward, value) in rewards.iter().zip(values).rev() {
            ahead = reward + gamma * next_value - value + gamma * lambda * ahead;
            next_value = *value;
            advantages.push(ahead);
        }
        if let Some(episode) = advantages.get_mut(start..) {
            episode.reverse();
        }
    }
    advantages
}
