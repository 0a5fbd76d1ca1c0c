//! Who listens to what, kept so that one event finds its listeners with few look-ups.

use std::collections::{BTreeMap, BTreeSet};

use openclaw_types::{AgentId, SessionId};

use super::Voice;

/// One thing to listen to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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

/// Who listens in which language; the order of connections is the order of delivery.
type Key = (u64, Voice);

/// Those who listen to one thing, each of them once.
type Slot<S> = BTreeMap<Key, S>;

/// Subscribers by interest.
#[derive(Debug)]
pub(super) struct Index<S> {
    any_status: Slot<S>,
    any_session: Slot<S>,
    agents: BTreeMap<AgentId, OneAgent<S>>,
    /// What each connection listens to, so that it is forgotten without looking at anybody else's.
    interests: BTreeMap<u64, BTreeSet<(Interest, Voice)>>,
}

#[derive(Debug)]
struct OneAgent<S> {
    status: Slot<S>,
    all: Slot<S>,
    sessions: BTreeMap<SessionId, Slot<S>>,
}

impl<S> Default for Index<S> {
    fn default() -> Self {
        Self {
            any_status: Slot::new(),
            any_session: Slot::new(),
            agents: BTreeMap::new(),
            interests: BTreeMap::new(),
        }
    }
}

impl<S> Default for OneAgent<S> {
    fn default() -> Self {
        Self {
            status: Slot::new(),
            all: Slot::new(),
            sessions: BTreeMap::new(),
        }
    }
}

impl<S: Clone> Index<S> {
    pub(super) fn is_empty(&self) -> bool {
        self.interests.is_empty()
    }

    pub(super) fn connections(&self) -> usize {
        self.interests.len()
    }

    pub(super) fn count(&self, number: u64) -> usize {
        self.interests.get(&number).map_or(0, BTreeSet::len)
    }

    fn slot(&mut self, interest: Interest) -> &mut Slot<S> {
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
        let own = self.interests.get(&number);
        own.is_some_and(|own| own.contains(&(interest.clone(), voice)))
    }

    /// Adds a subscriber once; a second time renews what it may hear.
    pub(super) fn add(&mut self, interest: Interest, (number, voice): Key, subscriber: S) {
        let own = self.interests.entry(number).or_default();
        own.insert((interest.clone(), voice));
        self.slot(interest).insert((number, voice), subscriber);
    }

    pub(super) fn remove(&mut self, interest: &Interest, number: u64, voice: Voice) {
        let Some(own) = self.interests.get_mut(&number) else {
            return;
        };
        if !own.remove(&(interest.clone(), voice)) {
            return;
        }
        if own.is_empty() {
            self.interests.remove(&number);
        }
        self.take_out(interest, (number, voice));
    }

    pub(super) fn forget(&mut self, number: u64) {
        for (interest, voice) in self.interests.remove(&number).unwrap_or_default() {
            self.take_out(&interest, (number, voice));
        }
    }

    /// Takes a subscriber out of its place, and the place away when nobody listens there any more, so that the index
    /// never outgrows its listeners.
    fn take_out(&mut self, interest: &Interest, key: Key) {
        self.slot(interest.clone()).remove(&key);
        let (Interest::Status(agent) | Interest::Agent(agent) | Interest::Session(agent, _)) =
            interest
        else {
            return;
        };
        let Some(one) = self.agents.get_mut(agent) else {
            return;
        };
        if let Interest::Session(_, session) = interest
            && one.sessions.get(session).is_some_and(Slot::is_empty)
        {
            one.sessions.remove(session);
        }
        if one.status.is_empty() && one.all.is_empty() && one.sessions.is_empty() {
            self.agents.remove(agent);
        }
    }

    /// Everybody who hears a session's events, each once.
    pub(super) fn of_session(&self, agent: &AgentId, session: &SessionId) -> Vec<S> {
        let one = self.agents.get(agent);
        let here = one.and_then(|one| one.sessions.get(session));
        merged([Some(&self.any_session), one.map(|one| &one.all), here])
    }

    /// Everybody who hears an agent's state, each once.
    pub(super) fn of_status(&self, agent: &AgentId) -> Vec<S> {
        let one = self.agents.get(agent).map(|one| &one.status);
        merged([Some(&self.any_status), one, None])
    }

    /// Everybody who hears every agent's state.
    pub(super) fn status_listeners(&self) -> impl Iterator<Item = &S> {
        self.any_status.values()
    }
}

/// A connection that listens in two ways still hears each event once.
fn merged<S: Clone>(slots: [Option<&Slot<S>>; 3]) -> Vec<S> {
    let mut filled = slots.into_iter().flatten().filter(|slot| !slot.is_empty());
    let (Some(first), second) = (filled.next(), filled.next()) else {
        return Vec::new();
    };
    let Some(second) = second else {
        return first.values().cloned().collect();
    };
    let mut heard: BTreeMap<Key, &S> = BTreeMap::new();
    for (key, subscriber) in [first, second].into_iter().chain(filled).flatten() {
        // Who listens to everything hears it as such.
        heard.entry(*key).or_insert(subscriber);
    }
    heard.into_values().cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use openclaw_types::{Env as _, SystemEnv};

    use super::*;

    fn agent(id: &str) -> AgentId {
        AgentId::parse(id).unwrap()
    }

    fn session(id: &str) -> SessionId {
        SessionId::parse(id).unwrap()
    }

    #[test]
    fn everybody_hears_what_they_asked_for_once_and_forgetting_leaves_nothing() {
        let mut index = Index::default();
        let of = |id| Interest::Session(agent("steward"), session(id));
        index.add(Interest::AnySession, (1, Voice::Native), 1);
        index.add(of("main"), (1, Voice::Native), 1);
        index.add(of("main"), (2, Voice::Native), 2);
        index.add(of("main"), (2, Voice::SessionMessages), 22);
        index.add(Interest::Agent(agent("steward")), (3, Voice::A2a), 3);
        index.add(Interest::Agent(agent("steward")), (3, Voice::A2a), 33);
        index.add(Interest::Status(agent("steward")), (3, Voice::A2a), 3);
        index.add(of("other"), (4, Voice::Native), 4);
        let heard = |index: &Index<i32>, id| index.of_session(&agent("steward"), &session(id));
        assert_eq!(heard(&index, "main"), [1, 2, 22, 33]);
        assert_eq!(heard(&index, "other"), [1, 33, 4]);
        assert_eq!(index.of_session(&agent("alpha"), &session("main")), [1]);
        assert_eq!(index.of_status(&agent("steward")), [3]);
        assert_eq!((index.count(1), index.count(3)), (2, 2));
        index.remove(&of("main"), 2, Voice::Native);
        index.remove(&of("main"), 2, Voice::Native);
        assert_eq!(heard(&index, "main"), [1, 22, 33]);
        for number in [1, 3, 4, 2, 2] {
            index.forget(number);
        }
        assert!(index.is_empty() && index.agents.is_empty());
        assert_eq!(heard(&index, "main"), Vec::<i32>::new());
    }

    #[test]
    fn thousands_of_listeners_are_found_and_forgotten_without_looking_at_each_other() {
        const CONNECTIONS: u64 = 20_000;
        let began = SystemEnv.now();
        let mut index = Index::default();
        for number in 0..CONNECTIONS {
            index.add(Interest::AnySession, (number, Voice::Native), number);
            let own = Interest::Session(agent("steward"), session(&format!("s{number}")));
            index.add(own, (number, Voice::Native), number);
            let shared = Interest::Session(agent("steward"), session("main"));
            index.add(shared, (number, Voice::Native), number);
        }
        let heard = index.of_session(&agent("steward"), &session("main"));
        assert_eq!(heard, Vec::from_iter(0..CONNECTIONS));
        for number in 0..CONNECTIONS {
            index.forget(number);
        }
        assert!(index.is_empty());
        // Quadratic work would take minutes.
        let took = SystemEnv.now().since_ms(began);
        assert!(
            took < Duration::from_secs(20).as_millis().try_into().unwrap(),
            "{took} ms"
        );
    }
}
