//! What the system tells of a running process.

use std::fs;

/// Ticks of the system's clock of processor time in a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// The resident memory of a process in bytes.
///
/// # Panics
///
/// Where the process is gone.
#[must_use]
pub fn memory_of(process: u32) -> u64 {
    bytes(process, "VmRSS:")
}

/// The most resident memory that a process ever had, in bytes.
///
/// # Panics
///
/// Where the process is gone.
#[must_use]
pub fn peak_memory_of(process: u32) -> u64 {
    bytes(process, "VmHWM:")
}

fn bytes(process: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with(field)).expect("its memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).expect("a number") * 1024
}

/// The processor time of a process so far, its own and the system's for it, in seconds to the nearest hundredth.
///
/// # Panics
///
/// Where the process is gone.
#[must_use]
pub fn processor_seconds_of(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    // Past the program's name, which may hold anything.
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = [11, 12].iter().map(|field| fields[*field].parse::<u64>().expect("ticks")).sum();
    ticks as f64 / TICKS_PER_SECOND
}

/// How many files, sockets and pipes a process has open.
///
/// # Panics
///
/// Where the process is gone.
#[must_use]
pub fn open_files_of(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).expect("the process runs").count()
}
