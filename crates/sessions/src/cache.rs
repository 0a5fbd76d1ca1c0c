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
        }
    }

    /// The session's last entries, if the cache has all that are asked for.
    pub(crate) fn tail(&mut self, key: &Key, count: usize) -> Option<Vec<Arc<Entry>>> {
        let ring = self.rings.get_mut(key)?;
        let from = ring.recent.len().checked_sub(count)?;
        self.clock += 1;
        ring.used = self.clock;
        Some(ring.recent[from..].to_vec())
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
            self.clock += 1;
            ring.used = self.clock;
            self.shrink();
        } else if first {
            self.insert(key.clone(), vec![Arc::clone(entry)]);
        }
    }

    /// Drops one session's entries.
    pub(crate) fn forget(&mut self, key: &Key) {
        if let Some(ring) = self.rings.remove(key) {
            self.bytes -= ring.bytes;
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

    /// Makes room when there is too much, and a quarter more, so that it is seldom done.
    fn shrink(&mut self) {
        if self.bytes <= TAIL_CACHE_BYTES_MAX {
            return;
        }
        let mut by_use: Vec<(u64, Key)> = self
            .rings
            .iter()
            .map(|(key, ring)| (ring.used, key.clone()))
            .collect();
        by_use.sort_unstable();
        for (_, key) in by_use {
            if self.bytes <= TAIL_CACHE_BYTES_MAX / 4 * 3 {
                return;
            }
            self.forget(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use openclaw_types::{Role, Timestamp};

    use super::*;
    use crate::entry::Draft;

    fn key(name: &str) -> Key {
        (
            AgentId::parse("main").unwrap(),
            SessionId::parse(name).unwrap(),
        )
    }

    fn entry(name: &str, text: &str, seq: u64) -> Arc<Entry> {
        let draft = Draft::message(Role::User, SessionId::parse(name).unwrap(), text);
        Arc::new(Entry::from_draft(draft, String::new(), Timestamp(0), seq))
    }

    #[test]
    fn a_ring_answers_only_what_it_has_without_a_gap() {
        let mut cache = TailCache::new(3);
        let all: Vec<_> = (1..=5).map(|seq| entry("s", "x", seq)).collect();
        cache.push(&key("s"), &all[0], false);
        assert_eq!(cache.tail(&key("s"), 1), None);
        cache.fill(key("s"), &all[..2]);
        for new in &all[2..] {
            cache.push(&key("s"), new, false);
        }
        assert_eq!(cache.tail(&key("s"), 3), Some(all[2..].to_vec()));
        assert_eq!(cache.tail(&key("s"), 4), None);
        cache.forget(&key("s"));
        assert_eq!((cache.tail(&key("s"), 1), cache.bytes), (None, 0));
    }

    #[test]
    fn the_sessions_used_longest_ago_go_first_when_memory_runs_out() {
        let mut cache = TailCache::new(3);
        let text = "x".repeat(TAIL_CACHE_BYTES_MAX / 8);
        for at in 0..7 {
            let name = format!("s{at}");
            cache.push(&key(&name), &entry(&name, &text, 1), true);
        }
        assert!(cache.tail(&key("s0"), 1).is_some());
        cache.push(&key("s9"), &entry("s9", &text, 1), true);
        assert!(cache.bytes <= TAIL_CACHE_BYTES_MAX);
        let kept: Vec<_> = cache
            .rings
            .keys()
            .map(|(_, session)| session.as_str())
            .collect();
        assert_eq!(kept, ["s0", "s4", "s5", "s6", "s9"]);
        let sum: usize = cache.rings.values().map(|ring| ring.bytes).sum();
        assert_eq!(sum, cache.bytes);
    }
}
