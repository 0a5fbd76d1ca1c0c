//! The router before a backend that answers at once: what a request costs beside the same request without it.

mod client;
mod servers;

use std::{path::Path, time::Duration};

use tokio::task::JoinSet;

use self::{
    client::{Ask, Connection, closed_loop, open_loop},
    servers::Server,
};
use crate::{
    gateway::Model,
    model::PIECES,
    report::{Figure, Limit},
};

type Figures = Result<Vec<Figure>, String>;

/// Where a chat completion is asked for.
const PATH: &str = "/v1/chat/completions";
/// Clients of the closed loops.
const CLIENTS: usize = 32;
/// Clients of the open loops: enough that none waits for its own last answer.
const OPEN_CLIENTS: usize = 32;
/// Rounds in which the sides take turns, so that a change of the machine's speed falls on all.
const ROUNDS: u32 = 5;
/// Requests of each kind in the failover scenario.
const FAILOVERS: usize = 400;
/// Streams held open at once, where the system allows as many open files.
const STREAMS: usize = 10_000;
/// Megabytes that so many may take.
const STREAMS_MB: f64 = 400.0;
/// Open files of a process besides those of streams.
const OTHER_FILES: u64 = 100;
/// Streams being opened at the same time.
const OPENING: usize = 64;

/// All figures of the router.
pub(crate) async fn run(binary: &Path, time: Duration) -> Figures {
    let mut figures = costs(binary, time).await?;
    figures.extend(first_token(binary, time).await?);
    figures.extend(failover(binary).await?);
    figures.extend(streams(binary).await?);
    Ok(figures)
}

fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let place = (last as f64 * part).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

fn address(backend: &Model) -> Result<std::net::SocketAddr, String> {
    backend.address.parse().map_err(|error| format!("{error}"))
}

/// CPU a request and requests a second, with nginx in turn.
async fn costs(binary: &Path, time: Duration) -> Figures {
    let backend = Model::start()?;
    let ours = Server::ours(binary, &backend.address).await?;
    let nginx = Server::nginx(&backend.address).await?;
    let key = ours.key().await?;
    let mut figures = Vec::new();
    for (is_streaming, kind, limit) in [(false, "plain", 0.15), (true, "20 pieces streamed", 0.35)]
    {
        let routed = Ask::chat(ours.address, PATH, Some(&key), ("ok", is_streaming));
        let passed = Ask::chat(nginx.address, PATH, None, ("echo", is_streaming));
        let slice = time / ROUNDS;
        let _warm = closed_loop(&routed, CLIENTS, slice).await?;
        let _warm = closed_loop(&passed, CLIENTS, slice).await?;
        let mut sides = [
            (&routed, &ours, 0, 0.0, 0.0),
            (&passed, &nginx, 0, 0.0, 0.0),
        ];
        for _ in 0..ROUNDS {
            for (ask, server, requests, seconds, cpu) in &mut sides {
                let before = server.cpu()?;
                let seen = closed_loop(ask, CLIENTS, slice).await?;
                *cpu += (server.cpu()? - before).as_secs_f64();
                *requests += seen.requests;
                *seconds += seen.elapsed.as_secs_f64();
            }
        }
        let [ours, nginx] = sides.map(|(_, _, requests, seconds, cpu)| {
            (cpu * 1000.0 / requests as f64, requests as f64 / seconds)
        });
        figures.push(Figure {
            name: format!("router: CPU a request, {kind}"),
            value: ours.0,
            unit: "ms",
            limit: Limit::AtMost(limit),
            detail: format!("key, limits, budget and ledger on; nginx {:.3} ms", nginx.0),
        });
        figures.push(Figure {
            name: format!("router: requests a second over nginx's, {kind}"),
            value: ours.1 / nginx.1,
            unit: "x",
            limit: Limit::AtLeast(0.5),
            detail: format!(
                "{:.0}/s over {:.0}/s, {CLIENTS} clients, {ROUNDS} turns each",
                ours.1, nginx.1
            ),
        });
    }
    Ok(figures)
}

/// Time to the first piece beside the backend's own, at a load far from the limit.
async fn first_token(binary: &Path, time: Duration) -> Figures {
    let backend = Model::start()?;
    let ours = Server::ours(binary, &backend.address).await?;
    let key = ours.key().await?;
    let nginx = Server::nginx(&backend.address).await?;
    let routed = Ask::chat(ours.address, PATH, Some(&key), ("ok", true));
    let passed = Ask::chat(nginx.address, PATH, None, ("echo", true));
    let direct = Ask::chat(address(&backend)?, PATH, None, ("echo", true));
    let full = closed_loop(&routed, CLIENTS, time / ROUNDS).await?;
    let rate = full.requests as f64 / full.elapsed.as_secs_f64() * 0.3;
    let (mut through, mut by_peer, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let seen = open_loop(&direct, rate, OPEN_CLIENTS, time / ROUNDS).await?;
        beside.extend(seen.first_ms);
        let seen = open_loop(&routed, rate, OPEN_CLIENTS, time / ROUNDS).await?;
        through.extend(seen.first_ms);
        let seen = open_loop(&passed, rate, OPEN_CLIENTS, time / ROUNDS).await?;
        by_peer.extend(seen.first_ms);
    }
    let figures = [("p50", 0.5, 0.3), ("p99", 0.99, 2.0)];
    let figure = |(name, part, limit)| {
        let (own, all) = (
            percentile(&mut beside, part),
            percentile(&mut through, part),
        );
        let added_by_peer = percentile(&mut by_peer, part) - own;
        Figure {
            name: format!("router: added time to the first piece, {name}"),
            value: all - own,
            unit: "ms",
            limit: Limit::AtMost(limit),
            detail: format!(
                "{all:.2} over {own:.2} ms, open loop, {rate:.0}/s, {PIECES} pieces; nginx adds {added_by_peer:.2} ms"
            ),
        }
    };
    Ok(figures.map(figure).into_iter().collect())
}

/// What a fallback adds, by the kind of the failure.
async fn failover(binary: &Path) -> Figures {
    let backend = Model::start()?;
    let ours = Server::ours(binary, &backend.address).await?;
    let key = ours.key().await?;
    let kinds = ["ok", "overloaded", "throttled", "refused"];
    let asks = kinds.map(|group| Ask::chat(ours.address, PATH, Some(&key), (group, false)));
    let mut connection = Connection::open(&asks[0]).await?;
    let mut took: [Vec<f64>; 4] = Default::default();
    for _ in 0..FAILOVERS {
        for (ask, took) in asks.iter().zip(&mut took) {
            took.push(connection.ask(ask).await?.whole.as_secs_f64() * 1000.0);
        }
    }
    let [healthy, failing @ ..] = &mut took;
    let healthy = percentile(healthy, 0.5);
    let figures = kinds
        .iter()
        .skip(1)
        .zip(failing)
        .map(|(kind, took)| Figure {
            name: format!("router: a failover adds, {kind}"),
            value: percentile(took, 0.99) - healthy,
            unit: "ms",
            limit: Limit::AtMost(10.0),
            detail: format!(
                "p99 of {FAILOVERS}; p50 {:.2} ms over {healthy:.2} ms without",
                percentile(took, 0.5)
            ),
        });
    Ok(figures.collect())
}

/// Memory with many streams that have begun and go on.
async fn streams(binary: &Path) -> Figures {
    let streams = allowed_streams()?;
    let backend = Model::start()?;
    let ours = Server::ours(binary, &backend.address).await?;
    let key = ours.key().await?;
    let ask = Ask::chat(ours.address, PATH, Some(&key), ("hold", true));
    let empty = ours.resident()?;
    let mut open = Vec::with_capacity(streams);
    let mut opening = JoinSet::new();
    while open.len() < streams {
        while opening.len() < OPENING && open.len() + opening.len() < streams {
            let ask = ask.clone();
            let _handle = opening.spawn(async move {
                let mut connection = Connection::open(&ask).await?;
                connection.begin(&ask).await?;
                Ok::<_, String>(connection)
            });
        }
        match opening.join_next().await {
            Some(opened) => open.push(opened.map_err(|error| error.to_string())??),
            None => return Err("no stream is being opened".to_owned()),
        }
    }
    let full = ours.resident()?;
    Ok(vec![Figure {
        name: format!("router: resident memory with {streams} open streams"),
        value: full as f64 / 1e6,
        unit: "MB",
        limit: Limit::AtMost(STREAMS_MB * streams as f64 / STREAMS as f64),
        detail: format!(
            "{:.1} MB without, {:.1} KB a stream",
            empty as f64 / 1e6,
            (full.saturating_sub(empty)) as f64 / streams as f64 / 1e3
        ),
    }])
}

/// How many streams the limit of open files allows, raised as far as may be: the router has two sockets for each, and
/// inherits the limit.
fn allowed_streams() -> Result<usize, String> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = 2 * STREAMS as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let raised = |maximum: u64| Rlimit {
        current: Some(maximum),
        maximum: Some(maximum),
    };
    let allowed = if hard >= wanted || setrlimit(Resource::Nofile, raised(wanted)).is_ok() {
        wanted
    } else {
        setrlimit(Resource::Nofile, raised(hard))
            .map_err(|error| format!("allow {hard} open files: {error}"))?;
        hard
    };
    let streams = usize::try_from(allowed.saturating_sub(OTHER_FILES) / 2).unwrap_or(STREAMS);
    if streams < STREAMS / 2 {
        return Err(format!(
            "{allowed} open files are too few for half of {STREAMS} streams\nhint: raise `ulimit -Hn`"
        ));
    }
    Ok(streams.min(STREAMS))
}
