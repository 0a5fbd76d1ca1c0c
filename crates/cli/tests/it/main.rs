//! The built `openclaw` program, driven as people and scripts drive it: arguments, pipes, a terminal, signals.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking with what they saw"
)]

mod agents;
mod chat;
mod gateway;
mod help;
mod init;
mod ledger;
mod model;
mod models;
mod router;
mod run;
mod sessions;
mod skills;
mod status;
mod terminal;
mod validate;
mod world;
