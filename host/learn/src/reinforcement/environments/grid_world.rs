//! GridWorld: the way through a maze of 5 × 5 cells, past a pit. It has no original; this is its definition.
//!
//! ```text
//!     0 1 2 3 4
//!   0 S . . . .      S start     # wall
//!   1 . # # . .      G goal      X pit
//!   2 . . . X .
//!   3 . # . # .
//!   4 . . . . G
//! ```
//!
//! State and observation: one number, 5 × row + column (start 0, goal 24, pit 13). Actions, numbered as in gymnasium's
//! CliffWalking: 0 up, 1 right, 2 down, 3 left; they always do what they say. A step into a wall or off the grid leaves the agent where it is. Every
//! step is worth −0.01, the one that enters the goal 0.99, the one that enters the pit −1.01; both terminate the episode. It is truncated
//! after 100 steps. The shortest way takes 8 steps, so the best return is 0.92; the second best is 0.91, with one step into a wall.

use super::{Action, Environment, EnvironmentKind, ObservationSpace, Step, discrete, going_on};
use crate::error::Error;

const SIDE: usize = 5;
const GRID: [[u8; SIDE]; SIDE] = [*b"S....", *b".##..", *b"...X.", *b".#.#.", *b"....G"];
const STEP: f64 = -0.01;
const GOAL: f64 = 1.0;
const PIT: f64 = -1.0;
const MOST_STEPS: u32 = 100;

/// A maze with a pit.
#[derive(Clone, Debug, Default)]
pub struct GridWorld {
    row: usize,
    column: usize,
    steps: u32,
}

pub(super) fn observation_space() -> ObservationSpace {
    ObservationSpace::Discrete { states: SIDE * SIDE }
}

/// What is in a cell; none off the grid.
fn cell(row: usize, column: usize) -> Option<u8> {
    GRID.get(row).and_then(|cells| cells.get(column)).copied()
}

impl GridWorld {
    fn index(&self) -> usize {
        SIDE * self.row + self.column
    }

    fn here(&self) -> Option<u8> {
        cell(self.row, self.column)
    }
}

impl Environment for GridWorld {
    fn kind(&self) -> EnvironmentKind {
        EnvironmentKind::GridWorld
    }

    fn reset(&mut self, _seed: u64) -> Vec<f32> {
        *self = Self::default();
        vec![self.index() as f32]
    }

    fn resume(&mut self, state: &[f64], steps: u32) -> Result<Vec<f32>, Error> {
        let steps = going_on(self.kind(), steps, MOST_STEPS)?;
        let index = match state {
            [index] if index.fract() == 0.0 && (0.0..(SIDE * SIDE) as f64).contains(index) => Some(*index as usize),
            _ => None,
        };
        let place =
            index.map(|index| (index / SIDE, index % SIDE)).filter(|(row, column)| cell(*row, *column) != Some(b'#'));
        let Some((row, column)) = place else {
            return Err(Error::EnvironmentState {
                environment: self.kind().id(),
                expected: "the number of a cell without a wall, 0 to 24".to_owned(),
                found: format!("{state:?}"),
            });
        };
        *self = Self { row, column, steps };
        Ok(vec![self.index() as f32])
    }

    fn step(&mut self, action: Action) -> Result<Step, Error> {
        // Going off the upper or left edge wraps around, to where there is no cell.
        let (row, column) = match discrete(self.kind(), action, 4)? {
            0 => (self.row.wrapping_sub(1), self.column),
            1 => (self.row, self.column + 1),
            2 => (self.row + 1, self.column),
            _ => (self.row, self.column.wrapping_sub(1)),
        };
        if cell(row, column).is_some_and(|cell| cell != b'#') {
            (self.row, self.column) = (row, column);
        }
        self.steps += 1;
        let (end, terminated) = match self.here() {
            Some(b'G') => (GOAL, true),
            Some(b'X') => (PIT, true),
            _ => (0.0, false),
        };
        Ok(Step {
            observation: vec![self.index() as f32],
            reward: STEP + end,
            terminated,
            truncated: self.steps >= MOST_STEPS,
        })
    }

    fn state(&self) -> Vec<f64> {
        vec![self.index() as f64]
    }

    fn succeeded(&self) -> bool {
        self.here() == Some(b'G')
    }
}
