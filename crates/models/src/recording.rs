//! Requests and their answers, kept in files so that a run can be heard again without asking anybody.
//!
//! Start at [`Recorder`], which writes, and [`Replay`], which answers with what was written. Nothing here is waited for
//! by a call: one owner writes what a bounded queue hands it, and what does not fit into the queue is counted and gone.

mod files;
mod heard;
mod keeper;
mod library;
mod line;
mod mask;
mod name;
mod replay;
mod subject;
mod tape;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use openclaw_types::{AgentId, Env};
use tokio::sync::mpsc;

pub(crate) use self::{
    heard::{Outcome, Piece},
    keeper::keep,
    mask::Mask,
    replay::{Heard, Replay},
    subject::Subject,
    tape::{Recording, Tape},
};
use crate::{exchange::Ask, limits::RECORDINGS_WAITING, provider::Request};

/// Where recordings are kept, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Holds one directory for each agent; what an agent asked is in `recordings` there, beside its transcript.
    pub agents: PathBuf,
    /// What clients over HTTP asked.
    pub callers: PathBuf,
    /// Most bytes of all of them together; the oldest go first.
    pub bytes_max: u64,
    /// What must not be written, beside the keys of providers.
    pub secrets: Vec<crate::Secret>,
}

/// What has become of recordings since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Written.
    pub written: u64,
    /// Written, but without the end of a long answer.
    pub cut: u64,
    /// Given up because too many waited to be written.
    pub dropped: u64,
    /// Given up because they could not be written.
    pub failed: u64,
    /// Removed to make room.
    pub removed: u64,
    /// Bytes of those that are kept.
    pub bytes: u64,
}

/// Counts, and what recordings take in memory until they are written.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) written: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) removed: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) held: AtomicUsize,
}

/// Takes down what is asked and answered. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Recording>,
    tally: Arc<Tally>,
    env: Arc<dyn Env>,
    /// The longest recording.
    bytes_max: usize,
}

impl Recorder {
    /// A recorder, and what its owner writes.
    pub(crate) fn new(options: &Options, env: Arc<dyn Env>) -> (Self, mpsc::Receiver<Recording>) {
        let (queue, waiting) = mpsc::channel(RECORDINGS_WAITING);
        let recorder = Self {
            queue,
            tally: Arc::default(),
            env,
            bytes_max: tape::bytes_max(options.bytes_max),
        };
        (recorder, waiting)
    }

    /// Begins to take down what an agent asks.
    pub(crate) fn of_agent(&self, agent: &AgentId, reference: &str, request: &Request) -> Tape {
        let subject = Subject::agent(agent, request);
        Tape::new(self.clone(), subject, reference)
    }

    /// Begins to take down what a client asks.
    pub(crate) fn of_caller(&self, ask: &Ask) -> Tape {
        Tape::new(self.clone(), Subject::caller(ask), &ask.reference)
    }

    pub(crate) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// Hands a recording to the owner, who may be too far behind.
    fn submit(&self, recording: Recording) {
        if self.queue.try_send(recording).is_err() {
            let dropped = self.tally.dropped.fetch_add(1, Relaxed) + 1;
            // One line for each doubling: a flood of requests is not to become a flood of lines.
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "recordings are given up; the disk is too slow");
            }
        }
    }
}

impl Tally {
    /// What is shown.
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            written: self.written.load(Relaxed),
            cut: self.cut.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
            removed: self.removed.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
        }
    }
}
