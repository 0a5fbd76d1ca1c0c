//! `router.*`: who may spend what on models, what was spent, and how whatever answers is.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_accounts::{Accounts, Query, Status};
use openclaw_models::models::Inventory;
use openclaw_types::Timestamp;
use openclaw_wire::{
    ErrorShape,
    methods::{
        Empty,
        router::{
            CacheState, KeyForm, KeyGenerated, KeyParams, KeyResult, KeyUpdate, KeysListParams,
            KeysListResult, KeysState, LedgerState, RouterBrief, RouterBudgetsResult,
            RouterHealthResult, SpendLogsParams, SpendLogsResult, SpendParams, SpendResult,
        },
    },
};

use super::{Call, blocking, models::groups};
use crate::{books, report, state::State};

/// A day of UTC.
const DAY_MS: i64 = 86_400_000;

/// What needs the accounts and may wait for a disk.
async fn with_accounts<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&Accounts, Timestamp) -> Result<T, ErrorShape> + Send + 'static,
) -> Result<T, ErrorShape> {
    let (accounts, now) = (call.state.accounts.clone(), call.state.env.now());
    blocking(move || work(&accounts, now)).await
}

/// Makes a key and shows it, this once.
pub(crate) async fn generate(call: Arc<Call>, form: KeyForm) -> Result<KeyGenerated, ErrorShape> {
    with_accounts(&call, move |accounts, now| {
        books::generate(accounts, &form, now)
    })
    .await
}

/// The keys.
pub(crate) fn list(call: &Call, params: &KeysListParams) -> Result<KeysListResult, ErrorShape> {
    books::list(&call.state.accounts, params, call.state.env.now())
}

/// One key.
pub(crate) fn info(call: &Call, params: &KeyParams) -> Result<KeyResult, ErrorShape> {
    books::info(&call.state.accounts, &params.key, call.state.env.now())
}

/// Changes a key.
pub(crate) async fn update(call: Arc<Call>, params: KeyUpdate) -> Result<KeyResult, ErrorShape> {
    with_accounts(&call, move |accounts, now| {
        books::update(accounts, &params, now)
    })
    .await
}

/// Gives a key up.
pub(crate) async fn delete(call: Arc<Call>, params: KeyParams) -> Result<KeyResult, ErrorShape> {
    with_accounts(&call, move |accounts, now| {
        books::delete(accounts, &params.key, now)
    })
    .await
}

/// Stops a key.
pub(crate) async fn block(call: Arc<Call>, params: KeyParams) -> Result<KeyResult, ErrorShape> {
    with_accounts(&call, move |accounts, now| {
        books::block(accounts, &params.key, true, now)
    })
    .await
}

/// Lets it work again.
pub(crate) async fn unblock(call: Arc<Call>, params: KeyParams) -> Result<KeyResult, ErrorShape> {
    with_accounts(&call, move |accounts, now| {
        books::block(accounts, &params.key, false, now)
    })
    .await
}

/// What was spent, broken down.
pub(crate) async fn spend(call: Arc<Call>, params: SpendParams) -> Result<SpendResult, ErrorShape> {
    // Nothing is read from a disk, but years of days may be summed up.
    with_accounts(&call, move |accounts, _now| books::spend(accounts, &params)).await
}

/// Single calls.
pub(crate) async fn logs(
    call: Arc<Call>,
    params: SpendLogsParams,
) -> Result<SpendLogsResult, ErrorShape> {
    with_accounts(&call, move |accounts, now| {
        books::logs(accounts, &params, now)
    })
    .await
}

/// What may still be spent.
pub(crate) fn budgets(call: &Call, _params: &Empty) -> Result<RouterBudgetsResult, ErrorShape> {
    Ok(books::budgets(&call.state.accounts))
}

/// The router in a few words, for the gateway's status.
pub(crate) fn brief(state: &State) -> RouterBrief {
    let inventory = state.models.inventory();
    let all = inventory.groups.iter().flat_map(|group| &group.deployments);
    // The same model may be in several groups.
    let each: BTreeMap<_, _> = all
        .map(|known| (&known.deployment.spot, known.resting))
        .collect();
    let cooling = each.values().filter(|resting| resting.is_some()).count();
    let now = state.env.now().as_millis();
    let today = Query {
        since: Some(Timestamp(now - now.rem_euclid(DAY_MS))),
        ..Query::default()
    };
    let budgets = books::budgets(&state.accounts).budgets;
    let cache = state.models.cache_state();
    RouterBrief {
        listen: state.router_address.get().map(ToString::to_string),
        ready: is_ready(&inventory, &state.accounts.status()),
        up: report::count(each.len() - cooling),
        cooling: report::count(cooling),
        spent_today_usd: state.accounts.spend(&today, &[]).total.cost.as_usd(),
        alerts: budgets
            .into_iter()
            .filter(|budget| !budget.reached.is_empty())
            .collect(),
        cache: cache.map(|cache| CacheState {
            kind: cache.kind.to_owned(),
            ok: cache.is_usable,
            detail: cache.detail,
        }),
    }
}

fn is_ready(inventory: &Inventory, accounts: &Status) -> bool {
    let has_models = !inventory.groups.is_empty() || !inventory.patterns.is_empty();
    has_models && accounts.ledger_failure.is_none()
}

/// Everything as calls have shown it; nobody is called for it.
pub(crate) fn health(call: &Call, _params: &Empty) -> Result<RouterHealthResult, ErrorShape> {
    let state = &call.state;
    let inventory = state.models.inventory();
    let accounts = state.accounts.status();
    let ready = is_ready(&inventory, &accounts);
    let (count, failure) = match accounts.keys {
        Ok(count) => (count as u64, None),
        Err(failure) => (0, Some(failure)),
    };
    Ok(RouterHealthResult {
        ready,
        groups: groups(&state.config, &inventory),
        patterns: inventory.patterns.iter().map(ToString::to_string).collect(),
        aliases: inventory.aliases.into_iter().collect(),
        keys: KeysState { count, failure },
        ledger: LedgerState {
            ok: accounts.ledger_failure.is_none(),
            failure: accounts.ledger_failure,
            lines_damaged: accounts.lines_damaged,
            lines_lost: accounts.lines_lost,
            unsettled: accounts.unsettled,
        },
        listen: state.router_address.get().map(ToString::to_string),
    })
}
