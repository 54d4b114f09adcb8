//! What a training leaves behind: a network that says what to do.

#![allow(
    clippy::indexing_slicing,
    reason = "rows are cut out of blocks by the network's own number of outputs, which `check` and the constructors tie to the actions"
)]

use serde::{Deserialize, Serialize};

use crate::blocks::map_blocks;
use crate::data::Predictions;
use crate::error::Error;
use crate::neural::dense::{Dense, Workspace};

use super::distribution::softmax;
use super::encoding::Encoding;
use super::environments::{Action, ActionSpace, EnvironmentKind};

/// A learnt policy. It acts greedily: the same observation always gives the same action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    pub(super) encoding: Encoding,
    pub(super) actions: Actions,
    pub(super) outputs: Outputs,
    pub(super) network: Dense,
}

/// What a policy's outputs choose between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Actions {
    /// Actions from 0, one output each.
    Discrete {
        /// How many there are.
        actions: u32,
    },
    /// Evenly spread levels of a number, from `low` to `high`, one output each.
    Levels {
        /// The first level.
        low: f32,
        /// The last level.
        high: f32,
        /// How many there are: two at least.
        levels: u32,
    },
    /// A number: the one output x stands for the middle of the range plus x times half its width, clipped to the range.
    Continuous {
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
    },
}

/// What the outputs of the network are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outputs {
    /// Logarithms of the actions' probabilities, up to a constant; for continuous actions the mean.
    Policy,
    /// The return expected after each action.
    Values,
}

impl Actions {
    /// The outputs that a network has for them.
    pub(super) fn outputs(&self) -> usize {
        match self {
            Self::Discrete { actions } => *actions as usize,
            Self::Levels { levels, .. } => *levels as usize,
            Self::Continuous { .. } => 1,
        }
    }

    /// The action that an output stands for; for continuous actions the number that the one output stands for.
    pub(super) fn action(&self, choice: f32) -> Action {
        match self {
            Self::Discrete { .. } => Action::Discrete(choice as usize),
            Self::Levels { low, high, levels } => {
                Action::Continuous(low + (high - low) * choice / (*levels as f32 - 1.0).max(1.0))
            }
            Self::Continuous { low, high } => {
                Action::Continuous(((low + high) / 2.0 + choice * (high - low) / 2.0).clamp(*low, *high))
            }
        }
    }

    /// The best choice by a row of outputs: the position of the greatest, the first of equals; or the one output.
    pub(super) fn greedy(&self, outputs: &[f32]) -> f32 {
        match self {
            Self::Continuous { .. } => outputs.first().copied().unwrap_or(0.0),
            Self::Discrete { .. } | Self::Levels { .. } => greatest(outputs) as f32,
        }
    }

    /// Whether actions read from a file can be used.
    fn check(&self) -> bool {
        match self {
            Self::Discrete { actions } => *actions >= 2,
            Self::Levels { low, high, levels } => *levels >= 2 && low.is_finite() && high.is_finite() && low < high,
            Self::Continuous { low, high } => low.is_finite() && high.is_finite() && low < high,
        }
    }

    /// Whether these are actions of the space.
    fn fit(&self, space: ActionSpace) -> bool {
        match (self, space) {
            (Self::Discrete { actions }, ActionSpace::Discrete { actions: known }) => *actions as usize <= known,
            (
                Self::Levels { low, high, .. } | Self::Continuous { low, high },
                ActionSpace::Continuous { low: least, high: most },
            ) => *low >= least && *high <= most,
            _ => false,
        }
    }
}

/// The position of the greatest entry, the first of equals; 0 where there is none.
pub(super) fn greatest(entries: &[f32]) -> usize {
    let mut best = 0;
    for (position, entry) in entries.iter().enumerate() {
        if *entry > entries[best] {
            best = position;
        }
    }
    best
}

/// Room for acting, kept from step to step.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) inputs: Vec<f32>,
    pub(super) workspace: Workspace,
}

impl Policy {
    /// The best action for an observation. One of another length, or with a number that is not finite, is an error.
    pub fn act(&self, observation: &[f32]) -> Result<Action, Error> {
        let expected = self.encoding.observation_size();
        if observation.len() != expected {
            return Err(Error::Length { what: "the observation".to_owned(), expected, found: observation.len() });
        }
        if let Some(position) = observation.iter().position(|value| !value.is_finite()) {
            let column = format!("observation_{position}");
            return Err(Error::InfiniteFeature { what: "the observation".to_owned(), column, row: 0 });
        }
        Ok(self.act_with(observation, &mut Scratch::default()))
    }

    pub(super) fn act_with(&self, observation: &[f32], scratch: &mut Scratch) -> Action {
        scratch.inputs.clear();
        self.encoding.encode(observation.iter().copied(), &mut scratch.inputs);
        let outputs = self.network.forward(&scratch.inputs, &mut scratch.workspace);
        self.actions.action(self.actions.greedy(outputs))
    }

    /// Numbers in an observation.
    #[must_use]
    pub fn observation_size(&self) -> usize {
        self.encoding.observation_size()
    }

    /// For each action how good it is in each row: the return expected after it (`dqn`), or its probability (`ppo`, `a3c`). None
    /// for a policy of continuous actions. Columns are those of the model's signature, in its order.
    #[must_use]
    pub fn action_values(&self, columns: &[&[f32]]) -> Option<Vec<Vec<f32>>> {
        if matches!(self.actions, Actions::Continuous { .. }) {
            return None;
        }
        let rows = columns.first().map_or(0, |column| column.len());
        let mut values = vec![Vec::with_capacity(rows); self.actions.outputs()];
        for outputs in self.outputs(columns) {
            for row in outputs.chunks_exact(values.len()) {
                let shares = if self.outputs == Outputs::Policy { softmax(row) } else { row.to_vec() };
                for (column, value) in values.iter_mut().zip(shares) {
                    column.push(value);
                }
            }
        }
        Some(values)
    }

    /// The greedy action of each row: classes for discrete actions, numbers for continuous ones. The probability of a class is that
    /// with which the policy takes the action: of `ppo` and `a3c` as the network says, of `dqn` 1 for the best and 0
    /// for the others.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let width = self.actions.outputs();
        let blocks = self.outputs(columns);
        let rows = blocks.iter().flat_map(|outputs| outputs.chunks_exact(width));
        if !matches!(self.actions, Actions::Discrete { .. }) {
            let number = |row: &[f32]| match self.actions.action(self.actions.greedy(row)) {
                Action::Continuous(number) => f64::from(number),
                Action::Discrete(action) => action as f64,
            };
            return Predictions::Values(rows.map(number).collect());
        }
        let mut codes = Vec::new();
        let mut probabilities = vec![Vec::new(); width];
        for row in rows {
            let best = greatest(row);
            codes.push(best as u32);
            let shares = match self.outputs {
                Outputs::Policy => softmax(row),
                Outputs::Values => (0..width).map(|action| f32::from(u8::from(action == best))).collect(),
            };
            for (column, share) in probabilities.iter_mut().zip(shares) {
                column.push(share);
            }
        }
        Predictions::Classes { codes, probabilities }
    }

    /// The network's outputs, block by block of rows.
    fn outputs(&self, columns: &[&[f32]]) -> Vec<Vec<f32>> {
        let rows = columns.first().map_or(0, |column| column.len());
        map_blocks(rows, |block| {
            let mut inputs = Vec::with_capacity(block.len() * self.encoding.inputs());
            for row in block {
                self.encoding.encode(columns.iter().map(|column| column[row]), &mut inputs);
            }
            self.network.forward(&inputs, &mut Workspace::default()).to_vec()
        })
    }

    /// Refuses an environment that the policy cannot act in.
    pub(super) fn check_environment(&self, kind: EnvironmentKind) -> Result<(), Error> {
        let misfit = |problem: String| Error::PolicyMisfit { environment: kind.id(), problem };
        let space = kind.observation_space();
        if self.encoding.observation_size() != space.size() {
            return Err(misfit(format!(
                "it reads {} numbers, an observation has {}",
                self.encoding.observation_size(),
                space.size()
            )));
        }
        if !self.actions.fit(kind.action_space()) {
            return Err(misfit(format!("it knows {:?}, the environment {:?}", self.actions, kind.action_space())));
        }
        Ok(())
    }

    /// Whether a policy read from a state can be what `begun` came to.
    pub(super) fn can_follow(&self, begun: &Self) -> bool {
        self.encoding == begun.encoding
            && self.actions == begun.actions
            && self.outputs == begun.outputs
            && self.network.can_follow(&begun.network)
    }

    /// Whether a policy read from a file fits its signature, so that predicting cannot go astray.
    pub(crate) fn check(&self, columns: usize, classes: Option<usize>) -> Result<(), String> {
        self.network.check()?;
        self.encoding.check()?;
        if self.encoding.observation_size() != columns {
            return Err(format!(
                "the policy reads {} numbers, the signature lists {columns}",
                self.encoding.observation_size()
            ));
        }
        let expected = match self.actions {
            Actions::Discrete { actions } => Some(actions as usize),
            Actions::Levels { .. } | Actions::Continuous { .. } => None,
        };
        let fits = self.network.inputs() == self.encoding.inputs() && self.network.outputs() == self.actions.outputs();
        if !self.actions.check() || !fits || classes != expected {
            return Err("the policy's actions do not fit its network or the signature".to_owned());
        }
        Ok(())
    }
}
