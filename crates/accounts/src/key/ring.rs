//! All virtual keys and teams in memory, found by what names them.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::Timestamp;
use serde_json::{Map, Value};

use super::{KeyRecord, Loaded, TeamRecord, Which};
use crate::{
    caller::{KeyId, TeamId},
    denied::Denied,
    secret::Digest,
};

/// The keys and teams of the file. A copy shares the records, so that it is quickly made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ring {
    keys: BTreeMap<KeyId, Arc<KeyRecord>>,
    digests: BTreeMap<Digest, KeyId>,
    aliases: BTreeMap<String, KeyId>,
    teams: BTreeMap<TeamId, TeamRecord>,
    extra: Map<String, Value>,
}

impl Ring {
    pub(crate) fn of(loaded: Loaded) -> Self {
        let mut ring = Self {
            extra: loaded.extra,
            ..Self::default()
        };
        for record in loaded.keys {
            ring.put(record);
        }
        for team in loaded.teams {
            ring.teams.insert(team.id.clone(), team);
        }
        ring
    }

    /// What the file should hold.
    pub(crate) fn to_save(&self) -> Loaded {
        Loaded {
            keys: self.keys().cloned().collect(),
            teams: self.teams.values().cloned().collect(),
            extra: self.extra.clone(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyRecord> {
        self.keys.values().map(|record| &**record)
    }

    pub(crate) fn teams(&self) -> impl Iterator<Item = &TeamRecord> {
        self.teams.values()
    }

    pub(crate) fn key(&self, id: &KeyId) -> Option<&KeyRecord> {
        self.keys.get(id).map(|record| &**record)
    }

    pub(crate) fn team(&self, id: &TeamId) -> Option<&TeamRecord> {
        self.teams.get(id)
    }

    pub(crate) fn by_digest(&self, digest: &Digest) -> Option<&KeyRecord> {
        self.key(self.digests.get(digest)?)
    }

    pub(crate) fn by_alias(&self, alias: &str) -> Option<&KeyRecord> {
        self.key(self.aliases.get(alias)?)
    }

    pub(crate) fn find(&self, which: &Which<'_>) -> Option<&KeyRecord> {
        match which {
            Which::Id(id) => self.key(id),
            Which::Named(name) => self
                .by_digest(&Digest::of(name))
                .or_else(|| self.by_digest(&Digest::parse(name)?))
                .or_else(|| self.key(&KeyId::new(name)))
                .or_else(|| self.by_alias(name)),
        }
    }

    /// Whether the key may be used now.
    pub(crate) fn usable(&self, record: &KeyRecord, now: Timestamp) -> Result<(), Denied> {
        let team = record.team.as_ref().and_then(|team| self.team(team));
        if record.is_blocked || team.is_some_and(|team| team.is_blocked) {
            return Err(Denied::Blocked);
        }
        match record.expires {
            Some(at) if at <= now => Err(Denied::Expired { at }),
            Some(_) | None => Ok(()),
        }
    }

    /// Adds a key, or replaces the one with its id.
    pub(crate) fn put(&mut self, record: KeyRecord) {
        self.remove(&record.id);
        self.digests.insert(record.digest, record.id.clone());
        if let Some(alias) = &record.alias {
            self.aliases.insert(alias.clone(), record.id.clone());
        }
        self.keys.insert(record.id.clone(), Arc::new(record));
    }

    pub(crate) fn remove(&mut self, id: &KeyId) -> Option<KeyRecord> {
        let record = self.keys.remove(id)?;
        self.digests.remove(&record.digest);
        if let Some(alias) = &record.alias {
            self.aliases.remove(alias);
        }
        Some(Arc::unwrap_or_clone(record))
    }

    pub(crate) fn put_team(&mut self, team: TeamRecord) {
        self.teams.insert(team.id.clone(), team);
    }

    pub(crate) fn remove_team(&mut self, id: &TeamId) -> Option<TeamRecord> {
        self.teams.remove(id)
    }
}
