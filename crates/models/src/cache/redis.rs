//! Answers kept in a Redis. One that is down is left alone for a while, so that it costs no request any time.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use openclaw_types::Timestamp;
use redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::{Entry, Error, Key, State, Store};
use crate::{
    limits::{CACHED_ANSWER_BYTES_MAX, REDIS_DEADLINE, REDIS_REST},
    secret::Secret,
};

/// Put before every key of ours.
const PREFIX: &str = "openclaw:answer:";

/// A Redis and how it was lately.
pub struct RedisStore {
    client: Client,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    /// Made when first needed, inside the runtime; it connects again by itself.
    connection: Option<ConnectionManager>,
    /// Not asked before this.
    rests_until: Option<Instant>,
    /// Why it rests, or rested last; empty once it has answered.
    fault: Option<String>,
    has_answered: bool,
}

/// What stands before the body.
#[derive(Serialize, Deserialize)]
struct Head {
    stored: i64,
    expires: i64,
    events: bool,
}

impl RedisStore {
    /// Prepares it; nothing is sent.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(url: &Secret) -> Result<Self, Error> {
        let client = Client::open(url.expose()).map_err(|error| Error::Address {
            reason: error.kind_text(),
        })?;
        Ok(Self {
            client,
            health: Mutex::default(),
        })
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, unless it rests or can't be had.
    fn connection(&self) -> Option<ConnectionManager> {
        let mut health = self.health();
        if health
            .rests_until
            .is_some_and(|until| Instant::now() < until)
        {
            return None;
        }
        if let Some(connection) = &health.connection {
            return Some(connection.clone());
        }
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(REDIS_DEADLINE))
            .set_response_timeout(Some(REDIS_DEADLINE));
        match ConnectionManager::new_lazy_with_config(self.client.clone(), config) {
            Ok(connection) => {
                health.connection = Some(connection.clone());
                Some(connection)
            }
            Err(error) => {
                health.failed(error.kind_text());
                None
            }
        }
    }

    /// Asks within the deadline and remembers how that went.
    async fn ask<T>(&self, asked: impl Future<Output = Result<T, RedisError>>) -> Option<T> {
        let answer = timeout(REDIS_DEADLINE, asked).await;
        let mut health = self.health();
        match answer {
            Ok(Ok(answer)) => {
                health.answered();
                Some(answer)
            }
            Ok(Err(error)) => {
                health.failed(error.kind_text());
                None
            }
            Err(_elapsed) => {
                health.failed(format!(
                    "no answer within {} ms",
                    REDIS_DEADLINE.as_millis()
                ));
                None
            }
        }
    }
}

impl Health {
    fn answered(&mut self) {
        if self.fault.take().is_some() {
            tracing::info!("the Redis for cached answers answers again");
        }
        self.rests_until = None;
        self.has_answered = true;
    }

    fn failed(&mut self, fault: String) {
        if self.fault.is_none() {
            tracing::warn!(%fault, "the Redis for cached answers is not used for a while");
        }
        self.fault = Some(fault);
        self.rests_until = Some(Instant::now() + REDIS_REST);
        // The next attempt begins with a connection of its own.
        self.connection = None;
    }
}

/// What went wrong without what may hold an address with a password.
trait KindText {
    fn kind_text(&self) -> String;
}

impl KindText for RedisError {
    fn kind_text(&self) -> String {
        match self.code() {
            Some(code) => format!("{} ({code})", self.category()),
            None => self.category().to_owned(),
        }
    }
}

impl Store for RedisStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Entry>> {
        async move {
            let mut connection = self.connection()?;
            let mut command = redis::cmd("GET");
            let _command = command.arg(format!("{PREFIX}{key}"));
            let found: Option<Vec<u8>> = self.ask(command.query_async(&mut connection)).await?;
            decode(found?)
        }
        .boxed()
    }

    fn put<'a>(&'a self, key: &'a Key, entry: Entry, ttl: Duration) -> BoxFuture<'a, ()> {
        async move {
            let ms = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX);
            let Some(bytes) = encode(&entry).filter(|_| ms > 0) else {
                return;
            };
            let Some(mut connection) = self.connection() else {
                return;
            };
            let mut command = redis::cmd("SET");
            let _command = command
                .arg(format!("{PREFIX}{key}"))
                .arg(bytes)
                .arg("PX")
                .arg(ms);
            let _kept: Option<()> = self.ask(command.query_async(&mut connection)).await;
        }
        .boxed()
    }

    fn state(&self) -> State {
        let health = self.health();
        State {
            kind: "redis",
            is_usable: health.fault.is_none(),
            detail: match (&health.fault, health.has_answered) {
                (Some(fault), _) => fault.clone(),
                (None, true) => "it answers".to_owned(),
                (None, false) => "not asked so far".to_owned(),
            },
        }
    }
}

fn encode(entry: &Entry) -> Option<Vec<u8>> {
    let head = Head {
        stored: entry.stored.as_millis(),
        expires: entry.expires.as_millis(),
        events: entry.is_events,
    };
    let mut bytes = serde_json::to_vec(&head).ok()?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&entry.body);
    Some(bytes)
}

/// Reads what was kept; what somebody else has put there is no entry.
fn decode(bytes: Vec<u8>) -> Option<Entry> {
    let end = bytes.iter().take(128).position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(bytes.get(..end)?).ok()?;
    let body = Bytes::from(bytes).slice(end + 1..);
    (body.len() <= CACHED_ANSWER_BYTES_MAX).then_some(Entry {
        stored: Timestamp(head.stored),
        expires: Timestamp(head.expires),
        is_events: head.events,
        body,
    })
}

/// Shows no address: it may hold a password.
impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
