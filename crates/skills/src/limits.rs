//! Every bound of this crate, and why it has its value.

/// Longest name of a skill, as published for the format.
pub const NAME_CHARS_MAX: usize = 64;
/// Longest description, as published for the format.
pub const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// Longest remark on what a skill works with, as published for the format.
pub const COMPATIBILITY_CHARS_MAX: usize = 500;
/// Largest `SKILL.md`: more than a model should be given at once.
pub const SKILL_FILE_BYTES_MAX: u64 = 256 * 1024;
/// Largest front matter; the rest of the file is for the model.
pub const FRONT_MATTER_BYTES_MAX: usize = 32 * 1024;
/// Values in a front matter, so that a short text can't become a large tree.
pub const VALUES_MAX: usize = 2_000;
/// Depth of a front matter.
pub const DEPTH_MAX: usize = 16;
/// Files of a skill: instructions, some scripts and examples.
pub const FILES_MAX: usize = 256;
/// Largest file of a skill.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// All files of a skill together; they are held in memory while it is installed.
pub const TOTAL_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of an archive, unpacked, with its headers and padding: what unpacks to more is a bomb.
pub const ARCHIVE_BYTES_MAX: u64 = TOTAL_BYTES_MAX + 2 * 1024 * 1024;
/// Directories a file of a skill may be deep.
pub const PATH_DEPTH_MAX: usize = 8;
/// Longest path of a file within a skill.
pub const PATH_BYTES_MAX: usize = 240;
/// Skills of one root that are looked at.
pub const SKILLS_MAX: usize = 1_000;
/// Entries of a directory of skills that are looked at; files beside the skills are ignored.
pub const DIR_ENTRIES_MAX: usize = 4_000;
/// Largest state or lock file.
pub const STATE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lines of a diff that are shown; the rest is counted.
pub const DIFF_LINES_MAX: usize = 2_000;
/// Characters of a line of a diff that are shown.
pub const DIFF_LINE_CHARS_MAX: usize = 400;
/// Problems that are told of one skill.
pub const PROBLEMS_MAX: usize = 200;
/// Longest description in the listing of a prompt.
pub const LISTED_CHARS_MAX: usize = 160;
/// Shortest description in a listing that must be made short, before only names are left.
pub const LISTED_CHARS_MIN: usize = 40;
