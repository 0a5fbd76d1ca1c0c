//! Frames on their way to one client: bounded in number and bytes; full means the client is cut off, never waited for.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use openclaw_wire::frame::EncodedEvent;
use tokio::sync::mpsc;

use super::limits::{OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX};

/// One frame to write: text shared between all clients that get the same one.
pub(crate) type Text = Arc<str>;

/// The sending side, held by whoever has something to tell the client.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Text>,
    bytes: Arc<AtomicUsize>,
    overflowed: Arc<AtomicBool>,
    /// The last event's number; held while that event is queued, so that numbers and order agree.
    seq: Arc<Mutex<u64>>,
}

/// The receiving side, held by the connection.
#[derive(Debug)]
pub(crate) struct Pending {
    frames: mpsc::Receiver<Text>,
    bytes: Arc<AtomicUsize>,
    overflowed: Arc<AtomicBool>,
}

/// A fresh pair.
#[must_use]
pub(crate) fn outbox() -> (Outbox, Pending) {
    let (sender, receiver) = mpsc::channel(OUTBOX_FRAMES_MAX);
    let (bytes, overflowed) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let outbox = Outbox {
        frames: sender,
        bytes: Arc::clone(&bytes),
        overflowed: Arc::clone(&overflowed),
        seq: Arc::default(),
    };
    (
        outbox,
        Pending {
            frames: receiver,
            bytes,
            overflowed,
        },
    )
}

impl Outbox {
    /// Queues a frame. When the client has fallen too far behind, the connection is marked to be closed instead.
    pub(crate) fn push(&self, text: impl Into<Text>) {
        let text = text.into();
        let length = text.len();
        let queued = self.bytes.fetch_add(length, Ordering::Relaxed) + length;
        if queued > OUTBOX_BYTES_MAX || self.frames.try_send(text).is_err() {
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    /// Queues a native event under this connection's next number.
    pub(crate) fn push_event(&self, event: &EncodedEvent) {
        let mut seq = self.seq.lock().unwrap_or_else(PoisonError::into_inner);
        *seq += 1;
        self.push(event.frame(Some(*seq)));
    }
}

impl Pending {
    /// Waits for the next frame. Never ends while the connection keeps an [`Outbox`] of its own.
    pub(crate) async fn next(&mut self) -> Option<Text> {
        let text = self.frames.recv().await?;
        self.taken(&text);
        Some(text)
    }

    /// The next frame, if one waits.
    pub(crate) fn try_next(&mut self) -> Option<Text> {
        let text = self.frames.try_recv().ok()?;
        self.taken(&text);
        Some(text)
    }

    /// Whether a frame was lost because the client reads too slowly.
    #[must_use]
    pub(crate) fn overflowed(&self) -> bool {
        self.overflowed.load(Ordering::Relaxed)
    }

    fn taken(&self, text: &str) {
        let _before = self.bytes.fetch_sub(text.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_in_order_and_their_bytes_are_given_back() {
        let (outbox, mut pending) = outbox();
        outbox.push("a");
        outbox.push("bc");
        assert_eq!(outbox.bytes.load(Ordering::Relaxed), 3);
        assert_eq!(pending.try_next().as_deref(), Some("a"));
        assert_eq!(pending.try_next().as_deref(), Some("bc"));
        assert_eq!(pending.try_next(), None);
        assert_eq!(outbox.bytes.load(Ordering::Relaxed), 0);
        assert!(!pending.overflowed());
    }

    #[test]
    fn too_many_frames_or_bytes_mark_a_slow_client() {
        let (many, pending) = outbox();
        for _ in 0..=OUTBOX_FRAMES_MAX {
            many.push("x");
        }
        assert!(pending.overflowed());
        let (big, pending) = outbox();
        let text: Text = "x".repeat(OUTBOX_BYTES_MAX / 2 + 1).into();
        big.push(Arc::clone(&text));
        assert!(!pending.overflowed());
        big.push(text);
        assert!(pending.overflowed());
    }
}
