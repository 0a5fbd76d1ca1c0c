//! Answers kept in this process, the least used given up first.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};
use moka::sync::Cache;

use super::{Entry, Key, State, Store};

/// What an entry takes beside its body: key, times, and the map's own.
const ENTRY_BYTES: usize = 256;

/// A bounded map.
#[derive(Debug)]
pub struct MemoryStore {
    entries: Cache<Key, Entry>,
    bytes_max: u64,
}

impl MemoryStore {
    /// An empty one for so many bytes.
    #[must_use]
    pub fn new(bytes_max: u64) -> Self {
        let weigh = |_: &Key, entry: &Entry| {
            u32::try_from(entry.body.len().saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
        };
        Self {
            entries: Cache::builder()
                .max_capacity(bytes_max)
                .weigher(weigh)
                .build(),
            bytes_max,
        }
    }
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Option<Entry>> {
        async move { self.entries.get(key) }.boxed()
    }

    fn put<'a>(&'a self, key: &'a Key, entry: Entry, _ttl: Duration) -> BoxFuture<'a, ()> {
        // What has expired is found out by whoever reads it, and pushed out by what is newer.
        async move { self.entries.insert(key.clone(), entry) }.boxed()
    }

    fn state(&self) -> State {
        State {
            kind: "memory",
            is_usable: true,
            detail: format!(
                "{} answers, {} of {} bytes",
                self.entries.entry_count(),
                self.entries.weighted_size(),
                self.bytes_max
            ),
        }
    }
}
