//! Imports that come in pieces: which are under way, so that one that breaks off goes again.
//!
//! An import belongs to the connection that began it. When that closes before the last piece has come, the session is
//! deleted, as if the first piece had never been sent; until the last piece no commit marker comes between two others.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use openclaw_sessions::{Error, SessionSummary};
use openclaw_types::SessionKey;
use tokio::time::timeout;

use crate::{report::chain, state::State};

/// Imports under way at a time, of all clients together: each is one person's command.
const UNDER_WAY_MAX: usize = 64;
/// How long a deletion may take when a connection has closed.
const ABANDON_DEADLINE: Duration = Duration::from_secs(10);

/// The imports that are under way.
#[derive(Debug, Default)]
pub(crate) struct Imports(Mutex<BTreeMap<SessionKey, UnderWay>>);

#[derive(Debug)]
struct UnderWay {
    /// The number of the connection it belongs to.
    peer: u64,
    /// Its first piece was taken, so that the session is its own.
    begun: bool,
}

impl Imports {
    /// A first piece is about to be taken; false when the name is taken by another import, or there are too many.
    pub(crate) fn expect(&self, key: &SessionKey, peer: u64) -> bool {
        let mut all = self.all();
        if all.len() >= UNDER_WAY_MAX || all.contains_key(key) {
            return false;
        }
        let begun = false;
        all.insert(key.clone(), UnderWay { peer, begun });
        true
    }

    /// The first piece was taken.
    pub(crate) fn begun(&self, key: &SessionKey) {
        if let Some(under_way) = self.all().get_mut(key) {
            under_way.begun = true;
        }
    }

    /// The last piece was taken, or the session is gone.
    pub(crate) fn ended(&self, key: &SessionKey) {
        self.all().remove(key);
    }

    /// Takes out the sessions that are being imported.
    pub(crate) fn take_from(&self, sessions: &mut Vec<SessionSummary>) -> Vec<SessionSummary> {
        let all = self.all();
        let is_under_way = |summary: &mut SessionSummary| {
            all.keys()
                .any(|key| key.agent == summary.agent && key.session == summary.session)
        };
        sessions.extract_if(.., is_under_way).collect()
    }

    /// Forgets those of a connection; the sessions that are its own.
    fn of(&self, peer: u64) -> Vec<SessionKey> {
        let mut all = self.all();
        let gone = all.extract_if(.., |_, under_way| under_way.peer == peer);
        gone.filter(|(_, under_way)| under_way.begun)
            .map(|(key, _)| key)
            .collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<SessionKey, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes what a connection that has closed left half-imported.
pub(crate) async fn abandon(state: &State, peer: u64) {
    for key in state.imports.of(peer) {
        let deleting = state.store.delete(&key.agent, &key.session);
        match timeout(ABANDON_DEADLINE, deleting).await {
            Ok(Ok(_)) => tracing::warn!(%key, "an import broke off: its session was deleted"),
            Ok(Err(Error::UnknownSession { .. })) => {}
            Ok(Err(error)) => {
                tracing::error!(%key, error = chain(&error), "an import broke off, and a part of it stays");
            }
            Err(_elapsed) => {
                tracing::error!(%key, "an import broke off, and a part of it stays: the disk is slow");
            }
        }
    }
}
