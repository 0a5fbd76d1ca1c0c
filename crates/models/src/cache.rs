//! Answers that are given again for exactly the same request: in this process, or in Redis when one is configured.
//!
//! A cache is never the source of anything. One that is full, slow or gone means that the model is asked, and nothing else.

use std::{fmt::Debug, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use openclaw_types::{Env, Timestamp};

pub use self::{
    controls::{Controls, Fault},
    key::Key,
    memory::MemoryStore,
    redis::RedisStore,
};
use crate::{
    dialect::Front,
    limits::{CACHED_ANSWER_BYTES_MAX, CACHED_TTL_DEFAULT, CACHED_TTL_MAX},
    secret::Secret,
};

mod controls;
mod key;
mod memory;
mod redis;

/// How the cache is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where answers are kept.
    pub place: Place,
    /// How long an answer is good unless the request says otherwise; at most thirty days.
    pub ttl: Option<Duration>,
    /// Put before every key, so that several gateways may share one Redis.
    pub namespace: String,
    /// Whether a request is cached only when it says so.
    pub only_when_asked: bool,
    /// Which requests are cached; all when empty.
    pub fronts: Vec<Front>,
}

/// Where answers are kept.
#[derive(Debug, Clone)]
pub enum Place {
    /// In this process, at most so many bytes.
    Memory {
        /// Bodies and keys together.
        bytes_max: u64,
    },
    /// In a Redis, `redis://host:port/db` or `rediss://`, with user and password.
    Redis {
        /// Its address; the password makes it a secret.
        url: Secret,
    },
}

/// One answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was given.
    pub stored: Timestamp,
    /// From when on it is no good.
    pub expires: Timestamp,
    /// Whether it is an event stream, or one document.
    pub is_events: bool,
    /// The body, in the words of the request's dialect.
    pub body: Bytes,
}

/// Somewhere to keep answers. Nothing it does may fail a request, so it has no errors: what it can't do it notes in
/// [`Store::state`].
pub trait Store: Send + Sync + Debug {
    /// What was kept under a key.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Entry>>;
    /// Keeps an answer for so long.
    fn put<'a>(&'a self, key: &'a Key, entry: Entry, ttl: Duration) -> BoxFuture<'a, ()>;
    /// How it is.
    fn state(&self) -> State;
}

/// How a store is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// `memory` or `redis`.
    pub kind: &'static str,
    /// Whether it works, as far as that is known.
    pub is_usable: bool,
    /// What is wrong, or what it holds.
    pub detail: String,
}

/// What a person may have set up wrongly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address of the Redis is none.
    #[error("the address of the Redis for cached answers can't be used: {reason}")]
    Address {
        /// What is wrong with it; never the address, which holds a password.
        reason: String,
    },
}

/// The cache of answers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cache {
    store: Arc<dyn Store>,
    env: Arc<dyn Env>,
    ttl: Duration,
    namespace: Arc<str>,
    only_when_asked: bool,
    fronts: Arc<[Front]>,
}

impl Cache {
    /// Prepares it; a Redis is connected to when it is first needed.
    ///
    /// # Errors
    /// When the address of the Redis is none.
    pub fn new(options: &Options, env: Arc<dyn Env>) -> Result<Self, Error> {
        let store: Arc<dyn Store> = match &options.place {
            Place::Memory { bytes_max } => Arc::new(MemoryStore::new(*bytes_max)),
            Place::Redis { url } => Arc::new(RedisStore::new(url)?),
        };
        let ttl = options.ttl.unwrap_or(CACHED_TTL_DEFAULT);
        Ok(Self {
            store,
            env,
            ttl: ttl.min(CACHED_TTL_MAX),
            namespace: Arc::from(options.namespace.as_str()),
            only_when_asked: options.only_when_asked,
            fronts: options.fronts.clone().into(),
        })
    }

    /// The key of a request, or nothing where it is not to be cached at all. `front` is the dialect's word, `group` the
    /// model as it was resolved, `body` the request as it came.
    #[must_use]
    pub fn key(&self, controls: &Controls, front: &str, group: &str, body: &[u8]) -> Option<Key> {
        if self.only_when_asked && !controls.is_asked_for {
            return None;
        }
        let is_kept =
            self.fronts.is_empty() || self.fronts.iter().any(|kept| kept.as_str() == front);
        if !is_kept {
            return None;
        }
        let namespace = controls.namespace.as_deref().unwrap_or(&self.namespace);
        Key::of(namespace, front, group, body)
    }

    /// An answer that may be given again.
    pub async fn get(&self, key: &Key, controls: &Controls) -> Option<Entry> {
        if controls.no_cache {
            return None;
        }
        let entry = self.store.get(key).await?;
        let now = self.env.now();
        let age = now.since_ms(entry.stored);
        let is_young = controls
            .age_max
            .is_none_or(|age_max| u128::try_from(age).is_ok_and(|age| age <= age_max.as_millis()));
        (now < entry.expires && is_young).then_some(entry)
    }

    /// Keeps an answer that was given whole. One that is too long is not kept.
    pub async fn put(&self, key: &Key, controls: &Controls, is_events: bool, body: Bytes) {
        if controls.no_store || body.len() > CACHED_ANSWER_BYTES_MAX {
            return;
        }
        let ttl = controls.ttl.unwrap_or(self.ttl).min(CACHED_TTL_MAX);
        let stored = self.env.now();
        let ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let entry = Entry {
            stored,
            expires: Timestamp(stored.as_millis().saturating_add(ms)),
            is_events,
            body,
        };
        self.store.put(key, entry, ttl).await;
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.store.state()
    }
}

#[cfg(test)]
mod tests;
