//! Environments beside gymnasium's, step by step, and GridWorld beside its definition.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use kumiko_learn::Error;
use kumiko_learn::reinforcement::environments::{
    Action, ActionSpace, Environment, EnvironmentKind, GridWorld, ObservationSpace,
};
use serde::Deserialize;
use serde_json::Value;

/// What `data/environments.py` recorded.
const RECORDED: &str = include_str!("data/environments.json");
/// How far two libraries' sines may drive a state apart.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Run {
    environment: String,
    start: Vec<f64>,
    seen: Vec<f32>,
    actions: Vec<Value>,
    /// One entry where all are alike.
    rewards: Vec<f64>,
    states: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    step: usize,
    state: Vec<f64>,
    observation: Vec<f32>,
    terminated: bool,
    truncated: bool,
}

#[test]
fn every_step_is_gymnasiums() {
    let runs: Vec<Run> = serde_json::from_str(RECORDED).unwrap();
    assert_eq!(runs.len(), 11);
    for (position, run) in runs.iter().enumerate() {
        let mut environment = EnvironmentKind::from_name(&run.environment).unwrap().make();
        let near = |found: &[f32], expected: &[f32]| {
            found.len() == expected.len()
                && found
                    .iter()
                    .zip(expected)
                    .all(|(found, expected)| (found - expected).abs() <= 1e-6 * expected.abs().max(1e-3))
        };
        assert!(near(&environment.reset_to(&run.start).unwrap(), &run.seen));
        let mut states = run.states.iter();
        for (step, action) in (1..).zip(&run.actions) {
            let action = match action.as_u64() {
                Some(action) => Action::Discrete(action as usize),
                None => Action::Continuous(action.as_f64().unwrap() as f32),
            };
            let found = environment.step(action).unwrap();
            let reward = run.rewards.get(step - 1).unwrap_or(&run.rewards[0]);
            assert!(
                (found.reward - reward).abs() < TOLERANCE,
                "run {position}, step {step}: {} for {reward}",
                found.reward
            );
            if step % 10 != 0 && step != run.actions.len() {
                assert!(!found.terminated && !found.truncated, "run {position}, step {step}");
                continue;
            }
            let expected = states.next().unwrap();
            assert_eq!(expected.step, step);
            let state = environment.state();
            assert_eq!(state.len(), expected.state.len());
            for (found, expected) in state.iter().zip(&expected.state) {
                assert!((found - expected).abs() < TOLERANCE, "run {position}, step {step}: {found} for {expected}");
            }
            assert!(near(&found.observation, &expected.observation), "run {position}, step {step}: {found:?}");
            assert_eq!(
                (found.terminated, found.truncated),
                (expected.terminated, expected.truncated),
                "run {position}"
            );
        }
        assert!(states.next().is_none());
    }
}

#[test]
fn start_states_fill_gymnasiums_ranges_and_follow_from_the_seed() {
    use std::f64::consts::PI;
    let ranges: [(EnvironmentKind, &[(f64, f64)]); 4] = [
        (EnvironmentKind::CartPole, &[(-0.05, 0.05); 4]),
        (EnvironmentKind::MountainCar, &[(-0.6, -0.4), (0.0, 0.0)]),
        (EnvironmentKind::Pendulum, &[(-PI, PI), (-1.0, 1.0)]),
        (EnvironmentKind::GridWorld, &[(0.0, 0.0)]),
    ];
    for (kind, ranges) in ranges {
        let mut environment = kind.make();
        let mut starts = Vec::new();
        for seed in 0..2_000 {
            let seen = environment.reset(seed);
            starts.push(environment.state());
            assert_eq!(kind.make().reset(seed), seen);
        }
        for (entry, (low, high)) in ranges.iter().enumerate() {
            let least = starts.iter().map(|start| start[entry]).fold(f64::INFINITY, f64::min);
            let most = starts.iter().map(|start| start[entry]).fold(f64::NEG_INFINITY, f64::max);
            let slack = 0.01 * (high - low);
            assert!(least >= *low && least <= low + slack, "{kind:?}: {least}");
            assert!(most <= *high && most >= high - slack, "{kind:?}: {most}");
        }
    }
}

fn walk(actions: &[usize]) -> (Vec<f64>, Vec<f32>, bool, bool, bool) {
    let mut world = GridWorld::default();
    world.reset(1);
    let (mut rewards, mut cells) = (Vec::new(), Vec::new());
    let (mut terminated, mut truncated) = (false, false);
    for action in actions {
        let step = world.step(Action::Discrete(*action)).unwrap();
        rewards.push(step.reward);
        cells.push(step.observation[0]);
        (terminated, truncated) = (step.terminated, step.truncated);
    }
    (rewards, cells, terminated, truncated, world.succeeded())
}

#[test]
fn the_grid_has_its_walls_its_pit_its_goal_and_its_end() {
    let (rewards, cells, terminated, truncated, succeeded) = walk(&[2, 2, 2, 2, 1, 1, 1, 1]);
    assert_eq!(cells, [5.0, 10.0, 15.0, 20.0, 21.0, 22.0, 23.0, 24.0]);
    assert!((rewards.iter().sum::<f64>() - 0.92).abs() < 1e-12, "{rewards:?}");
    assert!(terminated && !truncated && succeeded);
    // Off the grid, into a wall, then along row 2 into the pit.
    let (rewards, cells, terminated, _, succeeded) = walk(&[0, 3, 2, 1, 2, 1, 1, 1]);
    assert_eq!(cells, [0.0, 0.0, 5.0, 5.0, 10.0, 11.0, 12.0, 13.0]);
    assert!((rewards[7] + 1.01).abs() < 1e-12 && (rewards[6] + 0.01).abs() < 1e-12);
    assert!(terminated && !succeeded);
    let (rewards, _, terminated, truncated, _) = walk(&[0; 100]);
    assert!(!terminated && truncated && (rewards.iter().sum::<f64>() + 1.0).abs() < 1e-9);
    assert!(!walk(&[0; 99]).3);
}

#[test]
fn a_shortest_way_takes_eight_steps() {
    // Breadth-first over the dynamics themselves.
    let mut world = GridWorld::default();
    let mut frontier = vec![0.0];
    let mut seen = vec![0.0];
    let mut steps = 0;
    'search: loop {
        steps += 1;
        let mut next = Vec::new();
        for cell in &frontier {
            for action in 0..4 {
                world.reset_to(&[*cell]).unwrap();
                let step = world.step(Action::Discrete(action)).unwrap();
                if world.succeeded() {
                    break 'search;
                }
                let cell = f64::from(step.observation[0]);
                if !step.terminated && !seen.contains(&cell) {
                    seen.push(cell);
                    next.push(cell);
                }
            }
        }
        frontier = next;
    }
    assert_eq!(steps, 8);
}

#[test]
fn actions_and_states_that_an_environment_does_not_have_are_refused() {
    for kind in EnvironmentKind::ALL {
        let mut environment = kind.make();
        environment.reset(1);
        let wrong = match kind.action_space() {
            ActionSpace::Discrete { actions } => [Action::Discrete(actions), Action::Continuous(0.0)],
            ActionSpace::Continuous { .. } => [Action::Discrete(0), Action::Continuous(f32::NAN)],
        };
        for action in wrong {
            assert!(matches!(environment.step(action), Err(Error::Action { .. })), "{kind:?} {action:?}");
        }
        for state in [vec![], vec![0.0; 5], vec![f64::NAN; environment.state().len()]] {
            assert!(matches!(environment.reset_to(&state), Err(Error::EnvironmentState { .. })), "{kind:?} {state:?}");
        }
    }
    // A wall is no place to be.
    assert!(GridWorld::default().reset_to(&[6.0]).is_err());
    assert!(GridWorld::default().reset_to(&[0.5]).is_err());
}

#[test]
fn an_episode_goes_on_from_its_state_and_its_steps_until_its_time_is_up() {
    for kind in EnvironmentKind::ALL {
        let action = match kind.action_space() {
            ActionSpace::Discrete { .. } => Action::Discrete(0),
            ActionSpace::Continuous { .. } => Action::Continuous(0.3),
        };
        let (mut whole, mut parted) = (kind.make(), kind.make());
        whole.reset(4);
        let mut steps = 0;
        loop {
            let state = whole.state();
            parted.resume(&state, steps).unwrap();
            let (expected, found) = (whole.step(action).unwrap(), parted.step(action).unwrap());
            assert_eq!(found, expected, "{kind:?} after {steps} steps");
            steps += 1;
            if expected.truncated {
                assert!(matches!(parted.resume(&state, steps), Err(Error::EnvironmentState { .. })), "{kind:?}");
            }
            if expected.terminated || expected.truncated {
                break;
            }
        }
    }
}

#[test]
fn spaces_are_gymnasiums() {
    let bounds = |kind: EnvironmentKind| match kind.observation_space() {
        ObservationSpace::Box { low, high } => (low, high),
        ObservationSpace::Discrete { states } => panic!("{states}"),
    };
    // python -c "import gymnasium; print(gymnasium.make('CartPole-v1').observation_space.high)"
    assert_eq!(bounds(EnvironmentKind::CartPole).1, [4.8, f32::INFINITY, 0.418_879_03, f32::INFINITY]);
    assert_eq!(bounds(EnvironmentKind::MountainCar), (vec![-1.2, -0.07], vec![0.6, 0.07]));
    assert_eq!(bounds(EnvironmentKind::Pendulum), (vec![-1.0, -1.0, -8.0], vec![1.0, 1.0, 8.0]));
    assert_eq!(EnvironmentKind::GridWorld.observation_space(), ObservationSpace::Discrete { states: 25 });
    assert_eq!(EnvironmentKind::Pendulum.action_space(), ActionSpace::Continuous { low: -2.0, high: 2.0 });
}
