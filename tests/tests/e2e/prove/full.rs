//! A full disk: the agent whose disk it is refuses and says why, nobody else notices, and space ends it at once.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use openclaw_tests::{
    client::Socket,
    gateway::{Process, Setup},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    inside,
    kill::PROGRAM,
    ledger::{active, read_all},
    load::{call, operator, request},
    run,
};

/// The small file system.
const SIZE: &str = "size=16m";
/// How soon after there is space work must go on.
const RESUME: Duration = Duration::from_secs(1);
/// Messages sent while the disk is full; the first ones may fit into what is left of the last page.
const REFUSED: usize = 60;

/// What is done to the disk in one run.
#[derive(Clone, Copy)]
struct Plan {
    /// All of the state is on the small disk, and not one agent's alone.
    everything: bool,
    fill: bool,
    free: bool,
}

/// Plays it; what was seen, or what was wrong.
async fn play(plan: Plan) -> Result<String, String> {
    let place = Setup::two().prepare().await;
    let work = tempfile::tempdir().unwrap();
    let state = work.path().join("state");
    fs::create_dir(&state).unwrap();
    let alpha = state.join("agents/alpha");
    if plan.everything {
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                SIZE,
                "none",
                &state.display().to_string(),
            ],
        );
    } else {
        fs::create_dir_all(&alpha).unwrap();
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                SIZE,
                "none",
                &alpha.display().to_string(),
            ],
        );
    }
    for dir in [&state, &state.join("agents"), &alpha] {
        if dir.exists() {
            run("chmod", &["700", &dir.display().to_string()]);
        }
    }
    fs::copy(
        place.state.path().join("openclaw.json"),
        state.join("openclaw.json"),
    )
    .unwrap();
    let process = Process::start(PROGRAM, &state).await.unwrap();
    let mut client = Client {
        socket: operator(&process).await,
        next: 0,
        kept: Vec::new(),
    };
    for _ in 0..20 {
        client.accepted("alpha").await?;
        client.accepted("steward").await?;
    }
    let before = client.reads().await?;
    let ballast = if plan.everything { &state } else { &alpha }.join("ballast");
    if plan.fill {
        fill(&ballast);
    }
    let refused = client.refused("alpha").await?;
    let during = client.reads().await?;
    if !plan.everything {
        for _ in 0..20 {
            client.accepted("steward").await?;
        }
    }
    if plan.free {
        fs::remove_file(&ballast).unwrap();
    }
    let resumed = client.resumed("alpha").await?;
    client.accepted("steward").await?;
    client.check(&state)?;
    drop(process);
    Ok(format!(
        "{refused} refused, reads {before:?} before and {during:?} while full, resumed after {resumed:?}"
    ))
}

/// Writes until not one byte fits.
fn fill(path: &PathBuf) {
    let mut file = File::create(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

struct Client {
    socket: Socket,
    next: usize,
    /// Agent, number and text of what was acknowledged.
    kept: Vec<(&'static str, u64, String)>,
}

impl Client {
    async fn send(&mut self, agent: &'static str) -> Result<(), Value> {
        self.next += 1;
        let run = format!("run-{}", self.next);
        let message = format!("{} {}", self.next, "x".repeat(500));
        self.socket
            .say(&request(&run, agent, "main", &message))
            .await;
        let mut accepted = false;
        loop {
            let frame = self.socket.hear().await;
            if frame["type"] != "res" || frame["id"] != run.as_str() {
                continue;
            }
            if frame["ok"] != true {
                // A message that was taken stays taken, whatever becomes of its run.
                return if accepted {
                    Ok(())
                } else {
                    Err(frame["error"].clone())
                };
            }
            if frame["payload"]["status"] != "accepted" {
                return Ok(());
            }
            accepted = true;
            let seq = frame["payload"]["seq"].as_u64().unwrap();
            self.kept.push((agent, seq, message.clone()));
        }
    }

    async fn accepted(&mut self, agent: &'static str) -> Result<(), String> {
        let sent = self.send(agent).await;
        sent.map_err(|error| format!("{agent} refused where it had space: {error}"))
    }

    /// Sends until it is refused; every refusal says why, and that trying again makes sense.
    async fn refused(&mut self, agent: &'static str) -> Result<usize, String> {
        let mut refused = 0;
        for _ in 0..REFUSED {
            let Err(error) = self.send(agent).await else {
                continue;
            };
            let says_why = error["message"].to_string().contains("no space left");
            if error["code"] != "UNAVAILABLE" || error["retryable"] != true || !says_why {
                return Err(format!("refused for another reason: {error}"));
            }
            refused += 1;
        }
        if refused > REFUSED / 2 {
            Ok(refused)
        } else {
            Err(format!("{refused} of {REFUSED} were refused"))
        }
    }

    /// The slowest of a hundred looks at what is there.
    async fn reads(&mut self) -> Result<Duration, String> {
        let mut slowest = Duration::ZERO;
        for at in 0..50 {
            for (method, params) in [
                ("health", json!({})),
                (
                    "chat.history",
                    json!({"sessionKey": "agent:alpha:main", "limit": 5}),
                ),
            ] {
                let began = Instant::now();
                let answer =
                    call(&mut self.socket, &format!("{method}-{at}"), method, params).await;
                slowest = slowest.max(began.elapsed());
                if answer["ok"] != true {
                    return Err(format!("{method}: {answer}"));
                }
            }
        }
        Ok(slowest)
    }

    async fn resumed(&mut self, agent: &'static str) -> Result<Duration, String> {
        let began = Instant::now();
        loop {
            match self.send(agent).await {
                Ok(()) => return Ok(began.elapsed()),
                Err(error) if began.elapsed() > RESUME => {
                    return Err(format!("after {RESUME:?} still: {error}"));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    /// Every line is whole, and everything acknowledged is there.
    fn check(&self, state: &Path) -> Result<(), String> {
        for agent in ["alpha", "steward"] {
            drop(read_all(state, agent)?);
            let text = fs::read_to_string(active(state, agent)).unwrap();
            for (_, seq, message) in self.kept.iter().filter(|(of, ..)| *of == agent) {
                let (seq, message) = (
                    format!("\"seq\":{seq},"),
                    format!("\"content\":\"{message}\""),
                );
                let is_there = text
                    .lines()
                    .any(|line| line.contains(&seq) && line.contains(&message));
                if !is_there {
                    return Err(format!("{agent} lost {seq} {message}"));
                }
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_full_disk_stops_its_own_agent_alone_and_only_until_there_is_space() {
    const NAME: &str =
        "prove::full::a_full_disk_stops_its_own_agent_alone_and_only_until_there_is_space";
    if !inside(NAME, &["unshare", "mount"]) {
        return;
    }
    for everything in [false, true] {
        let plan = Plan {
            everything,
            fill: true,
            free: true,
        };
        let seen = play(plan).await.unwrap_or_else(|wrong| panic!("{wrong}"));
        println!("full, everything {everything}: {seen}");
    }
}

#[tokio::test]
async fn a_disk_that_was_never_full_or_stays_so_is_caught() {
    const NAME: &str = "prove::full::a_disk_that_was_never_full_or_stays_so_is_caught";
    if !inside(NAME, &["unshare", "mount"]) {
        return;
    }
    for (fill, free, wanted) in [
        (false, false, "0 of 60 were refused"),
        (true, false, "after 1s still: "),
    ] {
        let plan = Plan {
            everything: false,
            fill,
            free,
        };
        let wrong = play(plan).await.unwrap_err();
        assert!(wrong.starts_with(wanted), "{wrong}");
        println!("full, filled {fill}, freed {free}: caught: {wrong:.120}");
    }
}
