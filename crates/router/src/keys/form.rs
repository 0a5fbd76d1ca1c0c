//! A key's record in LiteLLM's words, both ways: dollars, RFC 3339 times, and `null` for what is not limited.

use std::collections::BTreeMap;

use openclaw_accounts::{
    Allowance, KeyRecord, KeyState, NewKey, Period, Secret, TeamId, period::length_ms,
};
use openclaw_types::{AgentId, Money, Timestamp};
use serde_json::{Map, Value, json};

use crate::error::Refusal;

/// What a client says of a key, read one field after the other.
#[derive(Debug)]
pub(super) struct Form(Map<String, Value>);

/// Fields of LiteLLM's that mean nothing here and change nothing.
const WITHOUT_EFFECT: [&str; 6] = [
    "key_type",
    "send_invite_email",
    "organization_id",
    "project_id",
    "auto_rotate",
    "config",
];

impl Form {
    /// Takes what a client says; a field that nobody knows is named, so that a misspelt limit is not silently none.
    pub(super) fn read(asked: Map<String, Value>) -> Result<Self, Refusal> {
        const KNOWN: [&str; 26] = [
            "key",
            "token",
            "key_alias",
            "models",
            "max_budget",
            "soft_budget",
            "budget_duration",
            "duration",
            "expires",
            "tpm_limit",
            "rpm_limit",
            "max_parallel_requests",
            "burst_limit",
            "tokens_per_day",
            "model_max_budget",
            "model_rpm_limit",
            "model_tpm_limit",
            "team_id",
            "user_id",
            "agent_id",
            "metadata",
            "blocked",
            "aliases",
            "permissions",
            "tags",
            "spend",
        ];
        let is_known = |name: &str| KNOWN.contains(&name) || WITHOUT_EFFECT.contains(&name);
        match asked.keys().find(|name| !is_known(name)) {
            Some(name) => Err(wrong(name, "a field that is known here")),
            None => Ok(Self(asked)),
        }
    }

    /// Which key is meant.
    pub(super) fn key(&self) -> Option<String> {
        let key = self.0.get("key").or_else(|| self.0.get("token"));
        key.and_then(Value::as_str).map(str::to_owned)
    }

    /// A new key.
    pub(super) fn into_new(self, now: Timestamp) -> Result<NewKey, Refusal> {
        let key = self.key().map(|key| Secret::new(&key));
        let mut record = Record::default();
        self.fill(&mut record, now)?;
        Ok(NewKey {
            key,
            alias: record.alias,
            team: record.team,
            user: record.user,
            agent: record.agent,
            allowance: record.allowance,
            metadata: record.metadata,
            expires: record.expires,
            is_blocked: record.is_blocked,
        })
    }

    /// What becomes of a key that is there.
    pub(super) fn into_change(
        self,
        now: Timestamp,
    ) -> Result<impl FnOnce(&mut KeyRecord), Refusal> {
        // Read once beforehand, so that nothing can be wrong any more when the record is at hand.
        self.fill(&mut Record::default(), now)?;
        Ok(move |record: &mut KeyRecord| {
            let mut changed = Record {
                alias: record.alias.clone(),
                team: record.team.clone(),
                user: record.user.clone(),
                agent: record.agent.clone(),
                allowance: record.allowance.clone(),
                metadata: record.metadata.clone(),
                expires: record.expires,
                is_blocked: record.is_blocked,
            };
            if self.fill(&mut changed, now).is_ok() {
                record.alias = changed.alias;
                record.team = changed.team;
                record.user = changed.user;
                record.agent = changed.agent;
                record.allowance = changed.allowance;
                record.metadata = changed.metadata;
                record.expires = changed.expires;
                record.is_blocked = changed.is_blocked;
            }
        })
    }

    fn fill(&self, record: &mut Record, now: Timestamp) -> Result<(), Refusal> {
        self.text("key_alias", &mut record.alias, |text| Some(text.to_owned()))?;
        self.text("team_id", &mut record.team, |text| Some(TeamId::new(text)))?;
        self.text("user_id", &mut record.user, |text| Some(text.to_owned()))?;
        self.text("agent_id", &mut record.agent, |text| {
            AgentId::parse(text).ok()
        })?;
        self.text("expires", &mut record.expires, Timestamp::parse)?;
        self.text("duration", &mut record.expires, |text| {
            let ms = length_ms(text)?;
            Some(Timestamp(now.as_millis().checked_add(ms)?))
        })?;
        if let Some(stated) = self.0.get("blocked") {
            record.is_blocked = stated
                .as_bool()
                .ok_or_else(|| wrong("blocked", "true or false"))?;
        }
        match self.0.get("metadata") {
            None => {}
            Some(Value::Null) => record.metadata.clear(),
            Some(Value::Object(metadata)) => record.metadata.clone_from(metadata),
            Some(_) => return Err(wrong("metadata", "an object")),
        }
        self.limits(&mut record.allowance)
    }

    fn limits(&self, allowance: &mut Allowance) -> Result<(), Refusal> {
        let money = |value: &Value| value.as_f64().and_then(Money::from_usd);
        const DOLLARS: &str = "a number of dollars";
        const COUNT: &str = "a whole number";
        self.value("max_budget", DOLLARS, &mut allowance.max_budget, money)?;
        self.value("soft_budget", DOLLARS, &mut allowance.soft_budget, money)?;
        self.text(
            "budget_duration",
            &mut allowance.budget_duration,
            Period::parse,
        )?;
        for (name, limit) in [
            ("tpm_limit", &mut allowance.tpm),
            ("rpm_limit", &mut allowance.rpm),
            ("max_parallel_requests", &mut allowance.max_parallel),
            ("burst_limit", &mut allowance.burst),
            ("tokens_per_day", &mut allowance.tokens_per_day),
        ] {
            self.value(name, COUNT, limit, Value::as_u64)?;
        }
        // LiteLLM's newer form says more of each budget.
        let budget = |value: &Value| money(value).or_else(|| money(&value["budget_limit"]));
        self.table("model_max_budget", &mut allowance.model_max_budget, budget)?;
        self.table("model_rpm_limit", &mut allowance.model_rpm, Value::as_u64)?;
        self.table("model_tpm_limit", &mut allowance.model_tpm, Value::as_u64)?;
        match self.0.get("models") {
            None => {}
            Some(Value::Null) => allowance.models.clear(),
            Some(stated) => {
                let names: Vec<String> = serde_json::from_value(stated.clone())
                    .map_err(|_error| wrong("models", "a list of model names"))?;
                // LiteLLM's word for no restriction.
                allowance.models = match names.iter().any(|name| name == "all-proxy-models") {
                    true => Vec::new(),
                    false => names,
                };
            }
        }
        Ok(())
    }

    /// A field that is absent, `null` for none, or readable.
    fn value<T>(
        &self,
        name: &str,
        expected: &'static str,
        into: &mut Option<T>,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<(), Refusal> {
        match self.0.get(name) {
            None => {}
            Some(Value::Null) => *into = None,
            Some(value) => *into = Some(read(value).ok_or_else(|| wrong(name, expected))?),
        }
        Ok(())
    }

    fn text<T>(
        &self,
        name: &str,
        into: &mut Option<T>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<(), Refusal> {
        let expected = match name {
            "budget_duration" => "a time such as `30d`, `12h`, `1mo` or `daily`",
            "duration" => "a time such as `30d`, `12h` or `90s`",
            "expires" => "a time as in 2026-01-31T12:00:00Z",
            "agent_id" => "the id of an agent",
            _ => "a text",
        };
        self.value(name, expected, into, |value| value.as_str().and_then(&read))
    }

    fn table<T>(
        &self,
        name: &str,
        into: &mut BTreeMap<String, T>,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<(), Refusal> {
        let expected = "an object of models and numbers";
        match self.0.get(name) {
            None => {}
            Some(Value::Null) => into.clear(),
            Some(Value::Object(stated)) => {
                let rows = stated.iter().map(|(model, value)| {
                    let value = read(value).ok_or_else(|| wrong(name, expected))?;
                    Ok((model.clone(), value))
                });
                *into = rows.collect::<Result<_, Refusal>>()?;
            }
            Some(_) => return Err(wrong(name, expected)),
        }
        Ok(())
    }
}

/// What a form fills.
#[derive(Debug, Default)]
struct Record {
    alias: Option<String>,
    team: Option<TeamId>,
    user: Option<String>,
    agent: Option<AgentId>,
    allowance: Allowance,
    metadata: Map<String, Value>,
    expires: Option<Timestamp>,
    is_blocked: bool,
}

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::Wrong {
        message: format!("`{name}` must be {expected}"),
        param: name.to_owned(),
    }
}

/// Everything about a key but the key.
pub(super) fn told(state: &KeyState) -> Value {
    let record = &state.record;
    let allowance = &record.allowance;
    let dollars = |money: Option<Money>| money.map(Money::as_usd);
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let budgets: BTreeMap<&String, f64> = allowance
        .model_max_budget
        .iter()
        .map(|(model, max)| (model, max.as_usd()))
        .collect();
    json!({
        "token": record.digest.to_string(),
        "token_id": record.id.as_str(),
        "key_name": record.name,
        "key_alias": record.alias,
        "spend": state.spend.as_usd(),
        "reserved": state.reserved.as_usd(),
        "max_budget": dollars(allowance.max_budget),
        "soft_budget": dollars(allowance.soft_budget),
        "budget_duration": allowance.budget_duration.map(|period| period.to_string()),
        "budget_reset_at": time(state.budget_resets_at),
        "models": allowance.models,
        "tpm_limit": allowance.tpm,
        "rpm_limit": allowance.rpm,
        "max_parallel_requests": allowance.max_parallel,
        "burst_limit": allowance.burst,
        "tokens_per_day": allowance.tokens_per_day,
        "model_max_budget": budgets,
        "model_rpm_limit": allowance.model_rpm,
        "model_tpm_limit": allowance.model_tpm,
        "team_id": record.team.as_ref().map(TeamId::as_str),
        "user_id": record.user,
        "agent_id": record.agent.as_ref().map(AgentId::as_str),
        "metadata": record.metadata,
        "blocked": record.is_blocked,
        "expires": time(record.expires),
        "created_at": record.created.to_string(),
        "updated_at": record.updated.to_string(),
    })
}
