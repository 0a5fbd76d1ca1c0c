//! When things are to be done: schedules, the table of jobs, which slots were handed out, and the log of their runs.
//!
//! Nothing is run here, and nothing waits: who owns a [`Book`] asks it what is due, runs that, and says how it ended.
//! There is no knowledge of agents beyond their names, and none of sessions beyond theirs.
//!
//! Start at [`Schedule::next_after`], which is pure, then [`Table::due`], which is pure as well; [`Book`] keeps a
//! table on disk, and `expression` is the language of five or six fields.
//!
//! Invariants: a slot is handed out at most once, whatever the clock and the power do, because it is durable before
//! it is handed out; of several slots that were missed the latest is handed out, once, and the others are counted;
//! the pure modules (`expression`, `zone`, `schedule`, `table`, `idle`) are told the time.

pub mod book;
pub mod error;
pub mod expression;
mod files;
pub mod idle;
pub mod job;
pub mod limits;
pub mod record;
pub mod schedule;
pub mod table;
pub mod zone;

pub use book::{Book, Opened};
pub use error::Error;
pub use expression::Expression;
pub use idle::IdleCycle;
pub use job::{Edit, Job, JobId, NewJob};
pub use record::{Outcome, RunFilter, RunRecord};
pub use schedule::Schedule;
pub use table::{Due, Firing, Table, View};
pub use zone::Zone;
