//! Virtual keys made, shown, changed, stopped, and given up.

use openclaw_accounts::{Accounts, Caller, KeyFilter, KeyState, TeamId, Which};
use openclaw_types::{AgentId, Money, Timestamp};
use openclaw_wire::{
    ErrorShape,
    methods::router::{
        KeyForm, KeyGenerated, KeyResult, KeyRow, KeyUpdate, KeysListParams, KeysListResult,
    },
};

use super::{Books, failed, form::Change, usd, wrong};

/// Keys in one answer; each is a few hundred bytes.
const LIST_MAX: u64 = 1_000;

/// Makes a key and shows it, this once.
///
/// # Errors
/// When something is said wrong, its alias is taken, or the file of keys can't be written.
pub fn generate(
    accounts: &Accounts,
    form: &KeyForm,
    now: Timestamp,
) -> Result<KeyGenerated, ErrorShape> {
    let change = Change::read(form.clone(), &[], now)?;
    let (record, secret) = accounts
        .generate(&Caller::Master, change.into_new())
        .map_err(|error| failed(&error))?;
    let key = one(accounts, record.id.as_str(), now)?;
    Ok(KeyGenerated {
        secret: secret.expose().to_owned(),
        key,
    })
}

/// The keys, the oldest first.
///
/// # Errors
/// When a filter is no such thing.
pub fn list(
    accounts: &dyn Books,
    params: &KeysListParams,
    now: Timestamp,
) -> Result<KeysListResult, ErrorShape> {
    let agent = params.agent.as_deref().map(AgentId::parse).transpose();
    let filter = KeyFilter {
        team: params.team.as_deref().map(TeamId::new),
        user: params.user.clone(),
        agent: agent.map_err(|_error| wrong("agent", "the id of an agent"))?,
    };
    let all = accounts.list(&filter);
    let skipped = usize::try_from(params.offset.unwrap_or(0)).unwrap_or(usize::MAX);
    let limit = params.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let shown = all.iter().skip(skipped).take(limit);
    Ok(KeysListResult {
        keys: shown.map(|state| row(state, now)).collect(),
        total: all.len() as u64,
    })
}

/// One key, by whatever names it.
///
/// # Errors
/// When there is no such key.
pub fn info(accounts: &dyn Books, key: &str, now: Timestamp) -> Result<KeyResult, ErrorShape> {
    one(accounts, key, now).map(|key| KeyResult { key })
}

/// Changes a key.
///
/// # Errors
/// As [`generate`], and when there is no such key.
pub fn update(
    accounts: &Accounts,
    update: &KeyUpdate,
    now: Timestamp,
) -> Result<KeyResult, ErrorShape> {
    let change = Change::read(update.set.clone(), &update.unset, now)?;
    let which = Which::Named(&update.key);
    let record = accounts.update(&Caller::Master, &which, |record| change.onto(record));
    let record = record.map_err(|error| failed(&error))?;
    info(accounts, record.id.as_str(), now)
}

/// Stops a key, or lets it work again.
///
/// # Errors
/// When there is no such key, or the file of keys can't be written.
pub fn block(
    accounts: &Accounts,
    key: &str,
    is_blocked: bool,
    now: Timestamp,
) -> Result<KeyResult, ErrorShape> {
    let which = Which::Named(key);
    let record = accounts.block(&Caller::Master, &which, is_blocked);
    let record = record.map_err(|error| failed(&error))?;
    info(accounts, record.id.as_str(), now)
}

/// Gives a key up, and says what it was.
///
/// # Errors
/// When there is no such key, or the file of keys can't be written.
pub fn delete(accounts: &Accounts, key: &str, now: Timestamp) -> Result<KeyResult, ErrorShape> {
    let last = info(accounts, key, now)?;
    let deleted = accounts.delete(&Caller::Master, &Which::Named(key));
    deleted.map_err(|error| failed(&error))?;
    Ok(last)
}

fn one(accounts: &dyn Books, key: &str, now: Timestamp) -> Result<KeyRow, ErrorShape> {
    let state = accounts.info(&Which::Named(key));
    let state = state.map_err(|error| failed(&error))?;
    Ok(row(&state, now))
}

fn row(state: &KeyState, now: Timestamp) -> KeyRow {
    let record = &state.record;
    let allowance = &record.allowance;
    let budgets = allowance.model_max_budget.iter();
    KeyRow {
        id: record.id.as_str().to_owned(),
        name: record.name.clone(),
        digest: record.digest.to_string(),
        alias: record.alias.clone(),
        team: record.team.as_ref().map(|team| team.as_str().to_owned()),
        user: record.user.clone(),
        agent: record.agent.as_ref().map(ToString::to_string),
        models: allowance.models.clone(),
        spend_usd: state.spend.as_usd(),
        reserved_usd: state.reserved.as_usd(),
        max_budget_usd: usd(allowance.max_budget),
        soft_budget_usd: usd(allowance.soft_budget),
        budget_duration: allowance.budget_duration.map(|period| period.to_string()),
        budget_resets_at_ms: state.budget_resets_at.map(Timestamp::as_millis),
        tpm: allowance.tpm,
        rpm: allowance.rpm,
        max_parallel: allowance.max_parallel,
        burst: allowance.burst,
        tokens_per_day: allowance.tokens_per_day,
        model_max_budget_usd: budgets
            .map(|(model, max): (&String, &Money)| (model.clone(), max.as_usd()))
            .collect(),
        metadata: record.metadata.clone(),
        blocked: record.is_blocked,
        expires_at_ms: record.expires.map(Timestamp::as_millis),
        expired: record.expires.is_some_and(|expires| expires <= now),
        created_at_ms: record.created.as_millis(),
        updated_at_ms: record.updated.as_millis(),
    }
}
