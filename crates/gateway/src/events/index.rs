//! Who listens to what, kept so that one event finds its listeners with few look-ups.

use std::collections::BTreeMap;

use openclaw_types::{AgentId, SessionId};

use super::{Subscriber, Voice};

/// One thing to listen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Interest {
    /// The state of every agent.
    AnyStatus,
    /// The state of one agent.
    Status(AgentId),
    /// Every session of every agent.
    AnySession,
    /// Every session of one agent.
    Agent(AgentId),
    /// One session.
    Session(AgentId, SessionId),
}

/// Subscribers by interest.
#[derive(Debug, Default)]
pub(super) struct Index {
    any_status: Vec<Subscriber>,
    any_session: Vec<Subscriber>,
    agents: BTreeMap<AgentId, OneAgent>,
    counts: BTreeMap<u64, usize>,
}

#[derive(Debug, Default)]
struct OneAgent {
    status: Vec<Subscriber>,
    all: Vec<Subscriber>,
    sessions: BTreeMap<SessionId, Vec<Subscriber>>,
}

impl Index {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) fn connections(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn count(&self, number: u64) -> usize {
        self.counts.get(&number).copied().unwrap_or_default()
    }

    fn slot(&mut self, interest: Interest) -> &mut Vec<Subscriber> {
        match interest {
            Interest::AnyStatus => &mut self.any_status,
            Interest::AnySession => &mut self.any_session,
            Interest::Status(agent) => &mut self.agents.entry(agent).or_default().status,
            Interest::Agent(agent) => &mut self.agents.entry(agent).or_default().all,
            Interest::Session(agent, session) => self
                .agents
                .entry(agent)
                .or_default()
                .sessions
                .entry(session)
                .or_default(),
        }
    }

    /// Whether a connection listens to this already.
    pub(super) fn has(&self, interest: &Interest, number: u64, voice: Voice) -> bool {
        let one = |agent: &AgentId| self.agents.get(agent);
        let slot = match interest {
            Interest::AnyStatus => Some(&self.any_status),
            Interest::AnySession => Some(&self.any_session),
            Interest::Status(agent) => one(agent).map(|one| &one.status),
            Interest::Agent(agent) => one(agent).map(|one| &one.all),
            Interest::Session(agent, session) => {
                one(agent).and_then(|one| one.sessions.get(session))
            }
        };
        slot.is_some_and(|slot| {
            slot.iter()
                .any(|other| other.peer.number == number && other.voice == voice)
        })
    }

    /// Adds a subscriber once; a second time renews what it may hear.
    pub(super) fn add(&mut self, interest: Interest, subscriber: Subscriber) {
        let number = subscriber.peer.number;
        let slot = self.slot(interest);
        let known = slot
            .iter_mut()
            .find(|other| other.peer.number == number && other.voice == subscriber.voice);
        if let Some(known) = known {
            *known = subscriber;
            return;
        }
        slot.push(subscriber);
        *self.counts.entry(number).or_default() += 1;
    }

    pub(super) fn remove(&mut self, interest: &Interest, number: u64, voice: Voice) {
        let slot = self.slot(interest.clone());
        let before = slot.len();
        slot.retain(|other| other.peer.number != number || other.voice != voice);
        let removed = before - slot.len();
        self.lower(number, removed);
        self.prune();
    }

    pub(super) fn forget(&mut self, number: u64) {
        if self.counts.remove(&number).is_none() {
            return;
        }
        let gone = |list: &mut Vec<Subscriber>| list.retain(|other| other.peer.number != number);
        gone(&mut self.any_status);
        gone(&mut self.any_session);
        for agent in self.agents.values_mut() {
            gone(&mut agent.status);
            gone(&mut agent.all);
            agent.sessions.values_mut().for_each(gone);
        }
        self.prune();
    }

    fn lower(&mut self, number: u64, by: usize) {
        if let Some(count) = self.counts.get_mut(&number) {
            *count -= by;
            if *count == 0 {
                let _gone = self.counts.remove(&number);
            }
        }
    }

    /// Drops places nobody listens at any more, so that the index never outgrows its listeners.
    fn prune(&mut self) {
        for agent in self.agents.values_mut() {
            agent.sessions.retain(|_, list| !list.is_empty());
        }
        self.agents.retain(|_, agent| {
            !agent.status.is_empty() || !agent.all.is_empty() || !agent.sessions.is_empty()
        });
    }

    /// Everybody who hears a session's events.
    pub(super) fn of_session(&self, agent: &AgentId, session: &SessionId) -> Vec<Subscriber> {
        let mut heard = self.any_session.clone();
        if let Some(one) = self.agents.get(agent) {
            let more = one
                .all
                .iter()
                .chain(one.sessions.get(session).into_iter().flatten());
            for subscriber in more {
                push_once(&mut heard, subscriber);
            }
        }
        heard
    }

    /// Everybody who hears an agent's state.
    pub(super) fn of_status(&self, agent: &AgentId) -> Vec<Subscriber> {
        let mut heard = self.any_status.clone();
        for subscriber in self
            .agents
            .get(agent)
            .into_iter()
            .flat_map(|one| &one.status)
        {
            push_once(&mut heard, subscriber);
        }
        heard
    }

    /// Everybody who hears every agent's state.
    pub(super) fn status_listeners(&self) -> impl Iterator<Item = &Subscriber> {
        self.any_status.iter()
    }
}

/// A connection that listens in two ways still hears each event once.
fn push_once(heard: &mut Vec<Subscriber>, subscriber: &Subscriber) {
    let known = heard.iter().any(|other| {
        other.peer.number == subscriber.peer.number && other.voice == subscriber.voice
    });
    if !known {
        heard.push(subscriber.clone());
    }
}
