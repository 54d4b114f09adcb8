//! Trainings that go on without anybody waiting: over the end of a call, of a connection, and of a server that is killed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

/// Longer than any job here takes, the time that a lost lease rests counted in.
const PATIENCE: Duration = Duration::from_secs(180);

/// Rows of two classes that overlap, so that a search has something to find.
fn rows(count: usize) -> String {
    let mut text = String::from("a,b,c,d,target\n");
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    for _ in 0..count {
        let [a, b, c, d] = [next(), next(), next(), next()];
        let target = if a * b + 0.3 * c + 0.3 * next() > 0.55 { "yes" } else { "no" };
        text.push_str(&format!("{a},{b},{c},{d},{target}\n"));
    }
    text
}

fn structured(result: &Value) -> &Value {
    assert_ne!(result["isError"], true, "{result}");
    &result["structuredContent"]
}

fn state(session: &mut Session, name: &str) -> Value {
    structured(&session.call("monitor_training_progress", json!({ "training_job_name": name }))).clone()
}

fn until(session: &mut Session, name: &str, mut wanted: impl FnMut(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let state = state(session, name);
        if wanted(&state) {
            return state;
        }
        assert!(began.elapsed() < PATIENCE, "{state}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Kills the server of a job after a checkpoint. Returns how far the job had come, the lowest step that it told of afterwards, and the digest of its
/// model.
fn cut_off(place: &Place, name: &str, tool: &str, arguments: &Value) -> (f64, f64, String) {
    let mut session = Session::open(place);
    let order = json!({ "training_job_name": name, "tool": tool, "arguments": arguments });
    structured(&session.call("create_training_job", order));
    let step = |state: &Value| state["step"].as_f64().unwrap_or(0.0);
    // Checkpoints are five seconds apart.
    let kept =
        |state: &Value| step(state) > 0.0 && state["elapsed_seconds"].as_f64().is_some_and(|seconds| seconds >= 12.0);
    let running = until(&mut session, name, |state| kept(state) || state["terminal"] == true);
    assert_eq!(running["status"], "running", "the job was over before it could be cut off: {running}");
    session.kill();

    let mut session = Session::open(place);
    // Until it reports anew, it is told as it was.
    let mut lowest = step(&running);
    let ended = until(&mut session, name, |state| {
        lowest = lowest.min(step(state));
        state["terminal"] == true
    });
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(2)), "{ended}");
    let results = session.call("get_training_results", json!({ "training_job_name": name }));
    let digest = structured(&results)["result"]["model"]["sha256"].as_str().unwrap().to_owned();
    (step(&running), lowest, digest)
}

/// The digest of the model that the same training makes as a call, without being cut off.
fn uninterrupted(place: &Place, name: &str, tool: &str, arguments: &Value) -> String {
    let mut arguments = arguments.clone();
    arguments["training_job_name"] = json!(name);
    let result = Session::open(place).call(tool, arguments);
    structured(&result)["model"]["sha256"].as_str().unwrap().to_owned()
}

#[test]
fn a_policy_whose_server_was_killed_goes_on_to_the_model_that_it_would_have_been() {
    let place = Place::with_plugins(&["ml_training"]);
    // No return is as high, so that it learns to its last step.
    let arguments = json!({
        "algorithm": "dqn", "environment": "CartPole-v1", "total_timesteps": 350_000, "generate_plots": false,
        "hyperparameters": { "stop_at_mean_reward": 501.0 },
    });
    goes_on(&place, "policy", "train_reinforcement", &arguments);
}

#[test]
fn a_map_whose_server_was_killed_goes_on_to_the_model_that_it_would_have_been() {
    let place = Place::with_plugins(&["ml_training"]);
    let arguments = json!({
        "algorithm": "tsne", "train_data_s3_uri": place.file("rows.csv", rows(6_000)), "hyperparameters": { "max_iter": 5_000 },
        "generate_plots": false,
    });
    goes_on(&place, "map", "train_unsupervised_dimensionality_reduction", &arguments);
}

fn goes_on(place: &Place, name: &str, tool: &str, arguments: &Value) {
    let began = Instant::now();
    let (killed_at, lowest, digest) = cut_off(place, name, tool, arguments);
    println!("killed at step {killed_at}, then at step {lowest}, {:.1} s in all", began.elapsed().as_secs_f64());
    // Of twelve seconds a few are lost. Begun anew it would be seen after three or four.
    assert!(lowest > killed_at * 0.55, "killed at step {killed_at}, it was at step {lowest} afterwards");
    assert_eq!(digest, uninterrupted(place, name, tool, arguments));
}

/// A search that takes some seconds and has many steps.
fn search(data: &str, trials: u32) -> Value {
    json!({
        "training_job_name": "night", "tool": "hyperparameter_optimization",
        "arguments": {
            "algorithm": "random_forest", "train_data_s3_uri": data, "max_trials": trials, "n_folds": 3, "parallel_trials": 1,
            "search_space": { "max_depth": { "low": 2, "high": 30 }, "min_samples_leaf": { "low": 1, "high": 50 } },
            "hyperparameters": { "n_estimators": 1500 }, "generate_plots": false,
        },
    })
}

#[test]
fn a_job_goes_on_after_its_call_and_its_model_predicts() {
    let place = Place::with_plugins(&["ml_training", "ml_evaluation"]);
    let data = place.file("rows.csv", rows(600));
    let mut session = Session::open(&place);
    let order = json!({
        "training_job_name": "quick", "tool": "train_supervised_classifier", "arguments": { "train_data_s3_uri": data },
    });
    let created = session.call("create_training_job", order.clone());
    assert_eq!(structured(&created)["terminal"], false, "{created}");
    let ended = until(&mut session, "quick", |state| state["terminal"] == true);
    assert_eq!(ended["status"], "completed", "{ended}");
    let results = session.call("get_training_results", json!({ "training_job_name": "quick" }));
    let model = structured(&results)["result"]["model_s3_uri"].as_str().unwrap().to_owned();
    assert_eq!(model, "s3://mlops/models/quick/model.kumiko");
    let predicted = session.call("predict", json!({ "model_s3_uri": model, "data_s3_uri": data }));
    assert_eq!(structured(&predicted)["rows"], 600);
    let metrics = session.call("get_training_metrics", json!({ "training_job_name": "quick" }));
    assert!(structured(&metrics)["training_metrics"]["accuracy"].as_f64().unwrap() > 0.8, "{metrics}");
    // The name is given, and the job of it is as it was.
    let again = session.call("create_training_job", order);
    assert_eq!(again["_meta"]["kumiko/fault"]["code"], "job_exists", "{again}");
}

#[test]
fn a_job_whose_server_was_killed_goes_on_from_what_it_kept() {
    let place = Place::with_plugins(&["ml_training"]);
    let data = place.file("rows.csv", rows(4_000));
    let mut session = Session::open(&place);
    structured(&session.call("create_training_job", search(&data, 24)));
    // Of its 24 settings it has measured some, and kept those that are some seconds old.
    let well_under_way = |state: &Value| {
        let [step, elapsed] = ["step", "elapsed_seconds"].map(|field| state[field].as_f64().unwrap_or(0.0));
        state["steps"] == 24.0 && step >= 2.0 && elapsed >= 6.0
    };
    let running = until(&mut session, "night", |state| well_under_way(state) || state["terminal"] == true);
    assert_eq!(running["status"], "running", "the job was over before it could be cut off: {running}");
    session.kill();

    let mut session = Session::open(&place);
    let ended = until(&mut session, "night", |state| state["terminal"] == true);
    assert_eq!((&ended["status"], &ended["attempts"]), (&json!("completed"), &json!(2)), "{ended}");
    let results = session.call("get_training_results", json!({ "training_job_name": "night" }));
    let result = &structured(&results)["result"];
    assert!(result["resumed_measurements"].as_u64().unwrap() >= 1, "{result}");
    assert_eq!(result["trials"].as_array().unwrap().len(), 24);
    // Nothing of the job is left over but its record and what it made.
    assert_eq!(std::fs::read_dir(place.data().join("objects/mlops/jobs-active")).map_or(0, Iterator::count), 0);
}

#[test]
fn a_stopped_job_leaves_no_model_and_frees_its_place() {
    let place = Place::with_plugins(&["ml_training"]);
    let data = place.file("rows.csv", rows(4_000));
    let mut session = Session::open(&place);
    structured(&session.call("create_training_job", search(&data, 1_000)));
    until(&mut session, "night", |state| state["step"].as_f64().is_some());
    let stopped = session.call("stop_training_job", json!({ "training_job_name": "night" }));
    assert_eq!(structured(&stopped)["status"], "stopping", "{stopped}");
    let ended = until(&mut session, "night", |state| state["terminal"] == true);
    assert_eq!((&ended["status"], &ended["failure"]["code"]), (&json!("stopped"), &json!("job_stopped")), "{ended}");
    assert!(!place.data().join("objects/mlops/models/night/model.kumiko").exists());
    let order = json!({
        "training_job_name": "after", "tool": "train_supervised_classifier", "arguments": { "train_data_s3_uri": data },
    });
    structured(&session.call("create_training_job", order));
    assert_eq!(until(&mut session, "after", |state| state["terminal"] == true)["status"], "completed");
}

#[test]
fn what_cannot_be_a_job_is_refused_before_anything_is_recorded() {
    let place = Place::with_plugins(&["ml_training"]);
    let mut session = Session::open(&place);
    let refused = session.call(
        "create_training_job",
        json!({
            "training_job_name": "wrong", "tool": "train_supervised_classifier",
            "arguments": { "train_data_s3_uri": "a.csv", "target_colum": "y" },
        }),
    );
    let fault = &refused["_meta"]["kumiko/fault"];
    assert_eq!(fault["code"], "invalid_arguments", "{refused}");
    assert!(fault["hint"].as_str().unwrap().contains("target_column"), "{refused}");
    let unknown = session.call("monitor_training_progress", json!({ "training_job_name": "wrong" }));
    assert_eq!(unknown["_meta"]["kumiko/fault"]["code"], "job_not_found", "{unknown}");
    // An operator takes the service away.
    std::fs::write(
        place.data().join("grants.toml"),
        "[ml_training]\nread = [\"s3://\", \"files\"]\nwrite = [\"s3://\"]\n",
    )
    .unwrap();
    let mut session = Session::open(&place);
    let denied = session.call("monitor_training_progress", json!({ "training_job_name": "wrong" }));
    let fault = &denied["_meta"]["kumiko/fault"];
    assert_eq!(fault["code"], "service_denied", "{denied}");
    assert!(fault["hint"].as_str().unwrap().contains("services = [\"jobs\"]"), "{denied}");
}
