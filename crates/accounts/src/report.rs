//! What was spent, by whom and on what: questions and their answers.

use openclaw_types::{AgentId, Money, Timestamp, Usage};

use crate::{
    budget::Notice,
    caller::{KeyId, Scope, TeamId},
    period::Period,
};

/// What a report is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// The calendar day in UTC.
    Day,
    /// The virtual key.
    Key,
    /// The team.
    Team,
    /// The agent.
    Agent,
    /// The model group that was asked for.
    Group,
    /// The provider.
    Provider,
    /// The model at the provider.
    Model,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Day,
        Self::Key,
        Self::Team,
        Self::Agent,
        Self::Group,
        Self::Provider,
        Self::Model,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Key => "key",
            Self::Team => "team",
            Self::Agent => "agent",
            Self::Group => "group",
            Self::Provider => "provider",
            Self::Model => "model",
        }
    }
}

/// Which calls are meant; all when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// From this moment on. Reports count whole days in UTC, the day of this moment included.
    pub since: Option<Timestamp>,
    /// Before this moment; reports include its day, unless the moment is midnight.
    pub until: Option<Timestamp>,
    /// Of this key.
    pub key: Option<KeyId>,
    /// Of this team.
    pub team: Option<TeamId>,
    /// Of this agent.
    pub agent: Option<AgentId>,
    /// Of this model group.
    pub group: Option<String>,
    /// Of this provider.
    pub provider: Option<String>,
    /// Of this model at the provider.
    pub model: Option<String>,
}

/// Sums over calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calls.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that cost nobody knows what.
    pub unpriced: u64,
    /// Those whose end nobody saw; they are counted at the most they could cost.
    pub unsettled: u64,
    /// What the calls used.
    pub usage: Usage,
    /// What they cost.
    pub cost: Money,
}

impl Tally {
    /// Adds another sum.
    pub fn add(&mut self, other: &Self) {
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut self.requests, other.requests);
        add(&mut self.failures, other.failures);
        add(&mut self.unpriced, other.unpriced);
        add(&mut self.unsettled, other.unsettled);
        add(&mut self.usage.input_tokens, other.usage.input_tokens);
        add(&mut self.usage.output_tokens, other.usage.output_tokens);
        add(&mut self.usage.cached_tokens, other.usage.cached_tokens);
        add(
            &mut self.usage.cache_write_tokens,
            other.usage.cache_write_tokens,
        );
        add(
            &mut self.usage.reasoning_tokens,
            other.usage.reasoning_tokens,
        );
        self.cost = self.cost.saturating_add(other.cost);
    }
}

/// One line of a report; what it isn't broken down by is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `YYYY-MM-DD`; `YYYY-MM` where days were summed up.
    pub day: Option<String>,
    /// The key; empty for calls without one.
    pub key: Option<String>,
    /// The team; empty for calls without one.
    pub team: Option<String>,
    /// The agent; empty for calls without one.
    pub agent: Option<String>,
    /// The model group.
    pub group: Option<String>,
    /// The provider.
    pub provider: Option<String>,
    /// The model at the provider.
    pub model: Option<String>,
    /// The sums.
    pub tally: Tally,
}

/// What was spent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The lines, the earliest day first, then by the names.
    pub rows: Vec<Row>,
    /// All together.
    pub total: Tally,
}

/// One call, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogEntry {
    /// When it ended.
    pub at: Timestamp,
    /// The id the caller was told.
    pub request_id: Option<String>,
    /// The key.
    pub key: Option<KeyId>,
    /// The team.
    pub team: Option<TeamId>,
    /// The agent.
    pub agent: Option<AgentId>,
    /// The end user, as the caller named them.
    pub user: Option<String>,
    /// The caller's tags.
    pub tags: Vec<String>,
    /// The model group that was asked for.
    pub group: String,
    /// The provider that answered.
    pub provider: String,
    /// The model at the provider.
    pub model: String,
    /// The deployment.
    pub deployment: String,
    /// What was used.
    pub usage: Option<Usage>,
    /// What it cost.
    pub cost: Option<Money>,
    /// Whether the cost is what was reserved.
    pub is_estimate: bool,
    /// Whether nobody saw its end.
    pub is_unsettled: bool,
    /// The HTTP status.
    pub status: u16,
    /// How long it took.
    pub ms: u64,
    /// How long its first content took.
    pub first_ms: Option<u64>,
}

/// A budget as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetState {
    /// Whose it is.
    pub scope: Scope,
    /// The hard stop.
    pub max: Option<Money>,
    /// Told when reached.
    pub soft: Option<Money>,
    /// Spent in this period.
    pub spent: Money,
    /// Held for requests under way.
    pub reserved: Money,
    /// When it starts anew.
    pub period: Option<Period>,
    /// When it starts anew next.
    pub resets_at: Option<Timestamp>,
    /// What was told in this period.
    pub told: Vec<Notice>,
}

/// Something about a budget that its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// When.
    pub at: Timestamp,
    /// Whose budget.
    pub scope: Scope,
    /// What about it.
    pub notice: Notice,
    /// Spent in this period.
    pub spent: Money,
    /// The hard stop.
    pub max: Option<Money>,
    /// When the budget starts anew.
    pub resets_at: Option<Timestamp>,
}

/// Whether keys and ledger work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Virtual keys; what is wrong with their file otherwise.
    pub keys: Result<usize, String>,
    /// Why spending can't be recorded, when it can't; requests under a budget are refused until it can.
    pub ledger_failure: Option<String>,
    /// Lines that could not be read when the ledger was opened; what they said is not in the sums.
    pub lines_damaged: u64,
    /// Lines of calls without a budget that were lost because the disk refused or was too slow.
    pub lines_lost: u64,
    /// Calls whose end nobody saw, found when the ledger was opened.
    pub unsettled: u64,
}
