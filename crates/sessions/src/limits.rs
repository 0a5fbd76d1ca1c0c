//! Every bound of this crate, with a sentence on its value.

/// Longest physical line that recovery looks into; a longer one is set apart unread, so that a stray
/// binary file cannot make the gateway hold it in memory.
pub const LINE_BYTES_MAX: usize = 64 << 20;
/// Recovery reads this much at a time: large enough that calls cost nothing, small enough to stay in the processor's
/// cache while its lines are taken out.
pub(crate) const SCAN_CHUNK_BYTES: usize = 256 << 10;
/// Deepest nesting of a tool call's arguments. JSON readers stop at 128, and the line itself adds four.
pub(crate) const VALUE_DEPTH_MAX: usize = 96;
/// Bytes of drafts that may wait for the commit thread: about a second of the slowest disk worth using.
pub(crate) const QUEUE_BYTES_MAX: usize = 64 << 20;
/// Bytes of recent entries kept for all sessions together: some 400 busy sessions of 20 short entries.
pub(crate) const TAIL_CACHE_BYTES_MAX: usize = 8 << 20;
/// Damaged places that a recovery report lists one by one; beyond that they are only counted.
pub(crate) const QUARANTINE_LISTED_MAX: usize = 1_000;
/// Most entries one call to `tail` or `page` returns, so that one request cannot copy a whole store.
pub const PAGE_ENTRIES_MAX: usize = 10_000;
/// Characters of the last message that a session list shows.
pub(crate) const PREVIEW_CHARS_MAX: usize = 80;
/// Stack of the commit and sync threads. They recurse only into tool arguments, bounded above.
pub(crate) const STACK_BYTES: usize = 256 << 10;
/// How long closing an agent waits for the round in flight. A healthy disk needs milliseconds.
pub(crate) const CLOSE_DEADLINE_MS: u64 = 5_000;
/// Highest number a line read back may carry: exact in every JSON reader, out of reach of anything that counts up
/// from one, and with room above it to count on.
pub(crate) const SEQ_MAX: u64 = (1 << 53) - 1;
/// A search reads this much at a time: it stays in the processor's cache while it is looked through.
pub(crate) const SEARCH_CHUNK_BYTES: usize = 256 << 10;
/// Threads of one search: it is short, and the gateway has other work.
pub(crate) const SEARCH_THREADS_MAX: usize = 4;
/// Most hits of one search; whoever wants more narrows it by time.
pub const SEARCH_HITS_MAX: usize = 1_000;
/// Lines of a file that an import names as bad; beyond that they are only counted.
pub(crate) const IMPORT_PROBLEMS_MAX: usize = 100;
/// Bytes of one batch of an import: a few rounds of the disk, and little of the queue.
pub(crate) const IMPORT_BATCH_BYTES: usize = 2 << 20;
/// How long an import waits for room in the queue. A healthy disk makes some within milliseconds.
pub(crate) const IMPORT_BUSY_MS: u64 = 10_000;
/// A session that nobody has written to for so long gets its commit marker: after a turn, and not between its steps.
pub(crate) const COMMIT_IDLE_MS: u64 = 5_000;
/// A busy session gets a marker after so many entries, which keeps a marker's share of the bytes small.
pub(crate) const COMMIT_ENTRIES_MAX: u64 = 64;
/// Commit markers of one plan: a marker reads what it covers, and a round of them should not take long.
pub(crate) const COMMITS_PLANNED_MAX: usize = 64;
/// A session beyond the bound is archived only when it has been idle for this long.
pub(crate) const EXCESS_IDLE_MS: u64 = 3_600_000;
/// A transcript below this is read whole at every start: that takes less than a millisecond.
pub(crate) const CACHE_TRANSCRIPT_BYTES_MIN: u64 = 256 << 10;
/// An opening that had to read more than this writes the cache at once, so that a crash does not bring the reading back.
pub(crate) const CACHE_AFTER_BYTES: u64 = 8 << 20;
/// When a segment is sealed the cache is written only if this many times its size was appended since the last time, so
/// that it adds little to what is written for an entry.
pub(crate) const CACHE_SHARE: u64 = 16;
/// The longest cache that is believed: some hundred million entries.
pub(crate) const CACHE_BYTES_MAX: u64 = 1 << 30;
/// So many bytes at the end of what a cache covers must be as they were.
pub(crate) const CACHE_WITNESS_BYTES: u64 = 4 << 10;
/// Bytes of lines one call to `tail` or `page` reads, one entry at least: more than any screen or model takes, and little
/// next to what a gateway may hold.
pub const PAGE_BYTES_MAX: u64 = 8 << 20;
/// How long a reader waits for a transcript to be read again. A gigabyte takes a second.
pub(crate) const REREAD_DEADLINE_MS: u64 = 30_000;
/// How often a reader begins again because a rewrite took a file away under it; a rewrite takes longer than a reading.
pub(crate) const REWRITES_OVERTAKING_MAX: usize = 4;
/// The longest list of an agent's files that is read: an archive takes some four hundred bytes in it.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 1 << 30;
/// Text of one member of an archive: small enough to unpack for a few entries, large enough to pack well.
pub(crate) const ARCHIVE_MEMBER_BYTES: usize = 1 << 20;
/// An archive is unpacked so much at a time.
pub(crate) const UNPACK_CHUNK_BYTES: usize = 64 << 10;
/// A rewrite reads so much at a time.
pub(crate) const REWRITE_CHUNK_BYTES: usize = 1 << 20;
/// How long a rewrite waits for its turn on the commit thread; a slow disk syncs a round within a second.
pub(crate) const EXCLUSIVE_DEADLINE_MS: u64 = 30_000;
/// Sessions of one rewrite: their entries' places are in memory meanwhile.
pub(crate) const REWRITE_SESSIONS_MAX: usize = 1_000;
