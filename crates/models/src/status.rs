//! Where answers come from and why, for people.

use openclaw_types::Timestamp;

/// Where answers come from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Such as `litellm`, `OPENAI_API_KEY` or `local`.
    pub name: String,
    /// Why from there.
    pub why: String,
    /// The reference used where no agent names one; empty when the provider has no model of its own to offer.
    pub model: String,
}

/// A place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedAt {
    /// What it is called.
    pub name: String,
    /// Whether it can answer.
    pub is_usable: bool,
    /// What was found.
    pub detail: String,
}

/// A model that is left alone for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cooldown {
    /// `provider/model`.
    pub reference: String,
    /// Until when.
    pub until: Timestamp,
    /// The kind of the failure.
    pub reason: &'static str,
}

/// One model that can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The provider's id.
    pub provider: String,
    /// The model's id there.
    pub model: String,
    /// Its name for people.
    pub name: String,
    /// Tokens a request may hold; 0 when unknown.
    pub context_window: u32,
    /// Whether it thinks aloud.
    pub reasoning: bool,
}

/// How the model on this machine is.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalState {
    /// Switched off, or its program is not installed.
    Absent {
        /// Why.
        why: String,
    },
    /// Not needed so far.
    Idle,
    /// Its file is being fetched.
    Fetching {
        /// Bytes so far.
        bytes: u64,
        /// All bytes, where known.
        total: Option<u64>,
    },
    /// Its program starts or reads the file.
    Starting {
        /// The part that is done, from 0 to 1.
        progress: f32,
    },
    /// It answers.
    Ready {
        /// Tokens a conversation may have.
        context_window: u32,
        /// How long loading took.
        load_ms: u64,
    },
    /// It can't be had.
    Failed {
        /// Why.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl LocalState {
    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "absent",
            Self::Idle => "idle",
            Self::Fetching { .. } => "fetching",
            Self::Starting { .. } => "starting",
            Self::Ready { .. } => "ready",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Everything about models that a person may want to know.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelsStatus {
    /// Where answers come from; `None` while that is being found out, or when there is nothing.
    pub source: Option<Source>,
    /// Whether the search has ended.
    pub is_settled: bool,
    /// Every place that was looked at, in order of preference.
    pub looked_at: Vec<LookedAt>,
    /// Every model that can be named.
    pub models: Vec<Listed>,
    /// What is left alone for a while.
    pub cooldowns: Vec<Cooldown>,
    /// The model on this machine.
    pub local: LocalState,
}
