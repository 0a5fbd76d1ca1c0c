//! What must be in the transcripts, what may be, and what must not: the promise as a small program.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_sessions::{Appended, Entry, Error, Kind, Store};
use openclaw_types::{AgentId, SessionId};

/// What is owed for one attempt to append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// Acknowledged: there, once, in order, as it was.
    Must,
    /// Neither acknowledged nor ruled out: absent, or there as a whole and once.
    May,
    /// Deleted, and that was acknowledged.
    MustNot,
}

#[derive(Debug, Clone)]
struct Attempt {
    text: String,
    done: Option<Appended>,
    duty: Duty,
    /// A deletion behind it was refused and may be in the file all the same.
    perhaps_deleted: bool,
}

/// Every attempt of every session, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Model(BTreeMap<(AgentId, SessionId), Vec<Attempt>>);

impl Model {
    /// Something is about to be appended; no two texts are the same.
    pub(super) fn attempt(&mut self, agent: &AgentId, session: &SessionId, text: &str) {
        let attempt = Attempt {
            text: text.to_owned(),
            done: None,
            duty: Duty::May,
            perhaps_deleted: false,
        };
        let key = (agent.clone(), session.clone());
        self.0.entry(key).or_default().push(attempt);
    }

    /// It was acknowledged; `done` is what was said of it, which other tools' lines have nothing of.
    pub(super) fn acknowledged(
        &mut self,
        agent: &AgentId,
        session: &SessionId,
        text: &str,
        done: Option<Appended>,
    ) {
        let attempts = self.0.get_mut(&(agent.clone(), session.clone())).unwrap();
        let attempt = attempts
            .iter_mut()
            .rfind(|attempt| attempt.text == text)
            .unwrap();
        attempt.done = done;
        if !attempt.perhaps_deleted {
            attempt.duty = Duty::Must;
        }
    }

    /// The session was deleted, or perhaps it was.
    pub(super) fn deleted(&mut self, agent: &AgentId, session: &SessionId, surely: bool) {
        let key = (agent.clone(), session.clone());
        for attempt in self.0.entry(key).or_default() {
            attempt.perhaps_deleted |= !surely;
            attempt.duty = match attempt.duty {
                _ if surely => Duty::MustNot,
                Duty::Must => Duty::May,
                other => other,
            };
        }
    }

    /// Sessions that surely exist.
    pub(super) fn sessions(&self) -> Vec<(AgentId, SessionId)> {
        let alive =
            |attempts: &Vec<Attempt>| attempts.iter().any(|attempt| attempt.duty == Duty::Must);
        let found = self.0.iter().filter(|(_, attempts)| alive(attempts));
        found.map(|(key, _)| key.clone()).collect()
    }

    /// The first thing that is wrong with what the store returns.
    pub(super) fn check(&self, store: &Store) -> Result<(), String> {
        for ((agent, session), attempts) in &self.0 {
            let found = match store.page(agent, session, None, 10_000) {
                Ok(page) => page.entries,
                Err(Error::UnknownSession { .. }) => Vec::new(),
                Err(error) => return Err(format!("{agent} {session}: {error}")),
            };
            compare(attempts, &found).map_err(|wrong| format!("{agent} {session}: {wrong}"))?;
        }
        Ok(())
    }
}

/// Walks both in step: what is found must be attempts in their order, and may leave out only what may be absent.
fn compare(attempts: &[Attempt], found: &[Arc<Entry>]) -> Result<(), String> {
    let mut rest = attempts.iter();
    let mut last_seq = 0;
    for entry in found {
        // A marker has a number like any line, and says nothing that anybody asked for.
        let is_marker = entry.kind == Kind::Commit;
        if entry.seq <= last_seq {
            return Err(format!("number {} behind {last_seq}", entry.seq));
        }
        last_seq = entry.seq;
        if is_marker {
            continue;
        }
        let attempt = loop {
            match rest.next() {
                None => return Err(format!("twice, out of order, or from nowhere: {entry:?}")),
                Some(attempt) if attempt.text == entry.content => break attempt,
                Some(attempt) if attempt.duty == Duty::Must => {
                    return Err(format!("lost: {attempt:?}"));
                }
                Some(_) => {}
            }
        };
        if attempt.duty == Duty::MustNot {
            return Err(format!("deleted, and there: {entry:?}"));
        }
        if let Some(done) = &attempt.done
            && (&done.id, done.seq, done.timestamp) != (&entry.id, entry.seq, entry.timestamp)
        {
            return Err(format!("{done:?} was acknowledged, {entry:?} is there"));
        }
    }
    match rest.find(|attempt| attempt.duty == Duty::Must) {
        Some(attempt) => Err(format!("lost: {attempt:?}")),
        None => Ok(()),
    }
}
