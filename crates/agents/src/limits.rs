//! Every bound of this crate that is not beside the one thing it bounds, with a sentence on its value.

/// Lanes of one agent that have something to do at the same time; each holds as many texts as the options say.
pub const LANES_MAX: usize = 1_024;
/// Bytes that one run may say: a quarter of the largest entry that the transcript takes.
pub const OUTPUT_BYTES_MAX: usize = 4 << 20;
/// An append, as long as a struggling disk may take for one sync.
pub const APPEND_MS: u64 = 30_000;
/// The longest deadline a proposal may name: its members are kept waiting for no longer than an hour.
pub const DELIBERATION_MS_MAX: u64 = 3_600_000;
/// Proposals under deliberation at once; each occupies three lanes.
pub const PROPOSALS_MAX: usize = 64;
/// Ended runs that are remembered for those who ask late.
pub const ENDED_RUNS_MAX: usize = 1_000;
/// Bytes of their answers, so that a thousand long ones do not fill the memory.
pub const ENDED_BYTES_MAX: usize = 8 << 20;
/// How long an ended run is remembered.
pub const ENDED_MS_MAX: u64 = 300_000;
/// After an abort, how long the last append may still take before the run ends without it.
pub const ABORT_GRACE_MS: u64 = 1_000;
/// How long deleting or restarting an agent waits for its runs to stop; they only have an entry to write.
pub const WITHDRAW_MS: u64 = 10_000;
/// First and longest pause before an append is tried again because the commit queue was full.
pub const RETRY_MS: (u64, u64) = (5, 200);
/// Entries that are read beyond the history of a prompt: the current message, markers, and answers whose
/// question stands further up because another message came between.
const TAIL_SPARE: usize = 11;

/// Entries at the end of a session that a prompt is made from. A store that keeps as many as this gives for a
/// full lane in memory never reads its files for a session in use.
#[must_use]
pub const fn tail_entries(history: usize, waiting: usize) -> usize {
    // Turns may be followed by commit markers, which no prompt shows: one for a question and its answer.
    history + history / 2 + waiting + TAIL_SPARE
}
