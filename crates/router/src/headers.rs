//! Headers of answers: what LiteLLM's clients read, and what a browser must not guess.

use http::{HeaderMap, HeaderName, HeaderValue};
use openclaw_accounts::{Accounts, Caller, Which};
use openclaw_models::exchange::{By, Gauges, Spent};
use openclaw_types::Money;

/// Which LiteLLM's behaviour is meant; clients look at the header, few at the number.
pub(crate) const LITELLM_VERSION: &str = "1.106.2";

/// Numbers below ten to this power are written with an exponent.
const PLAIN_EXPONENT_MIN: i32 = -4;

/// Sets a header; a value that can't be one is left out.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: impl std::fmt::Display) {
    if let Ok(value) = HeaderValue::try_from(format!("{value}")) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Dollars as LiteLLM writes them: the fewest digits that say the number, as Python's `repr` has them.
fn dollars(money: Money) -> String {
    if money == Money::ZERO {
        return "0.0".to_owned();
    }
    let usd = money.as_usd();
    let short = format!("{usd:e}");
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if usd != 0.0 && exponent < PLAIN_EXPONENT_MIN => {
            format!("{digits}e-{:02}", exponent.unsigned_abs())
        }
        _ if usd.fract() == 0.0 => format!("{usd}.0"),
        _ => usd.to_string(),
    }
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
    // Nothing is added to a price or taken off it, and tools cost nothing of their own here.
    let cost = spent.cost.unwrap_or(Money::ZERO);
    let output = spent.output_cost.unwrap_or(Money::ZERO);
    for (name, part) in [
        ("x-litellm-response-cost-original", cost),
        ("x-litellm-response-cost-discount-amount", Money::ZERO),
        ("x-litellm-response-cost-margin-amount", Money::ZERO),
        ("x-litellm-response-cost-margin-percent", Money::ZERO),
        ("x-litellm-response-cost-input", cost.saturating_sub(output)),
        ("x-litellm-response-cost-output", output),
        ("x-litellm-response-cost-tool-usage", Money::ZERO),
    ] {
        set(headers, name, dollars(part));
    }
    // No program is called when an answer has been given.
    set(headers, "x-litellm-callback-duration-ms", "0.0");
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
    for (gauge, kind) in [(gauges.requests, "requests"), (gauges.tokens, "tokens")] {
        let Some(gauge) = gauge else {
            continue;
        };
        for (word, value) in [("limit", gauge.limit), ("remaining", gauge.remaining)] {
            let name = format!("x-ratelimit-{}-{word}-{kind}", gauge.holder);
            if let Ok(name) = HeaderName::try_from(name) {
                headers.insert(name, HeaderValue::from(value));
            }
        }
    }
}

/// The server's own headers, under the prefix that tells them from ours, and the few that clients know by name.
pub(crate) fn of_server(headers: &mut HeaderMap, upstream: &HeaderMap) {
    for (name, value) in upstream {
        if let Ok(prefixed) = HeaderName::try_from(format!("llm_provider-{name}")) {
            headers.append(prefixed, value.clone());
        }
        if name.as_str().starts_with("x-ratelimit-") && !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    // Anthropic's clients look for the id under its shorter name.
    if let (Some(id), None) = (upstream.get("x-request-id"), upstream.get("request-id")) {
        headers.insert("request-id", id.clone());
        headers.insert("llm_provider-request-id", id.clone());
    }
}
