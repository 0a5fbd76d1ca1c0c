//! The whole surface in process, before a backend that remembers what it was asked.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what the tests share is test code too, and it ends a test by panicking"
)]

mod backend;
mod calls;
mod hostile;
mod keys;
mod passthrough;
mod routes;
mod world;
