//! A gateway with a temporary state directory and a scripted model, in this process or in one of its own.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use openclaw_config::{Environment, Origin, Overrides, Secret};
use openclaw_gateway::{Gateway, Start};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::UnixDatagram,
    process::{Child, Command},
};

use crate::{
    scripted_model::{Asked, Model, Script, echo},
    soon,
};

/// The access token of every gateway in this process.
pub const TOKEN: &str = "5f3c1e0b9a7d4c2865e1f0a3b4c5d6e75f3c1e0b9a7d4c2865e1f0a3b4c5d6e7";

/// What a gateway is started with.
pub struct Setup {
    config: Value,
    respond: Box<dyn Fn(&Asked) -> Script + Send + Sync>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setup({})", self.config)
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            config: json!({}),
            respond: Box::new(echo),
        }
    }
}

impl Setup {
    /// Two agents, steward first, which is enough for most tests and starts faster than twelve.
    #[must_use]
    pub fn two() -> Self {
        Self::default().config(
            json!({"roster": "listed", "agents": [{"id": "steward", "primary": true}, "alpha"]}),
        )
    }

    /// The triad and steward.
    #[must_use]
    pub fn triad() -> Self {
        Self::default().config(json!({"roster": "listed",
            "agents": [{"id": "steward", "primary": true}, "alpha", "beta", "charlie"]}))
    }

    /// Adds keys to the configuration; objects are merged.
    #[must_use]
    pub fn config(mut self, more: Value) -> Self {
        merge(&mut self.config, more);
        self
    }

    /// What the model does.
    #[must_use]
    pub fn answers(mut self, respond: impl Fn(&Asked) -> Script + Send + Sync + 'static) -> Self {
        self.respond = Box::new(respond);
        self
    }

    /// Writes the configuration into a fresh state directory, with the model's address in it.
    ///
    /// # Panics
    /// When the directory can't be written.
    pub async fn prepare(self) -> Place {
        let state = TempDir::with_prefix("openclaw-e2e-").unwrap();
        let model = Model::start(self.respond).await;
        let mut config = json!({
            "gateway": {"port": 0},
            "models": {
                "local": false,
                "providers": {"scripted": {
                    "baseUrl": format!("http://{}", model.address),
                    "apiKey": "none",
                    "models": [{"id": "echo", "name": "echo", "contextWindow": 128_000, "maxTokens": 8192}],
                }},
            },
            "model_routing": {"default": "scripted/echo"},
            "logging": {"level": "warn"},
        });
        merge(&mut config, self.config);
        std::fs::write(state.path().join("openclaw.json"), config.to_string()).unwrap();
        Place { state, model }
    }

    /// Starts the gateway.
    pub async fn start(self) -> World {
        Box::pin(self.prepare().await.start()).await
    }
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// A state directory with its model, and no gateway yet.
#[derive(Debug)]
pub struct Place {
    /// The state directory.
    pub state: TempDir,
    /// The model.
    pub model: Model,
}

impl Place {
    /// Starts a gateway in this process.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(self) -> World {
        let gateway = Box::pin(start(self.state.path()))
            .await
            .expect("the gateway starts");
        let address = gateway.address();
        World {
            address,
            token: TOKEN.to_owned(),
            place: self,
            gateway: Some(gateway),
        }
    }
}

/// Starts a gateway in this process on a prepared state directory.
///
/// # Errors
/// What stood in the way.
///
/// # Panics
/// When the configuration is refused.
pub async fn start(state: &Path) -> Result<Gateway, openclaw_gateway::Error> {
    let overrides = Overrides {
        state_dir: Some(state.to_owned()),
        ..Overrides::default()
    };
    let environment = Environment::of([("HOME", state.display().to_string())]);
    let loaded = openclaw_config::load(&overrides, &environment).expect("a good configuration");
    // Tests that sync nothing to be faster are warned of it, as everybody is.
    let problems = loaded
        .problems
        .iter()
        .filter(|problem| problem.path != "session.durability");
    assert_eq!(problems.count(), 0, "{:?}", loaded.problems);
    let start = Start {
        config: loaded.config,
        token: Secret::new(TOKEN, Origin::Inline),
        environment,
        helper: PathBuf::from("/nonexistent"),
        flags: openclaw_gateway::lock::Flags::default(),
    };
    Box::pin(Gateway::start(start)).await
}

/// A running gateway, its state and its model.
#[derive(Debug)]
pub struct World {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its access token.
    pub token: String,
    /// Its state directory and model.
    pub place: Place,
    gateway: Option<Gateway>,
}

impl World {
    /// The state directory.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.place.state.path()
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model {
        &self.place.model
    }

    /// A frame without what differs from run to run.
    #[must_use]
    pub fn normal(&self, frame: &Value) -> Value {
        crate::normal::normal(frame, &self.state().display().to_string())
    }

    /// The lines of an agent's transcript.
    #[must_use]
    pub fn entries(&self, agent: &str) -> Vec<Value> {
        entries(self.state(), agent)
    }

    /// The gateway, for those who stop it themselves.
    ///
    /// # Panics
    /// When it was taken before.
    pub fn take(&mut self) -> Gateway {
        self.gateway
            .take()
            .expect("the gateway was not taken before")
    }

    /// Stops the gateway, so that every transcript is closed; the state stays.
    pub async fn stop(mut self) -> Place {
        if let Some(gateway) = self.gateway.take() {
            crate::within("the stop", openclaw_gateway::STOP_DEADLINE, gateway.stop()).await;
        }
        self.place
    }
}

/// The lines of an agent's transcript.
///
/// # Panics
/// When a line is no JSON.
#[must_use]
pub fn entries(state: &Path, agent: &str) -> Vec<Value> {
    let path = state.join("agents").join(agent).join("session.jsonl");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        // Markers come when a session rests, and at a stop: who asks for entries does not mean them.
        .filter(|entry: &Value| entry["kind"] != "commit")
        .collect()
}

/// A gateway in a process of its own.
#[derive(Debug)]
pub struct Process {
    /// The process.
    pub child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its access token.
    pub token: String,
}

impl Process {
    /// Starts `program` on a prepared state directory and waits until it listens.
    ///
    /// # Errors
    /// What it said instead.
    ///
    /// # Panics
    /// When it can't be started.
    pub async fn start(program: &str, state: &Path) -> Result<Self, String> {
        let notices = TempDir::with_prefix("openclaw-notify-").unwrap();
        let notices_path = notices.path().join("socket");
        let notified = UnixDatagram::bind(&notices_path).unwrap();
        let mut child = Command::new(program)
            .arg(state)
            .env("NOTIFY_SOCKET", &notices_path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon("the gateway's first line", lines.next_line()).await;
        let line = line.unwrap().unwrap_or_default();
        let Some(address) = line.strip_prefix("listening on ") else {
            return Err(line);
        };
        // What a service manager is told: it is ready, and asking it to stop is fine from here on.
        let mut notice = [0; 64];
        let length = soon("readiness", notified.recv(&mut notice)).await.unwrap();
        assert_eq!(&notice[..length], b"READY=1\n");
        let token = std::fs::read_to_string(state.join("token")).unwrap();
        Ok(Self {
            child,
            address: address.parse().unwrap(),
            token: token.trim().to_owned(),
        })
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = self.child.id().expect("a running process");
        let pid = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end; its exit code, or none when a signal ended it.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> Option<i32> {
        crate::within(
            "the end of the gateway",
            openclaw_gateway::STOP_DEADLINE,
            self.child.wait(),
        )
        .await
        .unwrap()
        .code()
    }
}
