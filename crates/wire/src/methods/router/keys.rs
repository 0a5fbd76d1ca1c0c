//! `router.keys.*`: virtual keys made, shown, changed, stopped, and given up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    method::Method,
    schema::{Field, Kind, may, need},
    scope::Scope,
};

const KEY: Field = need(
    "key",
    Kind::Text,
    "the key's id or alias; the key itself and its digest are understood too",
);
const RECORD: Field = need(
    "key",
    Kind::Object,
    "`{id, name, alias, team, user, agent, models, spendUsd, maxBudgetUsd, ...}`, never the key itself",
);

/// `router.keys.generate`.
#[derive(Debug, Clone, Copy)]
pub struct RouterKeysGenerate;

impl Method for RouterKeysGenerate {
    const NAME: &'static str = "router.keys.generate";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        may(
            "alias",
            Kind::Text,
            "a name for it, unlike that of any other key",
        ),
        may("team", Kind::Text, "the team whose allowance holds as well"),
        may("user", Kind::Text, "who it is for"),
        may(
            "agent",
            Kind::Agent,
            "the agent whose allowance holds as well",
        ),
        may(
            "models",
            Kind::List,
            "the model groups it may use, `prefix/*` among them; all unless given",
        ),
        may("maxBudgetUsd", Kind::Amount, "the hard stop, in dollars"),
        may(
            "softBudgetUsd",
            Kind::Amount,
            "told when it is reached, in dollars",
        ),
        may(
            "budgetDuration",
            Kind::Text,
            "when budgets start anew: `1d`, `30d`, `1mo`, `daily`, `weekly`, `monthly`",
        ),
        may(
            "duration",
            Kind::Text,
            "how long the key works: `12h`, `30d`; for ever unless given",
        ),
        may("tpm", Kind::Number, "tokens in a minute"),
        may("rpm", Kind::Number, "requests in a minute"),
        may("maxParallel", Kind::Number, "requests at the same time"),
        may("burst", Kind::Number, "requests at once"),
        may("tokensPerDay", Kind::Number, "tokens in a day of UTC"),
        may(
            "modelMaxBudgetUsd",
            Kind::Object,
            "the hard stop of single model groups, in dollars",
        ),
        may("metadata", Kind::Object, "its owner's notes"),
        may("blocked", Kind::Flag, "whether it is stopped"),
    ];
    const RESULT: &'static [Field] = &[
        need("secret", Kind::Text, "the key; it is never shown again"),
        RECORD,
    ];
    type Params = KeyForm;
    type Result = KeyGenerated;
}

/// What is said of a key; what is absent is not limited, or stays as it is.
///
/// A field that is not known is an error: a misspelt limit would silently be none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KeyForm {
    /// A name for it, unlike that of any other key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The team whose allowance holds as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Who it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The agent whose allowance holds as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The model groups it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// The hard stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget_usd: Option<f64>,
    /// Told when it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_budget_usd: Option<f64>,
    /// When budgets start anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// How long the key works, from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Tokens in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Requests in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u64>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u64>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Tokens in a day of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// The hard stop of single model groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_max_budget_usd: Option<BTreeMap<String, f64>>,
    /// Its owner's notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// Whether it is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
}

/// A key that was made, with the key itself.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyGenerated {
    /// The key; it is never shown again.
    pub secret: String,
    /// What is kept of it.
    pub key: KeyRow,
}

impl std::fmt::Debug for KeyGenerated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("KeyGenerated");
        debug.field("key", &self.key).finish_non_exhaustive()
    }
}

/// A key as it is known: everything but the key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyRow {
    /// Its lasting name.
    pub id: String,
    /// The key's beginning and end.
    pub name: String,
    /// The digest of the key, which LiteLLM's clients call its token.
    pub digest: String,
    /// A name of its owner's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Its team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Who it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The model groups it may use; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Spent in this period of its budget, or ever when it has no period.
    pub spend_usd: f64,
    /// Held for requests under way.
    pub reserved_usd: f64,
    /// The hard stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget_usd: Option<f64>,
    /// Told when it is reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_budget_usd: Option<f64>,
    /// When budgets start anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// When its budget starts anew next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_resets_at_ms: Option<i64>,
    /// Tokens in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Requests in a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u64>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel: Option<u64>,
    /// Requests at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<u64>,
    /// Tokens in a day of UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// The hard stop of single model groups.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub model_max_budget_usd: BTreeMap<String, f64>,
    /// Its owner's notes.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Whether it is stopped.
    pub blocked: bool,
    /// When it stops working.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// Whether it has stopped working.
    pub expired: bool,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it was changed last.
    pub updated_at_ms: i64,
}

/// `router.keys.list`.
#[derive(Debug, Clone, Copy)]
pub struct RouterKeysList;

impl Method for RouterKeysList {
    const NAME: &'static str = "router.keys.list";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        may("team", Kind::Text, "only those of this team"),
        may("user", Kind::Text, "only those of this user"),
        may("agent", Kind::Agent, "only those of this agent"),
        may(
            "offset",
            Kind::Number,
            "how many to leave out, the oldest first",
        ),
        may(
            "limit",
            Kind::Number,
            "how many at most; 1,000 unless given, which is the most",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("keys", Kind::List, "as `router.keys.info` has them"),
        need("total", Kind::Number, "how many there are"),
    ];
    type Params = KeysListParams;
    type Result = KeysListResult;
}

/// Parameters of `router.keys.list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeysListParams {
    /// Only those of this team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Only those of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only those of this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How many to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Result of `router.keys.list`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeysListResult {
    /// The keys, the oldest first.
    pub keys: Vec<KeyRow>,
    /// How many there are.
    pub total: u64,
}

/// Which key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyParams {
    /// Its id, alias, digest, or the key itself.
    pub key: String,
}

impl std::fmt::Debug for KeyParams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It may be the key itself.
        f.debug_struct("KeyParams").finish_non_exhaustive()
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyResult {
    /// What is kept of it.
    pub key: KeyRow,
}

/// `router.keys.update`.
#[derive(Debug, Clone, Copy)]
pub struct RouterKeysUpdate;

impl Method for RouterKeysUpdate {
    const NAME: &'static str = "router.keys.update";
    const SCOPE: Scope = Scope::Admin;
    const PARAMS: &'static [Field] = &[
        KEY,
        may(
            "set",
            Kind::Object,
            "what changes, as `router.keys.generate` takes it",
        ),
        may(
            "unset",
            Kind::List,
            "names of fields to take back, such as `maxBudgetUsd`",
        ),
    ];
    const RESULT: &'static [Field] = &[RECORD];
    type Params = KeyUpdate;
    type Result = KeyResult;
}

/// Parameters of `router.keys.update`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyUpdate {
    /// Which key.
    pub key: String,
    /// What changes.
    #[serde(default)]
    pub set: KeyForm,
    /// Names of fields to take back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
}

impl std::fmt::Debug for KeyUpdate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("KeyUpdate");
        debug.field("set", &self.set).field("unset", &self.unset);
        debug.finish_non_exhaustive()
    }
}

macro_rules! one_key {
    ($(#[$says:meta])* $method:ident, $name:literal) => {
        $(#[$says])*
        #[derive(Debug, Clone, Copy)]
        pub struct $method;

        impl Method for $method {
            const NAME: &'static str = $name;
            const SCOPE: Scope = Scope::Admin;
            const PARAMS: &'static [Field] = &[KEY];
            const RESULT: &'static [Field] = &[RECORD];
            type Params = KeyParams;
            type Result = KeyResult;
        }
    };
}

one_key!(
    /// `router.keys.info`.
    RouterKeysInfo,
    "router.keys.info"
);
one_key!(
    /// `router.keys.delete`: what was spent on it stays in the ledger.
    RouterKeysDelete,
    "router.keys.delete"
);
one_key!(
    /// `router.keys.block`: it is refused until it is unblocked.
    RouterKeysBlock,
    "router.keys.block"
);
one_key!(
    /// `router.keys.unblock`.
    RouterKeysUnblock,
    "router.keys.unblock"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_misspelt_is_an_error_and_not_no_limit() {
        let wrong = serde_json::from_str::<KeyForm>(r#"{"maxBudget": 1}"#).unwrap_err();
        assert!(wrong.to_string().contains("unknown field `maxBudget`"));
    }

    #[test]
    fn what_may_be_the_key_itself_is_not_in_debug_output() {
        let params = KeyParams {
            key: "sk-1234567890".to_owned(),
        };
        let update = KeyUpdate {
            key: params.key.clone(),
            set: KeyForm::default(),
            unset: Vec::new(),
        };
        let made = KeyGenerated {
            secret: params.key.clone(),
            key: KeyRow::default(),
        };
        assert!(!format!("{params:?}{update:?}{made:?}").contains("sk-1"));
    }
}
