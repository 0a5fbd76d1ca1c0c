//! Virtual keys: what is kept of one, how one is asked for, and how it is changed.

use std::fmt;

use openclaw_types::{AgentId, Money, Timestamp};
use serde_json::{Map, Value};

use crate::{
    allowance::Allowance,
    caller::{KeyId, TeamId},
    secret::{Digest, Secret},
};

mod file;
mod form;
mod ring;

pub(crate) use self::{
    file::{Loaded, load, record_bytes, save},
    ring::Ring,
};

/// What every key begins with.
pub const KEY_PREFIX: &str = "sk-";
/// The shortest key of a caller's own choice: what is shorter can be guessed.
pub const KEY_BYTES_MIN: usize = 20;
/// The longest key of a caller's own choice.
pub const KEY_BYTES_MAX: usize = 256;
/// Keys kept; each has its own counters in memory, some 2 KiB of them.
pub const KEYS_MAX: usize = 20_000;
/// The most a record may take in the file, metadata included.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// What is kept of a virtual key: everything but the key.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyRecord {
    /// Its lasting name; the ledger knows keys by it.
    pub id: KeyId,
    /// The digest of the key; LiteLLM's clients call it `token`.
    pub digest: Digest,
    /// The key's beginning and end: `sk-...wxyz`.
    pub name: String,
    /// A name of its owner's choice, unlike that of any other key.
    pub alias: Option<String>,
    /// The team whose allowance holds as well.
    pub team: Option<TeamId>,
    /// Who it was made for.
    pub user: Option<String>,
    /// The agent whose allowance holds as well, whichever model is asked for.
    pub agent: Option<AgentId>,
    /// What it may use.
    pub allowance: Allowance,
    /// Its owner's notes.
    pub metadata: Map<String, Value>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
    /// Whether its owner stopped it.
    pub is_blocked: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was changed last.
    pub updated: Timestamp,
    /// What its budget's periods are counted from: its creation, or the last change of their length.
    pub budget_anchor: Timestamp,
    /// Fields of the file that this version does not know; they are written back.
    pub extra: Map<String, Value>,
}

/// A key with what was spent on it.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyState {
    /// What is kept of it.
    pub record: KeyRecord,
    /// Spent in this period of its budget, or ever when it has no period.
    pub spend: Money,
    /// Held for requests under way.
    pub reserved: Money,
    /// When its budget starts anew.
    pub budget_resets_at: Option<Timestamp>,
}

/// A key that is asked for.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// A key of the caller's own choice; a random one when absent.
    pub key: Option<Secret>,
    /// See [`KeyRecord::alias`].
    pub alias: Option<String>,
    /// See [`KeyRecord::team`].
    pub team: Option<TeamId>,
    /// See [`KeyRecord::user`].
    pub user: Option<String>,
    /// See [`KeyRecord::agent`].
    pub agent: Option<AgentId>,
    /// What it may use; what is not said is taken from the defaults.
    pub allowance: Allowance,
    /// See [`KeyRecord::metadata`].
    pub metadata: Map<String, Value>,
    /// When it stops working.
    pub expires: Option<Timestamp>,
    /// Whether it is stopped from the beginning.
    pub is_blocked: bool,
}

/// Which key is meant.
#[derive(Clone, PartialEq, Eq)]
pub enum Which<'a> {
    /// The one of this lasting name.
    Id(&'a KeyId),
    /// Whatever names it: the key itself, its digest in hex, its id, or its alias.
    Named(&'a str),
}

impl fmt::Debug for Which<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "Id({id})"),
            // It may be the key itself.
            Self::Named(_) => f.write_str("Named(..)"),
        }
    }
}

/// Which keys are listed; all when nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Those of this team.
    pub team: Option<TeamId>,
    /// Those of this user.
    pub user: Option<String>,
    /// Those of this agent.
    pub agent: Option<AgentId>,
}

impl KeyFilter {
    /// Whether the record is among those listed.
    #[must_use]
    pub fn accepts(&self, record: &KeyRecord) -> bool {
        (self.team.is_none() || self.team == record.team)
            && (self.user.is_none() || self.user == record.user)
            && (self.agent.is_none() || self.agent == record.agent)
    }
}

/// A team and what all its keys together may use.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamRecord {
    /// Its name.
    pub id: TeamId,
    /// What is shown for it.
    pub alias: Option<String>,
    /// What its keys together may use.
    pub allowance: Allowance,
    /// Whether all its keys are stopped.
    pub is_blocked: bool,
    /// Its owner's notes.
    pub metadata: Map<String, Value>,
    /// When it was made; its budget's periods are counted from here.
    pub created: Timestamp,
    /// Fields of the file that this version does not know; they are written back.
    pub extra: Map<String, Value>,
}
