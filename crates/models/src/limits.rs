//! Every bound of this crate, with the reason for its value.

use std::time::Duration;

/// Longest line of an event stream: a whole tool call with a file in it fits, a runaway server does not.
pub const SSE_LINE_BYTES_MAX: usize = 4 << 20;
/// Longest event: a few of the longest lines.
pub const SSE_EVENT_BYTES_MAX: usize = 8 << 20;
const _: () = assert!(SSE_LINE_BYTES_MAX <= SSE_EVENT_BYTES_MAX);

/// Longest answer to one call, framing included; a million tokens take about a quarter of it.
pub const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// What is read of an error's body: enough for any message worth showing.
pub const ERROR_BODY_BYTES_MAX: usize = 64 << 10;
/// What is shown of a server's error message.
pub const ERROR_MESSAGE_CHARS_MAX: usize = 400;
/// Longest list of models a server may report.
pub const MODEL_LIST_BYTES_MAX: usize = 4 << 20;
/// Models remembered per provider; aggregators list several hundred.
pub const MODELS_PER_PROVIDER_MAX: usize = 2_000;

/// Tool calls in one answer; more is a model that has lost its way.
pub const TOOL_CALLS_MAX: usize = 128;
/// Bytes of one tool call's arguments; the same as one event, since they may come in one.
pub const TOOL_ARGUMENTS_BYTES_MAX: usize = SSE_EVENT_BYTES_MAX;

/// Candidates in one plan: a model and its fallbacks, with room for a long chain.
pub const CANDIDATES_MAX: usize = 32;
/// Steps from alias to alias before a chain is called endless.
pub const ALIAS_STEPS_MAX: usize = 8;
/// The longest `Retry-After` that is believed; after it one call finds out again.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Clients kept, one for each kind of transport, connect deadline and runtime.
pub const CLIENTS_MAX: usize = 128;
/// Idle connections kept for each server: as many as runs may be in flight.
pub const IDLE_CONNECTIONS_MAX: usize = 128;
/// How long an idle connection is kept: less than the five seconds after which common Python servers close theirs,
/// so that a request is never written to a connection that is being closed.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(4);
/// The same for TLS, where a new connection is dear and servers wait for a minute or more.
pub const IDLE_CONNECTION_TLS: Duration = Duration::from_secs(50);

/// The longest time for one request, whatever is configured: longer than anybody waits, and short enough for any clock.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How long usage and the end mark are waited for once the model has said why it stopped.
pub const AFTER_STOP: Duration = Duration::from_secs(2);
/// How long the end of the body is waited for after the end mark, so that the connection can be used again.
pub const AFTER_DONE: Duration = Duration::from_millis(20);

/// The longest answer that is kept for the same request: longer ones are rare and would push many others out.
pub const CACHED_ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long an answer is good unless somebody says otherwise.
pub const CACHED_TTL_DEFAULT: Duration = Duration::from_secs(3_600);
/// And at most: a month.
pub const CACHED_TTL_MAX: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How long a Redis on the same network may take; a model would have begun to answer not much later.
pub const REDIS_DEADLINE: Duration = Duration::from_millis(100);
/// How long a Redis that failed is left alone.
pub const REDIS_REST: Duration = Duration::from_secs(5);

/// Candidates whose health is remembered; far more than there are models in use.
pub const HEALTH_RECORDS_MAX: usize = 1_024;
/// Of so many calls to a candidate one may be repeated, so that a server in trouble is not asked more for it.
pub const REPEATS_PER_CALLS: u64 = 10;
/// Repeats to one candidate in a minute that need no such calls: a quiet router must be able to ask again at all.
pub const REPEATS_FLOOR: u64 = 2;
/// Repeats in one call, whatever is configured.
pub const REPEATS_MAX: u32 = 16;
/// The pause before the first repeat of a candidate; each further one is twice as long.
pub const REPEAT_PAUSE: Duration = Duration::from_millis(500);
/// The longest such pause.
pub const REPEAT_PAUSE_MAX: Duration = Duration::from_secs(8);
/// Pieces that one pattern of a wildcard is matched in.
pub const WILDCARD_STARS_MAX: usize = 8;

/// What an answer may have when neither the request nor the configuration says: more than most answers, so that a
/// reservation is rarely too small, and little enough that a small budget admits a call.
pub const OUTPUT_TOKENS_USUAL: u64 = 4_096;
/// What an image is taken for, whatever its size: about what the usual models make of a large one.
pub const IMAGE_TOKENS: u64 = 1_500;
/// What is held back of a stream until its first content: far more than any preamble.
pub const HELD_BYTES_MAX: usize = 256 << 10;
/// What is kept of the end of an answer that is passed through, in which its usage is looked for.
pub const TAIL_BYTES: usize = 4 << 10;
/// Servers kept ready to be called; far more than a configuration names.
pub const LINES_MAX: usize = 1_024;

/// The longest recording, request and answer together; most are a hundredth of it, and one endless answer is not to
/// push all others out.
pub const RECORDING_BYTES_MAX: usize = 8 << 20;
/// A recording takes at most this part of all bytes that recordings may have.
pub const RECORDING_PART: u64 = 4;
/// Recordings that wait to be written: a second of a busy router.
pub const RECORDINGS_WAITING: usize = 1_024;
/// What unwritten recordings may have in memory together; when it is used up, recordings are cut.
pub const RECORDINGS_HELD_BYTES_MAX: usize = 64 << 20;
/// Recordings that are kept, however small: a directory of more is a burden to every tool.
pub const RECORDINGS_MAX: usize = 100_000;
/// How deep recordings are looked for below a directory: that of all agents, one, its recordings, and their parts.
pub const RECORDINGS_DEPTH_MAX: usize = 4;
/// Recordings that an unknown request is compared with, the newest of those of its kind.
pub const RECORDINGS_COMPARED_MAX: usize = 256;
