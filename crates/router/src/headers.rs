//! Headers of answers: what LiteLLM's clients read, and what a browser must not guess.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use openclaw_accounts::{Accounts, Caller, Which};
use openclaw_models::exchange::{By, Gauges, Spent};
use openclaw_types::Money;

/// Which LiteLLM's behaviour is meant; clients look at the header, few at the number.
pub(crate) const LITELLM_VERSION: &str = "1.106.2";

/// Sets a header; a value that can't be one is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: impl std::fmt::Display) {
    if let Ok(value) = HeaderValue::try_from(format!("{value}")) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Dollars as LiteLLM writes them.
fn dollars(money: Money) -> f64 {
    money.as_usd()
}

/// The headers that name a call, whatever comes of it.
pub(crate) fn of_call(call_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    set(&mut headers, "x-litellm-call-id", call_id);
    headers
}

/// Who answered. Where a server is, only the owner is told.
pub(crate) fn of_answer(headers: &mut HeaderMap, by: &By, is_owner: bool) {
    set(headers, "x-litellm-model-id", &by.deployment);
    set(
        headers,
        "x-litellm-model-name",
        format!("{}/{}", by.provider, by.model),
    );
    if is_owner && !by.api_base.is_empty() {
        set(headers, "x-litellm-model-api-base", &by.api_base);
    }
    set(headers, "x-litellm-version", LITELLM_VERSION);
    set(headers, "x-litellm-model-group", &by.group);
    set(headers, "x-litellm-attempted-retries", by.retries);
    set(headers, "x-litellm-attempted-fallbacks", by.fallbacks);
    if by.is_cached {
        set(headers, "x-litellm-cache-hit", "True");
    }
}

/// What an answer cost, where it has ended, and how long it took.
pub(crate) fn of_spent(headers: &mut HeaderMap, spent: &Spent) {
    if let Some(cost) = spent.cost {
        set(headers, "x-litellm-response-cost", dollars(cost));
    }
    set(headers, "x-litellm-response-duration-ms", spent.ms);
    let own = spent.ms.saturating_sub(spent.upstream_ms);
    set(headers, "x-litellm-overhead-duration-ms", own);
}

/// What the caller's key has spent and may spend.
pub(crate) fn of_key(
    headers: &mut HeaderMap,
    accounts: &Accounts,
    caller: &Caller,
    spent: Option<Money>,
) {
    let Caller::Key(id) = caller else {
        set(headers, "x-litellm-key-spend", dollars(Money::ZERO));
        return;
    };
    let Ok(state) = accounts.info(&Which::Id(id)) else {
        return;
    };
    set(
        headers,
        "x-litellm-key-spend",
        dollars(spent.unwrap_or(state.spend)),
    );
    let allowance = &state.record.allowance;
    if let Some(max) = allowance.max_budget {
        set(headers, "x-litellm-key-max-budget", dollars(max));
    }
    if let Some(rpm) = allowance.rpm {
        set(headers, "x-litellm-key-rpm-limit", rpm);
    }
    if let Some(tpm) = allowance.tpm {
        set(headers, "x-litellm-key-tpm-limit", tpm);
    }
}

/// What is left of the caller's limits.
pub(crate) fn of_gauges(headers: &mut HeaderMap, gauges: &Gauges) {
    if let Some(gauge) = gauges.requests {
        set(headers, "x-ratelimit-limit-requests", gauge.limit);
        set(headers, "x-ratelimit-remaining-requests", gauge.remaining);
    }
    if let Some(gauge) = gauges.tokens {
        set(headers, "x-ratelimit-limit-tokens", gauge.limit);
        set(headers, "x-ratelimit-remaining-tokens", gauge.remaining);
    }
}

/// The server's own headers, under the prefix that tells them from ours, and the few that clients know by name.
pub(crate) fn of_server(headers: &mut HeaderMap, upstream: &HeaderMap) {
    for (name, value) in upstream {
        if *name == header::CONTENT_LENGTH || *name == header::CONTENT_TYPE {
            continue;
        }
        if let Ok(prefixed) = HeaderName::try_from(format!("llm_provider-{name}")) {
            headers.append(prefixed, value.clone());
        }
        if name.as_str().starts_with("x-ratelimit-") && !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
}
