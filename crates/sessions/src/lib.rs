//! Append-only transcripts in JSON lines: a plain file that a person can read, with a database's promises.
//! An entry that was acknowledged is on stable storage; after any crash it is there once, in order and byte
//! for byte; what was not acknowledged is absent or whole.
//!
//! It knows nothing of models, agents' work or sockets. It is not a database: there is no query language, the
//! index lives in memory and is rebuilt from the files, and no file but the transcripts is authoritative.
//!
//! Start at [`Entry`] and [`Draft`] for what a line says, then [`Store`]. Behind it, `commit` is the one thread
//! that writes, `recover` reads files back as a pure function over bytes, and [`Disk`] is the seam to the world.
//!
//! Invariants: only `entry` knows how a line looks; one thread writes, and it holds each file's lock; an
//! acknowledgement follows a successful sync of the file the path names at that moment; a failed sync is never
//! retried into an acknowledgement, and a number given out once is never given out again.

mod agent;
mod archive;
mod cache;
mod chain;
mod commit;
pub mod disk;
mod entry;
mod error;
mod export;
mod history;
mod import;
mod index;
mod keeper;
mod limits;
mod manifest;
mod packed;
mod page;
mod recover;
mod rewrite;
mod search;
mod segment;
mod snapshot;
mod store;
mod verify;

pub use agent::{Quarantined, Recovery, Torn};
pub use commit::Durability;
pub use disk::{Disk, RealDisk, SimDisk};
pub use entry::{Appended, Draft, Entry, Fault, Kind, Marker, Origin, OriginKind, decode};
pub use error::Error;
pub use export::{Lines, markdown, markdown_heading};
pub use import::{
    Branch, ImportFault, Imported, LineProblem, Listed, Problems, read_listing, read_transcripts,
};
pub use index::SessionSummary;
pub use keeper::{Due, Exceeded, Excess, Keeper, KeeperOptions, KeptArchive, exceeded};
pub use limits::{LINE_BYTES_MAX, PAGE_BYTES_MAX, PAGE_ENTRIES_MAX, SEARCH_HITS_MAX};
pub use page::Page;
pub use rewrite::{Archived, Rewritten, Which};
pub use search::{Case, Found, Hit, Query, QueryFault};
pub use snapshot::{Snapshot, read_only};
pub use store::{Options, Stats, Store};
pub use verify::{Flaw, Problem, Verification, Verified};
