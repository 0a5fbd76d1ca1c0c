//! The crate from outside: files in, configurations and problems out.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what the tests share is test code too, and it ends a test by panicking"
)]

mod agents;
mod broken;
mod diff;
mod docs;
mod fixture;
mod litellm;
mod precedence;
mod sample;
mod secrets;
mod seeds;
mod shapes;
mod state;
