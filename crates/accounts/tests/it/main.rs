//! The accounts as a process has them: killed without warning.
#![expect(
    clippy::unwrap_used,
    reason = "a test's own helpers fail the test where they stand"
)]

mod kill;
