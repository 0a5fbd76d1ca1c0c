//! The ledger of decisions: proposals, votes, decisions and what followed, one line each, chained by their hashes.
//!
//! Nothing is decided here: who deliberates appends what happened, and is told that it is durable.
//! There is no signature either: whoever may write the file may write another one whose chain is whole, and only
//! somebody who remembers a [`Head`] can tell.
//!
//! Start at [`Ledger::append`], then [`Reader::verify`]; [`entry`] is what a line holds, [`canonical`] how it is
//! written.
//!
//! Invariants: an entry that was acknowledged is on disk; nothing that is there is ever changed; a chain that is
//! broken is not continued; reading holds one line in memory besides what is asked for.

pub mod canonical;
pub mod case;
pub mod entry;
pub mod error;
pub mod limits;
mod lines;
pub mod reader;
pub mod verify;
pub mod writer;

pub use case::Case;
pub use entry::{Ballot, Entry, Event, Kind, ProposalId, Verdict};
pub use error::Error;
pub use reader::{Filter, Reader};
pub use verify::{Fault, Head, Report, What};
pub use writer::{Ledger, Opened};
