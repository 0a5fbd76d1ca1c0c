//! One set of agents under test.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use openclaw_agents::{
    Accepted, AgentOptions, Agents, Error, Event, EventKind, Inbound, Options, Outcome,
    RunDeadlines, Sink, ToolPolicy, limits,
};
use openclaw_models::{Models, scripted::ScriptedProvider};
use openclaw_sessions::{Disk, Durability, Entry, Origin, OriginKind, SimDisk, Store};
use openclaw_tools::Registry;
use openclaw_types::{AgentId, Priority, Role, RunId, SessionId, Timestamp, env::SimEnv};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::slow::{Hold, SlowDisk};

/// How long a test waits in real time before it fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages that wait in one lane, unless a test chooses.
pub(crate) const LANE_DEPTH: usize = 20;
/// A run as a whole, unless a test chooses.
pub(crate) const RUN_TOTAL_MS: u64 = 600_000;
/// A proposal that names no deadline.
pub(crate) const DELIBERATION_MS: u64 = 300_000;

pub(crate) fn agent(id: &str) -> AgentId {
    AgentId::parse(id).unwrap()
}

pub(crate) fn session(id: &str) -> SessionId {
    SessionId::parse(id).unwrap()
}

pub(crate) fn run(id: &str) -> RunId {
    RunId::parse(id).unwrap()
}

pub(crate) fn named(id: &str) -> AgentOptions {
    AgentOptions {
        id: agent(id),
        name: id.to_owned(),
        role: "agent".to_owned(),
        emoji: None,
        model: None,
        port: None,
        capabilities: Vec::new(),
        skills: Vec::new(),
        tools: ToolPolicy::default(),
        parameters: serde_json::json!({}),
        primary: id == "steward",
    }
}

/// Every event, and a bell for each.
#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<Event>>,
    bell: Notify,
}

impl Sink for Recorder {
    fn emit(&self, event: Event) {
        self.events.lock().unwrap().push(event);
        self.bell.notify_waiters();
    }
}

/// Keeps paused time still while a thread of the store works; time moves only when a test says so.
struct StillClock(#[expect(dead_code, reason = "dropping it lets the thread go")] mpsc::Sender<()>);

impl StillClock {
    fn new() -> Self {
        let (hold, held) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || held.recv_timeout(PATIENCE).is_ok());
        Self(hold)
    }
}

pub(crate) struct World {
    pub(crate) agents: Agents,
    pub(crate) store: Store,
    pub(crate) provider: ScriptedProvider,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) disk: SimDisk,
    pub(crate) home: Arc<TempDir>,
    _clock: StillClock,
}

/// What a test may choose.
pub(crate) struct Choices {
    pub(crate) agents: Vec<AgentOptions>,
    pub(crate) lane_depth: usize,
    pub(crate) runs_max: usize,
    pub(crate) total_ms: u64,
    pub(crate) steps_max: u32,
    pub(crate) discover: bool,
    pub(crate) tools: Registry,
    pub(crate) hold: Option<Hold>,
}

impl Default for Choices {
    fn default() -> Self {
        Self {
            agents: ["steward", "alpha", "beta", "charlie"].map(named).to_vec(),
            lane_depth: LANE_DEPTH,
            runs_max: 128,
            total_ms: RUN_TOTAL_MS,
            steps_max: 32,
            discover: true,
            tools: Registry::default(),
            hold: None,
        }
    }
}

impl World {
    pub(crate) fn new(provider: ScriptedProvider) -> Self {
        Self::with(provider, Choices::default())
    }

    pub(crate) fn with(provider: ScriptedProvider, choices: Choices) -> Self {
        let home = Arc::new(tempfile::tempdir().unwrap());
        let disk = SimDisk::new(7, &home.path().join("agents"));
        Self::on(provider, choices, home, disk, 1)
    }

    /// Starts on a home and a disk that were used before.
    pub(crate) fn on(
        provider: ScriptedProvider,
        choices: Choices,
        home: Arc<TempDir>,
        disk: SimDisk,
        seed: u64,
    ) -> Self {
        let clock = StillClock::new();
        let root = home.path().join("agents");
        let env = Arc::new(SimEnv::new(Timestamp(1_767_312_000_000), seed));
        let seam: Arc<dyn Disk> = match choices.hold {
            Some(hold) => Arc::new(SlowDisk {
                disk: disk.clone(),
                hold,
            }),
            None => Arc::new(disk.clone()),
        };
        let store = Store::open(store_options(root.clone()), seam, env.clone()).unwrap();
        let recorder = Arc::new(Recorder::default());
        let models = Models::scripted(provider.clone(), env.clone());
        let options = Options {
            root,
            agents: choices.agents,
            discover: choices.discover,
            lane_depth: choices.lane_depth,
            runs_max: choices.runs_max,
            history_entries: 20,
            run_deadlines: RunDeadlines {
                total_ms: choices.total_ms,
                append_ms: limits::APPEND_MS,
            },
            steps_max: choices.steps_max,
            output_bytes_max: limits::OUTPUT_BYTES_MAX,
            deliberation_ms: DELIBERATION_MS,
            tools: Arc::new(choices.tools),
        };
        let sink = Arc::clone(&recorder);
        let agents = Agents::start(options, store.clone(), models, sink, env).unwrap();
        Self {
            agents,
            store,
            provider,
            recorder,
            disk,
            home,
            _clock: clock,
        }
    }

    pub(crate) fn inbound(&self, to: &str, text: &str) -> Inbound {
        Inbound {
            agent: agent(to),
            session: session("main"),
            text: text.to_owned(),
            priority: Priority::Normal,
            run: None,
            origin: Origin {
                kind: OriginKind::Operator,
                id: None,
                message_id: None,
            },
        }
    }

    /// Sends `text` as run `id`, both the same.
    pub(crate) async fn send(&self, to: &str, id: &str) -> Accepted {
        self.try_send(to, id, Priority::Normal).await.unwrap()
    }

    pub(crate) async fn try_send(
        &self,
        to: &str,
        id: &str,
        priority: Priority,
    ) -> Result<Accepted, Error> {
        let message = Inbound {
            run: Some(run(id)),
            priority,
            ..self.inbound(to, id)
        };
        self.agents.submit(message).await
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.recorder.events.lock().unwrap().clone()
    }

    /// Waits until the events are as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&[Event]) -> bool) {
        let heard = async {
            loop {
                let bell = self.recorder.bell.notified();
                if wanted(&self.events()) {
                    return;
                }
                bell.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(86_400), heard).await;
        assert!(waited.is_ok(), "never heard: {:#?}", self.events());
    }

    /// Waits until a run has said something.
    pub(crate) async fn until_delta(&self, id: &str) {
        self.until(|events| {
            events.iter().any(|event| {
                event.run == Some(run(id)) && matches!(event.kind, EventKind::Delta(_))
            })
        })
        .await;
    }

    pub(crate) async fn outcome(&self, id: &str) -> Outcome {
        let outcome = self
            .agents
            .wait(&run(id), Duration::from_secs(86_400))
            .await;
        outcome.unwrap()
    }

    /// The transcript as `run role content` lines; kinds that are not chat show their kind.
    pub(crate) fn transcript(&self, of: &str) -> Vec<String> {
        let entries = self
            .store
            .tail(&agent(of), &session("main"), 1_000)
            .unwrap();
        entries.iter().map(|entry| line(entry)).collect()
    }

    /// Which runs began, in order.
    pub(crate) fn began(&self) -> Vec<String> {
        let events = self.events();
        let began = events.iter().filter_map(|event| match event.kind {
            EventKind::RunStarted { .. } => event.run.as_ref().map(ToString::to_string),
            _ => None,
        });
        began.collect()
    }

    pub(crate) fn path(&self, of: &str) -> PathBuf {
        self.home.path().join("agents").join(of)
    }
}

pub(crate) async fn advance(ms: u64) {
    tokio::time::advance(Duration::from_millis(ms)).await;
}

fn line(entry: &Entry) -> String {
    let who = match entry.role {
        Role::System => entry.kind.as_str(),
        role => role.as_str(),
    };
    let run = entry.run.as_ref().map_or("-", |run| run.as_str());
    format!("{run} {who} {}", entry.content)
}

fn store_options(root: PathBuf) -> openclaw_sessions::Options {
    openclaw_sessions::Options {
        root,
        durability: Durability::Always,
        segment_bytes_max: 64 << 20,
        entry_bytes_max: 16 << 20,
        queue_depth: 1_024,
        sync_threads: 2,
        tail_cache_entries: 1_000,
    }
}
