//! Child processes: started with limits and an exact environment, watched, killed as a whole tree, always reaped.
//!
//! It doesn't know what runs in a child, reads no configuration, and it makes no choice about what a
//! child may reach: a plan without a fence takes away privileges, descriptors, and resources only.
//!
//! Start at [`plan`], what a child is to be; then [`launcher`], which starts one; [`helper`] is what our own binary
//! does when it is re-executed, and [`keeper`] is the one thread that owns every child. [`supervisor`] restarts.
//!
//! Invariants: a child has exactly the environment and the three descriptors its plan names; it dies with us, even if
//! we are killed; dropping its handle kills its tree; no child stays a zombie; every wait has a deadline.

mod cgroup;
mod encode;
pub mod error;
pub mod fence;
pub mod helper;
pub mod keeper;
pub mod launcher;
pub mod plan;
pub mod supervisor;
mod tree;

pub use error::{Error, Stage};
pub use fence::Fence;
pub use helper::{CHILD_ARGUMENT, child_main};
pub use launcher::{Child, Launcher};
pub use plan::{Exit, Limits, Plan, Stdio};
pub use supervisor::{State, Supervisor};
