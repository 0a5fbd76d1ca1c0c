//! The way to the web: which addresses a tool may reach.

pub mod address;
