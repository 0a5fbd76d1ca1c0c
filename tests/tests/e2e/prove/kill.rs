//! `kill -9` under load: twelve agents, eight sessions each, and a client that knows what it was told.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use openclaw_tests::{
    gateway::{Place, Process, Setup},
    random::Random,
};
use rustix::process::Signal;
use serde_json::json;

use super::{
    asked,
    ledger::{Ledger, Seen, active, read_all},
    load::{AGENTS, Load, call, operator},
};

pub(super) const PROGRAM: &str = env!("CARGO_BIN_EXE_openclaw-test-gateway");
/// Sessions of each agent.
const SESSIONS: usize = 8;
/// The longest time between the start of the load and the kill.
const LOAD_MS_MAX: usize = 250;
/// After so many kills the files are read from their beginning, and not only what is new.
const READ_ALL_EVERY: usize = 50;

/// Every agent, and a model with a short memory: prompts shall not grow with the number of kills.
pub(super) async fn place() -> Place {
    let model = json!([{"id": "echo", "name": "echo", "contextWindow": 4096, "maxTokens": 256}]);
    Setup::default()
        .config(json!({"models": {"providers": {"scripted": {"models": model}}}}))
        .prepare()
        .await
}

/// What has been found in the files of every agent.
#[derive(Default)]
struct Found(BTreeMap<&'static str, Seen>);

impl Found {
    fn check(&mut self, state: &Path, ledger: &Ledger, afresh: bool) {
        for agent in AGENTS {
            let seen = self.0.entry(agent).or_default();
            if afresh {
                *seen = read_all(state, agent).unwrap_or_else(|wrong| panic!("{wrong}"));
            } else if let Ok(bytes) = fs::read(active(state, agent)) {
                seen.read(&bytes)
                    .unwrap_or_else(|wrong| panic!("{agent}: {wrong}"));
            }
            assert_eq!(ledger.complaint(agent, seen), None);
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_doubled_reordered_or_partial_after_kills_under_load() {
    let kills = asked("OPENCLAW_PROVE_ROUNDS", 200);
    let place = place().await;
    let state = place.state.path();
    let mut random = Random::new(asked("OPENCLAW_PROVE_SEED", 11) as u64);
    let mut load = Load::new(&AGENTS, SESSIONS);
    let mut found = Found::default();
    for kill in 1..=kills {
        let mut process = Process::start(PROGRAM, state).await.unwrap();
        shows(&process, &load.ledger, &mut random).await;
        let mut socket = load.begin(&process).await;
        let time = Duration::from_millis(5 + random.below(LOAD_MS_MAX) as u64);
        load.go_on(&mut socket, time).await;
        process.signal(Signal::KILL);
        load.hear_out(&mut socket, openclaw_tests::DEADLINE).await;
        assert_eq!(process.ended().await, None);
        place.model.forget();
        found.check(state, &load.ledger, kill % READ_ALL_EVERY == 0);
        if kill % 20 == 0 {
            println!("kill: {kill} kills, {} acknowledged", load.ledger.len());
        }
    }
    let mut process = Process::start(PROGRAM, state).await.unwrap();
    process.signal(Signal::TERM);
    assert_eq!(process.ended().await, Some(0));
    found.check(state, &load.ledger, true);
    assert!(load.ledger.len() > kills, "{:?}", load.refused);
    println!(
        "kill: {kills} kills, {} acknowledged, 0 lost, doubled, reordered or partial",
        load.ledger.len()
    );
}

/// The gateway shows what it acknowledged before it was killed, to whoever asks.
async fn shows(process: &Process, ledger: &Ledger, random: &mut Random) {
    let mut socket = operator(process).await;
    let agent = *random.pick(&AGENTS);
    let session = format!("s{}", random.below(SESSIONS));
    let told = ledger
        .runs
        .iter()
        .filter(|(_, told)| told.agent == agent && told.session == session)
        .max_by_key(|(_, told)| told.seq);
    let Some((run, told)) = told else {
        return;
    };
    let key = format!("agent:{agent}:{session}");
    let params = json!({"sessionKey": key, "limit": 1, "beforeSeq": told.seq + 1});
    let answer = call(&mut socket, "history", "chat.history", params).await;
    let messages = answer["payload"]["messages"].as_array();
    let shown = messages.is_some_and(|messages| {
        messages
            .iter()
            .any(|message| message["__openclaw"]["seq"] == told.seq)
    });
    assert!(shown, "{run}: {told:?} is not in {answer}");
}

#[tokio::test]
async fn a_transcript_that_lost_doubled_reordered_or_tore_something_is_caught() {
    let place = place().await;
    let state = place.state.path();
    let mut load = Load::new(&["steward"], SESSIONS);
    let mut process = Process::start(PROGRAM, state).await.unwrap();
    let mut socket = load.begin(&process).await;
    load.go_on(&mut socket, Duration::from_millis(400)).await;
    process.signal(Signal::KILL);
    load.hear_out(&mut socket, openclaw_tests::DEADLINE).await;
    assert_eq!(process.ended().await, None);
    let whole = fs::read_to_string(active(state, "steward")).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let last = load
        .ledger
        .runs
        .keys()
        .max_by_key(|run| run.trim_start_matches("run-").parse::<u64>().unwrap())
        .unwrap();
    let at = lines
        .iter()
        .position(|line| line.contains(&format!("\"runId\":\"{last}\"")))
        .unwrap();
    let same_session = |other: &&str| {
        let session = |line: &str| line.split("\"sessionId\":").nth(1).unwrap()[..6].to_owned();
        session(other) == session(lines[at])
    };
    let before = lines[..at].iter().rposition(same_session).unwrap();
    let planted = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        change(&mut lines);
        let mut seen = Seen::default();
        seen.read(lines.concat().as_bytes())
            .err()
            .or_else(|| load.ledger.complaint("steward", &seen))
    };
    assert_eq!(planted(&|_| {}), None);
    for (what, change) in [
        (
            "lost",
            &(|lines: &mut Vec<String>| drop(lines.remove(at))) as &dyn Fn(&mut Vec<String>),
        ),
        ("doubled", &|lines: &mut Vec<String>| {
            lines.insert(at, lines[at].clone());
        }),
        ("reordered", &|lines: &mut Vec<String>| {
            lines.swap(at, before);
        }),
        ("partial", &|lines: &mut Vec<String>| lines[at].truncate(40)),
        ("other bytes", &|lines: &mut Vec<String>| {
            lines[at] = lines[at].replacen("\"content\":\"", "\"content\":\"y", 1);
        }),
    ] {
        let caught = planted(change);
        assert!(caught.is_some(), "{what} was not caught");
        let caught: String = caught.unwrap_or_default().chars().take(90).collect();
        println!("kill, {what}: caught: {caught}");
    }
}
