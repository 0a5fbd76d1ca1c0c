//! The agents as their callers see them: a scripted model, a simulated disk under the transcripts, real
//! workspaces in a temporary directory, and a clock that only the tests move.

#![expect(
    clippy::unwrap_used,
    reason = "the harness's own helpers fail the test where they stand"
)]

mod abort;
mod change;
mod chaos;
mod collective;
mod harness;
mod proposals;
mod restart;
mod runs;
mod seeds;
mod slow;
mod waiting;
