//! Proofs by exhaustion: every cut, every bit, and seeded histories; `cargo xtask prove` runs them at full length.
//!
//! Each has a negative control beside it: the same check on a disk with a planted fault, which it must catch.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what goes wrong here has failed, and how much was tried is worth a line"
)]

use std::{
    fmt::Debug,
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
};

mod flips;
mod model;
mod offsets;
mod sample;
mod sim;
mod stage;
mod syscalls;

/// A number from the environment, or the one that every test run affords.
pub(crate) fn asked(name: &str, default: u64) -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the long runs and the short ones are the same tests"
    )]
    let value = std::env::var(name);
    value.map_or(default, |value| {
        value
            .parse()
            .unwrap_or_else(|error| panic!("{name}={value}: {error}"))
    })
}

/// Tries every case on every core; the complaints, in order of their cases.
pub(crate) fn sweep<C>(
    cases: Range<u64>,
    chunk: u64,
    make: impl Fn(u64) -> C + Sync,
    check: impl Fn(&mut C, u64) -> Result<(), String> + Sync,
) -> Vec<(u64, String)> {
    let next = AtomicU64::new(cases.start);
    let complaints = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(chunk, Relaxed);
                    if first >= cases.end {
                        return;
                    }
                    let mut bench = make(first);
                    for case in first..(first + chunk).min(cases.end) {
                        if let Err(complaint) = check(&mut bench, case) {
                            complaints.lock().unwrap().push((case, complaint));
                        }
                    }
                }
            });
        }
    });
    let mut complaints = complaints.into_inner().unwrap();
    complaints.sort();
    complaints
}

/// A complaint unless both are the same.
pub(crate) fn same<T: PartialEq + Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{what}: found {found:?}, wanted {wanted:?}"))
    }
}
