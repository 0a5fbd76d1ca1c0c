//! What was acknowledged, and the check that it is there: once, in order, byte for byte.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_sessions::{Appended, Entry, Store};
use openclaw_types::{AgentId, SessionId};

/// Acknowledged entries of every session, in the order of acknowledgement.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ledger(BTreeMap<(AgentId, SessionId), Vec<(Appended, String)>>);

impl Ledger {
    pub(crate) fn note(
        &mut self,
        agent: &AgentId,
        session: &SessionId,
        done: Appended,
        text: &str,
    ) {
        let key = (agent.clone(), session.clone());
        let entries = self.0.entry(key).or_default();
        entries.push((done, text.to_owned()));
    }

    pub(crate) fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// The first thing that is wrong with what the store returns, if anything is.
    pub(crate) fn complaint(&self, store: &Store) -> Option<String> {
        self.0
            .iter()
            .find_map(|((agent, session), acked)| complain(store, agent, session, acked))
    }
}

fn complain(
    store: &Store,
    agent: &AgentId,
    session: &SessionId,
    acked: &[(Appended, String)],
) -> Option<String> {
    let found = match store.page(agent, session, None, 10_000) {
        Ok(page) => page.entries,
        Err(error) => return Some(format!("{agent} {session}: {error}")),
    };
    if let Some(pair) = found.windows(2).find(|pair| pair[0].seq >= pair[1].seq) {
        let numbers = (pair[0].seq, pair[1].seq);
        return Some(format!("{agent} {session}: {numbers:?} out of order"));
    }
    let mut rest = found.iter();
    for (done, text) in acked {
        if !rest.any(|entry| same(entry, done, text)) {
            return Some(format!(
                "{agent} {session}: lost {} of {done:?}",
                text.len()
            ));
        }
    }
    None
}

fn same(entry: &Arc<Entry>, done: &Appended, text: &str) -> bool {
    (
        &entry.id,
        entry.seq,
        entry.timestamp,
        entry.content.as_str(),
    ) == (&done.id, done.seq, done.timestamp, text)
}
