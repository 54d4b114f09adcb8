//! The built-in environments: what an agent sees, what it may do, and what comes of it.
//!
//! CartPole-v1, MountainCar-v0 and Pendulum-v1 are the environments of gymnasium by these names: their states are kept in 64
//! bits, observations are given in 32, and the arithmetic is done in gymnasium's order, so that a trajectory is the same to about
//! 1e-12 (`tests/data/environments.py` records what the tests replay). Only the drawing of start states is our own: the
//! distribution is gymnasium's, the numbers are not. GridWorld has no original; `grid_world.rs` defines it.
//!
//! An episode goes: [`Environment::reset`], then [`Environment::step`] until the step says `terminated` (the task has ended: the
//! pole fell, the goal is reached; nothing of worth comes after) or `truncated` (the time is up; the state has a value
//! still, which is why the two are told apart).

mod cart_pole;
mod grid_world;
mod mountain_car;
mod pendulum;

use std::fmt;

use crate::data::nearest;
use crate::error::Error;
use crate::random::Random;

pub use cart_pole::CartPole;
pub use grid_world::GridWorld;
pub use mountain_car::MountainCar;
pub use pendulum::Pendulum;

/// What an agent does in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// One of the actions, from 0.
    Discrete(usize),
    /// A number. What lies outside the space is clipped to it.
    Continuous(f32),
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActionSpace {
    /// Actions from 0 to `actions` − 1.
    Discrete {
        /// How many there are.
        actions: usize,
    },
    /// A number from `low` to `high`.
    Continuous {
        /// The least.
        low: f32,
        /// The greatest.
        high: f32,
    },
}

/// What an agent sees.
#[derive(Clone, Debug, PartialEq)]
pub enum ObservationSpace {
    /// One number that names a state, from 0 to `states` − 1. Its size says nothing: networks see it as `states` zeros and ones.
    Discrete {
        /// How many there are.
        states: usize,
    },
    /// Numbers, each between its bounds; a bound may be infinite.
    Box {
        /// The least of each.
        low: Vec<f32>,
        /// The greatest of each.
        high: Vec<f32>,
    },
}

impl ObservationSpace {
    /// How many numbers an observation has.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Discrete { .. } => 1,
            Self::Box { low, .. } => low.len(),
        }
    }
}

/// What came of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What the agent sees after it.
    pub observation: Vec<f32>,
    /// What it is worth.
    pub reward: f64,
    /// The task has ended.
    pub terminated: bool,
    /// The time is up. A step can be both.
    pub truncated: bool,
}

/// A world to act in. Before the first [`reset`](Environment::reset) the state is all zeros.
pub trait Environment: Send + Sync + fmt::Debug {
    /// Which environment it is.
    fn kind(&self) -> EnvironmentKind;

    /// Begins an episode at a start state drawn by `seed`, and gives what is seen there.
    fn reset(&mut self, seed: u64) -> Vec<f32>;

    /// Begins an episode at a state of the caller's, as [`state`](Environment::state) gives them, and gives what is seen there.
    /// A state of another length, or one that is not finite, is [`Error::EnvironmentState`].
    fn reset_to(&mut self, state: &[f64]) -> Result<Vec<f32>, Error> {
        self.resume(state, 0)
    }

    /// Goes on with an episode that came to a state, as [`state`](Environment::state) gives them, by so many steps, and
    /// gives what is seen there. So many steps that the time is up are [`Error::EnvironmentState`], as is a wrong
    /// state.
    fn resume(&mut self, state: &[f64], steps: u32) -> Result<Vec<f32>, Error>;

    /// Acts. An action that the space does not have is [`Error::Action`]. After the end of an episode the dynamics go on
    /// as before, which no algorithm here makes use of.
    fn step(&mut self, action: Action) -> Result<Step, Error>;

    /// The state in full.
    fn state(&self) -> Vec<f64>;

    /// Whether the episode, up to here, has done what it is for: see [`EnvironmentKind::success`].
    fn succeeded(&self) -> bool;
}

/// The built-in environments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvironmentKind {
    /// Balance a pole on a cart.
    CartPole,
    /// Get a weak car out of a valley.
    MountainCar,
    /// Swing a pendulum up and hold it there.
    Pendulum,
    /// Find the way to the goal, past walls and a pit.
    GridWorld,
}

impl EnvironmentKind {
    /// All of them, in the order in which lists show them.
    pub const ALL: [Self; 4] = [Self::CartPole, Self::MountainCar, Self::Pendulum, Self::GridWorld];

    /// The name, with the version, as gymnasium has it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::CartPole => "CartPole-v1",
            Self::MountainCar => "MountainCar-v0",
            Self::Pendulum => "Pendulum-v1",
            Self::GridWorld => "GridWorld",
        }
    }

    /// The environment of a name: the one of gymnasium, or that without its version, in any case, with or without underscores
    /// (`CartPole-v1`, `cart_pole`). Another version is another environment, and is refused like every unknown name.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        let plain = |text: &str| -> String {
            text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let wanted = plain(name);
        let found = Self::ALL.into_iter().find(|kind| {
            let unversioned = kind.id().split('-').next().unwrap_or_default();
            wanted == plain(kind.id()) || wanted == plain(unversioned)
        });
        found.ok_or_else(|| Error::UnknownEnvironment {
            name: name.to_owned(),
            nearest: nearest(name, Self::ALL.into_iter().map(Self::id)).map(str::to_owned),
            known: Self::ALL.into_iter().map(|kind| kind.id().to_owned()).collect(),
        })
    }

    /// A new environment of the kind.
    #[must_use]
    pub fn make(self) -> Box<dyn Environment> {
        match self {
            Self::CartPole => Box::new(CartPole::default()),
            Self::MountainCar => Box::new(MountainCar::default()),
            Self::Pendulum => Box::new(Pendulum::default()),
            Self::GridWorld => Box::new(GridWorld::default()),
        }
    }

    /// What an agent sees in it.
    #[must_use]
    pub fn observation_space(self) -> ObservationSpace {
        match self {
            Self::CartPole => cart_pole::observation_space(),
            Self::MountainCar => mountain_car::observation_space(),
            Self::Pendulum => pendulum::observation_space(),
            Self::GridWorld => grid_world::observation_space(),
        }
    }

    /// What an agent may do in it.
    #[must_use]
    pub fn action_space(self) -> ActionSpace {
        match self {
            Self::CartPole => ActionSpace::Discrete { actions: 2 },
            Self::MountainCar => ActionSpace::Discrete { actions: 3 },
            Self::Pendulum => ActionSpace::Continuous { low: -pendulum::MAX_TORQUE, high: pendulum::MAX_TORQUE },
            Self::GridWorld => ActionSpace::Discrete { actions: 4 },
        }
    }

    /// The mean return from which the environment counts as solved: gymnasium's for CartPole-v1 (475) and MountainCar-v0 (−110),
    /// none for Pendulum-v1, as in gymnasium; for GridWorld between the best return (0.92) and the second best (0.91).
    #[must_use]
    pub fn threshold(self) -> Option<f64> {
        match self {
            Self::CartPole => Some(475.0),
            Self::MountainCar => Some(-110.0),
            Self::Pendulum => None,
            Self::GridWorld => Some(0.915),
        }
    }

    /// What counts as success in an episode, in words.
    #[must_use]
    pub fn success(self) -> &'static str {
        match self {
            Self::CartPole => "the pole stands after 500 steps",
            Self::MountainCar => "the car reaches the flag within 200 steps",
            Self::Pendulum => "the pendulum is within 0.2 radians of upright at the end",
            Self::GridWorld => "the goal is reached within 100 steps",
        }
    }
}

/// A number from `low` to `high`.
fn uniform(random: &mut Random, low: f64, high: f64) -> f64 {
    low + (high - low) * random.uniform()
}

/// Refuses an action that is not one of `actions`.
fn discrete(kind: EnvironmentKind, action: Action, actions: usize) -> Result<usize, Error> {
    match action {
        Action::Discrete(action) if action < actions => Ok(action),
        _ => Err(Error::Action {
            environment: kind.id(),
            action: format!("{action:?}"),
            expected: format!("one of the actions 0 to {}", actions - 1),
        }),
    }
}

/// A state of as many finite numbers as the environment has.
fn finite_state<const N: usize>(kind: EnvironmentKind, state: &[f64]) -> Result<[f64; N], Error> {
    <[f64; N]>::try_from(state).ok().filter(|state| state.iter().all(|value| value.is_finite())).ok_or_else(|| {
        Error::EnvironmentState {
            environment: kind.id(),
            expected: format!("{N} finite numbers"),
            found: format!("{state:?}"),
        }
    })
}

/// Refuses so many steps that an episode of `most` would be over.
fn going_on(kind: EnvironmentKind, steps: u32, most: u32) -> Result<u32, Error> {
    if steps < most {
        return Ok(steps);
    }
    Err(Error::EnvironmentState {
        environment: kind.id(),
        expected: format!("fewer than {most} steps"),
        found: format!("{steps} steps"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_gymnasium_and_their_usual_spellings() {
        for kind in EnvironmentKind::ALL {
            assert_eq!(EnvironmentKind::from_name(kind.id()).unwrap(), kind);
            assert_eq!(kind.make().kind(), kind);
            assert_eq!(kind.make().reset(1).len(), kind.observation_space().size());
        }
        assert_eq!(EnvironmentKind::from_name("cart_pole").unwrap(), EnvironmentKind::CartPole);
        assert_eq!(EnvironmentKind::from_name("mountaincar").unwrap(), EnvironmentKind::MountainCar);
    }

    #[test]
    fn another_version_and_an_unknown_name_are_refused_with_the_nearest_name() {
        for (name, expected) in
            [("CartPole-v0", Some("CartPole-v1")), ("Pendulm-v1", Some("Pendulum-v1")), ("Ant", None)]
        {
            let Err(Error::UnknownEnvironment { nearest, .. }) = EnvironmentKind::from_name(name) else {
                panic!("{name}")
            };
            assert_eq!(nearest.as_deref(), expected);
        }
    }
}
