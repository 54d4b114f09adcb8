//! Learning to act.

use kumiko_learn::reinforcement::{train, train_offline};
use kumiko_learn::{Error, Features, Model};
use kumiko_vocabulary::Control;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{ReinforcementAlgorithm, ReinforcementSpecification};
use serde_json::Value;

use crate::common::Generator;
use crate::foreign::{Cut, withstands};
use crate::{Steps, same};

/// A short training with a small network, whose policy is tried a few times on the way.
fn short(algorithm: ReinforcementAlgorithm, environment: &str, steps: u64, width: usize) -> ReinforcementSpecification {
    let specification = ReinforcementSpecification::new(algorithm, environment)
        .with("net_arch", vec![width])
        .with("eval_freq", 300)
        .with("n_eval_episodes", 3)
        .with("stop_at_mean_reward", Value::Null);
    ReinforcementSpecification { total_timesteps: Some(steps), ..specification }
}

/// So many recorded steps, fifty an episode: two observations, three actions.
fn trajectories(rows: usize) -> Features {
    let mut generator = Generator::new(3);
    let names = ["observation_0", "observation_1", "action", "reward", "terminated"];
    let mut columns = vec![Vec::new(); names.len()];
    for row in 0..rows {
        let action = (generator.next() * 3.0).floor();
        let seen = [generator.next(), generator.next()];
        let reward = seen[0] * action - seen[1];
        let ends = f64::from(u8::from(row % 50 == 49));
        for (column, value) in columns.iter_mut().zip([seen[0], seen[1], action, reward, ends]) {
            column.push(value as f32);
        }
    }
    Features { names: names.map(String::from).to_vec(), columns }
}

fn offline(width: usize) -> ReinforcementSpecification {
    let specification = ReinforcementSpecification::new(ReinforcementAlgorithm::Dqn, "")
        .with("net_arch", vec![width])
        .with("batch_size", 16)
        .with("target_update_interval", 70);
    ReinforcementSpecification { environment: None, total_timesteps: Some(2_500), ..specification }
}

fn in_steps(specification: &ReinforcementSpecification, steps: usize) {
    same(&|control| train(specification, control), Steps::Reports, steps);
}

#[test]
fn ppo_goes_on_from_its_last_round() {
    for environment in ["CartPole-v1", "Pendulum-v1", "GridWorld", "MountainCar-v0"] {
        let specification = short(ReinforcementAlgorithm::Ppo, environment, 1_600, 16)
            .with("n_envs", 4)
            .with("n_steps", 16)
            .with("batch_size", 24);
        in_steps(&specification, 4);
    }
}

#[test]
fn a3c_goes_on_from_where_all_its_actors_stood() {
    for environment in ["CartPole-v1", "Pendulum-v1"] {
        let specification =
            short(ReinforcementAlgorithm::A3c, environment, 1_600, 16).with("n_envs", 4).with("n_steps", 16);
        in_steps(&specification, 4);
    }
}

#[test]
fn dqn_goes_on_from_its_last_time_steps() {
    for (environment, double) in [("CartPole-v1", true), ("GridWorld", false)] {
        // The ring is filled more than once.
        let specification = short(ReinforcementAlgorithm::Dqn, environment, 1_600, 16)
            .with("batch_size", 16)
            .with("buffer_size", 300)
            .with("learning_starts", 100)
            .with("train_freq", 4)
            .with("gradient_steps", 2)
            .with("double_q", double);
        in_steps(&specification, 60);
    }
}

#[test]
fn dqn_from_trajectories_goes_on_from_its_last_update() {
    let (trajectories, specification) = (trajectories(500), offline(16));
    same(&|control| train_offline(&trajectories, &specification, control), Steps::Reports, 4);
}

#[test]
fn a_policy_that_is_good_enough_ends_the_training_where_it_would_have() {
    // Solved after about a quarter of its 50,000 time steps.
    let specification =
        ReinforcementSpecification::new(ReinforcementAlgorithm::Ppo, "GridWorld").with("learning_rate", 5e-5);
    let model = train(&specification, &Unattended).unwrap();
    assert!(model.metadata.reinforcement.unwrap().solved_at.is_some_and(|step| step < 40_000));
    in_steps(&specification, 8);
}

/// A short training of a policy.
fn policy(
    algorithm: ReinforcementAlgorithm,
    environment: &str,
    width: usize,
    given: &[(&str, usize)],
) -> impl Fn(&dyn Control) -> Result<Model, Error> + use<> {
    let mut specification = short(algorithm, environment, 500, width);
    for (name, value) in given {
        specification = specification.with(*name, *value);
    }
    move |control| train(&specification, control)
}

#[test]
fn ppo_and_a3c_take_no_state_of_other_networks_environments_or_copies() {
    for algorithm in [ReinforcementAlgorithm::Ppo, ReinforcementAlgorithm::A3c] {
        let of =
            |environment, width, copies| policy(algorithm, environment, width, &[("n_envs", copies), ("n_steps", 16)]);
        let own = Cut { training: &of("CartPole-v1", 4, 2), looks: 150 };
        let others = [
            Cut { training: &of("CartPole-v1", 5, 2), looks: 150 },
            Cut { training: &of("CartPole-v1", 4, 3), looks: 150 },
            Cut { training: &of("MountainCar-v0", 4, 2), looks: 150 },
            Cut { training: &of("Pendulum-v1", 4, 2), looks: 150 },
        ];
        withstands(&own, &others);
    }
}

#[test]
fn dqn_takes_no_state_of_other_networks_environments_or_rings() {
    let of = |environment, width, buffer| {
        let given = [("buffer_size", buffer), ("learning_starts", 50), ("batch_size", 8), ("train_freq", 4)];
        policy(ReinforcementAlgorithm::Dqn, environment, width, &given)
    };
    let own = Cut { training: &of("CartPole-v1", 4, 100), looks: 300 };
    let others = [
        Cut { training: &of("CartPole-v1", 5, 100), looks: 300 },
        Cut { training: &of("CartPole-v1", 4, 101), looks: 300 },
        Cut { training: &of("GridWorld", 4, 100), looks: 300 },
    ];
    withstands(&own, &others);
}

#[test]
fn dqn_from_trajectories_takes_no_state_of_other_networks_or_updates() {
    let trajectories = trajectories(200);
    let of = |width: usize, updates: u64| {
        let specification = ReinforcementSpecification { total_timesteps: Some(updates), ..offline(width) };
        let trajectories = &trajectories;
        move |control: &dyn Control| train_offline(trajectories, &specification, control)
    };
    let own = Cut { training: &of(4, 300), looks: 100 };
    let others = [Cut { training: &of(5, 300), looks: 100 }, Cut { training: &of(4, 600), looks: 500 }];
    withstands(&own, &others);
}
