//! The operating system's account of a process: CPU time and memory.

use std::{fs, time::Duration};

/// CPU time of a process so far, user and system together.
pub(crate) fn cpu(pid: u32) -> Result<Duration, String> {
    ticks(pid, 11)
}

/// The processes that a process has started and that still run.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>, String> {
    let entries = fs::read_dir("/proc").map_err(|error| format!("/proc: {error}"))?;
    let pids = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that has ended meanwhile is nobody's child any more.
    Ok(pids.filter(|child| parent(*child) == Some(pid)).collect())
}

fn parent(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = text.rsplit(')').next()?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// CPU time of this process's children that have ended.
pub(crate) fn children_cpu() -> Result<Duration, String> {
    ticks(std::process::id(), 13)
}

/// Two neighbouring counters of a process: user and system.
fn ticks(pid: u32, first: usize) -> Result<Duration, String> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    // The name may hold spaces and parentheses; the fields follow its last one.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let counters = fields.split_whitespace().skip(first).take(2);
    let ticks: u64 = counters.filter_map(|field| field.parse::<u64>().ok()).sum();
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64, String> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches(" kB")
                .trim()
                .parse::<u64>()
                .ok()
        })
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| format!("{path} has no VmRSS"))
}
