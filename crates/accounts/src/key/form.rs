//! How keys and teams look as JSON in their file: LiteLLM's names, amounts in dollars, times in RFC 3339.

use std::collections::BTreeMap;

use openclaw_types::{AgentId, Money, Timestamp};
use serde_json::{Map, Value, json};

use super::{KeyRecord, TeamRecord};
use crate::{
    allowance::Allowance,
    caller::{KeyId, TeamId},
    period::Period,
    secret::Digest,
};

/// A record's fields, taken out one by one; what is left at the end is unknown and kept.
struct Fields(Map<String, Value>);

/// Which field of a record is not what it should be.
pub(super) type Wrong = &'static str;

impl Fields {
    fn of(value: Value) -> Result<Self, Wrong> {
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err("record"),
        }
    }

    /// A field that may be absent or null, and must be readable when it is there.
    fn take<T>(
        &mut self,
        name: Wrong,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        match self.0.shift_remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(&value).map(Some).ok_or(name),
        }
    }

    fn need<T>(&mut self, name: Wrong, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, Wrong> {
        self.take(name, read)?.ok_or(name)
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse)
}

fn money(value: &Value) -> Option<Money> {
    value.as_f64().and_then(Money::from_usd)
}

fn object(value: &Value) -> Option<Map<String, Value>> {
    value.as_object().cloned()
}

fn agent(value: &Value) -> Option<AgentId> {
    value.as_str().and_then(|id| AgentId::parse(id).ok())
}

fn team(value: &Value) -> Option<TeamId> {
    value.as_str().map(TeamId::new)
}

fn list<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(read).collect()
}

fn table<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<BTreeMap<String, T>> {
    let pair = |(name, value): (&String, &Value)| Some((name.clone(), read(value)?));
    value.as_object()?.iter().map(pair).collect()
}

pub(super) fn read_key(value: Value) -> Result<KeyRecord, Wrong> {
    let mut fields = Fields::of(value)?;
    let created = fields.need("created_at", time)?;
    Ok(KeyRecord {
        id: fields.need("key_id", |id| id.as_str().map(KeyId::new))?,
        digest: fields.need("token", |hex| Digest::parse(hex.as_str()?))?,
        name: fields.need("key_name", text)?,
        alias: fields.take("key_alias", text)?,
        team: fields.take("team_id", team)?,
        user: fields.take("user_id", text)?,
        agent: fields.take("agent_id", agent)?,
        allowance: read_allowance(&mut fields)?,
        metadata: fields.take("metadata", object)?.unwrap_or_default(),
        expires: fields.take("expires", time)?,
        is_blocked: fields.take("blocked", Value::as_bool)?.unwrap_or(false),
        created,
        updated: fields.take("updated_at", time)?.unwrap_or(created),
        budget_anchor: fields.take("budget_anchor", time)?.unwrap_or(created),
        extra: fields.0,
    })
}

pub(super) fn read_team(value: Value) -> Result<TeamRecord, Wrong> {
    let mut fields = Fields::of(value)?;
    Ok(TeamRecord {
        id: fields.need("team_id", team)?,
        alias: fields.take("team_alias", text)?,
        allowance: read_allowance(&mut fields)?,
        is_blocked: fields.take("blocked", Value::as_bool)?.unwrap_or(false),
        metadata: fields.take("metadata", object)?.unwrap_or_default(),
        created: fields.need("created_at", time)?,
        extra: fields.0,
    })
}

fn read_allowance(fields: &mut Fields) -> Result<Allowance, Wrong> {
    let count = Value::as_u64;
    let percent = |value: &Value| value.as_u64().and_then(|percent| percent.try_into().ok());
    Ok(Allowance {
        max_budget: fields.take("max_budget", money)?,
        soft_budget: fields.take("soft_budget", money)?,
        budget_duration: fields.take("budget_duration", |value| Period::parse(value.as_str()?))?,
        tpm: fields.take("tpm_limit", count)?,
        rpm: fields.take("rpm_limit", count)?,
        max_parallel: fields.take("max_parallel_requests", count)?,
        burst: fields.take("burst_limit", count)?,
        tokens_per_day: fields.take("tokens_per_day", count)?,
        model_max_budget: fields
            .take("model_max_budget", |value| table(value, money))?
            .unwrap_or_default(),
        model_rpm: fields
            .take("model_rpm_limit", |value| table(value, count))?
            .unwrap_or_default(),
        model_tpm: fields
            .take("model_tpm_limit", |value| table(value, count))?
            .unwrap_or_default(),
        alert_at: fields
            .take("alert_at", |value| list(value, percent))?
            .unwrap_or_default(),
        models: fields
            .take("models", |value| list(value, text))?
            .unwrap_or_default(),
    })
}

pub(super) fn write_key(record: &KeyRecord) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "key_id", Some(record.id.as_str()));
    put(&mut fields, "token", Some(record.digest.to_string()));
    put(&mut fields, "key_name", Some(record.name.as_str()));
    put(&mut fields, "key_alias", record.alias.as_deref());
    put(
        &mut fields,
        "team_id",
        record.team.as_ref().map(TeamId::as_str),
    );
    put(&mut fields, "user_id", record.user.as_deref());
    put(
        &mut fields,
        "agent_id",
        record.agent.as_ref().map(AgentId::as_str),
    );
    write_allowance(&mut fields, &record.allowance);
    put_object(&mut fields, "metadata", &record.metadata);
    put(
        &mut fields,
        "expires",
        record.expires.map(|at| at.to_string()),
    );
    put(&mut fields, "blocked", record.is_blocked.then_some(true));
    put(&mut fields, "created_at", Some(record.created.to_string()));
    put(&mut fields, "updated_at", Some(record.updated.to_string()));
    put(
        &mut fields,
        "budget_anchor",
        Some(record.budget_anchor.to_string()),
    );
    fields.extend(record.extra.clone());
    Value::Object(fields)
}

pub(super) fn write_team(record: &TeamRecord) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "team_id", Some(record.id.as_str()));
    put(&mut fields, "team_alias", record.alias.as_deref());
    write_allowance(&mut fields, &record.allowance);
    put_object(&mut fields, "metadata", &record.metadata);
    put(&mut fields, "blocked", record.is_blocked.then_some(true));
    put(&mut fields, "created_at", Some(record.created.to_string()));
    fields.extend(record.extra.clone());
    Value::Object(fields)
}

fn write_allowance(fields: &mut Map<String, Value>, allowance: &Allowance) {
    put(
        fields,
        "max_budget",
        allowance.max_budget.map(Money::as_usd),
    );
    put(
        fields,
        "soft_budget",
        allowance.soft_budget.map(Money::as_usd),
    );
    let period = allowance.budget_duration.map(|period| period.to_string());
    put(fields, "budget_duration", period);
    put(fields, "tpm_limit", allowance.tpm);
    put(fields, "rpm_limit", allowance.rpm);
    put(fields, "max_parallel_requests", allowance.max_parallel);
    put(fields, "burst_limit", allowance.burst);
    put(fields, "tokens_per_day", allowance.tokens_per_day);
    let budgets = &allowance.model_max_budget;
    let budgets = budgets.iter().map(|(name, max)| (name, max.as_usd()));
    put_table(fields, "model_max_budget", budgets);
    let rpm = allowance
        .model_rpm
        .iter()
        .map(|(name, &limit)| (name, limit));
    put_table(fields, "model_rpm_limit", rpm);
    let tpm = allowance
        .model_tpm
        .iter()
        .map(|(name, &limit)| (name, limit));
    put_table(fields, "model_tpm_limit", tpm);
    let has_some = |list: Value| (list != json!([])).then_some(list);
    put(fields, "alert_at", has_some(json!(allowance.alert_at)));
    put(fields, "models", has_some(json!(allowance.models)));
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}

fn put_object(fields: &mut Map<String, Value>, name: &str, object: &Map<String, Value>) {
    put(fields, name, (!object.is_empty()).then(|| object.clone()));
}

fn put_table<'a, T: Into<Value>>(
    fields: &mut Map<String, Value>,
    name: &str,
    table: impl IntoIterator<Item = (&'a String, T)>,
) {
    let pairs = table.into_iter();
    let object: Map<String, Value> = pairs
        .map(|(name, value)| (name.clone(), value.into()))
        .collect();
    put_object(fields, name, &object);
}
