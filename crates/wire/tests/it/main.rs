//! The crate from outside: captured frames, bad bytes, and every frame of the a2a-v1 dialect.

mod bad_bytes;
mod captured;
mod dialects;
mod methods;
mod speed;
