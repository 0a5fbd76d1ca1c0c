//! Frames on their way to one client: bounded in number and bytes; full means the client is cut off, never waited for.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use openclaw_types::RunId;
use openclaw_wire::frame::EncodedEvent;
use tokio::sync::{Notify, mpsc};

use super::limits::{ALL_OUTBOXES_BYTES_MAX, OUTBOX_BYTES_MAX, OUTBOX_FRAMES_MAX};

/// One frame to write: text shared between all clients that get the same one.
pub(crate) type Text = Arc<str>;

/// What both sides keep count of.
#[derive(Debug)]
struct Counts {
    bytes: AtomicUsize,
    /// Bytes waiting in all outboxes together.
    all: Arc<AtomicUsize>,
    overflowed: AtomicBool,
    overflow: Notify,
    /// Locked while an event is queued, so that numbers and order agree.
    events: Mutex<Events>,
}

/// Native events on their way.
#[derive(Debug, Default)]
struct Events {
    /// The last one's number.
    seq: u64,
    held: BTreeMap<RunId, Held>,
    /// Bytes of all that are held.
    held_bytes: usize,
}

/// What a run has said that its client may not hear yet.
#[derive(Debug, Default)]
struct Held {
    by: usize,
    events: Vec<EncodedEvent>,
}

impl Counts {
    fn give_back(&self, length: usize) {
        let _before = self.bytes.fetch_sub(length, Ordering::Relaxed);
        let _before = self.all.fetch_sub(length, Ordering::Relaxed);
    }
}

/// The sending side, held by whoever has something to tell the client.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    frames: mpsc::Sender<Text>,
    counts: Arc<Counts>,
}

/// Keeps a run's events back until it is dropped, so that the answer that names the run comes before them.
#[derive(Debug)]
pub(crate) struct Hold {
    outbox: Outbox,
    run: RunId,
}

/// The receiving side, held by the connection.
#[derive(Debug)]
pub(crate) struct Pending {
    frames: mpsc::Receiver<Text>,
    counts: Arc<Counts>,
}

/// A fresh pair; `all` counts the bytes of every outbox of the process.
#[must_use]
pub(crate) fn outbox(all: Arc<AtomicUsize>) -> (Outbox, Pending) {
    let (sender, receiver) = mpsc::channel(OUTBOX_FRAMES_MAX);
    let counts = Arc::new(Counts {
        bytes: AtomicUsize::new(0),
        all,
        overflowed: AtomicBool::new(false),
        overflow: Notify::new(),
        events: Mutex::default(),
    });
    let outbox = Outbox {
        frames: sender,
        counts: Arc::clone(&counts),
    };
    (
        outbox,
        Pending {
            frames: receiver,
            counts,
        },
    )
}

impl Outbox {
    /// Queues a frame. When the client has fallen too far behind, nothing more is queued and the connection is told
    /// to close.
    pub(crate) fn push(&self, text: impl Into<Text>) {
        let (text, counts): (Text, _) = (text.into(), &self.counts);
        let length = text.len();
        let queued = counts.bytes.fetch_add(length, Ordering::Relaxed) + length;
        let everywhere = counts.all.fetch_add(length, Ordering::Relaxed) + length;
        let fits = queued <= OUTBOX_BYTES_MAX && everywhere <= ALL_OUTBOXES_BYTES_MAX;
        if counts.overflowed.load(Ordering::Relaxed) || !fits || self.frames.try_send(text).is_err()
        {
            counts.give_back(length);
            self.cut_off();
        }
    }

    fn cut_off(&self) {
        self.counts.overflowed.store(true, Ordering::Relaxed);
        self.counts.overflow.notify_one();
    }

    /// Queues a native event under this connection's next number, or keeps it while its run is held.
    pub(crate) fn push_event(&self, event: &EncodedEvent, run: Option<&RunId>) {
        let mut guard = self.events();
        let events = &mut *guard;
        let Some(held) = run.and_then(|run| events.held.get_mut(run)) else {
            return self.number(events, event);
        };
        events.held_bytes += event.bytes();
        if events.held_bytes > OUTBOX_BYTES_MAX || held.events.len() >= OUTBOX_FRAMES_MAX {
            events.held_bytes -= event.bytes();
            return self.cut_off();
        }
        held.events.push(event.clone());
    }

    fn number(&self, events: &mut Events, event: &EncodedEvent) {
        events.seq += 1;
        self.push(event.frame(Some(events.seq)));
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        let events = self.counts.events.lock();
        events.unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the events of a run back until the hold is dropped.
    pub(crate) fn hold(&self, run: &RunId) -> Hold {
        self.events().held.entry(run.clone()).or_default().by += 1;
        Hold {
            outbox: self.clone(),
            run: run.clone(),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut guard = self.outbox.events();
        let events = &mut *guard;
        let Entry::Occupied(mut held) = events.held.entry(self.run.clone()) else {
            return;
        };
        held.get_mut().by -= 1;
        if held.get().by > 0 {
            return;
        }
        for event in held.remove().events {
            events.held_bytes -= event.bytes();
            self.outbox.number(events, &event);
        }
    }
}

impl Pending {
    /// Waits for the next frame. Never ends while the connection keeps an [`Outbox`] of its own.
    pub(crate) async fn next(&mut self) -> Option<Text> {
        let text = self.frames.recv().await?;
        self.counts.give_back(text.len());
        Some(text)
    }

    /// The next frame, if one waits.
    pub(crate) fn try_next(&mut self) -> Option<Text> {
        let text = self.frames.try_recv().ok()?;
        self.counts.give_back(text.len());
        Some(text)
    }

    /// What resolves once a frame could not be queued because the client reads too slowly.
    pub(crate) fn overflow(&self) -> impl Future<Output = ()> + use<> {
        let counts = Arc::clone(&self.counts);
        async move {
            while !counts.overflowed.load(Ordering::Relaxed) {
                counts.overflow.notified().await;
            }
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // A sender that is a moment late keeps its own count; what waits here is given back.
        self.frames.close();
        while self.try_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_cut_off(pending: &Pending) -> bool {
        pending.overflow().now_or_never().is_some()
    }

    #[test]
    fn frames_come_out_in_order_and_their_bytes_are_given_back() {
        let all = Arc::new(AtomicUsize::new(0));
        let (outbox, mut pending) = outbox(Arc::clone(&all));
        outbox.push("a");
        outbox.push("bc");
        assert_eq!(all.load(Ordering::Relaxed), 3);
        assert_eq!(pending.try_next().as_deref(), Some("a"));
        assert_eq!(pending.try_next().as_deref(), Some("bc"));
        assert_eq!(pending.try_next(), None);
        assert_eq!(all.load(Ordering::Relaxed), 0);
        assert!(!is_cut_off(&pending));
    }

    #[test]
    fn too_many_frames_or_bytes_cut_a_client_off_and_are_given_back() {
        let all = Arc::new(AtomicUsize::new(0));
        let (many, pending) = outbox(Arc::clone(&all));
        for _ in 0..=OUTBOX_FRAMES_MAX {
            many.push("x");
        }
        assert!(is_cut_off(&pending));
        drop(pending);
        assert_eq!(all.load(Ordering::Relaxed), 0);
        let (big, pending) = outbox(Arc::clone(&all));
        let text: Text = "x".repeat(OUTBOX_BYTES_MAX / 2 + 1).into();
        big.push(Arc::clone(&text));
        assert!(!is_cut_off(&pending));
        big.push(text);
        assert!(is_cut_off(&pending));
    }

    #[test]
    fn a_held_runs_events_come_after_the_answer_and_in_order() {
        let run = |id| RunId::parse(id).unwrap();
        let event = |name| EncodedEvent::new(name, &0, None).unwrap();
        let (outbox, mut pending) = outbox(Arc::default());
        let (first, second) = (outbox.hold(&run("r1")), outbox.hold(&run("r1")));
        outbox.push_event(&event("a"), Some(&run("r1")));
        outbox.push_event(&event("b"), Some(&run("r2")));
        outbox.push_event(&event("c"), Some(&run("r1")));
        outbox.push_event(&event("d"), None);
        outbox.push("accepted");
        drop(first);
        outbox.push("accepted again");
        drop(second);
        outbox.push_event(&event("e"), Some(&run("r1")));
        let mut heard = Vec::new();
        while let Some(text) = pending.try_next() {
            heard.push(text.to_string());
        }
        let event =
            |name, seq| format!(r#"{{"type":"event","event":"{name}","payload":0,"seq":{seq}}}"#);
        assert_eq!(
            heard,
            [
                event("b", 1),
                event("d", 2),
                "accepted".to_owned(),
                "accepted again".to_owned(),
                event("a", 3),
                event("c", 4),
                event("e", 5)
            ]
        );
        assert!(!is_cut_off(&pending));
    }

    #[test]
    fn what_is_held_has_a_bound() {
        let run = RunId::parse("r1").unwrap();
        let event = EncodedEvent::new("a", &0, None).unwrap();
        let (outbox, pending) = outbox(Arc::default());
        let _hold = outbox.hold(&run);
        for _ in 0..=OUTBOX_FRAMES_MAX {
            outbox.push_event(&event, Some(&run));
        }
        assert!(is_cut_off(&pending));
    }

    #[test]
    fn one_answer_that_can_never_fit_cuts_the_client_off_too() {
        let (outbox, pending) = outbox(Arc::default());
        outbox.push("x".repeat(OUTBOX_BYTES_MAX + 1));
        assert!(is_cut_off(&pending));
    }

    #[test]
    fn all_clients_together_have_a_bound() {
        let all = Arc::new(AtomicUsize::new(ALL_OUTBOXES_BYTES_MAX));
        let (outbox, pending) = outbox(Arc::clone(&all));
        outbox.push("x");
        assert!(is_cut_off(&pending));
        assert_eq!(all.load(Ordering::Relaxed), ALL_OUTBOXES_BYTES_MAX);
    }
}
