//! The table of methods says what the types do.

use openclaw_wire::{
    Method, Scope,
    frame::Raw,
    method::{self, METHODS},
    methods::{agent, agents, chat, gateway, models, router, sessions, triad},
    schema::{Field, Kind, describe},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

/// A value for a field: by its name where the type is more than its kind, and by its kind otherwise.
fn sample(method: &str, field: &Field) -> Value {
    let state = json!({"presence": 0, "health": 0});
    match (method, field.name) {
        (_, "client") => json!({"id": "cli"}),
        ("connect", "type") => json!("hello-ok"),
        (_, "server") => json!({"version": "1", "connId": "c"}),
        (_, "features") => json!({"methods": [], "events": []}),
        (_, "snapshot") => json!({"health": {}, "stateVersion": state, "uptimeMs": 1}),
        (_, "policy") => json!({"maxPayload": 1, "maxBufferedBytes": 1, "tickIntervalMs": 1}),
        (_, "device") => {
            json!({"id": "d", "publicKey": "k", "signature": "s", "signedAt": 1})
        }
        ("connect", "auth") => json!({"role": "operator", "scopes": []}),
        ("status", "gateway") => json!({
            "pid": 1, "bind": "127.0.0.1", "port": 1, "instance": "i", "startedAt": 1,
            "uptimeMs": 1, "stateDir": "/s"
        }),
        ("status", "agents") => json!({"configured": 1, "online": 1, "busy": 0}),
        ("status", "sessions") => json!({"count": 1}),
        ("sessions.get", "session") => json!({"key": "agent:main:main", "kind": "direct"}),
        ("agents.status", "model") => json!({"primary": "m"}),
        ("agent" | "agent.wait" | "models.probe", "status") => json!("ok"),
        ("agent", "result") => json!({"payloads": [], "meta": {"durationMs": 1}}),
        ("models.status", "local") => json!({"state": "ready"}),
        ("chat.send", "status") => json!("started"),
        ("router.health", "keys") => json!({"count": 1}),
        ("router.health", "ledger") => {
            json!({"ok": true, "linesDamaged": 0, "linesLost": 0, "unsettled": 0})
        }
        ("status", "router") => json!({"ready": true, "up": 1, "cooling": 0, "spentTodayUsd": 0.5}),
        (_, "priority") => json!("high"),
        _ => match field.kind {
            Kind::Text | Kind::Agent | Kind::Session | Kind::Run => json!("x"),
            Kind::Number => json!(1),
            Kind::Flag => json!(true),
            Kind::Object => json!({}),
            Kind::List => json!([]),
            Kind::Any => json!({"any": 1}),
            Kind::Amount => json!(0.5),
        },
    }
}

fn whole(method: &str, fields: &[Field]) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| (field.name.to_owned(), sample(method, field)))
        .collect()
}

/// Every described field is read as its kind, and everything written is described.
fn agrees<T: DeserializeOwned + Serialize>(method: &str, fields: &[Field]) {
    let all = whole(method, fields);
    let read: T = serde_json::from_value(all.clone().into())
        .unwrap_or_else(|error| panic!("{method}: {error} in {all:?}"));
    let written = serde_json::to_value(&read).unwrap();
    for (key, value) in written.as_object().unwrap() {
        let is_filler = value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty)
            || value == &json!(0);
        let is_described = fields.iter().any(|field| field.name == key);
        assert!(
            is_described || is_filler,
            "{method}: `{key}` is not described"
        );
    }
    for field in fields.iter().filter(|field| field.kind != Kind::Any) {
        let mut wrong = all.clone();
        let value = match field.kind {
            Kind::Flag | Kind::Number | Kind::Amount => json!("x"),
            _ => json!(7),
        };
        wrong.insert(field.name.to_owned(), value);
        let result = serde_json::from_value::<T>(wrong.into());
        assert!(
            result.is_err(),
            "{method}: `{}` may be anything",
            field.name
        );
    }
}

fn check<M: Method>() -> &'static str {
    let name = M::NAME;
    let row = method::find(name).unwrap_or_else(|| panic!("{name} is not in the table"));
    assert_eq!(row.scope, M::SCOPE);
    agrees::<M::Params>(name, M::PARAMS);
    agrees::<M::Result>(name, M::RESULT);
    for field in M::PARAMS {
        let mut without = whole(name, M::PARAMS);
        without.remove(field.name);
        let text = Value::from(without).to_string();
        let raw = serde_json::from_str(&text).unwrap();
        let read = method::params::<M>(Some(raw));
        assert_eq!(read.is_err(), field.required, "{name}: {}", field.name);
    }
    name
}

#[test]
fn every_method_is_what_the_table_says() {
    let checked = [
        check::<gateway::Connect>(),
        check::<gateway::Health>(),
        check::<gateway::Status>(),
        check::<gateway::GatewayStop>(),
        check::<agents::AgentsList>(),
        check::<agents::AgentsStatus>(),
        check::<agents::AgentsCreate>(),
        check::<agents::AgentsDelete>(),
        check::<agents::AgentsRestart>(),
        check::<agents::AgentsConfigGet>(),
        check::<agents::AgentsConfigSet>(),
        check::<agents::AgentsPrompt>(),
        check::<agent::AgentIdentityGet>(),
        check::<agent::Agent>(),
        check::<agent::AgentWait>(),
        check::<sessions::SessionsList>(),
        check::<sessions::SessionsGet>(),
        check::<sessions::SessionsCreate>(),
        check::<sessions::SessionsDelete>(),
        check::<sessions::SessionsArchive>(),
        check::<sessions::SessionsCompact>(),
        check::<sessions::SessionsCommit>(),
        check::<sessions::SessionsVerify>(),
        check::<sessions::SessionsSearch>(),
        check::<sessions::SessionsExport>(),
        check::<sessions::SessionsImport>(),
        check::<sessions::SessionsSubscribe>(),
        check::<sessions::SessionsUnsubscribe>(),
        check::<sessions::SessionsMessagesSubscribe>(),
        check::<sessions::SessionsMessagesUnsubscribe>(),
        check::<chat::ChatSend>(),
        check::<chat::ChatHistory>(),
        check::<chat::ChatAbort>(),
        check::<models::ModelsList>(),
        check::<models::ModelsStatus>(),
        check::<models::ModelsProbe>(),
        check::<models::ModelsAuth>(),
        check::<router::RouterKeysGenerate>(),
        check::<router::RouterKeysList>(),
        check::<router::RouterKeysInfo>(),
        check::<router::RouterKeysUpdate>(),
        check::<router::RouterKeysDelete>(),
        check::<router::RouterKeysBlock>(),
        check::<router::RouterKeysUnblock>(),
        check::<router::RouterSpend>(),
        check::<router::RouterSpendLogs>(),
        check::<router::RouterBudgets>(),
        check::<router::RouterHealth>(),
        check::<triad::TriadPropose>(),
    ];
    let names: Vec<&str> = METHODS.iter().map(|row| row.name).collect();
    assert_eq!(checked.as_slice(), names);
}

#[test]
fn only_the_handshake_and_health_need_no_scope() {
    let open: Vec<&str> = METHODS
        .iter()
        .filter(|row| row.scope == Scope::Anyone)
        .map(|row| row.name)
        .collect();
    assert_eq!(open, ["connect", "health"]);
}

fn refusal<M: Method>(params: &str) -> String {
    let frame = format!(
        r#"{{"type":"req","id":"1","method":"{}","params":{params}}}"#,
        M::NAME
    );
    let raw = Raw::parse(frame.as_bytes()).unwrap();
    let Ok(openclaw_wire::Frame::Request(request)) = raw.frame() else {
        panic!("{frame}");
    };
    match method::params::<M>(request.params) {
        Ok(_) => panic!("{frame} is read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn wrong_parameters_are_told_in_the_words_clients_know() {
    let key = r#""sessionKey":"main","idempotencyKey":"k""#;
    for (got, want) in [
        (
            refusal::<chat::ChatSend>("{\"sessionKey\":\"main\"}"),
            "INVALID_REQUEST: invalid chat.send params: must have required property 'message'; must have required property 'idempotencyKey'",
        ),
        (
            refusal::<chat::ChatSend>("null"),
            "INVALID_REQUEST: invalid chat.send params: must have required property 'sessionKey'; must have required property 'message'; must have required property 'idempotencyKey'",
        ),
        (
            refusal::<gateway::Status>("[true]"),
            "INVALID_REQUEST: invalid status params: must be object",
        ),
        (
            refusal::<chat::ChatSend>("[1]"),
            "INVALID_REQUEST: invalid chat.send params: must be object",
        ),
        (
            refusal::<chat::ChatSend>(&format!("{{{key},\"message\":5}}")),
            "INVALID_REQUEST: invalid chat.send params: invalid type: integer `5`, expected a string",
        ),
        (
            refusal::<agents::AgentsStatus>(r#"{"agentId":"../x"}"#),
            "INVALID_REQUEST: invalid agents.status params: agent id holds '.'; allowed: a-z, 0-9, `-` and `_`, starting with a letter or digit",
        ),
        (
            refusal::<agent::Agent>(r#"{"message":"m","idempotencyKey":"k","priority":"soon"}"#),
            "INVALID_REQUEST: invalid agent params: priority must be low, normal, high or critical",
        ),
        (
            refusal::<sessions::SessionsDelete>(r#"{"key":"agent:main:a/b"}"#),
            "INVALID_REQUEST: invalid sessions.delete params: session id holds '/'; allowed: A-Z, a-z, 0-9, `-`, `_` and `:`",
        ),
    ] {
        assert_eq!(got, want);
    }
}

#[test]
fn a_long_wrong_value_is_not_repeated_in_full() {
    let long = "x".repeat(100_000);
    let params = format!(r#"{{"deep":"{long}"}}"#);
    assert!(refusal::<gateway::Status>(&params).len() < 600);
}

#[test]
fn the_reference_names_every_method_and_event() {
    let text = describe();
    for row in METHODS {
        assert!(
            text.contains(&format!("### `{}`", row.name)),
            "{}",
            row.name
        );
    }
    for row in &openclaw_wire::event::EVENTS {
        assert!(
            text.contains(&format!("| `{}` |", row.name)),
            "{}",
            row.name
        );
    }
}
