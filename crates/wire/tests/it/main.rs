//! The crate from outside: captured frames, bad bytes, and every frame of the a2a-v1 dialect.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests that cannot go on stops where it stands"
)]

mod a2a;
mod bad_bytes;
mod captured;
mod dialects;
mod manual;
mod methods;
mod router;
mod seeds;
