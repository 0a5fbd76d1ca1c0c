//! Every bound of this crate, and why it has its value.

/// Longest line: all texts of an entry with each byte escaped, and some room.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Longest text of an entry, in bytes: a model's whole reasoning fits.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest id of a proposal.
pub const PROPOSAL_ID_BYTES_MAX: usize = 128;
/// Most names in one entry; a collective is smaller.
pub const NAMES_MAX: usize = 64;
/// Entries a list has when no number is asked for, and at most: what a person or a client can take at once.
pub const LIST_MAX: usize = 1_000;
