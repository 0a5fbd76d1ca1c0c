//! The scenarios, one function each.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use openclaw_sessions::{Draft, Durability, Options, RealDisk, Store};
use openclaw_types::{AgentId, Env, Role, SessionId, SystemEnv};
use tokio::time::Instant;

use crate::{
    gateway::{Gateway, Home, Model},
    load::{self, Client, Hearing},
    report::{Figure, Limit},
    router, sessions, usage,
};

type Figures = Result<Vec<Figure>, String>;

/// Starts after the first.
const STARTS: usize = 20;
/// Calls of the command line.
const LISTS: usize = 40;
/// Clients of the throughput scenario.
const CLIENTS: usize = 64;
/// Entries of the long session.
const LONG_ENTRIES: usize = 100_000;
/// Entries of the short session.
const SHORT_ENTRIES: usize = 10;
/// Entries a prompt may hold in the history scenario.
const HISTORY_ENTRIES: u32 = 20;
/// Turns in each of the two sessions.
const HISTORY_TURNS: usize = 400;
/// Load before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// Runs one scenario, or all.
pub(crate) async fn run(name: &str, binary: &Path, seconds: u64) -> Figures {
    let time = Duration::from_secs(seconds);
    match name {
        "start" => start(binary).await,
        "idle" => idle(binary).await,
        "turns" => turns(binary, time).await,
        "throughput" => throughput(binary, time).await,
        "list" => list(binary).await,
        "history" => history(binary).await,
        "sessions" => sessions::run().await,
        "router" => router::run(binary, time).await,
        "size" => size(binary),
        "all" => {
            let mut all = start(binary).await?;
            all.extend(idle(binary).await?);
            all.extend(turns(binary, time).await?);
            all.extend(throughput(binary, time).await?);
            all.extend(list(binary).await?);
            all.extend(history(binary).await?);
            all.extend(sessions::run().await?);
            all.extend(router::run(binary, time).await?);
            all.extend(size(binary)?);
            Ok(all)
        }
        other => Err(format!(
            "no scenario `{other}`; there are start, idle, turns, throughput, list, history, sessions, router, size, all"
        )),
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn start(binary: &Path) -> Figures {
    let model = Model::start()?;
    let home = Home::new(&model, HISTORY_ENTRIES)?;
    let first = Gateway::start(binary, &home).await?.ready_after;
    let mut later = Vec::new();
    for _ in 0..STARTS {
        later.push(ms(Gateway::start(binary, &home).await?.ready_after));
    }
    let slowest = later.iter().copied().fold(0.0, f64::max);
    let typical = median(&mut later);
    Ok(vec![
        Figure {
            name: "ready after the first start".to_owned(),
            value: ms(first),
            unit: "ms",
            limit: Limit::AtMost(150.0),
            detail: "12 workspaces made".to_owned(),
        },
        Figure {
            name: "ready after a start".to_owned(),
            value: typical,
            unit: "ms",
            limit: Limit::AtMost(30.0),
            detail: format!("median of {STARTS}, slowest {slowest:.1} ms, 12 agents"),
        },
    ])
}

async fn idle(binary: &Path) -> Figures {
    let model = Model::start()?;
    let home = Home::new(&model, HISTORY_ENTRIES)?;
    drop(Gateway::start(binary, &home).await?);
    let gateway = Gateway::start(binary, &home).await?;
    // Discovery and the first timers run within this time.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = usage::cpu(gateway.pid())?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let burned = usage::cpu(gateway.pid())? - before;
    Ok(vec![
        Figure {
            name: "resident memory, idle".to_owned(),
            value: usage::resident(gateway.pid())? as f64 / 1e6,
            unit: "MB",
            limit: Limit::AtMost(15.0),
            detail: "12 agents, 8 s after the start".to_owned(),
        },
        Figure {
            name: "CPU, idle".to_owned(),
            value: burned.as_secs_f64() / 5.0 * 100.0,
            unit: "% of a core",
            limit: Limit::AtMost(0.2),
            detail: "over 5 s".to_owned(),
        },
    ])
}

async fn turns(binary: &Path, time: Duration) -> Figures {
    let mut figures = Vec::new();
    for (hearing, clients, name, limit) in [
        (
            Hearing::Final,
            CLIENTS,
            "CPU a turn, final answer only",
            0.5,
        ),
        (
            Hearing::Deltas,
            load::AGENTS.len(),
            "CPU a turn, every delta streamed",
            0.7,
        ),
    ] {
        let model = Model::start()?;
        let home = Home::new(&model, HISTORY_ENTRIES)?;
        let gateway = Gateway::start(binary, &home).await?;
        let mut clients = load::connect_many(gateway.address, clients, hearing).await?;
        let _warm = load::run(&mut clients, WARM_UP).await?;
        let before = usage::cpu(gateway.pid())?;
        let (seen, _) = load::run(&mut clients, time).await?;
        let burned = usage::cpu(gateway.pid())? - before;
        figures.push(Figure {
            name: name.to_owned(),
            value: ms(burned) / seen.turns as f64,
            unit: "ms",
            limit: Limit::AtMost(limit),
            detail: format!(
                "{} turns by {} clients, {:.1} deltas a turn, two durable entries each",
                seen.turns,
                clients.len(),
                seen.deltas as f64 / seen.turns as f64
            ),
        });
    }
    Ok(figures)
}

async fn throughput(binary: &Path, time: Duration) -> Figures {
    let model = Model::start()?;
    let home = Home::new(&model, HISTORY_ENTRIES)?;
    let gateway = Gateway::start(binary, &home).await?;
    let mut clients = load::connect_many(gateway.address, CLIENTS, Hearing::Final).await?;
    let _warm = load::run(&mut clients, WARM_UP).await?;
    let account = || -> Result<[Duration; 3], String> {
        Ok([
            usage::cpu(gateway.pid())?,
            usage::cpu(model.pid())?,
            usage::cpu(std::process::id())?,
        ])
    };
    let before = account()?;
    let (seen, elapsed) = load::run(&mut clients, time).await?;
    let after = account()?;
    let cores: Vec<String> = ["gateway", "model", "load"]
        .iter()
        .zip(before.iter().zip(&after))
        .map(|(who, (before, after))| {
            format!(
                "{who} {:.2}",
                (*after - *before).as_secs_f64() / elapsed.as_secs_f64()
            )
        })
        .collect();
    Ok(vec![Figure {
        name: "turns a second, 64 in flight".to_owned(),
        value: seen.turns as f64 / elapsed.as_secs_f64(),
        unit: "turns/s",
        limit: Limit::AtLeast(2000.0),
        detail: format!("12 agents, 64 sessions; cores used: {}", cores.join(", ")),
    }])
}

async fn list(binary: &Path) -> Figures {
    let model = Model::start()?;
    let home = Home::new(&model, HISTORY_ENTRIES)?;
    let _gateway = Gateway::start(binary, &home).await?;
    let mut took = Vec::new();
    for _ in 0..LISTS {
        let started = Instant::now();
        let status = Command::new(binary)
            .args(["agent", "list", "--state-dir"])
            .arg(home.path())
            .env_clear()
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("agent list ended with {status}"));
        }
        took.push(ms(started.elapsed()));
    }
    let slowest = took.iter().copied().fold(0.0, f64::max);
    Ok(vec![Figure {
        name: "openclaw agent list".to_owned(),
        value: median(&mut took),
        unit: "ms",
        limit: Limit::AtMost(10.0),
        detail: format!("whole process, median of {LISTS}, slowest {slowest:.1} ms"),
    }])
}

async fn history(binary: &Path) -> Figures {
    let model = Model::start()?;
    let home = Home::new(&model, HISTORY_ENTRIES)?;
    drop(Gateway::start(binary, &home).await?);
    fill(&home, "short", SHORT_ENTRIES).await?;
    fill(&home, "long", LONG_ENTRIES).await?;
    let gateway = Gateway::start(binary, &home).await?;
    let mut short = Client::connect(gateway.address, "steward", "short", Hearing::Final).await?;
    let mut long = Client::connect(gateway.address, "steward", "long", Hearing::Final).await?;
    let (mut short_ms, mut long_ms) = (Vec::new(), Vec::new());
    // In turn, so that a change of the machine's speed falls on both.
    for _ in 0..HISTORY_TURNS {
        for (client, took) in [(&mut short, &mut short_ms), (&mut long, &mut long_ms)] {
            let started = Instant::now();
            let _seen = client.turn().await?;
            took.push(ms(started.elapsed()));
        }
    }
    let (short, long) = (median(&mut short_ms), median(&mut long_ms));
    Ok(vec![Figure {
        name: "a turn after 100,000 entries over one after 10".to_owned(),
        value: long / short,
        unit: "x",
        limit: Limit::AtMost(1.1),
        detail: format!(
            "median of {HISTORY_TURNS} turns each, {long:.2} ms over {short:.2} ms, history of {HISTORY_ENTRIES}"
        ),
    }])
}

/// Writes a session through the product's own store, owned by a tokenless client so that the load may use it.
async fn fill(home: &Home, session: &str, entries: usize) -> Result<(), String> {
    let env: Arc<dyn Env> = Arc::new(SystemEnv);
    let options = Options {
        root: home.path().join("agents"),
        durability: Durability::Os,
        segment_bytes_max: 64 * 1024 * 1024,
        entry_bytes_max: 1024 * 1024,
        queue_depth: 1024,
        sync_threads: 1,
        tail_cache_entries: 64,
    };
    let store = Store::open(options, Arc::new(RealDisk), env).map_err(|error| error.to_string())?;
    let agent = AgentId::parse("steward").map_err(|error| error.to_string())?;
    let _report = store
        .open_agent(&agent)
        .map_err(|error| error.to_string())?;
    let session = SessionId::parse(session).map_err(|error| error.to_string())?;
    for batch in 0..entries.div_ceil(500) {
        let drafts = (batch * 500..entries.min((batch + 1) * 500))
            .map(|index| draft(&session, index))
            .collect();
        let _written = store
            .append(&agent, drafts)
            .await
            .map_err(|error| error.to_string())?;
    }
    store.shutdown().await.map_err(|error| error.to_string())
}

fn draft(session: &SessionId, index: usize) -> Draft {
    let role = if index.is_multiple_of(2) {
        Role::User
    } else {
        Role::Assistant
    };
    let mut draft = Draft::message(
        role,
        session.clone(),
        format!("entry {index}: a sentence of an ordinary length."),
    );
    draft.origin = Some(openclaw_sessions::Origin {
        kind: openclaw_sessions::OriginKind::Local,
        id: None,
        message_id: None,
    });
    draft
}

fn size(binary: &Path) -> Figures {
    let bytes = std::fs::metadata(binary)
        .map_err(|error| format!("{}: {error}", binary.display()))?
        .len();
    Ok(vec![Figure {
        name: "the binary, stripped".to_owned(),
        value: bytes as f64 / 1e6,
        unit: "MB",
        limit: Limit::AtMost(20.0),
        detail: "without the local model engine".to_owned(),
    }])
}
