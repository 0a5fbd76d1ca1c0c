//! Against others: a real LiteLLM, its captures, the official clients; and every fault of a backend.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test can't do without fails it"
)]

mod agents;
mod backend;
mod clients;
mod faults;
mod fronts;
mod litellm;
mod ours;
mod upstream;
