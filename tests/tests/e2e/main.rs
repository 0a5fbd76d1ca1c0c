//! The gateway from outside: one module a namespace.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking with what they saw"
)]
#![expect(
    clippy::too_many_lines,
    reason = "a table of cases, or a whole conversation, reads best in one piece"
)]

mod a2a;
mod agents;
mod archives;
mod auth;
mod chat;
mod hostile;
mod lifecycle;
mod models;
mod native;
mod proposals;
mod prove;
mod recording;
mod router;
mod sessions;
mod surface;
