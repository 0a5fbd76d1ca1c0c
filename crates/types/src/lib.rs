//! The nouns every other crate shares: ids, messages, tool calls, usage, money, known providers, entries' building
//! blocks, time.
//!
//! Passive data. There is no IO here, no `async`, and no knowledge of how a value looks on disk, on the
//! socket or in the configuration file: those three shapes belong to `sessions`, `wire` and `config`.
//!
//! Start at [`id`], then [`message`]; [`env`] is how time and fresh ids enter the system.
//!
//! Invariants: an id that exists is valid (it was parsed); nothing here waits; nothing here depends on tokio.

pub mod env;
pub mod id;
pub mod message;
pub mod money;
pub mod provider;
pub mod time;
pub mod tool;
pub mod usage;

pub use env::{Env, SystemEnv};
pub use id::{AgentId, IdError, RunId, SessionId, SessionKey};
pub use message::{Message, Part, Priority, Role};
pub use money::{Money, Price};
pub use provider::KnownProvider;
pub use time::Timestamp;
pub use tool::{ToolCall, ToolResult, ToolSpec};
pub use usage::{StopReason, Usage};
