//! Every bound of this crate, and why it has its value.

/// Longest cron expression: some ten times the longest that people write.
pub const EXPRESSION_BYTES_MAX: usize = 256;
/// Longest name of a time zone; the longest that exists has 32 bytes.
pub const ZONE_BYTES_MAX: usize = 64;
/// Shortest interval: a run takes longer than this, so a shorter one would only coalesce.
pub const EVERY_MS_MIN: i64 = 1_000;
/// Longest interval: ten years, so that sums with any plausible time stay far from the ends of the integers.
pub const EVERY_MS_MAX: i64 = 10 * 366 * 86_400_000;
/// Most jobs: looking at all of them for what is due stays below some milliseconds.
pub const JOBS_MAX: usize = 10_000;
/// Longest message of a job: what a person would say, not a document.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Longest name of a job, for tables in a terminal.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest id of a job; it becomes a part of a session's id.
pub const JOB_ID_BYTES_MAX: usize = 64;
/// Missed slots are counted up to here; "a thousand" says as much as the exact number would.
pub const MISSED_MAX: u32 = 1_000;
/// A slot handed out later than this is told as a catch-up: a poll may be some seconds late.
pub const LATE_AFTER_MS: i64 = 60_000;
/// A run that nobody ended for so long is given up, so that its job goes on.
pub const RUNNING_MS_MAX: i64 = 24 * 3_600_000;
/// Ranges of skipped slots that a job remembers, for clocks that come back from the future.
pub const SKIPPED_MAX: usize = 8;
/// Years ahead that are searched: a fifth Monday in February comes every 28 years, or 40 around a year like 2100.
pub const YEARS_AHEAD: i16 = 41;
/// Runs the log keeps when it is cut.
pub const RUNS_KEPT: usize = 2_000;
/// Runs the log may hold before it is cut; the rewrite then costs little per run.
pub const RUNS_MAX: usize = 4_000;
/// Longest reason in the log.
pub const REASON_BYTES_MAX: usize = 1_024;
/// Largest file of jobs that is read: 10,000 jobs with messages of some size.
pub const JOBS_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest log that is read: all the runs it may hold with the longest reasons, several times over.
pub const RUNS_FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
