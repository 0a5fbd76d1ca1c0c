//! The daemon from outside: the real binary, the real model, a unix socket.
//!
//! The model file comes from `OPENCLAW_MODEL_FILE`; `test.sh` fetches it. Without it these tests fail.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what the tests share is test code too, and it ends a test by panicking"
)]

mod answers;
mod client;
mod daemon;
mod lifecycle;
mod refusals;
