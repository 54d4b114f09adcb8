//! Boosting on 10 GB of Parquet within 4 GB of memory, beside xgboost with its external memory.
//!
//! `cargo xtask bench larger_than_memory` runs `larger_than_memory_peer.py DATA RESULTS` first, then this bench with the same paths.
//! The server may not have more than 4 GB of data in memory (`ulimit -d`); it finds its own limit for tables from that. The peer is
//! under no limit. What the system keeps of files in memory that nobody else wants counts for neither. The target hangs on a product of two
//! columns, which twenty trees find sooner or later as chance has it: with another number of bins the area under the curve of either side
//! moves by 0.002.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use kumiko_tests::process::{peak_memory_of, processor_seconds_of};
use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

/// In the unit of `ulimit -d`, 1,024 bytes.
const ALLOWED_KIBIBYTES: u64 = 4 << 20;
/// Bytes.
const MEBIBYTE: f64 = 1_048_576.0;
/// How long a call is waited for.
const PATIENCE: Duration = Duration::from_secs(3_600);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, results] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-tests --bench larger_than_memory -- DATA RESULTS; larger_than_memory_peer.py makes both"
        );
        return;
    };
    let peer: Vec<f64> =
        std::fs::read_to_string(results).unwrap().trim().split('\t').map(|figure| figure.parse().unwrap()).collect();
    let data = std::fs::canonicalize(data).unwrap();
    let [training, held] = ["training.parquet", "held.parquet"].map(|name| data.join(name));
    println!("{} GB of Parquet", std::fs::metadata(&training).unwrap().len() as f64 / 1e9);

    let place = Place::with_plugins(&["ml_training", "ml_evaluation"]);
    assert!(place.run(["tools"]).status.success(), "the compile cache is filled");
    let server = place.kumiko();
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -d {ALLOWED_KIBIBYTES}; exec \"$0\" \"$@\"")]);
    command.arg(server.get_program()).args(server.get_args()).arg("--allow").arg(&data).arg("serve");
    command.env_clear().envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut session = Session::open_by(command, &json!({}));
    let mut call = |tool: &str, arguments: Value| {
        let asked = session.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        let answer = session.wait_for(PATIENCE, |message| message["id"] == asked).expect("an answer");
        assert_ne!(answer["result"]["isError"], true, "{answer}");
        answer["result"]["structuredContent"].clone()
    };
    let began = Instant::now();
    let trained = call(
        "train_supervised_classifier",
        json!({
            "algorithm": "xgboost", "train_data_s3_uri": training, "target_column": "kept", "generate_plots": false,
            "hyperparameters": { "n_estimators": 20, "max_depth": 6, "learning_rate": 0.3, "max_bin": 255 },
        }),
    );
    let wall = began.elapsed().as_secs_f64();
    let measured = call(
        "evaluate_classifier",
        json!({
            "model_s3_uri": trained["model_s3_uri"], "test_data_s3_uri": held, "generate_plots": false, "bootstrap_samples": 0,
        }),
    );
    let (processor, peak) = (processor_seconds_of(session.process()), peak_memory_of(session.process()));
    println!("{:<28} {:>12} {:>12} {:>8}", "", "kumiko", "xgboost", "ratio");
    for (name, ours, theirs) in [
        ("training, wall s", wall, peer[0]),
        ("processor s", processor, peer[1]),
        ("peak memory MiB", peak as f64 / MEBIBYTE, peer[2]),
    ] {
        println!("{name:<28} {ours:>12.1} {theirs:>12.1} {:>8.2}", theirs / ours);
    }
    let area = measured["metrics"]["roc_auc"].as_f64().unwrap();
    println!("{:<28} {area:>12.4} {:>12.4}", "area under the curve", peer[3]);
    println!("rows {}, allowed {} MB of data", trained["training_rows"], ALLOWED_KIBIBYTES / 1024);
}
