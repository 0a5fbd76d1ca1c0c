//! Keys, spending and budgets in the words of the wire: for calls of a gateway, and for commands while none runs.

mod budgets;
mod form;
mod keys;
mod spend;

use openclaw_accounts::{Accounts, Error, KeyId, Which};
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
fn alias(accounts: &Accounts, key: &KeyId) -> Option<String> {
    let state = accounts.info(&Which::Id(key)).ok()?;
    state.record.alias
}
