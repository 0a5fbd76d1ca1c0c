//! The ledger from outside: chains that are whole, changed and cut.

#![expect(clippy::unwrap_used, reason = "a test fails where its set-up fails")]

mod chain;
mod power;
mod reading;
mod world;
