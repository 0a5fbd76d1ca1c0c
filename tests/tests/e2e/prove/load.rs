//! Closed-loop callers over one connection: every session of every agent has one message on its way.

use std::{collections::BTreeMap, time::Duration};

use openclaw_tests::{
    client::{Heard, Socket},
    gateway::Process,
    native::connect,
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::ledger::{Acknowledged, Ledger};

/// The twelve agents of the default roster.
pub(super) const AGENTS: [&str; 12] = [
    "steward",
    "alpha",
    "beta",
    "charlie",
    "examiner",
    "explorer",
    "sentinel",
    "coder",
    "dreamer",
    "empath",
    "historian",
    "main",
];

/// What a client sends and hears.
#[derive(Debug)]
pub(super) struct Load {
    agents: Vec<&'static str>,
    sessions: usize,
    sent: BTreeMap<String, Sent>,
    next: usize,
    pub(super) ledger: Ledger,
    /// Refusals, by their message.
    pub(super) refused: BTreeMap<String, usize>,
}

#[derive(Debug, Clone)]
struct Sent {
    agent: &'static str,
    session: String,
    message: String,
}

impl Load {
    pub(super) fn new(agents: &[&'static str], sessions: usize) -> Self {
        Self {
            agents: agents.to_vec(),
            sessions,
            sent: BTreeMap::new(),
            next: 0,
            ledger: Ledger::default(),
            refused: BTreeMap::new(),
        }
    }

    /// Connects, and puts one message of every session on its way.
    pub(super) async fn begin(&mut self, process: &Process) -> Socket {
        let mut socket = operator(process).await;
        self.sent.clear();
        for agent in self.agents.clone() {
            for session in 0..self.sessions {
                self.say(&mut socket, agent, format!("s{session}")).await;
            }
        }
        socket
    }

    async fn say(&mut self, socket: &mut Socket, agent: &'static str, session: String) {
        self.next += 1;
        let run = format!("run-{}", self.next);
        let message = format!("{} {}", self.next, "x".repeat(self.next * 7 % 300));
        socket.say(&request(&run, agent, &session, &message)).await;
        let sent = Sent {
            agent,
            session,
            message,
        };
        self.sent.insert(run, sent);
    }

    /// Listens and keeps every session busy until the time is over or the gateway is.
    pub(super) async fn go_on(&mut self, socket: &mut Socket, time: Duration) {
        let until = Instant::now() + time;
        while let Ok(heard) = tokio::time::timeout_at(until, socket.hear_any()).await {
            let Some((agent, session)) = self.hear(heard) else {
                continue;
            };
            if agent.is_empty() {
                return;
            }
            self.say(socket, agent, session).await;
        }
    }

    /// Hears what was said before the end, or before the gateway was stopped; says nothing.
    pub(super) async fn hear_out(&mut self, socket: &mut Socket, silence: Duration) {
        while let Ok(heard) = tokio::time::timeout(silence, socket.hear_any()).await {
            if heard == Heard::End {
                return;
            }
            let _free = self.hear(heard);
        }
    }

    /// Notes what was said; the session that is free now, or an empty agent at the end of the connection.
    fn hear(&mut self, heard: Heard) -> Option<(&'static str, String)> {
        let Heard::Text(text) = heard else {
            return Some(("", String::new()));
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        if frame["type"] != "res" {
            return None;
        }
        let run = frame["id"].as_str().unwrap_or_default().to_owned();
        let sent = self.sent.get(&run)?.clone();
        if frame["ok"] != true {
            let message = frame["error"]["message"].to_string();
            *self.refused.entry(message).or_default() += 1;
            return Some((sent.agent, sent.session));
        }
        let payload = &frame["payload"];
        if payload["status"] == "accepted" {
            let told = Acknowledged {
                agent: sent.agent.to_owned(),
                session: sent.session,
                seq: payload["seq"].as_u64().unwrap(),
                message: sent.message,
                answer: None,
            };
            let before = self.ledger.runs.insert(run, told);
            assert!(before.is_none(), "accepted twice: {frame}");
            return None;
        }
        let answer = payload["result"]["payloads"][0]["text"].as_str();
        if payload["status"] == "ok"
            && let Some(told) = self.ledger.runs.get_mut(&run)
        {
            told.answer = Some(answer.unwrap().to_owned());
        }
        Some((sent.agent, sent.session))
    }
}

/// A native connection with every right.
pub(super) async fn operator(process: &Process) -> Socket {
    let mut socket = Socket::offering(process.address, "openclaw").await;
    let _challenge = socket.hear().await;
    let hello = socket.ask(&connect(&process.token, 4, &[])).await;
    assert_eq!(hello["ok"], true, "{hello}");
    socket
}

/// A request that sends a message.
pub(super) fn request(run: &str, agent: &str, session: &str, message: &str) -> Value {
    json!({"type": "req", "id": run, "method": "agent", "params": {
        "agentId": agent, "sessionKey": format!("agent:{agent}:{session}"),
        "message": message, "idempotencyKey": run}})
}

/// The answer to one request that answers once; events and other answers before it are dropped.
pub(super) async fn call(socket: &mut Socket, id: &str, method: &str, params: Value) -> Value {
    socket
        .say(&json!({"type": "req", "id": id, "method": method, "params": params}))
        .await;
    loop {
        let frame = socket.hear().await;
        if frame["type"] == "res" && frame["id"] == id {
            return frame;
        }
    }
}
