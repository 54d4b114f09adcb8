//! What the algorithms learn on the built-in environments with their defaults: time steps, seconds, and the mean return of 100
//! episodes that the policy has not seen.
//!
//! `cargo bench -p kumiko-learn --bench reinforcement [-- [ALGORITHM] [ENVIRONMENT] [SEEDS] [NAME=VALUE …]]`, for example `-- ppo
//! CartPole-v1 1,2,3 n_steps=64`. Without arguments every pair is run with seeds 1, 2 and 3. `total_timesteps=…` is taken as well.
//! `-` stands for all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

mod common;

use std::time::Instant;

use common::cpu_seconds;
use kumiko_learn::reinforcement::environments::EnvironmentKind;
use kumiko_learn::reinforcement::train;
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{ReinforcementAlgorithm, ReinforcementSpecification};
use serde_json::Value;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (settings, places): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.contains('='));
    let place = |position: usize| places.get(position).map(|place| place.as_str()).filter(|place| *place != "-");
    let seeds: Vec<u64> = place(2).unwrap_or("1,2,3").split(',').map(|seed| seed.parse().expect("a seed")).collect();
    println!(
        "{:<5} {:<15} {:>5} {:>9} {:>8} {:>8} {:>10} {:>9} {:>9} {:>8}  solved at",
        "", "", "seed", "steps", "wall s", "CPU s", "return", "minimum", "maximum", "success"
    );
    for (algorithm, name) in [
        (ReinforcementAlgorithm::Ppo, "ppo"),
        (ReinforcementAlgorithm::Dqn, "dqn"),
        (ReinforcementAlgorithm::A3c, "a3c"),
    ] {
        for kind in EnvironmentKind::ALL {
            if place(0).is_some_and(|wanted| wanted != name) || place(1).is_some_and(|wanted| wanted != kind.id()) {
                continue;
            }
            for seed in &seeds {
                let mut specification = ReinforcementSpecification::new(algorithm, kind.id());
                specification.seed = *seed;
                if kind == EnvironmentKind::Pendulum && algorithm == ReinforcementAlgorithm::Dqn {
                    specification = specification.with("action_bins", 5);
                }
                for setting in &settings {
                    let (name, value) = setting.split_once('=').unwrap();
                    let value: Value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                    if name == "total_timesteps" {
                        specification.total_timesteps = value.as_u64();
                    } else {
                        specification = specification.with(name, value);
                    }
                }
                let (began, cpu) = (Instant::now(), cpu_seconds());
                let model = train(&specification, &Unattended).unwrap();
                let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds() - cpu);
                let training = model.metadata.reinforcement.unwrap();
                let report = training.report.unwrap();
                println!(
                    "{name:<5} {:<15} {seed:>5} {:>9} {wall:>8.1} {cpu:>8.1} {:>10.2} {:>9.2} {:>9.2} {:>8.2}  {}",
                    kind.id(),
                    training.timesteps,
                    report.mean_reward,
                    report.minimum,
                    report.maximum,
                    report.success_rate,
                    training.solved_at.map_or_else(|| "-".to_owned(), |step| step.to_string())
                );
            }
        }
    }
}
