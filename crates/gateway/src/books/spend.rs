//! What was spent, in sums and call by call.

use openclaw_accounts::{
    Accounts, Dimension, KeyId, LOGS_MAX, LogEntry, Query, Row, Tally, TeamId, Which,
};
use openclaw_types::{AgentId, Timestamp};
use openclaw_wire::{
    ErrorShape,
    methods::router::{
        CallRow, SpendFilter, SpendLogsParams, SpendLogsResult, SpendParams, SpendResult, SpendRow,
        SpendTally,
    },
};

use super::{Books, alias, failed, usd, wrong};

/// Rows in one answer; of more, those that cost most are shown.
const ROWS_MAX: usize = 2_000;
/// Calls on one page unless the asker says, and at most.
const PAGE: u64 = 100;
const PAGE_MAX: u64 = 1_000;

/// What was spent, broken down.
///
/// # Errors
/// When something is said wrong, or there is no such key.
pub fn spend(accounts: &dyn Books, params: &SpendParams) -> Result<SpendResult, ErrorShape> {
    let by = params.by.iter().map(|word| dimension(word));
    let by: Vec<Dimension> = by.collect::<Result<_, _>>()?;
    let report = accounts.spend(&query(accounts, &params.filter)?, &by);
    // Without anything to break it down by, the total says all.
    let rows = if by.is_empty() {
        Vec::new()
    } else {
        report.rows
    };
    let hidden = rows.len().saturating_sub(ROWS_MAX);
    Ok(SpendResult {
        rows: costliest(rows)
            .iter()
            .map(|row| told(accounts, row))
            .collect(),
        total: tally(&report.total),
        hidden: hidden as u64,
    })
}

/// Single calls, the last one first. Reads files.
///
/// # Errors
/// When something is said wrong, there is no such key, or the ledger can't be read.
pub fn logs(
    accounts: &Accounts,
    params: &SpendLogsParams,
    now: Timestamp,
) -> Result<SpendLogsResult, ErrorShape> {
    let mut query = query(accounts, &params.filter)?;
    let until = *query.until.get_or_insert(Timestamp(now.as_millis() + 1));
    let limit = params.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let offset = params.offset.unwrap_or(0);
    let end = offset.saturating_add(limit);
    // One more tells whether there is another page.
    let count = usize::try_from(end.saturating_add(1)).unwrap_or(usize::MAX);
    let found = accounts.logs(&query, count);
    let found = found.map_err(|error| failed(&error))?;
    let first = usize::try_from(offset).unwrap_or(usize::MAX);
    let page = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() as u64 > end && end < LOGS_MAX as u64;
    Ok(SpendLogsResult {
        calls: found.iter().skip(first).take(page).map(call).collect(),
        until_ms: until.as_millis(),
        next_offset: has_more.then_some(end),
    })
}

fn dimension(word: &str) -> Result<Dimension, ErrorShape> {
    let found = Dimension::ALL.into_iter().find(|by| by.word() == word);
    found.ok_or_else(|| {
        let known: Vec<&str> = Dimension::ALL.into_iter().map(Dimension::word).collect();
        ErrorShape::invalid(format!(
            "`by` names {word:?}, which is none of {}",
            known.join(", ")
        ))
    })
}

fn query(accounts: &dyn Books, filter: &SpendFilter) -> Result<Query, ErrorShape> {
    let agent = filter.agent.as_deref().map(AgentId::parse).transpose();
    let key = filter.key.as_deref().map(|named| key(accounts, named));
    Ok(Query {
        since: filter.since_ms.map(Timestamp),
        until: filter.until_ms.map(Timestamp),
        key: key.transpose()?,
        team: filter.team.as_deref().map(TeamId::new),
        agent: agent.map_err(|_error| wrong("agent", "the id of an agent"))?,
        group: filter.group.clone(),
        provider: filter.provider.clone(),
        model: filter.model.clone(),
    })
}

/// A key that is there by whatever names it, one that was given up by its id.
fn key(accounts: &dyn Books, named: &str) -> Result<KeyId, ErrorShape> {
    let missing = match accounts.info(&Which::Named(named)) {
        Ok(state) => return Ok(state.record.id),
        Err(error) => error,
    };
    let query = Query {
        key: Some(KeyId::new(named)),
        ..Query::default()
    };
    if accounts.spend(&query, &[]).total.requests == 0 {
        return Err(failed(&missing));
    }
    Ok(KeyId::new(named))
}

/// No more rows than are shown, in their order.
fn costliest(rows: Vec<Row>) -> Vec<Row> {
    if rows.len() <= ROWS_MAX {
        return rows;
    }
    let mut costs: Vec<_> = rows.iter().map(|row| row.tally.cost).collect();
    costs.sort_unstable_by(|one, other| other.cmp(one));
    let least = costs.get(ROWS_MAX - 1).copied().unwrap_or_default();
    let dearer = rows.iter().filter(|row| row.tally.cost > least).count();
    let mut equal = ROWS_MAX - dearer;
    let keeps = |row: &Row| {
        let is_kept = row.tally.cost > least || (row.tally.cost == least && equal > 0);
        if row.tally.cost == least {
            equal = equal.saturating_sub(1);
        }
        is_kept
    };
    let mut rows = rows;
    rows.retain(keeps);
    rows
}

fn told(accounts: &dyn Books, row: &Row) -> SpendRow {
    let key_alias = row.key.as_deref().filter(|key| !key.is_empty());
    SpendRow {
        day: row.day.clone(),
        key_alias: key_alias.and_then(|key| alias(accounts, &KeyId::new(key))),
        key: row.key.clone(),
        team: row.team.clone(),
        agent: row.agent.clone(),
        group: row.group.clone(),
        provider: row.provider.clone(),
        model: row.model.clone(),
        tally: tally(&row.tally),
    }
}

fn tally(tally: &Tally) -> SpendTally {
    SpendTally {
        cost_usd: tally.cost.as_usd(),
        requests: tally.requests,
        failures: tally.failures,
        unpriced: tally.unpriced,
        unsettled: tally.unsettled,
        input_tokens: tally.usage.input_tokens,
        output_tokens: tally.usage.output_tokens,
        cached_tokens: tally.usage.cached_tokens,
    }
}

fn call(entry: &LogEntry) -> CallRow {
    CallRow {
        at_ms: entry.at.as_millis(),
        request_id: entry.request_id.clone(),
        key: entry.key.as_ref().map(|key| key.as_str().to_owned()),
        team: entry.team.as_ref().map(|team| team.as_str().to_owned()),
        agent: entry.agent.as_ref().map(ToString::to_string),
        user: entry.user.clone(),
        tags: entry.tags.clone(),
        group: entry.group.clone(),
        provider: entry.provider.clone(),
        model: entry.model.clone(),
        deployment: entry.deployment.clone(),
        input_tokens: entry.usage.map(|usage| usage.input_tokens),
        output_tokens: entry.usage.map(|usage| usage.output_tokens),
        cost_usd: usd(entry.cost),
        estimate: entry.is_estimate,
        unsettled: entry.is_unsettled,
        status: entry.status,
        ms: entry.ms,
        first_ms: entry.first_ms,
    }
}
