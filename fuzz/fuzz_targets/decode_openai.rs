//! Answers of a model server.

#![no_main]

#[path = "../checks/decode_openai.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::holds(bytes));
