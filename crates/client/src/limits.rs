//! Every limit of the client, each with the reason for its value.

/// Events that may wait for their reader; one long answer is a few hundred deltas.
pub const EVENTS_WAITING_MAX: usize = 4_096;
/// Calls that may wait for their answer on one connection; far above what a person or a script starts at once.
pub const CALLS_WAITING_MAX: usize = 1_024;
/// Requests that may wait to be written; a writer that is this far behind has a dead socket.
pub const REQUESTS_WAITING_MAX: usize = 64;
/// Answers one call can have: accepted, then done.
pub const ANSWERS_MAX: usize = 2;
/// How long one frame may take to leave, in milliseconds; a gateway that reads nothing for this long is gone.
pub const WRITE_MS: u64 = 10_000;
/// How long a goodbye may take, in milliseconds; nobody waits for politeness.
pub const CLOSE_MS: u64 = 500;
/// Tick intervals of silence after which the gateway counts as gone, as upstream's clients count.
pub const SILENT_TICKS_MAX: u32 = 2;
/// Shortest tick interval that is believed, in milliseconds; a shorter one would make every pause a break.
pub const TICK_MS_MIN: u64 = 1_000;
/// Longest tick interval that is believed, in milliseconds; a longer one would never notice a dead gateway.
pub const TICK_MS_MAX: u64 = 600_000;
