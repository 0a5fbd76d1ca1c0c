//! The gateway from outside: one module a namespace.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking with what they saw"
)]

mod a2a;
mod agents;
mod auth;
mod chat;
mod hostile;
mod lifecycle;
mod models;
mod native;
mod proposals;
mod sessions;
