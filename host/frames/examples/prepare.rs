//! Reads a CSV file, looks at it, prepares it for a classifier and writes the result, with the time, the processor time up to its end,
//! and the peak memory of each stage.
//!
//! `cargo run --release --example prepare -- data.csv target out.parquet`
#![allow(clippy::print_stdout, reason = "what it measures is its output")]

use std::path::Path;
use std::time::Instant;

use kumiko_frames::{Frame, Pipeline};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::data::{FileFormat, ReadOptions, WriteOptions};
use kumiko_vocabulary::preparation::{PipelineSpecification, PreprocessingConfig, SupervisedSpecification, TaskType};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(target), Some(output)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: prepare <data.csv> <target column> <output>".into());
    };
    let whole = Instant::now();
    let stage = |name: &str, start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "{name:<8} {seconds:>6.2} s   processor {:>6.2} s   peak {:>5} MB",
            processor_seconds(),
            peak_megabytes()
        );
    };

    let start = Instant::now();
    let frame = Frame::read(Path::new(&input), &input, &ReadOptions::default(), &Unattended)?;
    stage("read", start);

    let start = Instant::now();
    let summary = frame.summary(5)?;
    stage("summary", start);

    let start = Instant::now();
    let specification = PipelineSpecification::Supervised(SupervisedSpecification {
        target_column: target,
        task_type: TaskType::Classification,
        preprocessing_config: PreprocessingConfig::default(),
    });
    let (pipeline, prepared) = Pipeline::fit(&frame, &specification, &Unattended)?;
    stage("prepare", start);

    let start = Instant::now();
    let format = if output.ends_with(".csv") { FileFormat::Csv } else { FileFormat::Parquet };
    let options = WriteOptions { format, compression: None, delimiter: None };
    prepared.write(&mut std::fs::File::create(&output)?, &options, &Unattended)?;
    stage("write", start);
    stage("total", whole);
    println!(
        "{} rows, {} columns in, {} features out",
        summary.rows,
        summary.columns.len(),
        pipeline.describe().fit.features
    );
    Ok(())
}

/// The most memory that this process has held, as Linux counts it; 0 elsewhere.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// The processor time that this process has used, as Linux counts it in ticks of 10 ms; 0 elsewhere.
fn processor_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    // User and system time are the 14th and 15th field; two stand before the parenthesis.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
