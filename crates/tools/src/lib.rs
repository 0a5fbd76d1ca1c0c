//! What a model may do: one registry of tools, each with checked arguments, a deadline, and a bounded answer.
//!
//! It doesn't know runs, prompts, or other agents, and it is not where a decision about an agent is made: a policy and
//! an approver are given to it.
//!
//! Start at [`registry`], the way of a call; then [`root`], the fence around every path.
//!
//! Invariants: a path never leaves the caller's workspace, whatever it is spelled like and whoever renames things
//! meanwhile; what keeps an agent's record is never written by a tool; a tool that panics or hangs is an answer.

mod arguments;
mod blocking;
pub mod error;
pub mod files;
pub mod limits;
pub mod memory;
pub mod registry;
pub mod root;
pub mod schema;
pub mod tool;
pub mod web;

pub use error::Error;
pub use registry::Registry;
pub use root::{Grants, Root};
pub use tool::{Caller, Origin, Output, Tool};
