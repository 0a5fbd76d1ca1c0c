//! What the accounts are told at start; nothing is looked up elsewhere.

use std::{collections::BTreeMap, path::PathBuf};

use openclaw_types::AgentId;

use crate::{allowance::Allowance, caller::TeamId, secret::Secret};

/// Everything the accounts are told.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where `keys.json` and `spend.jsonl` are kept: `<state>/router`.
    pub dir: PathBuf,
    /// Who has it may do everything. Without it nobody needs a key.
    pub master_key: Option<Secret>,
    /// Who may use how much.
    pub allowances: Allowances,
    /// How the ledger is written.
    pub ledger: LedgerOptions,
}

impl Options {
    /// Accounts in a directory that limit nothing.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            master_key: None,
            allowances: Allowances::default(),
            ledger: LedgerOptions::default(),
        }
    }
}

/// The allowances of the configuration; those of keys and of teams made later are in the file of keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowances {
    /// Of each agent, whoever asks for it.
    pub agents: BTreeMap<AgentId, Allowance>,
    /// Of teams. A team of the same name in the file of keys holds instead.
    pub teams: BTreeMap<TeamId, Allowance>,
    /// Of everybody together.
    pub global: Allowance,
    /// Of keys, where nothing is said when they are made.
    pub key_defaults: Allowance,
}

/// How the ledger is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerOptions {
    /// A file of this size is closed, and a new one begun.
    pub file_bytes_max: u64,
    /// What was written is synced after so many milliseconds at the latest: a power cut costs no more.
    pub sync_ms: u64,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            file_bytes_max: 64 * 1024 * 1024,
            sync_ms: 1_000,
        }
    }
}
