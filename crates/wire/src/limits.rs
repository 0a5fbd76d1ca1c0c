//! Every limit of the protocol, each with the reason for its value.

/// Largest frame before `connect` succeeded, in bytes: a real `connect` is below 2 KiB, upstream allows 64 KiB.
pub const PREAUTH_FRAME_BYTES_MAX: usize = 64 * 1024;
/// Largest frame after `connect`, in bytes: upstream's `policy.maxPayload`, which clients rely on for attachments.
pub const FRAME_BYTES_MAX: usize = 25 * 1024 * 1024;
/// Most bytes that may wait for one slow client, told as `policy.maxBufferedBytes`: the largest frame and some small
/// ones. Upstream has two of the largest, which is more than a client that still reads ever needs.
pub const BUFFERED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Deepest nesting of a frame: far above any real frame, far below what exhausts a stack.
pub const DEPTH_MAX: usize = 64;
/// Most values in one frame. A value takes some 70 bytes in memory and may take 2 on the wire, so that without
/// this limit the largest frame could take a gigabyte; real frames have a few thousand.
pub const VALUES_MAX: usize = 500_000;
/// Longest request id, in bytes: it is echoed in every answer, and real ids are UUIDs.
pub const REQUEST_ID_BYTES_MAX: usize = 256;
/// Longest method or event name, in bytes: real names are below 64.
pub const NAME_BYTES_MAX: usize = 128;
/// Interval of the `tick` event in milliseconds; clients reconnect after two intervals of silence.
pub const TICK_INTERVAL_MS: u64 = 30_000;
/// Time a client has for its `connect` in milliseconds, as upstream.
pub const HANDSHAKE_MS: u64 = 10_000;
/// Silence after which an undeclared client is sent the challenge, in milliseconds: longer than a local client
/// needs to send its first frame, short enough for a native client to wait.
pub const CHALLENGE_SILENCE_MS: u64 = 250;
/// Longest piece of a bad value that an error message repeats, in bytes: enough to recognise it.
pub const QUOTE_BYTES_MAX: usize = 80;
/// Longest error message about parameters, in bytes; the parser's words repeat the bad value in full.
pub const REASON_BYTES_MAX: usize = 400;
/// Most history messages one request may ask for, as upstream.
pub const HISTORY_LIMIT_MAX: u32 = 1_000;

const _: () = assert!(PREAUTH_FRAME_BYTES_MAX < FRAME_BYTES_MAX);
const _: () = assert!(BUFFERED_BYTES_MAX > FRAME_BYTES_MAX);
// The scan keeps one bit per level in a 64-bit word.
const _: () = assert!(DEPTH_MAX <= 64);

/// The start of a bad value, cut at a character.
pub(crate) fn quote(text: &str) -> String {
    text[..text.floor_char_boundary(QUOTE_BYTES_MAX)].to_owned()
}
