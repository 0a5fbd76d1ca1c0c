//! Reads, checks, and compares `openclaw.json`; finds the state directory; keeps its secrets secret.
//!
//! It starts nothing, writes no configuration, and knows no component: the gateway lowers a checked [`Config`]
//! into the options of each. It is the only reader of the process's environment.
//!
//! Start at [`load`], the whole way in one function; then `schema/keys.txt`, the table of every key, and `check`,
//! which turns the typed tree into a [`Config`].
//!
//! Invariants: all problems are reported at once, each with file, line, column, and key; a broken unit is left out
//! and the rest runs; only an unusable file or state directory or an unsafe bind refuses to start; no message and
//! no `Debug` holds a secret; the user's file is never written.

mod api;
mod check;
pub mod config;
mod diff;
mod endpoint;
mod environment;
mod expand;
mod file;
mod json5;
mod litellm;
mod load;
mod locate;
mod normal;
mod paths;
pub mod permissions;
mod problem;
pub mod reference;
mod roster;
mod schema;
mod secret;
mod section;
mod suggest;
pub mod token;
mod trail;
mod upstream;
mod yaml;

pub use config::Config;
pub use diff::{Change, Effect, diff};
pub use endpoint::{Endpoint, Network};
pub use environment::Environment;
pub use file::FILE_BYTES_MAX;
pub use load::{Error, Loaded, Overrides, RouterOverrides, STATE_DIRECTORY, load, locate, look};
pub use paths::Paths;
pub use permissions::secure;
pub use problem::{EX_CONFIG, PROBLEMS_MAX, Problem, Severity};
pub use secret::{Opaque, Origin, Secret};
