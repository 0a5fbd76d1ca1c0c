//! Keys, spending and budgets in the words of the wire: for calls of a gateway, and for commands while none runs.

mod budgets;
mod form;
mod keys;
mod spend;

use openclaw_accounts::{
    Accounts, Alert, BudgetState, Dimension, Error, KeyFilter, KeyId, KeyState, Picture, Query,
    Report, Which,
};
use openclaw_types::Money;
use openclaw_wire::{ErrorCode, ErrorShape};
use serde_json::json;

pub(crate) use self::budgets::alert;
pub use self::{
    budgets::budgets,
    keys::{block, delete, generate, info, list, update},
    spend::{logs, spend},
};
use crate::report::chain;

/// Where keys and spending are read: the accounts of this process, or a picture of what is on disk.
pub trait Books {
    /// A key and what was spent on it.
    ///
    /// # Errors
    /// When there is no such key.
    fn info(&self, which: &Which<'_>) -> Result<KeyState, Error>;
    /// The keys, by the time of their making.
    fn list(&self, filter: &KeyFilter) -> Vec<KeyState>;
    /// What was spent, broken down.
    fn spend(&self, query: &Query, by: &[Dimension]) -> Report;
    /// All budgets with a hard stop or a soft one.
    fn budgets(&self) -> Vec<BudgetState>;
    /// The alerts of late, the oldest first.
    fn alerts(&self) -> Vec<Alert>;
}

impl Books for Accounts {
    fn info(&self, which: &Which<'_>) -> Result<KeyState, Error> {
        Self::info(self, which)
    }

    fn list(&self, filter: &KeyFilter) -> Vec<KeyState> {
        Self::list(self, filter)
    }

    fn spend(&self, query: &Query, by: &[Dimension]) -> Report {
        Self::spend(self, query, by)
    }

    fn budgets(&self) -> Vec<BudgetState> {
        Self::budgets(self)
    }

    fn alerts(&self) -> Vec<Alert> {
        self.recent_alerts()
    }
}

impl Books for Picture {
    fn info(&self, which: &Which<'_>) -> Result<KeyState, Error> {
        Self::info(self, which)
    }

    fn list(&self, filter: &KeyFilter) -> Vec<KeyState> {
        Self::list(self, filter)
    }

    fn spend(&self, query: &Query, by: &[Dimension]) -> Report {
        Self::spend(self, query, by)
    }

    fn budgets(&self) -> Vec<BudgetState> {
        Self::budgets(self)
    }

    /// Only a process that spends tells anybody.
    fn alerts(&self) -> Vec<Alert> {
        Vec::new()
    }
}

/// An error of the accounts.
fn failed(error: &Error) -> ErrorShape {
    let code = match error {
        Error::NoSuchKey | Error::NoSuchTeam { .. } => ErrorCode::NotFound,
        Error::AliasTaken { .. }
        | Error::KeyTaken
        | Error::WeakKey { .. }
        | Error::TooManyKeys { .. }
        | Error::TooLarge { .. } => ErrorCode::InvalidRequest,
        Error::NotAllowed => ErrorCode::Forbidden,
        _ => ErrorCode::Unavailable,
    };
    let shape = ErrorShape::new(code, chain(error));
    match error {
        Error::NoSuchKey => {
            shape.with_details(json!({"hint": "`openclaw router keys list` shows all keys"}))
        }
        _ => shape,
    }
}

/// A field that holds something else than it must.
fn wrong(field: &str, expected: &str) -> ErrorShape {
    ErrorShape::invalid(format!("`{field}` must be {expected}"))
}

fn usd(money: Option<Money>) -> Option<f64> {
    money.map(Money::as_usd)
}

/// The alias of a key that is still there.
fn alias(accounts: &dyn Books, key: &KeyId) -> Option<String> {
    let state = accounts.info(&Which::Id(key)).ok()?;
    state.record.alias
}
