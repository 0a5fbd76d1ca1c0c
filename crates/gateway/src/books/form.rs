//! What a client says of a key, checked before anything is changed.

use std::collections::BTreeMap;

use openclaw_accounts::{Allowance, KeyRecord, NewKey, Period, TeamId, period::length_ms};
use openclaw_types::{AgentId, Money, Timestamp};
use openclaw_wire::{ErrorShape, methods::router::KeyForm};
use serde_json::{Map, Value};

use super::wrong;

const DOLLARS: &str = "a number of dollars, zero or more";
const PERIOD: &str = "a time such as `30d`, `12h`, `1mo` or `daily`";
const LENGTH: &str = "a time such as `30d`, `12h` or `90s`";
const NAME: &str = "a text that is not empty";

/// A form that can be applied without fail.
#[derive(Debug)]
pub(super) struct Change {
    form: KeyForm,
    agent: Option<AgentId>,
    max_budget: Option<Money>,
    soft_budget: Option<Money>,
    model_max_budget: Option<BTreeMap<String, Money>>,
    period: Option<Period>,
    expires: Option<Timestamp>,
    unset: Vec<Field>,
}

/// What can be taken back.
#[derive(Debug, Clone, Copy)]
enum Field {
    Alias,
    Team,
    User,
    Agent,
    Models,
    MaxBudget,
    SoftBudget,
    BudgetDuration,
    Duration,
    Tpm,
    Rpm,
    MaxParallel,
    Burst,
    TokensPerDay,
    ModelMaxBudget,
    Metadata,
}

const FIELDS: [(&str, Field); 16] = [
    ("alias", Field::Alias),
    ("team", Field::Team),
    ("user", Field::User),
    ("agent", Field::Agent),
    ("models", Field::Models),
    ("maxBudgetUsd", Field::MaxBudget),
    ("softBudgetUsd", Field::SoftBudget),
    ("budgetDuration", Field::BudgetDuration),
    ("duration", Field::Duration),
    ("tpm", Field::Tpm),
    ("rpm", Field::Rpm),
    ("maxParallel", Field::MaxParallel),
    ("burst", Field::Burst),
    ("tokensPerDay", Field::TokensPerDay),
    ("modelMaxBudgetUsd", Field::ModelMaxBudget),
    ("metadata", Field::Metadata),
];

/// The parts of a key that a form says something of.
struct Parts<'a> {
    alias: &'a mut Option<String>,
    team: &'a mut Option<TeamId>,
    user: &'a mut Option<String>,
    agent: &'a mut Option<AgentId>,
    allowance: &'a mut Allowance,
    metadata: &'a mut Map<String, Value>,
    expires: &'a mut Option<Timestamp>,
    is_blocked: &'a mut bool,
}

impl Change {
    /// Checks everything that is said.
    pub(super) fn read(
        form: KeyForm,
        unset: &[String],
        now: Timestamp,
    ) -> Result<Self, ErrorShape> {
        for (name, text) in [
            ("alias", &form.alias),
            ("team", &form.team),
            ("user", &form.user),
        ] {
            if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
                return Err(wrong(name, NAME));
            }
        }
        let models = form.model_max_budget_usd.as_ref().map(|table| {
            let rows = table.iter().map(|(model, &usd)| {
                let money = dollars("modelMaxBudgetUsd", Some(usd))?;
                Ok((model.clone(), money.unwrap_or_default()))
            });
            rows.collect::<Result<_, ErrorShape>>()
        });
        let later = |text: &str| {
            let ms = length_ms(text)?;
            Some(Timestamp(now.as_millis().checked_add(ms)?))
        };
        Ok(Self {
            agent: read(
                "agent",
                "the id of an agent",
                form.agent.as_deref(),
                |text| AgentId::parse(text).ok(),
            )?,
            max_budget: dollars("maxBudgetUsd", form.max_budget_usd)?,
            soft_budget: dollars("softBudgetUsd", form.soft_budget_usd)?,
            model_max_budget: models.transpose()?,
            period: read(
                "budgetDuration",
                PERIOD,
                form.budget_duration.as_deref(),
                Period::parse,
            )?,
            expires: read("duration", LENGTH, form.duration.as_deref(), later)?,
            unset: unset
                .iter()
                .map(|name| field(name))
                .collect::<Result<_, _>>()?,
            form,
        })
    }

    /// A key that is to be made.
    pub(super) fn into_new(self) -> NewKey {
        let mut new = NewKey::default();
        self.apply(&mut Parts {
            alias: &mut new.alias,
            team: &mut new.team,
            user: &mut new.user,
            agent: &mut new.agent,
            allowance: &mut new.allowance,
            metadata: &mut new.metadata,
            expires: &mut new.expires,
            is_blocked: &mut new.is_blocked,
        });
        new
    }

    /// Changes a key that is there.
    pub(super) fn onto(self, record: &mut KeyRecord) {
        self.apply(&mut Parts {
            alias: &mut record.alias,
            team: &mut record.team,
            user: &mut record.user,
            agent: &mut record.agent,
            allowance: &mut record.allowance,
            metadata: &mut record.metadata,
            expires: &mut record.expires,
            is_blocked: &mut record.is_blocked,
        });
    }

    fn apply(self, parts: &mut Parts<'_>) {
        for field in &self.unset {
            clear(*field, parts);
        }
        let form = self.form;
        put(parts.alias, form.alias);
        put(parts.team, form.team.as_deref().map(TeamId::new));
        put(parts.user, form.user);
        put(parts.agent, self.agent);
        put(parts.expires, self.expires);
        let allowance = &mut *parts.allowance;
        put(&mut allowance.max_budget, self.max_budget);
        put(&mut allowance.soft_budget, self.soft_budget);
        put(&mut allowance.budget_duration, self.period);
        put(&mut allowance.tpm, form.tpm);
        put(&mut allowance.rpm, form.rpm);
        put(&mut allowance.max_parallel, form.max_parallel);
        put(&mut allowance.burst, form.burst);
        put(&mut allowance.tokens_per_day, form.tokens_per_day);
        if let Some(budgets) = self.model_max_budget {
            allowance.model_max_budget = budgets;
        }
        if let Some(models) = form.models {
            allowance.models = models;
        }
        if let Some(metadata) = form.metadata {
            *parts.metadata = metadata;
        }
        if let Some(is_blocked) = form.blocked {
            *parts.is_blocked = is_blocked;
        }
    }
}

fn put<T>(into: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *into = value;
    }
}

fn clear(field: Field, parts: &mut Parts<'_>) {
    let allowance = &mut *parts.allowance;
    match field {
        Field::Alias => *parts.alias = None,
        Field::Team => *parts.team = None,
        Field::User => *parts.user = None,
        Field::Agent => *parts.agent = None,
        Field::Models => allowance.models.clear(),
        Field::MaxBudget => allowance.max_budget = None,
        Field::SoftBudget => allowance.soft_budget = None,
        Field::BudgetDuration => allowance.budget_duration = None,
        Field::Duration => *parts.expires = None,
        Field::Tpm => allowance.tpm = None,
        Field::Rpm => allowance.rpm = None,
        Field::MaxParallel => allowance.max_parallel = None,
        Field::Burst => allowance.burst = None,
        Field::TokensPerDay => allowance.tokens_per_day = None,
        Field::ModelMaxBudget => allowance.model_max_budget.clear(),
        Field::Metadata => parts.metadata.clear(),
    }
}

fn field(name: &str) -> Result<Field, ErrorShape> {
    let found = FIELDS.iter().find(|(known, _)| *known == name);
    found.map(|(_, field)| *field).ok_or_else(|| {
        let known: Vec<&str> = FIELDS.iter().map(|(known, _)| *known).collect();
        ErrorShape::invalid(format!(
            "`unset` names {name:?}, which is none of {}",
            known.join(", ")
        ))
    })
}

fn dollars(name: &str, usd: Option<f64>) -> Result<Option<Money>, ErrorShape> {
    let money = usd.map(|usd| Money::from_usd(usd).ok_or_else(|| wrong(name, DOLLARS)));
    money.transpose()
}

fn read<T>(
    name: &str,
    expected: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ErrorShape> {
    text.map(|text| read(text).ok_or_else(|| wrong(name, expected)))
        .transpose()
}
