//! What one connection may use; each number with its reason.

use std::time::Duration;

use openclaw_wire::limits as wire;

/// Largest frame before the client has shown who it is: a connect or an auth frame fits many times over.
pub(crate) const PREAUTH_FRAME_BYTES_MAX: usize = wire::PREAUTH_FRAME_BYTES_MAX;
/// Largest frame afterwards, as upstream announces it.
pub(crate) const FRAME_BYTES_MAX: usize = wire::FRAME_BYTES_MAX;
/// Largest frame of a tokenless local client: far more than a message, far less than an operator's upload.
pub(crate) const LOCAL_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Time for a client to say its first word that we understand; slower than any real client, faster than an attacker likes.
pub(crate) const HANDSHAKE_DEADLINE: Duration = Duration::from_millis(wire::HANDSHAKE_MS);
/// Silence after which a client that declared no subprotocol is offered the challenge. Seed clients speak first.
pub(crate) const CHALLENGE_SILENCE: Duration = Duration::from_millis(wire::CHALLENGE_SILENCE_MS);
/// How often an authenticated native client hears a tick.
pub(crate) const TICK: Duration = Duration::from_millis(wire::TICK_INTERVAL_MS);
/// WebSocket pings keep middleboxes awake and find dead peers.
pub(crate) const PING: Duration = Duration::from_secs(30);
/// A peer that has sent nothing at all, pongs included, for this long after a ping is gone.
pub(crate) const PONG_DEADLINE: Duration = Duration::from_secs(60);
/// One write to the socket may take this long before the client counts as stuck.
pub(crate) const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Grace for the close frame to leave.
pub(crate) const CLOSE_DEADLINE: Duration = Duration::from_secs(1);
/// Requests of one connection that may be under way; further frames wait unread in the socket.
pub(crate) const REQUESTS_MAX: usize = 256;
/// Frames waiting to be written to one connection.
pub(crate) const OUTBOX_FRAMES_MAX: usize = 8192;
/// Bytes waiting to be written to one connection before it is cut off as a slow consumer.
pub(crate) const OUTBOX_BYTES_MAX: usize = wire::BUFFERED_BYTES_MAX;

/// Bytes waiting to be written to all connections together; beyond it, whoever needs more is cut off.
pub(crate) const ALL_OUTBOXES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Time for requests that are about to be answered when the gateway stops.
pub(crate) const LAST_ANSWERS: Duration = Duration::from_secs(1);

const _: () = assert!(OUTBOX_BYTES_MAX < ALL_OUTBOXES_BYTES_MAX);
const _: () = assert!(
    PREAUTH_FRAME_BYTES_MAX <= LOCAL_FRAME_BYTES_MAX && LOCAL_FRAME_BYTES_MAX <= FRAME_BYTES_MAX
);
const _: () = assert!(
    FRAME_BYTES_MAX < OUTBOX_BYTES_MAX,
    "one largest answer must fit the outbox"
);
