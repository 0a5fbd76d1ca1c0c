//! The client against a gateway of a few lines that does what each test tells it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests that cannot go on stops where it stands"
)]

mod calls;
mod gateway;
mod hello;
