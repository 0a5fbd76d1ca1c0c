//! Agents: workspaces, lanes and runs; the turn and the deliberation machines.
//!
//! It knows no sockets and no frames, and it reads no configuration: it is given explicit options, a
//! session store, a way to models and a sink for events.
//!
//! Start at [`deliberation`] for the collective's decisions.
//!
//! Invariants: one run at a time per session; every accepted run ends exactly once; an entry is durable
//! before anyone hears of it; the pure modules wait for nothing.

pub mod deliberation;
pub mod vote;
