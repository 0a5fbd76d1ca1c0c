//! The bus: what agents did, to whoever may see it, in the language they speak.
//!
//! It never waits: a frame goes into a client's outbox, and a full outbox is the connection's problem. Subscriptions
//! are kept by session, so that a delta costs two look-ups and nothing at all where nobody listens.

mod encode;
mod index;

use std::sync::{Arc, PoisonError, RwLock};

use openclaw_agents::{Event, EventKind, Sink};
use openclaw_sessions::{OriginKind, Store};
use openclaw_types::{AgentId, Env, SessionId};
use openclaw_wire::{
    a2a_v1::body::{Channel, Subscription},
    frame::EncodedEvent,
};

use self::{
    encode::Encoder,
    index::{Index, Interest},
};
use crate::conn::Peer;

/// Subscriptions one connection may hold.
const SUBSCRIPTIONS_MAX: usize = 1024;

/// Whose sessions a subscriber may hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// Everybody's: it showed the token.
    All,
    /// Those that tokenless programs began.
    OfLocalPrograms,
}

/// What one connection wants to hear.
#[derive(Debug, Clone)]
pub(crate) struct Subscriber {
    peer: Arc<Peer>,
    voice: Voice,
    sessions: Sessions,
}

impl Subscriber {
    fn key(&self) -> (u64, Voice) {
        (self.peer.number, self.voice)
    }
}

/// In which language, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Voice {
    /// a2a-v1 `event` frames.
    A2a,
    /// Native `agent` and `chat` events of runs, and `agent:status`.
    Native,
    /// Native events for everybody, and nothing of any agent.
    Pulse,
    /// Native `sessions.changed`.
    SessionList,
    /// Native `session.message`.
    SessionMessages,
}

/// Fans events out.
#[derive(Debug)]
pub(crate) struct Bus {
    index: RwLock<Index<Subscriber>>,
    encoder: Encoder,
    store: std::sync::OnceLock<Store>,
}

impl Bus {
    pub(crate) fn new(env: Arc<dyn Env>) -> Arc<Self> {
        Arc::new(Self {
            encoder: Encoder::new(env),
            index: RwLock::default(),
            store: std::sync::OnceLock::new(),
        })
    }

    /// Gives the bus the store it reads stored entries from.
    pub(crate) fn read_from(&self, store: Store) {
        let _first = self.store.set(store);
    }

    /// Adds an a2a-v1 subscription; false when the connection holds too many.
    pub(crate) fn subscribe_a2a(
        &self,
        peer: &Arc<Peer>,
        subscription: &Subscription,
        sessions: Sessions,
    ) -> bool {
        let subscriber = Subscriber {
            peer: Arc::clone(peer),
            voice: Voice::A2a,
            sessions,
        };
        self.add_all(subscription, &subscriber)
    }

    fn add_all(&self, subscription: &Subscription, subscriber: &Subscriber) -> bool {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let interests = interests(subscription);
        if index.count(subscriber.peer.number) + interests.len() > SUBSCRIPTIONS_MAX {
            return false;
        }
        for interest in interests {
            index.add(interest, subscriber.key(), subscriber.clone());
        }
        true
    }

    /// Removes an a2a-v1 subscription.
    pub(crate) fn unsubscribe_a2a(&self, peer: &Peer, subscription: &Subscription) {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for interest in interests(subscription) {
            index.remove(&interest, peer.number, Voice::A2a);
        }
    }

    /// A native client hears from its handshake on what is for everybody, and agents' states where it may read.
    pub(crate) fn greet(&self, peer: &Arc<Peer>, may_read: bool) {
        let voice = if may_read {
            Voice::Native
        } else {
            Voice::Pulse
        };
        // The first subscription of a connection always has room.
        let _room = self.hear(peer, Interest::AnyStatus, voice);
    }

    /// A native client hears the runs of a session it talks in.
    #[must_use]
    pub(crate) fn hear_runs(&self, peer: &Arc<Peer>, agent: &AgentId, session: &SessionId) -> bool {
        self.hear(
            peer,
            Interest::Session(agent.clone(), session.clone()),
            Voice::Native,
        )
    }

    /// A native client hears which sessions change, and the runs of all of them.
    #[must_use]
    pub(crate) fn hear_sessions(&self, peer: &Arc<Peer>, on: bool) -> bool {
        [Voice::SessionList, Voice::Native]
            .into_iter()
            .all(|voice| {
                if on {
                    return self.hear(peer, Interest::AnySession, voice);
                }
                self.unhear(peer, &Interest::AnySession, voice);
                true
            })
    }

    /// A native client hears the entries of one session; false when it holds too many subscriptions.
    #[must_use]
    pub(crate) fn hear_messages(
        &self,
        peer: &Arc<Peer>,
        (agent, session): (&AgentId, &SessionId),
        on: bool,
    ) -> bool {
        let interest = Interest::Session(agent.clone(), session.clone());
        if on {
            return self.hear(peer, interest, Voice::SessionMessages);
        }
        self.unhear(peer, &interest, Voice::SessionMessages);
        true
    }

    /// Whether there was room for one more.
    fn hear(&self, peer: &Arc<Peer>, interest: Interest, voice: Voice) -> bool {
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        let room = index.count(peer.number) < SUBSCRIPTIONS_MAX
            || index.has(&interest, peer.number, voice);
        if room {
            let subscriber = Subscriber {
                peer: Arc::clone(peer),
                voice,
                sessions: Sessions::All,
            };
            index.add(interest, subscriber.key(), subscriber);
        }
        room
    }

    fn unhear(&self, peer: &Peer, interest: &Interest, voice: Voice) {
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(interest, peer.number, voice);
    }

    /// Forgets a connection.
    pub(crate) fn forget(&self, number: u64) {
        self.index
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .forget(number);
    }

    /// Tells everybody who finished the native handshake.
    pub(crate) fn tell_native(&self, event: &EncodedEvent) {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        for subscriber in index
            .status_listeners()
            .filter(|subscriber| matches!(subscriber.voice, Voice::Native | Voice::Pulse))
        {
            subscriber.peer.outbox.push_event(event, None);
        }
    }

    /// Tells everybody who finished the native handshake and may read.
    pub(crate) fn tell_readers(&self, event: &EncodedEvent) {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        for subscriber in index
            .status_listeners()
            .filter(|subscriber| subscriber.voice == Voice::Native)
        {
            subscriber.peer.outbox.push_event(event, None);
        }
    }

    /// How many connections listen to something.
    pub(crate) fn listeners(&self) -> usize {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .connections()
    }

    fn deliver(&self, event: &Event) {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let heard: Vec<Subscriber> = match (&event.session, &event.kind) {
            (_, EventKind::AgentState { .. }) => index.of_status(&event.agent),
            (Some(session), _) => index.of_session(&event.agent, session),
            (None, _) => Vec::new(),
        };
        drop(index);
        let heard: Vec<Subscriber> = heard
            .into_iter()
            .filter(|subscriber| self.may_hear(subscriber, event))
            .collect();
        self.encoder.follow(
            event,
            heard
                .iter()
                .any(|subscriber| subscriber.voice == Voice::Native),
        );
        self.write(event, &heard);
    }

    fn write(&self, event: &Event, heard: &[Subscriber]) {
        // Each form is written at most once, however many hear it.
        let (mut a2a, mut native, mut list, mut message) = (None, None, None, None);
        let run = event.run.as_ref();
        for subscriber in heard {
            let outbox = &subscriber.peer.outbox;
            match subscriber.voice {
                Voice::A2a => {
                    if let Some(text) = a2a.get_or_insert_with(|| self.encoder.a2a(event)) {
                        outbox.push(Arc::clone(text));
                    }
                }
                Voice::Native => {
                    for encoded in native.get_or_insert_with(|| self.encoder.native(event)) {
                        outbox.push_event(encoded, run);
                    }
                }
                Voice::Pulse => {}
                Voice::SessionList => {
                    if let Some(encoded) =
                        list.get_or_insert_with(|| self.encoder.sessions_changed(event))
                    {
                        outbox.push_event(encoded, run);
                    }
                }
                Voice::SessionMessages => {
                    let encoded = message.get_or_insert_with(|| {
                        self.encoder.session_message(event, self.store.get())
                    });
                    if let Some(encoded) = encoded {
                        outbox.push_event(encoded, run);
                    }
                }
            }
        }
    }

    fn may_hear(&self, subscriber: &Subscriber, event: &Event) -> bool {
        let Some(session) = &event.session else {
            return true;
        };
        subscriber.sessions == Sessions::All
            || self.store.get().is_some_and(|store| {
                store
                    .summary(&event.agent, session)
                    .is_some_and(|summary| summary.owner == Some(OriginKind::Local))
            })
    }
}

impl Sink for Bus {
    fn emit(&self, event: Event) {
        let quiet = self
            .index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty();
        if !quiet {
            self.deliver(&event);
        } else if let EventKind::RunEnded(_) = event.kind {
            // Its last listener may have left while it ran.
            self.encoder.follow(&event, false);
        }
    }
}

/// The places in the index where a subscription belongs.
fn interests(subscription: &Subscription) -> Vec<Interest> {
    match (subscription.channel, &subscription.agents) {
        (Channel::AgentStatus, None) => vec![Interest::AnyStatus],
        (Channel::AgentStatus, Some(agents)) => {
            agents.iter().cloned().map(Interest::Status).collect()
        }
        (Channel::AgentMessage, None) => vec![Interest::AnySession],
        (Channel::AgentMessage, Some(agents)) => {
            agents.iter().cloned().map(Interest::Agent).collect()
        }
    }
}
