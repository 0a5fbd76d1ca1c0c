//! Skills: texts that tell a model how something is done, with what they need and for whom they are.
//!
//! Nothing of a skill is ever run here: not when it is found, not when it is checked, not when it is installed.
//! There is no prompt either; who makes one asks for a [`Listing`], and shows a body when the model wants it.
//!
//! Start at [`Library::for_agent`]; `front_matter` reads a `SKILL.md`, [`install`] brings one in, and [`decisions`]
//! are the computed parts of the skills that come with the binary.
//!
//! Invariants: what an archive holds is judged in memory before anything is written; a skill that was installed and
//! then changed is not used until somebody accepts it; of two skills of one name the nearer wins: workspace, state,
//! binary; [`decisions`] is pure.

mod bundle;
pub mod bundled;
pub mod decisions;
pub mod digest;
pub mod error;
mod files;
mod front_matter;
pub mod install;
pub mod library;
pub mod limits;
pub mod listing;
pub mod lock;
pub mod problem;
pub mod settings;
pub mod skill;
mod validate;
mod yaml;

pub use error::Error;
pub use install::{Installed, Plan, remove};
pub use library::Library;
pub use listing::{Listing, listing};
pub use lock::{Lock, Locked};
pub use problem::{Problem, Severity, What};
pub use settings::Settings;
pub use skill::{Missing, Requires, Skill, Source, Surroundings};
pub use validate::validate;

/// The file that makes a directory a skill.
pub const SKILL_FILE: &str = "SKILL.md";
