//! A native client over a raw socket: every frame is seen as it is.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::{
    client::{Heard, Socket},
    gateway::World,
};

/// A native client after its handshake.
#[derive(Debug)]
pub struct Native {
    /// The socket.
    pub socket: Socket,
    /// The payload of its `connect` response.
    pub hello: Value,
    next_id: u64,
    events: VecDeque<Value>,
    answers: VecDeque<Value>,
}

/// The request that connects.
#[must_use]
pub fn connect(token: &str, protocol: u32, scopes: &[&str]) -> Value {
    json!({"type": "req", "id": "connect", "method": "connect", "params": {
        "minProtocol": protocol, "maxProtocol": protocol,
        "client": {"id": "test", "version": "0", "platform": "linux", "mode": "cli"},
        "role": "operator", "scopes": scopes, "auth": {"token": token},
    }})
}

impl Native {
    /// Connects with the right token and every scope.
    pub async fn open(world: &World) -> Self {
        Self::with(world, 4, &[]).await
    }

    /// Connects with the right token at a protocol version and with these scopes.
    ///
    /// # Panics
    /// When the handshake fails.
    pub async fn with(world: &World, protocol: u32, scopes: &[&str]) -> Self {
        let mut socket = Socket::offering(world.address, "openclaw").await;
        let challenge = socket.hear().await;
        assert_eq!(challenge["event"], "connect.challenge", "{challenge}");
        let hello = socket.ask(&connect(&world.token, protocol, scopes)).await;
        assert_eq!(hello["ok"], true, "{hello}");
        Self {
            socket,
            hello: hello["payload"].clone(),
            next_id: 0,
            events: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    /// Sends a request; its id.
    pub async fn send(&mut self, method: &str, params: Value) -> String {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.socket.say(&frame).await;
        id
    }

    /// The next answer to a request; answers to others and events are kept.
    ///
    /// # Panics
    /// When the gateway closes instead.
    pub async fn answer(&mut self, id: &str) -> Result<Value, Value> {
        if let Some(at) = self.answers.iter().position(|frame| frame["id"] == id) {
            return outcome(&self.answers.remove(at).unwrap_or_default());
        }
        loop {
            let frame = self.read().await;
            if frame["type"] == "event" {
                self.events.push_back(frame);
            } else if frame["id"] == id {
                return outcome(&frame);
            } else {
                self.answers.push_back(frame);
            }
        }
    }

    /// Calls a method that answers once.
    ///
    /// # Errors
    /// The error's shape.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.send(method, params).await;
        self.answer(&id).await
    }

    /// Calls a method that must succeed.
    ///
    /// # Panics
    /// When it doesn't.
    pub async fn ok(&mut self, method: &str, params: Value) -> Value {
        match self.call(method, params).await {
            Ok(payload) => payload,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// The next event that `wanted` wants; others before it are dropped, answers kept.
    ///
    /// # Panics
    /// When the gateway closes instead.
    pub async fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        while let Some(event) = self.events.pop_front() {
            if wanted(&event) {
                return event;
            }
        }
        loop {
            let frame = self.read().await;
            if frame["type"] != "event" {
                self.answers.push_back(frame);
            } else if wanted(&frame) {
                return frame;
            }
        }
    }

    /// Every event that came so far, in order.
    pub fn events(&mut self) -> Vec<Value> {
        self.events.drain(..).collect()
    }

    async fn read(&mut self) -> Value {
        match self.socket.next().await {
            Heard::Text(text) => serde_json::from_str(&text).expect("frames are JSON"),
            other => panic!("wanted a frame, got {other:?}"),
        }
    }
}

fn outcome(frame: &Value) -> Result<Value, Value> {
    if frame["ok"] == true {
        Ok(frame["payload"].clone())
    } else {
        Err(frame["error"].clone())
    }
}
