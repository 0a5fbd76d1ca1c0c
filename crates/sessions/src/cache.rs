//! The most recent entries of the sessions in use, so that a turn does not read what it just wrote.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::{AgentId, SessionId};

use crate::{entry::Entry, limits::TAIL_CACHE_BYTES_MAX};

type Key = (AgentId, SessionId);

/// The last entries of each session, bounded by entries each and by bytes together. The session that was
/// used longest ago goes first.
#[derive(Debug)]
pub(crate) struct TailCache {
    entries_max: usize,
    bytes: usize,
    clock: u64,
    rings: BTreeMap<Key, Ring>,
    by_use: BTreeMap<u64, Key>,
}

#[derive(Debug, Default)]
struct Ring {
    /// The session's last entries without a gap, in file order.
    recent: Vec<Arc<Entry>>,
    bytes: usize,
    used: u64,
}

impl TailCache {
    /// An empty cache of so many entries per session.
    pub(crate) const fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            bytes: 0,
            clock: 0,
            rings: BTreeMap::new(),
            by_use: BTreeMap::new(),
        }
    }

    /// The session's last entries, if the cache has all that are asked for.
    pub(crate) fn tail(&mut self, key: &Key, count: usize) -> Option<Vec<Arc<Entry>>> {
        let ring = self.rings.get(key)?;
        let from = ring.recent.len().checked_sub(count)?;
        let found = ring.recent[from..].to_vec();
        self.touch(key);
        Some(found)
    }

    /// Remembers the session's last entries, as read from its file.
    pub(crate) fn fill(&mut self, key: Key, entries: &[Arc<Entry>]) {
        let from = entries.len().saturating_sub(self.entries_max);
        self.forget(&key);
        self.insert(key, entries[from..].to_vec());
    }

    /// Adds an entry that was appended. `first` says that the session had none before.
    pub(crate) fn push(&mut self, key: &Key, entry: &Arc<Entry>, first: bool) {
        if let Some(ring) = self.rings.get_mut(key) {
            if ring.recent.len() >= self.entries_max && !ring.recent.is_empty() {
                let old = ring.recent.remove(0);
                ring.bytes -= old.memory_bytes();
                self.bytes -= old.memory_bytes();
            }
            ring.recent.push(Arc::clone(entry));
            ring.bytes += entry.memory_bytes();
            self.bytes += entry.memory_bytes();
            self.touch(key);
            self.shrink();
        } else if first {
            self.insert(key.clone(), vec![Arc::clone(entry)]);
        }
    }

    /// Drops one session's entries.
    pub(crate) fn forget(&mut self, key: &Key) {
        if let Some(ring) = self.rings.remove(key) {
            self.bytes -= ring.bytes;
            self.by_use.remove(&ring.used);
        }
    }

    /// Drops all entries of an agent.
    pub(crate) fn forget_agent(&mut self, agent: &AgentId) {
        let keys: Vec<Key> = self
            .rings
            .keys()
            .filter(|(of, _)| of == agent)
            .cloned()
            .collect();
        for key in keys {
            self.forget(&key);
        }
    }

    fn insert(&mut self, key: Key, recent: Vec<Arc<Entry>>) {
        let bytes = recent.iter().map(|entry| entry.memory_bytes()).sum();
        self.clock += 1;
        self.bytes += bytes;
        self.by_use.insert(self.clock, key.clone());
        let used = self.clock;
        self.rings.insert(
            key,
            Ring {
                recent,
                bytes,
                used,
            },
        );
        self.shrink();
    }

    fn touch(&mut self, key: &Key) {
        self.clock += 1;
        if let Some(ring) = self.rings.get_mut(key)
            && let Some(key) = self.by_use.remove(&ring.used)
        {
            ring.used = self.clock;
            self.by_use.insert(self.clock, key);
        }
    }

    fn shrink(&mut self) {
        while self.bytes > TAIL_CACHE_BYTES_MAX {
            let Some((_, key)) = self.by_use.pop_first() else {
                return;
            };
            if let Some(ring) = self.rings.remove(&key) {
                self.bytes -= ring.bytes;
            }
        }
    }
}
