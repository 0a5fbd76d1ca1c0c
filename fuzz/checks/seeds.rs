//! Replays the committed seeds of a fuzz target, so that a finding once fixed stays fixed without a fuzzer.

#![expect(
    clippy::expect_used,
    reason = "a check that cannot go on stops where it stands"
)]

use std::{fs, panic, path::Path};

/// Runs the check on every seed of the target and names the seeds that fail it.
pub(crate) fn replay(target: &str, holds: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus-seed")
        .join(target);
    let mut count = 0;
    let mut failed = Vec::new();
    for seed in fs::read_dir(folder).expect("every target has seeds") {
        let path = seed.expect("the folder can be read").path();
        let bytes = fs::read(&path).expect("a seed can be read");
        count += 1;
        if panic::catch_unwind(|| holds(&bytes)).is_err() {
            failed.push(path);
        }
    }
    assert!(count > 0, "every target has seeds");
    assert!(failed.is_empty(), "{failed:?}");
}
