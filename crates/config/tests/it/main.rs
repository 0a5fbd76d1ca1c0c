//! The crate from outside: files in, configurations and problems out.

mod fixture;
mod sample;
