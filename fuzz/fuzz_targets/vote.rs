//! A member's answer to a proposal.

#![no_main]

#[path = "../checks/vote.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::holds(bytes));
