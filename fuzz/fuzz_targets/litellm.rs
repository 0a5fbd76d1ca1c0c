//! LiteLLM's configuration files.

#![no_main]

#[path = "../checks/litellm.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::holds(bytes));
