//! Learning to act: each algorithm learns, the same whatever the threads, and says what is wrong with its input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kumiko_learn::reinforcement::environments::{Action, EnvironmentKind};
use kumiko_learn::reinforcement::{Policy, check, evaluate, train, train_offline};
use kumiko_learn::{Error, Estimator, Features, Model, Predictions};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::learning::{ReinforcementAlgorithm, ReinforcementSpecification, Task};
use kumiko_vocabulary::{Control, Fault};
use serde_json::{Value, json};

const ALL: [ReinforcementAlgorithm; 3] =
    [ReinforcementAlgorithm::Ppo, ReinforcementAlgorithm::Dqn, ReinforcementAlgorithm::A3c];

fn specification(algorithm: ReinforcementAlgorithm, environment: &str) -> ReinforcementSpecification {
    ReinforcementSpecification::new(algorithm, environment)
}

fn policy(model: &Model) -> &Policy {
    match &model.estimator {
        Estimator::Policy(policy) => policy,
        other => panic!("{other:?}"),
    }
}

fn report(model: &Model) -> &kumiko_vocabulary::learning::ReinforcementReport {
    model.metadata.reinforcement.as_ref().unwrap().report.as_ref().unwrap()
}

#[test]
fn the_way_through_the_grid_is_found_by_all_three() {
    for algorithm in ALL {
        for seed in [1, 2] {
            let model =
                train(&ReinforcementSpecification { seed, ..specification(algorithm, "GridWorld") }, &Unattended)
                    .unwrap();
            let training = model.metadata.reinforcement.as_ref().unwrap();
            assert!(
                (report(&model).mean_reward - 0.92).abs() < 1e-9,
                "{algorithm:?}, seed {seed}: {:?}",
                report(&model)
            );
            assert_eq!(report(&model).success_rate, 1.0);
            assert!(training.solved_at.is_some_and(|step| step <= 20_000), "{algorithm:?}: {:?}", training.solved_at);
            // Exploring costs: the first episodes did worse than the policy that came out.
            assert!(training.learning_curve[0].mean_reward < 0.92, "{:?}", training.learning_curve[0]);
        }
    }
}

#[test]
fn cart_pole_is_solved_by_ppo() {
    let model = train(&specification(ReinforcementAlgorithm::Ppo, "CartPole-v1"), &Unattended).unwrap();
    let report = report(&model);
    assert!(report.mean_reward >= 475.0 && report.solved == Some(true), "{report:?}");
    assert_eq!((report.episodes, report.returns.len()), (100, 100));
    let curve = &model.metadata.reinforcement.as_ref().unwrap().learning_curve;
    assert!(curve[0].mean_reward < 60.0 && curve.last().unwrap().mean_reward > 150.0, "{curve:?}");
}

#[test]
#[ignore = "takes minutes; the bench `reinforcement` prints the same as a table"]
fn cart_pole_is_solved_by_all_three_whatever_the_seed() {
    for algorithm in ALL {
        for seed in 1..=3 {
            let specification = ReinforcementSpecification { seed, ..specification(algorithm, "CartPole-v1") };
            let model = train(&specification, &Unattended).unwrap();
            assert!(report(&model).mean_reward >= 475.0, "{algorithm:?}, seed {seed}: {:?}", report(&model));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_one_thread_and_on_four() {
    for algorithm in ALL {
        let on = |threads: usize, seed: u64| {
            let specification = ReinforcementSpecification {
                seed,
                total_timesteps: Some(3_000),
                ..specification(algorithm, "CartPole-v1").with("eval_freq", 1_000).with("n_eval_episodes", 5)
            };
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train(&specification, &Unattended).unwrap().to_bytes().unwrap())
        };
        let one = on(1, 42);
        assert!(one == on(4, 42), "{algorithm:?}");
        assert!(one != on(1, 43), "{algorithm:?}");
    }
}

#[test]
fn a_policy_survives_being_written_and_read_and_predicts_as_it_acts() {
    for (algorithm, environment) in [
        (ReinforcementAlgorithm::Ppo, "Pendulum-v1"),
        (ReinforcementAlgorithm::Ppo, "CartPole-v1"),
        (ReinforcementAlgorithm::Dqn, "MountainCar-v0"),
        (ReinforcementAlgorithm::Dqn, "Pendulum-v1"),
        (ReinforcementAlgorithm::A3c, "GridWorld"),
    ] {
        let mut specification = ReinforcementSpecification {
            total_timesteps: Some(300),
            ..specification(algorithm, environment).with("n_eval_episodes", 1)
        };
        if algorithm == ReinforcementAlgorithm::Ppo {
            specification = specification.with("n_steps", 16).with("batch_size", 32);
        } else if environment == "Pendulum-v1" {
            specification = specification.with("action_bins", 3);
        }
        let model = train(&specification, &Unattended).unwrap();
        assert_eq!(model.metadata.task, Task::Reinforcement);
        let bytes = model.to_bytes().unwrap();
        let read = Model::from_bytes(&bytes, "model").unwrap();
        assert!(read.to_bytes().unwrap() == bytes);
        assert_eq!(policy(&read), policy(&model));
        // Rows along an episode.
        let kind = EnvironmentKind::from_name(environment).unwrap();
        let mut world = kind.make();
        let mut observation = world.reset(5);
        let (mut columns, mut actions) = (vec![Vec::new(); observation.len()], Vec::new());
        for _ in 0..40 {
            for (column, value) in columns.iter_mut().zip(&observation) {
                column.push(*value);
            }
            let action = policy(&read).act(&observation).unwrap();
            actions.push(action);
            observation = world.step(action).unwrap().observation;
        }
        let names = (0..columns.len()).map(|position| format!("observation_{position}")).collect();
        let rows: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
        let values = policy(&read).action_values(&rows);
        match read.predict(&Features { names, columns: columns.clone() }).unwrap() {
            Predictions::Clusters { .. } | Predictions::Components(_) => panic!("a policy predicts actions"),
            Predictions::Classes { codes, probabilities } => {
                assert_eq!(read.metadata.signature.classes.as_ref().unwrap().len(), probabilities.len());
                let values = values.unwrap();
                for row in 0..40 {
                    assert_eq!(actions[row], Action::Discrete(codes[row] as usize));
                    let sum: f32 = probabilities.iter().map(|column| column[row]).sum();
                    assert!((sum - 1.0).abs() < 1e-5);
                    assert!(values.iter().all(|column| column[row] <= values[codes[row] as usize][row] + 1e-6));
                }
            }
            Predictions::Values(numbers) => {
                assert_eq!(read.metadata.signature.classes, None);
                for row in 0..40 {
                    let Action::Continuous(number) = actions[row] else { panic!("{:?}", actions[row]) };
                    assert!((f64::from(number) - numbers[row]).abs() < 1e-5 && number.abs() <= 2.0);
                }
            }
        }
    }
}

#[test]
fn an_evaluation_repeats_and_differs_from_seed_to_seed() {
    let specification = ReinforcementSpecification {
        // Too few to learn to balance: a policy that always balances has the same return from every seed.
        total_timesteps: Some(300),
        ..specification(ReinforcementAlgorithm::Ppo, "CartPole-v1")
    };
    let model = train(&specification, &Unattended).unwrap();
    let of = |seed| evaluate(&model, "CartPole-v1", 30, seed, &Unattended).unwrap();
    assert_eq!(of(1), of(1));
    assert_ne!(of(1).returns, of(2).returns);
    let found = of(1);
    assert!(found.minimum <= found.median && found.median <= found.maximum && found.mean_length == found.mean_reward);
    assert!(matches!(evaluate(&model, "GridWorld", 3, 1, &Unattended), Err(Error::PolicyMisfit { .. })));
    assert!(matches!(evaluate(&model, "CartPole-v1", 0, 1, &Unattended), Err(Error::Specification { .. })));
    assert!(matches!(policy(&model).act(&[0.0; 3]), Err(Error::Length { .. })));
    assert!(matches!(policy(&model).act(&[0.0, f32::NAN, 0.0, 0.0]), Err(Error::InfiniteFeature { .. })));
}

/// Steps of a walker in GridWorld that draws its actions at random.
fn wandering(steps: usize, seed: u32) -> Features {
    let names = ["observation_0", "action", "reward", "terminated", "truncated"].map(String::from).to_vec();
    let mut columns = vec![Vec::new(); 5];
    let mut world = EnvironmentKind::GridWorld.make();
    let mut observation = world.reset(0);
    let mut state = seed;
    for _ in 0..steps {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        let action = (state >> 16) as usize % 4;
        let step = world.step(Action::Discrete(action)).unwrap();
        let row = [
            observation[0],
            action as f32,
            step.reward as f32,
            f32::from(u8::from(step.terminated)),
            f32::from(u8::from(step.truncated)),
        ];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
        observation = if step.terminated || step.truncated { world.reset(0) } else { step.observation };
    }
    Features { names, columns }
}

fn offline(environment: Option<&str>) -> ReinforcementSpecification {
    ReinforcementSpecification {
        environment: environment.map(str::to_owned),
        total_timesteps: Some(3_000),
        ..specification(ReinforcementAlgorithm::Dqn, "GridWorld").with("target_update_interval", 100)
    }
}

#[test]
fn from_a_wanderers_steps_the_shortest_way_is_learnt() {
    // Neighbouring ways differ by 0.02: any conservative term outweighs that, as a wanderer took all actions about as often.
    let specification = offline(Some("GridWorld")).with("cql_alpha", 0.0);
    let model = train_offline(&wandering(6_000, 1), &specification, &Unattended).unwrap();
    assert!((report(&model).mean_reward - 0.92).abs() < 1e-9, "{:?}", report(&model));
    let training = model.metadata.reinforcement.as_ref().unwrap();
    assert!(training.timesteps <= 6_000 && training.episodes > 50, "{training:?}");
    assert!(model.metadata.loss_curve.len() > 100);
    assert!(Model::from_bytes(&model.to_bytes().unwrap(), "model").is_ok());
}

/// Two states in which one action was always taken: plain Q-learning believes what it guesses of the others.
#[test]
fn the_conservative_term_holds_down_what_the_data_does_not_have() {
    let rows = 400;
    let features = Features {
        names: ["observation_0", "action", "reward", "done"].map(String::from).to_vec(),
        columns: vec![
            (0..rows).map(|row| (row % 2) as f32).collect(),
            // Action 2 occurs twice, with the least reward.
            (0..rows).map(|row| if row < 2 { 2.0 } else { 1.0 }).collect(),
            (0..rows).map(|row| if row < 2 { -1.0 } else { -0.2 }).collect(),
            vec![1.0; rows],
        ],
    };
    let greedy = |alpha: f64| {
        let specification =
            ReinforcementSpecification { total_timesteps: Some(1_500), ..offline(None).with("cql_alpha", alpha) };
        let model = train_offline(&features, &specification, &Unattended).unwrap();
        let columns: [&[f32]; 1] = [&[0.0, 1.0]];
        let values = policy(&model).action_values(&columns).unwrap();
        (0..2).map(|row| (values[0][row], values[1][row])).collect::<Vec<_>>()
    };
    // Action 0 was never tried. With the term it lies well below the action that was taken.
    assert!(greedy(1.0).iter().all(|(untried, taken)| untried + 1.0 < *taken), "{:?}", greedy(1.0));
    let plain = greedy(0.0);
    assert!(plain.iter().any(|(untried, taken)| untried + 1.0 > *taken), "{plain:?}");
}

fn refused(result: Result<Model, Error>, code: &str, word: &str) {
    let fault = Fault::from(result.expect_err(code));
    assert_eq!(fault.code, code, "{fault}");
    assert!(fault.hint.is_some() && format!("{} {:?}", fault.message, fault.hint).contains(word), "{fault:?}");
}

#[test]
fn what_is_wrong_with_a_specification_is_said() {
    use ReinforcementAlgorithm::{A3c, Dqn, Ppo};
    let run = |specification: ReinforcementSpecification| train(&specification, &Unattended);
    refused(run(specification(Ppo, "CartPole-v0")), "unknown_environment", "`CartPole-v1`");
    refused(run(specification(Dqn, "Pendulum-v1")), "action_space", "action_bins");
    refused(run(specification(Dqn, "CartPole-v1").with("action_bins", 3)), "hyperparameter_out_of_range", "separate");
    refused(run(specification(Ppo, "CartPole-v1").with("n_step", 3)), "unknown_hyperparameter", "`n_steps`");
    refused(run(specification(A3c, "CartPole-v1").with("clip_range", 0.2)), "unknown_hyperparameter", "");
    refused(run(specification(Ppo, "CartPole-v1").with("gamma", 1.5)), "hyperparameter_out_of_range", "0 to 1");
    refused(
        run(specification(Ppo, "CartPole-v1").with("net_arch", json!([64, 0]))),
        "hyperparameter_out_of_range",
        "4096",
    );
    refused(
        run(specification(Ppo, "CartPole-v1").with("n_steps", 8).with("n_envs", 1).with("batch_size", 9)),
        "hyperparameter_out_of_range",
        "which is 8",
    );
    let nowhere = ReinforcementSpecification { environment: None, ..specification(Ppo, "") };
    refused(run(nowhere), "specification_out_of_range", "environment");
    let never = ReinforcementSpecification { total_timesteps: Some(0), ..specification(Ppo, "CartPole-v1") };
    refused(run(never), "specification_out_of_range", "total_timesteps");
    let used = check(&specification(Ppo, "Pendulum-v1").with("n_steps", 512), false).unwrap();
    assert_eq!((&used["n_steps"], &used["stop_at_mean_reward"]), (&json!(512), &Value::Null));
    assert_eq!(check(&specification(Dqn, "CartPole-v1"), false).unwrap()["stop_at_mean_reward"], json!(475.0));
}

#[test]
fn what_is_wrong_with_trajectories_is_said() {
    let good = wandering(300, 1);
    let with = |name: &str, row: usize, value: f32| {
        let mut features = good.clone();
        let position = features.names.iter().position(|known| known == name).unwrap();
        features.columns[position][row] = value;
        features
    };
    let without = |name: &str| {
        let mut features = good.clone();
        let position = features.names.iter().position(|known| known == name).unwrap();
        features.names.remove(position);
        features.columns.remove(position);
        features
    };
    let run =
        |features: &Features, environment: Option<&str>| train_offline(features, &offline(environment), &Unattended);
    for name in ["observation_0", "action", "reward"] {
        refused(run(&without(name), None), "trajectories", &format!("`{name}`"));
    }
    refused(run(&without("terminated"), None), "trajectories", "`done`");
    refused(run(&with("action", 7, 1.5), None), "trajectories", "row 7");
    refused(run(&with("action", 7, -1.0), None), "trajectories", "whole number");
    refused(run(&with("action", 7, f32::NAN), None), "trajectories", "row 7");
    refused(run(&with("reward", 9, f32::NAN), None), "trajectories", "`reward` is NaN in row 9");
    refused(run(&with("observation_0", 9, f32::INFINITY), None), "trajectories", "`observation_0`");
    refused(run(&with("terminated", 9, 0.5), None), "trajectories", "0 or 1");
    refused(run(&with("action", 7, 4.0), Some("GridWorld")), "trajectories", "action 4");
    refused(run(&good, Some("CartPole-v1")), "trajectories", "4 numbers");
    let mut endless = without("truncated");
    endless.columns[3].fill(0.0);
    refused(run(&endless, None), "trajectories", "no row ends an episode");
    let mut mixed = good.clone();
    mixed.names.push("episode".to_owned());
    mixed.columns.push((0..300).map(|row| (row % 2) as f32).collect());
    refused(run(&mixed, None), "trajectories", "row 2");
    let ppo = ReinforcementSpecification { algorithm: ReinforcementAlgorithm::Ppo, ..offline(None) };
    refused(train_offline(&good, &ppo, &Unattended), "specification_out_of_range", "dqn");
}

/// Remembers what it is told, and cancels after some reports.
struct Watcher {
    messages: Mutex<Vec<(f64, Option<f64>, String)>>,
    cancel_after: usize,
    cancelled: AtomicBool,
    looks_after: AtomicUsize,
    since: Mutex<Option<Instant>>,
}

impl Watcher {
    fn new(cancel_after: usize) -> Self {
        Self {
            messages: Mutex::new(Vec::new()),
            cancel_after,
            cancelled: AtomicBool::new(false),
            looks_after: AtomicUsize::new(0),
            since: Mutex::new(None),
        }
    }
}

impl Control for Watcher {
    fn report(&self, done: f64, total: Option<f64>, message: &str) {
        let mut messages = self.messages.lock().unwrap();
        messages.push((done, total, message.to_owned()));
        if messages.len() == self.cancel_after {
            *self.since.lock().unwrap() = Some(Instant::now());
            self.cancelled.store(true, Ordering::SeqCst);
        }
    }

    fn is_cancelled(&self) -> bool {
        let cancelled = self.cancelled.load(Ordering::SeqCst);
        self.looks_after.fetch_add(usize::from(cancelled), Ordering::SeqCst);
        cancelled
    }
}

#[test]
fn progress_is_told_and_a_cancelled_training_ends_soon() {
    for algorithm in ALL {
        let watcher = Watcher::new(3);
        let error = train(&specification(algorithm, "CartPole-v1"), &watcher).unwrap_err();
        assert_eq!(error, Error::Cancelled);
        // Far more than the 50 ms promised on an idle machine: other tests share the cores.
        assert!(watcher.since.lock().unwrap().unwrap().elapsed() < Duration::from_millis(500));
        let messages = watcher.messages.lock().unwrap();
        assert_eq!(messages.len(), 3);
        let (done, total, message) = &messages[2];
        assert!(*done > 0.0 && total.is_some_and(|total| *done < total), "{messages:?}");
        assert!(message.contains("CartPole-v1") && message.contains("mean return of the last"), "{message}");
    }
    let watcher = Watcher::new(2);
    let error = train_offline(&wandering(500, 1), &offline(None), &watcher).unwrap_err();
    assert_eq!(error, Error::Cancelled);
    assert!(watcher.looks_after.load(Ordering::SeqCst) <= 2);
}

#[test]
fn a_damaged_policy_is_refused() {
    let specification = ReinforcementSpecification {
        total_timesteps: Some(300),
        ..specification(ReinforcementAlgorithm::A3c, "GridWorld").with("n_eval_episodes", 1)
    };
    let model = train(&specification, &Unattended).unwrap();
    let mut renamed = model.clone();
    renamed.metadata.signature.classes = Some(vec!["0".to_owned(), "1".to_owned()]);
    let error = Model::from_bytes(&renamed.to_bytes().unwrap(), "model").unwrap_err();
    assert!(matches!(error, Error::ModelDamaged { .. }) && error.to_string().contains("actions"), "{error}");
    let mut wider = model.clone();
    wider.metadata.signature.features.push(wider.metadata.signature.features[0].clone());
    assert!(matches!(Model::from_bytes(&wider.to_bytes().unwrap(), "model"), Err(Error::ModelDamaged { .. })));
    let mut other = model;
    other.metadata.algorithm = kumiko_vocabulary::learning::Algorithm::Ridge;
    assert!(matches!(Model::from_bytes(&other.to_bytes().unwrap(), "model"), Err(Error::ModelDamaged { .. })));
}
