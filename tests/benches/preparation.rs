//! A million rows through `load_dataset` and `preprocess_supervised`, beside pandas with scikit-learn doing the same.
//!
//! `cargo xtask bench preparation` runs `preparation_peer.py DATA RESULTS` first, then this bench with the same paths. Each step is
//! a tool call to a freshly started server, so nothing is read from its cache; wall time is that of the call, processor time and
//! peak memory are those of the whole server process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench may stop with a message, and prints its table"
)]

use std::collections::HashMap;
use std::time::Instant;

use kumiko_tests::process::{peak_memory_of, processor_seconds_of};
use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

/// Bytes.
const MEBIBYTE: f64 = 1_048_576.0;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [data, results] = arguments.as_slice() else {
        println!(
            "usage: cargo bench -p kumiko-tests --bench preparation -- DATA RESULTS; preparation_peer.py makes both"
        );
        return;
    };
    let peer: HashMap<String, Vec<f64>> = std::fs::read_to_string(results)
        .unwrap()
        .lines()
        .map(|line| {
            let (case, figures) = line.split_once('\t').unwrap();
            (case.to_owned(), figures.split('\t').map(|figure| figure.parse().unwrap()).collect())
        })
        .collect();
    let data = std::fs::canonicalize(data).unwrap().display().to_string();
    println!(
        "{:<42} {:>26} {:>26} {:>26}",
        "kumiko : pandas and scikit-learn", "wall s", "processor s", "peak memory MB"
    );
    let prepare = |format: &str| {
        json!({
            "dataset_s3_uri": data, "target_column": "label", "task_type": "classification", "output_format": format,
            "handle_missing": "median", "normalize": "standard", "encode_categorical": "one_hot",
        })
    };
    let cases = [
        ("load and describe", "load_dataset", json!({ "s3_uri": data })),
        ("load, prepare (peer: not written)", "preprocess_supervised", prepare("parquet")),
        ("load, prepare, write Parquet", "preprocess_supervised", prepare("parquet")),
        ("load, prepare, write CSV", "preprocess_supervised", prepare("csv")),
    ];
    for (case, tool, arguments) in cases {
        let ours = run(tool, arguments, &data);
        let theirs = &peer[case];
        let [wall, processor, memory] = [0, 1, 2].map(|figure| {
            format!("{:.2} : {:.2} = 1 : {:.1}", ours[figure], theirs[figure], theirs[figure] / ours[figure])
        });
        println!("{case:<42} {wall:>26} {processor:>26} {memory:>26}");
    }
}

/// Wall seconds of the call, processor seconds and peak megabytes of the server.
fn run(tool: &str, arguments: Value, data: &str) -> [f64; 3] {
    let place = Place::with_plugins(&["data_preparation"]);
    assert!(place.run(["tools"]).status.success(), "the compile cache is filled");
    let mut command = place.kumiko();
    command.arg("--allow").arg(std::path::Path::new(data).parent().unwrap()).arg("serve");
    let mut session = Session::open_by(command, &json!({}));
    session.tool_names();
    let began = Instant::now();
    let result = session.call(tool, arguments);
    let wall = began.elapsed().as_secs_f64();
    assert_ne!(result["isError"], true, "{result}");
    let (processor, peak) = (processor_seconds_of(session.process()), peak_memory_of(session.process()));
    [wall, processor, peak as f64 / MEBIBYTE]
}
