//! The running hash of a session, and the marker lines that state it.
//!
//! A marker's hash is over the hash of the marker before it, 32 zero bytes at the beginning of a session's life, and
//! every line behind what that one covered up to the number it names, each followed by a newline. Markers are lines
//! like others and covered by the next one. What is appended while a hash is taken stands behind the number the marker
//! names, so that it is covered by the next one too and appends never wait.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use openclaw_types::{AgentId, SessionId};
use sha2::{Digest, Sha256};

use crate::{
    commit::Condition,
    entry::{Draft, Entry, Kind, Marker, SUM_BYTES},
    error::Error,
    history::History,
    store::Store,
};

/// How often a marker is tried when the session is deleted and begun again, or its file read again, at the same time.
const TRIES_MAX: usize = 8;

/// A hash that goes on from marker to marker.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    hash: Sha256,
    lines: u64,
}

impl Chain {
    /// Goes on behind a marker, or begins.
    pub(crate) fn behind(marker: Option<&Marker>) -> Self {
        let before = marker.map_or([0; SUM_BYTES], |marker| marker.sha256);
        Self {
            hash: Sha256::new_with_prefix(before),
            lines: 0,
        }
    }

    /// Takes a line, without its newline.
    pub(crate) fn take(&mut self, line: &[u8]) {
        self.hash.update(line);
        self.hash.update(b"\n");
        self.lines += 1;
    }

    /// The marker for what was taken.
    pub(crate) fn marker(self, through: u64) -> Marker {
        Marker {
            entries: self.lines,
            through,
            sha256: self.hash.finalize().into(),
        }
    }
}

/// What a marker was made for. When the session has moved on to another marker or another life by the time it would
/// be written, it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// The number of the tombstone the session's life began behind.
    pub(crate) tombstone: u64,
    /// The number of its last marker.
    pub(crate) marker: u64,
}

impl Store {
    /// Writes a commit marker that covers every entry the session has; `None` when the last one does already.
    ///
    /// It reads what the marker covers and waits for the disk, so it blocks.
    ///
    /// # Errors
    /// There is no such session, what is to be covered cannot be read, or the marker could not be made durable.
    pub fn commit(&self, agent: &AgentId, session: &SessionId) -> Result<Option<Marker>, Error> {
        let files = self.agent(agent)?;
        let _marking = files.marking();
        for _ in 0..TRIES_MAX {
            let Some((marker, life)) = self.next_marker(agent, session)? else {
                return Ok(None);
            };
            let draft = Draft::record(Kind::Commit, session.clone());
            let mut entry = Entry::from_draft(draft, String::new(), self.now(), 0);
            marker.mark(&mut entry);
            if !wait(self.append_if(agent, entry, Condition::Life(life)))?.is_empty() {
                return Ok(Some(marker));
            }
            let agent = Arc::clone(&files);
            self.exclusively(move |shared| {
                agent.settle(&*shared.disk, &*shared.env, &shared.cache)
            })??;
        }
        Err(Error::Busy)
    }

    /// The marker that is due, and what it holds for.
    fn next_marker(
        &self,
        agent: &AgentId,
        session: &SessionId,
    ) -> Result<Option<(Marker, Life)>, Error> {
        self.reading(agent, |files, disk| {
            let (mut history, found) = {
                let view = files.view();
                let found = view
                    .index
                    .committed(session)
                    .ok_or_else(|| unknown(agent, session))?;
                let after = found.marker.map_or(0, |marker| marker.through);
                (History::of(&view, &files.layout, session, after), found)
            };
            if !found.is_due {
                return Ok(None);
            }
            let mut chain = Chain::behind(found.marker.as_ref());
            history.lines(disk, found.last_seq, &mut |_, line| chain.take(line))?;
            Ok(Some((chain.marker(found.last_seq), found.life)))
        })
    }
}

pub(crate) fn unknown(agent: &AgentId, session: &SessionId) -> Error {
    Error::UnknownSession {
        agent: agent.clone(),
        session: session.clone(),
    }
}

/// Waits for a future on this thread. The commit thread always answers, or goes away and drops its end.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
