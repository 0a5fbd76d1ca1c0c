//! Requests and answers between any two dialects.

#![no_main]

#[path = "../checks/dialect.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::holds(bytes));
