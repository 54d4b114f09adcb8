//! What the system knows of the process, read from `/proc` at each scrape, under the names that Prometheus clients of
//! all languages use. What cannot be read is left out.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The names of the figures below.
pub(super) const NAMES: [&str; 4] =
    ["process_resident_memory_bytes", "process_cpu_seconds", "process_open_fds", "process_start_time_seconds"];

/// Clock ticks in a second as `/proc` counts them. Linux fixes them for programs (`USER_HZ`), whatever the kernel's own
/// clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads the figures of this process.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let [memory, cpu, files, start] = NAMES;
        if let Some(bytes) = resident_bytes() {
            gauge(&mut encoder, memory, "Memory of the process that is in RAM", bytes)?;
        }
        if let Some(files_open) = fs::read_dir("/proc/self/fd").ok().map(Iterator::count) {
            // The folder that is being read is one of them.
            gauge(&mut encoder, files, "Open files and sockets", files_open.saturating_sub(1) as f64)?;
        }
        let Some(times) = Times::read() else { return Ok(()) };
        let counter = ConstCounter::new(times.cpu_seconds);
        let cpu =
            encoder.encode_descriptor(cpu, "Processor time that the process has used", None, counter.metric_type())?;
        counter.encode(cpu)?;
        match times.start_seconds {
            Some(seconds) => gauge(&mut encoder, start, "When the process began, in seconds since 1970", seconds),
            None => Ok(()),
        }
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}

/// Resident memory in bytes.
fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0)
}

struct Times {
    cpu_seconds: f64,
    /// Seconds since 1970.
    start_seconds: Option<f64>,
}

impl Times {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The second field is the program's name in parentheses, which may hold anything; the third follows it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let ticks = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<f64>().ok();
        let cpu_seconds = (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND;
        let start_seconds = boot_seconds().zip(ticks(22)).map(|(boot, ticks)| boot + ticks / TICKS_PER_SECOND);
        Some(Self { cpu_seconds, start_seconds })
    }
}

/// When the machine began, in seconds since 1970.
fn boot_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}
