//! Anything may happen in any order: every accepted run ends once, on disk and off it, and no lane stays held.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_agents::{AgentState, EventKind, Inbound, Submission};
use openclaw_models::{
    Kind as ModelKind,
    scripted::{Script, ScriptedProvider, Step},
};
use openclaw_sessions::{Entry, Kind, disk::sim};
use openclaw_types::{Part, Priority, Role, RunId, ToolCall};

use crate::harness::{Choices, World, advance, agent, run, session};

const SEEDS: u64 = 40;
const STEPS: usize = 60;
const AGENTS: [&str; 3] = ["steward", "alpha", "beta"];
const SESSIONS: [&str; 3] = ["main", "two", "three"];

/// A small generator: the same seed, the same story.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// What a model does is written in the message, so that it does not depend on who comes first.
fn provider() -> ScriptedProvider {
    ScriptedProvider::new(|request| {
        let said = request.messages.last().unwrap().plain_text();
        let call = ToolCall {
            id: "c".to_owned(),
            name: "t".to_owned(),
            arguments: serde_json::json!({}),
        };
        let word = said.split(' ').next().unwrap();
        assert_ne!(word, "panic", "a provider with a bug");
        match word {
            "fail" => Script::new()
                .text("x")
                .then(Step::Fail(ModelKind::BadRequest)),
            "hang" => Script::new().text("x").then(Step::Hang),
            "slow" => Script::new()
                .then(Step::Wait(Duration::from_secs(5)))
                .text("late")
                .end(openclaw_types::Usage::default()),
            "silent" => Script::new(),
            "tool" => Script::calls(vec![call]),
            _ => Script::deltas(&["an", "swer"]),
        }
    })
}

struct Story {
    world: World,
    dice: Dice,
    submissions: Vec<(RunId, Submission)>,
    accepted: Vec<RunId>,
    has_faults: bool,
    sent: usize,
}

impl Story {
    fn message(&mut self) -> Inbound {
        let words = [
            "fine", "fine", "fine", "fail", "hang", "slow", "silent", "tool", "panic",
        ];
        let word = words[self.dice.roll(words.len())];
        self.sent += 1;
        Inbound {
            session: session(SESSIONS[self.dice.roll(3)]),
            run: Some(run(&format!("r{}", self.sent))),
            priority: [Priority::Low, Priority::Normal, Priority::High][self.dice.roll(3)],
            ..self
                .world
                .inbound(AGENTS[self.dice.roll(3)], &format!("{word} {}", self.sent))
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(12) {
            0..=4 => {
                let message = self.message();
                let id = message.run.clone().unwrap();
                let submission = self.world.agents.submit(message);
                self.submissions.push((id, submission));
            }
            5 | 6 => self.settle().await,
            7 => {
                let whose = agent(AGENTS[self.dice.roll(3)]);
                let which = session(SESSIONS[self.dice.roll(3)]);
                self.world.agents.abort(&whose, &which, None);
            }
            8 => {
                let id = run(&format!("r{}", self.dice.roll(self.sent.max(1))));
                for (whose, which) in AGENTS.iter().flat_map(|a| SESSIONS.map(|s| (*a, s))) {
                    self.world
                        .agents
                        .abort(&agent(whose), &session(which), Some(&id));
                }
            }
            9 => advance(1_000).await,
            10 if self.has_faults => self.world.disk.fail(&[sim::Fault {
                call: sim::Call::Datasync,
                nth: 1 + self.dice.roll(4) as u64,
                times: 1,
                failure: sim::Failure::Error(std::io::ErrorKind::Other),
            }]),
            _ => tokio::task::yield_now().await,
        }
    }

    async fn settle(&mut self) {
        for (id, submission) in self.submissions.drain(..) {
            if submission.await.is_ok() {
                self.accepted.push(id);
            }
        }
    }

    /// Stops what hangs until nothing is left.
    async fn end(&mut self) {
        self.world.disk.fail(&[]);
        self.settle().await;
        for id in &self.accepted {
            for (whose, which) in AGENTS.iter().flat_map(|a| SESSIONS.map(|s| (*a, s))) {
                self.world
                    .agents
                    .abort(&agent(whose), &session(which), None);
            }
            self.world.outcome(id.as_str()).await;
        }
        self.world.agents.shutdown(Duration::from_secs(1)).await;
    }
}

fn ends_of(entries: &[Arc<Entry>]) -> BTreeMap<RunId, usize> {
    let mut ends = BTreeMap::new();
    for entry in entries {
        let Some(run) = entry.run.clone() else {
            continue;
        };
        let calls = entry
            .parts
            .iter()
            .any(|part| matches!(part, Part::ToolCall(_)));
        let is_end = match entry.kind {
            Kind::Aborted => true,
            Kind::Message => entry.role == Role::Assistant && !calls,
            _ => false,
        };
        *ends.entry(run).or_default() += usize::from(is_end);
    }
    ends
}

fn all_ends(world: &World) -> BTreeMap<RunId, usize> {
    let mut ends = BTreeMap::new();
    for (whose, which) in AGENTS.iter().flat_map(|a| SESSIONS.map(|s| (*a, s))) {
        let entries = world
            .store
            .tail(&agent(whose), &session(which), 10_000)
            .unwrap();
        ends.append(&mut ends_of(&entries));
    }
    ends
}

async fn tell(seed: u64) {
    let choices = Choices {
        lane_depth: 5,
        runs_max: 4,
        total_ms: 20_000,
        steps_max: 3,
        ..Choices::default()
    };
    let mut story = Story {
        world: World::with(provider(), choices),
        dice: Dice(seed),
        submissions: Vec::new(),
        accepted: Vec::new(),
        has_faults: seed % 2 == 1,
        sent: 0,
    };
    for _ in 0..STEPS {
        story.step().await;
    }
    story.end().await;
    check_told(&story, seed);
    let ends = all_ends(&story.world);
    if !story.has_faults {
        assert!(
            ends.values().all(|&ends| ends == 1),
            "seed {seed}: {ends:?}"
        );
    }
    check_after_crash(&story, seed).await;
}

/// Every accepted run was announced as ended once, and nothing is held.
fn check_told(story: &Story, seed: u64) {
    let mut ended: BTreeMap<RunId, usize> = BTreeMap::new();
    for event in story.world.events() {
        if let EventKind::RunEnded(outcome) = event.kind {
            *ended.entry(outcome.run).or_default() += 1;
        }
    }
    let ended_once = |id| ended.get(id) == Some(&1);
    assert!(
        story.accepted.iter().all(ended_once),
        "seed {seed}: {ended:?}"
    );
    assert!(
        ended.values().all(|&times| times == 1),
        "seed {seed}: {ended:?}"
    );
    for status in story.world.agents.list() {
        let now = (status.state, status.running, status.waiting);
        assert_eq!(now, (AgentState::Idle, 0, 0), "seed {seed}");
    }
}

/// After a crash every accepted message is there, and every run has an end.
async fn check_after_crash(story: &Story, seed: u64) {
    let world = &story.world;
    world.store.shutdown().await.unwrap();
    let home = Arc::clone(&world.home);
    let disk = world.disk.crash();
    let next = World::on(provider(), Choices::default(), home, disk, seed + 1_000);
    for whose in AGENTS {
        let sent = next.send(whose, &format!("after-{whose}")).await;
        sent.outcome.await;
    }
    let ends = all_ends(&next);
    assert!(
        ends.values().all(|&ends| ends >= 1),
        "seed {seed}: {ends:?}"
    );
    let is_there = |id| ends.contains_key(id);
    assert!(story.accepted.iter().all(is_there), "seed {seed}: {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn every_story_ends() {
    for seed in 0..SEEDS {
        tell(seed).await;
    }
}
