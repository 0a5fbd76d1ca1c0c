//! Transcripts read back.

#![no_main]

#[path = "../checks/recover.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::holds(bytes));
