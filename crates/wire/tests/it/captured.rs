//! Frames of released clients and gateways are read, and written back unchanged.

use openclaw_wire::{
    Dialect, Frame, Method, connect,
    event::{self, AgentEvent, ChatEvent, SessionMessage, SessionsChanged, Shutdown, Stream, Tick},
    frame::{EncodedEvent, Raw, encode_error, encode_ok, encode_request},
    method,
    methods::{agent, agents, chat, gateway, models, sessions},
    sniff,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

struct Captured {
    version: String,
    method: Option<String>,
    text: String,
}

fn captured() -> Vec<Captured> {
    let lines = include_str!("../data/captured.jsonl").lines();
    lines
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            Captured {
                version: line["version"].as_str().unwrap().to_owned(),
                method: line["method"].as_str().map(str::to_owned),
                text: line["frame"].to_string(),
            }
        })
        .collect()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn captured_frames_are_native_and_come_back_unchanged() {
    let captured = captured();
    assert!(captured.len() > 80, "{}", captured.len());
    for Captured { text, .. } in captured {
        assert_eq!(sniff(text.as_bytes()).unwrap(), Dialect::Native, "{text}");
        let raw = Raw::parse(text.as_bytes()).unwrap();
        let back = match raw.frame().unwrap() {
            Frame::Request(request) => {
                encode_request(&request.id, &request.method, &request.params).unwrap()
            }
            Frame::Response(response) => match response.outcome {
                Ok(payload) => encode_ok(&response.id, &payload).unwrap(),
                Err(error) => encode_error(&response.id, &error),
            },
            Frame::Event(event) => {
                EncodedEvent::new(&event.event, &event.payload, event.state_version)
                    .unwrap()
                    .frame(event.seq)
            }
        };
        let mut want = value(&text);
        // A field of one deployment's user accounts, which we have no use for.
        want.as_object_mut().unwrap().remove("recipientProfileId");
        assert_eq!(value(&back), want);
    }
}

fn params_are_read<M: Method>(raw: Option<&RawValue>) {
    let params = method::params::<M>(raw).unwrap();
    // What is read is written again in a form that is read the same.
    let text = serde_json::to_string(&params).unwrap();
    let again: M::Params = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
}

fn read_params(name: &str, raw: Option<&RawValue>) -> bool {
    match name {
        "connect" => params_are_read::<gateway::Connect>(raw),
        "health" => params_are_read::<gateway::Health>(raw),
        "agents.list" => params_are_read::<agents::AgentsList>(raw),
        "agent.identity.get" => params_are_read::<agent::AgentIdentityGet>(raw),
        "agent" => params_are_read::<agent::Agent>(raw),
        "agent.wait" => params_are_read::<agent::AgentWait>(raw),
        "sessions.list" => params_are_read::<sessions::SessionsList>(raw),
        "sessions.delete" => params_are_read::<sessions::SessionsDelete>(raw),
        "sessions.subscribe" => params_are_read::<sessions::SessionsSubscribe>(raw),
        "sessions.messages.subscribe" => {
            params_are_read::<sessions::SessionsMessagesSubscribe>(raw);
        }
        "chat.history" => params_are_read::<chat::ChatHistory>(raw),
        "chat.abort" => params_are_read::<chat::ChatAbort>(raw),
        "models.list" => params_are_read::<models::ModelsList>(raw),
        _ => return false,
    }
    true
}

#[test]
fn parameters_of_released_clients_are_read() {
    let mut read = 0;
    for Captured { text, version, .. } in captured() {
        let raw = Raw::parse(text.as_bytes()).unwrap();
        let Ok(Frame::Request(request)) = raw.frame() else {
            continue;
        };
        if request.method == "chat.send" {
            let result = method::params::<chat::ChatSend>(request.params);
            let has_message = request.params.unwrap().get().contains("\"message\"");
            assert_eq!(result.is_ok(), has_message, "{version} {text}");
            read += 1;
        } else {
            read += usize::from(read_params(&request.method, request.params));
        }
    }
    assert!(read > 35, "{read}");
}

fn result_is<T: DeserializeOwned>(raw: Option<&RawValue>) {
    let text = raw.unwrap().get();
    if let Err(error) = serde_json::from_str::<T>(text) {
        panic!("{error}: {text}");
    }
}

fn read_result(name: &str, raw: Option<&RawValue>) -> bool {
    match name {
        "health" => result_is::<gateway::HealthResult>(raw),
        "agents.list" => result_is::<agents::AgentsListResult>(raw),
        "agent.identity.get" => result_is::<agent::AgentIdentityResult>(raw),
        "agent.wait" => result_is::<agent::AgentWaitResult>(raw),
        "sessions.list" => result_is::<sessions::SessionsListResult>(raw),
        "sessions.delete" => result_is::<sessions::SessionsDeleteResult>(raw),
        "sessions.subscribe" => result_is::<sessions::Subscribed>(raw),
        "sessions.messages.subscribe" => result_is::<sessions::SubscribedTo>(raw),
        "chat.send" => result_is::<chat::ChatSendResult>(raw),
        "chat.history" => result_is::<chat::ChatHistoryResult>(raw),
        "chat.abort" => result_is::<chat::ChatAbortResult>(raw),
        "models.list" => result_is::<models::ModelsListResult>(raw),
        _ => return false,
    }
    true
}

#[test]
fn results_of_released_gateways_are_read() {
    let mut read = 0;
    for captured in captured() {
        let raw = Raw::parse(captured.text.as_bytes()).unwrap();
        let Ok(Frame::Response(response)) = raw.frame() else {
            continue;
        };
        let Ok(payload) = response.outcome else {
            continue;
        };
        let name = captured.method.unwrap();
        if name == "agent" {
            let status = &value(payload.unwrap().get())["status"];
            match status.as_str().unwrap() {
                "accepted" => result_is::<agent::AgentAccepted>(payload),
                _ => result_is::<agent::AgentResult>(payload),
            }
            read += 1;
        } else if name == "connect" {
            result_is::<connect::HelloOk>(payload);
            read += 1;
        } else {
            read += usize::from(read_result(&name, payload));
        }
    }
    assert!(read > 18, "{read}");
}

#[test]
fn refusals_of_released_gateways_keep_their_code_and_details() {
    let mut codes = Vec::new();
    for captured in captured() {
        let raw = Raw::parse(captured.text.as_bytes()).unwrap();
        if let Ok(Frame::Response(response)) = raw.frame()
            && let Err(error) = response.outcome
        {
            let details = error.details.as_ref();
            let code = details.and_then(|details| details.get("code"));
            codes.push(format!("{} {}", error.code, code.unwrap_or(&Value::Null)));
        }
    }
    codes.sort();
    codes.dedup();
    assert_eq!(
        codes,
        [
            "FORBIDDEN \"MISSING_SCOPE\"",
            "INVALID_REQUEST null",
            "NOT_PAIRED \"PAIRING_REQUIRED\""
        ]
    );
}

#[test]
fn events_of_released_gateways_are_read() {
    let known = ["lifecycle", "assistant", "tool"];
    let mut read = 0;
    for captured in captured() {
        let raw = Raw::parse(captured.text.as_bytes()).unwrap();
        let Ok(Frame::Event(event)) = raw.frame() else {
            continue;
        };
        assert!(event::find(&event.event).is_some(), "{}", event.event);
        let payload = event.payload;
        match &*event.event {
            event::CONNECT_CHALLENGE => result_is::<connect::Challenge>(payload),
            event::AGENT => {
                let text = payload.unwrap().get();
                let agent: AgentEvent<'_> = serde_json::from_str(text).unwrap();
                let stream = value(text)["stream"].clone();
                let is_known = known.contains(&stream.as_str().unwrap());
                let is_other = matches!(agent.stream, Stream::Other { .. });
                assert_eq!(is_other, !is_known, "{text}");
            }
            event::CHAT => result_is::<ChatEvent<'_>>(payload),
            event::SESSIONS_CHANGED => result_is::<SessionsChanged>(payload),
            event::SESSION_MESSAGE => result_is::<SessionMessage>(payload),
            event::PRESENCE => result_is::<event::Presence>(payload),
            event::TICK => result_is::<Tick>(payload),
            event::HEALTH => result_is::<gateway::HealthResult>(payload),
            event::SHUTDOWN => result_is::<Shutdown>(payload),
            name => panic!("{name} is not checked"),
        }
        read += 1;
    }
    assert!(read > 30, "{read}");
}
