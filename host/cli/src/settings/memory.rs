//! How much memory this process may take.

use std::fs;
use std::path::{Path, PathBuf};

/// Assumed where the system does not tell.
const ASSUMED_BYTES: u64 = 4 << 30;

/// The machine's memory, or what this process or a control group that it is in may take (`ulimit -d`) where that is less, in bytes.
pub(super) fn available() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    let own = rustix::process::getrlimit(rustix::process::Resource::Data).current;
    limits.chain(machine).chain(own).min().unwrap_or(ASSUMED_BYTES)
}

/// Where the limits of the groups are, and of the groups around them: `0::/path` of version 2, `4:memory:/path` of version 1.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let files = groups.lines().filter_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, group) = line.split_once(':')?;
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let group = Path::new(group.trim_start_matches('/'));
        Some(group.ancestors().map(move |group| Path::new(root).join(group).join(file)).collect::<Vec<_>>())
    });
    files.flatten().collect()
}

/// The line `MemTotal:  24576000 kB`.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_memory_is_read() {
        assert_eq!(total("MemTotal:       24576000 kB\nMemFree: 1 kB\n"), Some(25_165_824_000));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(available() > 1 << 20);
    }

    #[test]
    fn a_group_and_those_around_it_are_asked_in_both_versions() {
        let files = limit_files("0::/a/b\n4:cpu,memory:/c\n3:cpuset:/d\n");
        let expected = [
            "/sys/fs/cgroup/a/b/memory.max",
            "/sys/fs/cgroup/a/memory.max",
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/c/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }
}
