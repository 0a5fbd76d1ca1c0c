//! Figures of the session store on this machine: durable appends, CPU per entry, recovery, tails.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops at the first failure"
)]

use std::{fs, path::Path, sync::Arc};

use openclaw_sessions::{Draft, Durability, Options, RealDisk, Store};
use openclaw_types::{AgentId, Role, SessionId, SystemEnv};
use tokio::{task::JoinSet, time::Instant};

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        start().await;
        appends("durable, 64 callers", Durability::Always, 64, 500).await;
        appends("durable, 1 caller", Durability::Always, 1, 1_000).await;
        appends("kernel only, 64 callers", Durability::Os, 64, 3_000).await;
        tails().await;
        recovery().await;
    });
}

fn open(root: &Path, durability: Durability, tail_cache_entries: usize) -> Store {
    let options = Options {
        root: root.to_path_buf(),
        durability,
        segment_bytes_max: 64 << 20,
        entry_bytes_max: 8 << 20,
        queue_depth: 4_096,
        sync_threads: 2,
        tail_cache_entries,
    };
    Store::open(options, Arc::new(RealDisk), Arc::new(SystemEnv)).unwrap()
}

fn agent(at: usize) -> AgentId {
    AgentId::parse(&format!("agent-{at}")).unwrap()
}

fn session(at: usize) -> SessionId {
    SessionId::parse(&format!("sess-{at}")).unwrap()
}

fn draft(at: usize) -> Draft {
    Draft::message(Role::User, session(at), "word ".repeat(40))
}

/// User and system time of this process in milliseconds, and the largest memory it ever used in KiB.
fn usage() -> (u64, u64) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let rss = status
        .lines()
        .find(|line| line.starts_with("VmRSS"))
        .unwrap();
    let rss = rss.split_whitespace().nth(1).unwrap().parse().unwrap();
    (ticks * 10, rss)
}

async fn start() {
    let dir = tempfile::tempdir_in(".").unwrap();
    for name in ["first", "later"] {
        let (rss, begun) = (usage().1, Instant::now());
        let store = open(dir.path(), Durability::Always, 32);
        for at in 0..12 {
            store.open_agent(&agent(at)).unwrap();
        }
        let took = begun.elapsed().as_secs_f64() * 1e3;
        println!(
            "{name} start with 12 agents: {took:.2} ms, {} KiB",
            usage().1.saturating_sub(rss)
        );
        store.shutdown().await.unwrap();
    }
}

async fn appends(name: &str, durability: Durability, callers: usize, each: usize) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let store = open(dir.path(), durability, 32);
    for at in 0..12 {
        store.open_agent(&agent(at)).unwrap();
    }
    let (cpu, begun) = (usage().0, Instant::now());
    let mut tasks = JoinSet::new();
    for caller in 0..callers {
        let store = store.clone();
        tasks.spawn(async move {
            let agent = agent(caller % 12);
            for _ in 0..each {
                store.append(&agent, vec![draft(caller)]).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let (took, cpu) = (begun.elapsed().as_secs_f64(), usage().0 - cpu);
    let stats = store.stats();
    let entries = (callers * each) as f64;
    println!(
        "{name}: {:.0} entries/s, {:.1} us CPU per entry, {:.2} syncs per entry, {:.1} entries per round",
        entries / took,
        cpu as f64 * 1_000.0 / entries,
        stats.syncs as f64 / entries,
        entries / stats.rounds as f64,
    );
    store.shutdown().await.unwrap();
}

async fn tails() {
    for cached in [32, 0] {
        let dir = tempfile::tempdir_in(".").unwrap();
        let store = open(dir.path(), Durability::Os, cached);
        let owner = agent(0);
        store.open_agent(&owner).unwrap();
        for (at, entries) in [(0, 10), (1, 100_000)] {
            for _ in 0..entries / 10 {
                let drafts = (0..10).map(|_| draft(at)).collect();
                store.append(&owner, drafts).await.unwrap();
            }
        }
        let mut times = Vec::new();
        for at in [0, 1, 0, 1] {
            let begun = Instant::now();
            for _ in 0..20_000 {
                let limit = 10;
                assert_eq!(
                    store.tail(&owner, &session(at), limit).unwrap().len(),
                    limit
                );
            }
            times.push(begun.elapsed().as_secs_f64() * 1e6 / 20_000.0);
        }
        println!(
            "tail of 10, cache of {cached}: 10 entries {:.2} us, 100,000 entries {:.2} us",
            times[2], times[3]
        );
        let begun = Instant::now();
        for _ in 0..5_000 {
            assert_eq!(store.tail(&owner, &session(1), 20).unwrap().len(), 20);
        }
        println!(
            "tail of 20, cache of {cached}: 100,000 entries {:.2} us",
            begun.elapsed().as_secs_f64() * 1e6 / 5_000.0
        );
        store.shutdown().await.unwrap();
    }
}

async fn recovery() {
    let dir = tempfile::tempdir_in(".").unwrap();
    let store = open(dir.path(), Durability::Os, 0);
    let owner = agent(0);
    store.open_agent(&owner).unwrap();
    let cpu = usage().0;
    for round in 0..1_000 {
        let drafts = (0..1_000)
            .map(|at| draft((at * 7 + round) % 1_000))
            .collect();
        store.append(&owner, drafts).await.unwrap();
    }
    println!(
        "1,000 entries per append: {:.2} us CPU per entry (number, id, encode, checksum, write, index, cache)",
        (usage().0 - cpu) as f64 * 1e3 / 1e6
    );
    store.shutdown().await.unwrap();
    drop(store);
    let store = open(dir.path(), Durability::Os, 0);
    let before = usage();
    let begun = Instant::now();
    let found = store.open_agent(&owner).unwrap();
    let took = begun.elapsed().as_secs_f64();
    let after = usage();
    println!(
        "recovery: {} entries of 1,000 sessions, {:.0} MB in {:.0} ms, {} ms CPU ({:.2} GB/s, {:.2} us CPU per entry), index {} KiB",
        found.entries,
        found.bytes as f64 / 1e6,
        took * 1e3,
        after.0 - before.0,
        found.bytes as f64 / 1e9 / took,
        (after.0 - before.0) as f64 * 1e3 / found.entries as f64,
        after.1.saturating_sub(before.1),
    );
}
