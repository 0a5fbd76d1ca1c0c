//! Figures of the accounts on this machine: CPU and time of one call, and how fast the past is read.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures and stops at the first failure"
)]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, thread};

use openclaw_accounts::{
    Accounts, Allowance, Allowances, Ask, Caller, NewKey, Options, Outcome, OutputLimit, Secret,
};
use openclaw_types::{AgentId, Money, Price, SystemEnv, Usage};
use tokio::time::Instant;

const CALLS: u64 = 200_000;
const PRICE: Price = Price {
    input: 100_000,
    output: 400_000,
    cache_read: None,
    cache_write: None,
};

fn main() {
    for threads in [1, 4] {
        calls("a key with limits, no budget", &plain(), threads);
        calls(
            "a key, an agent and everybody with budgets",
            &budgets(),
            threads,
        );
    }
    keys();
    past();
}

fn plain() -> Allowance {
    Allowance {
        rpm: Some(u64::MAX),
        tpm: Some(u64::MAX),
        ..Allowance::default()
    }
}

fn budgets() -> Allowance {
    Allowance {
        max_budget: Some(Money::MAX),
        ..plain()
    }
}

fn open(dir: &Path, allowance: &Allowance) -> Accounts {
    let agent = AgentId::parse("coder").unwrap();
    let options = Options {
        master_key: Some(Secret::new("sk-master")),
        allowances: Allowances {
            agents: BTreeMap::from([(agent, allowance.clone())]),
            global: allowance.clone(),
            key_defaults: allowance.clone(),
            ..Allowances::default()
        },
        ..Options::new(dir)
    };
    Accounts::open(options, Arc::new(SystemEnv)).unwrap()
}

fn call(accounts: &Accounts, key: &str, agent: &AgentId) {
    let caller = accounts.identify(Some(key)).unwrap();
    let ask = Ask {
        agent: Some(agent),
        price: Some(PRICE),
        input_tokens: 1_000,
        output: OutputLimit::Stated(500),
        request_id: Some("0195a1b2c3d4e5f60718293a4b5c6d7e"),
        ..Ask::new(&caller, "agent/coder")
    };
    let mut ticket = accounts.admit(&ask).unwrap();
    ticket.begin();
    let usage = Usage {
        input_tokens: 900,
        output_tokens: 100,
        ..Usage::default()
    };
    ticket.settle(&Outcome {
        provider: "minimax",
        model: "MiniMax-M2.7",
        deployment: "d8931aa9bc68522c",
        usage: Some(usage),
        cost: Some(PRICE.cost(&usage)),
        status: 200,
        ms: 812,
        first_ms: Some(120),
    });
}

fn calls(what: &str, allowance: &Allowance, threads: u64) {
    let dir = tempfile::tempdir().unwrap();
    let accounts = open(dir.path(), allowance);
    let (_, secret) = accounts
        .generate(&Caller::Master, NewKey::default())
        .unwrap();
    let agent = AgentId::parse("coder").unwrap();
    let (cpu, started) = (cpu_ns(), Instant::now());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                (0..CALLS / threads).for_each(|_| call(&accounts, secret.expose(), &agent));
            });
        }
    });
    let elapsed = started.elapsed();
    accounts.shutdown();
    let cpu = cpu_ns() - cpu;
    println!(
        "{what}, {threads} threads: {:.2} us of CPU per call, {:.0} calls/s",
        cpu as f64 / CALLS as f64 / 1e3,
        CALLS as f64 / elapsed.as_secs_f64(),
    );
    assert_eq!(accounts.status().lines_lost, 0);
}

fn keys() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = open(dir.path(), &plain());
    let made = |accounts: &Accounts, what: &str, count: u32| {
        let started = Instant::now();
        for _ in 0..count {
            let made = accounts.generate(&Caller::Master, NewKey::default());
            made.unwrap();
        }
        let ms = started.elapsed().as_secs_f64() * 1e3 / f64::from(count);
        println!("a new key beside {what}, durable: {ms:.2} ms");
    };
    made(&accounts, "a few", 100);
    drop(accounts);
    // As many as there may be, but for those made below.
    let path = dir.path().join("keys.json");
    let mut file: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let record = file["keys"][0].clone();
    for number in 0..19_800 {
        let mut record = record.clone();
        record["key_id"] = format!("many-{number}").into();
        record["token"] = format!("{number:064x}").into();
        file["keys"].as_array_mut().unwrap().push(record);
    }
    fs::write(&path, file.to_string()).unwrap();
    let started = Instant::now();
    let accounts = open(dir.path(), &plain());
    println!(
        "opening with 19,900 keys: {:.0} ms",
        started.elapsed().as_secs_f64() * 1e3
    );
    made(&accounts, "19,900", 10);
}

fn past() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = open(dir.path(), &budgets());
    let (_, secret) = accounts
        .generate(&Caller::Master, NewKey::default())
        .unwrap();
    let agent = AgentId::parse("coder").unwrap();
    (0..CALLS).for_each(|_| call(&accounts, secret.expose(), &agent));
    drop(accounts);
    let bytes: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    let started = Instant::now();
    let accounts = open(dir.path(), &budgets());
    let elapsed = started.elapsed().as_secs_f64();
    println!(
        "{} lines of the past, {:.0} MiB: opened in {:.0} ms, {:.0} MiB/s",
        CALLS * 2,
        bytes as f64 / f64::from(1 << 20),
        elapsed * 1e3,
        bytes as f64 / f64::from(1 << 20) / elapsed,
    );
    let started = Instant::now();
    let logs = accounts.logs(&Default::default(), 100).unwrap();
    println!(
        "the last {} calls: {:.2} ms",
        logs.len(),
        started.elapsed().as_secs_f64() * 1e3
    );
    assert_eq!(accounts.budgets()[0].spent, accounts.budgets()[1].spent);
}

/// The CPU time of the whole process, to a hundredth of a second.
fn cpu_ns() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    // User and system time in ticks of a hundredth of a second.
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    (ticks(11) + ticks(12)) * 10_000_000
}
