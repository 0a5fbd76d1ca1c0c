//! Every bound of this crate, with the reason for its value.

use std::time::Duration;

/// What one call may return to the model: about 12,000 tokens, a tenth of the smallest common context window.
pub const OUTPUT_BYTES_MAX: usize = 48 * 1024;
/// How long one call may take, unless the tool says otherwise: file tools answer in milliseconds.
pub const CALL: Duration = Duration::from_secs(60);
/// The longest deadline a tool can ask for: a build, with the tool's own deadline before it.
pub const CALL_MAX: Duration = Duration::from_secs(3_700);
/// Arguments of one call: the largest `write` plus its escapes.
pub const ARGUMENTS_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The largest file a tool reads whole: source code and notes are far below, and it is held in memory once.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines `read` returns when it isn't told how many.
pub const READ_LINES: u64 = 2_000;
/// A line longer than this is cut when shown: minified code would fill the answer with one line.
pub const LINE_BYTES_MAX: usize = 2_000;
/// Entries `list` shows.
pub const LIST_ENTRIES_MAX: usize = 1_000;
/// Matches `grep` shows.
pub const GREP_MATCHES_MAX: usize = 200;
/// Entries one walk looks at: a large repository with its dependencies.
pub const WALK_ENTRIES_MAX: usize = 100_000;
/// How deep a path or a walk may go.
pub const PATH_DEPTH_MAX: usize = 64;
/// Bytes of all files one `grep` reads.
pub const GREP_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Memory one compiled search expression may take.
pub const REGEX_BYTES_MAX: usize = 1024 * 1024;
/// Replacements in one `edit`, and files in one patch.
pub const CHANGES_MAX: usize = 100;
/// Passages `memory_search` returns when it isn't told how many.
pub const MEMORY_HITS: usize = 8;
/// Passages `memory_search` ever returns.
pub const MEMORY_HITS_MAX: usize = 50;
/// One note: more belongs into a file of its own.
pub const NOTE_BYTES_MAX: usize = 16 * 1024;
/// Files below `memory/` that are searched: ten years of days.
pub const MEMORY_FILES_MAX: usize = 4_000;
