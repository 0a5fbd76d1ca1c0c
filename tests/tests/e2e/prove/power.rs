//! The power cut: a file system on an image in memory, copied while the gateway stands still, and read from the copy.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};

use openclaw_sessions::{Durability, Options, RealDisk, Store};
use openclaw_tests::{gateway::Process, random::Random};
use openclaw_types::{AgentId, SessionId, SystemEnv};
use rustix::process::Signal;

use super::{
    asked, inside,
    kill::{PROGRAM, place},
    ledger::Ledger,
    load::{AGENTS, Load},
    run,
};

/// Sessions of each agent.
const SESSIONS: usize = 2;
/// The longest time between two cuts.
const LOAD_MS_MAX: usize = 300;
/// Cuts of one gateway; then it starts anew on an empty file system, so that reading all of it stays cheap.
const CUTS_PER_GATEWAY: usize = 25;
/// Size of the file system: what twenty-five cuts write, twice over.
const IMAGE: &str = "96M";
/// What is needed for it.
const PROGRAMS: [&str; 4] = ["unshare", "mkfs.ext4", "mount", "losetup"];

/// How it went.
struct Cuts {
    acknowledged: usize,
    /// How many cuts lost something, and what the first one did.
    lost: usize,
    first: Option<String>,
}

/// Cuts the power so many times.
async fn cut(program: &str, cuts: usize, random: &mut Random) -> Cuts {
    let place = place().await;
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).display().to_string();
    let (memory, image, copy) = (path("memory"), path("memory/image"), path("memory/copy"));
    let (mounted, after) = (path("mounted"), path("after"));
    for directory in [&memory, &mounted, &after] {
        fs::create_dir(directory).unwrap();
    }
    run("mount", &["-t", "tmpfs", "none", &memory]);
    run("truncate", &["-s", IMAGE, &image]);
    run("mkfs.ext4", &["-q", &image]);
    run("mount", &["-o", "loop", &image, &mounted]);
    let state = Path::new(&mounted).join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    fs::copy(
        place.state.path().join("openclaw.json"),
        state.join("openclaw.json"),
    )
    .unwrap();
    run("sync", &[]);
    let mut load = Load::new(&AGENTS, SESSIONS);
    let mut process = Process::start(program, &state).await.unwrap();
    let mut socket = load.begin(&process).await;
    let mut losses = Vec::new();
    for _ in 0..cuts {
        let time = Duration::from_millis(20 + random.below(LOAD_MS_MAX) as u64);
        load.go_on(&mut socket, time).await;
        process.signal(Signal::STOP);
        // What it had said by then is on its way to us, at most.
        load.hear_out(&mut socket, Duration::from_millis(20)).await;
        run("cp", &["--sparse=always", &image, &copy]);
        process.signal(Signal::CONT);
        run("mount", &["-o", "loop", &copy, &after]);
        let agents = Path::new(&after).join("state/agents");
        losses.extend(complaint(&agents, &load.ledger).await);
        run("umount", &[&after]);
        place.model.forget();
    }
    process.signal(Signal::KILL);
    assert_eq!(process.ended().await, None);
    run("umount", &[&mounted]);
    run("umount", &[&memory]);
    assert!(load.ledger.len() > cuts, "{:?}", load.refused);
    Cuts {
        acknowledged: load.ledger.len(),
        lost: losses.len(),
        first: losses.into_iter().next(),
    }
}

/// What a store that starts after the cut lacks of what was acknowledged before it.
async fn complaint(root: &Path, ledger: &Ledger) -> Option<String> {
    let options = Options {
        root: root.to_path_buf(),
        durability: Durability::Always,
        segment_bytes_max: 64 << 20,
        entry_bytes_max: 8 << 20,
        queue_depth: 16,
        sync_threads: 1,
        tail_cache_entries: 0,
    };
    let store = Store::open(options, Arc::new(RealDisk), Arc::new(SystemEnv)).unwrap();
    let wrong = AGENTS
        .iter()
        .find_map(|name| complaint_of(&store, name, ledger));
    // The files are closed when this is done, and only then can they be unmounted.
    store.shutdown().await.unwrap();
    wrong
}

fn complaint_of(store: &Store, name: &str, ledger: &Ledger) -> Option<String> {
    let agent = AgentId::parse(name).unwrap();
    if let Err(error) = store.open_agent(&agent) {
        return Some(format!("{name}: {error}"));
    }
    (0..SESSIONS).find_map(|number| {
        let session = format!("s{number}");
        let id = SessionId::parse(&session).unwrap();
        let page = store.page(&agent, &id, None, 10_000);
        let entries = page.map(|page| page.entries).unwrap_or_default();
        if !entries.windows(2).all(|two| two[0].seq < two[1].seq) {
            return Some(format!("{name} {session}: out of order"));
        }
        let mut owed = ledger
            .runs
            .iter()
            .filter(|(_, told)| told.agent == name && told.session == session);
        owed.find_map(|(run, told)| {
            let of_run: Vec<_> = entries
                .iter()
                .filter(|entry| entry.run.as_ref().is_some_and(|id| id.as_str() == run))
                .collect();
            let asked = of_run
                .first()
                .is_some_and(|entry| (entry.seq, &entry.content) == (told.seq, &told.message));
            let answered = told
                .answer
                .as_ref()
                .is_none_or(|answer| of_run.get(1).is_some_and(|entry| entry.content == *answer));
            (!asked || !answered || of_run.len() > 2)
                .then(|| format!("{run}: {told:?}, found {of_run:?}"))
        })
    })
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_in_a_power_cut() {
    const NAME: &str = "prove::power::nothing_acknowledged_is_lost_in_a_power_cut";
    if !inside(NAME, &PROGRAMS) {
        return;
    }
    let cuts = asked("OPENCLAW_PROVE_ROUNDS", 50);
    let mut random = Random::new(asked("OPENCLAW_PROVE_SEED", 5) as u64);
    let (mut done, mut acknowledged) = (0, 0);
    while done < cuts {
        let now = CUTS_PER_GATEWAY.min(cuts - done);
        let found = cut(PROGRAM, now, &mut random).await;
        assert_eq!((found.lost, found.first), (0, None), "after {done} cuts");
        done += now;
        acknowledged += found.acknowledged;
    }
    println!("power: {cuts} cuts, {acknowledged} acknowledged, 0 lost");
}

#[tokio::test]
async fn a_gateway_whose_syncs_do_nothing_is_caught() {
    const NAME: &str = "prove::power::a_gateway_whose_syncs_do_nothing_is_caught";
    if !inside(NAME, &[&PROGRAMS[..], &["strace"]].concat()) {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let program = work.path().join("gateway");
    // The tracer is the grandchild: the child whose id is known is the gateway itself.
    let script = format!(
        "#!/bin/sh\nexec strace -D -f -qq --seccomp-bpf -o /dev/null -e trace=fsync,fdatasync \
         -e inject=fsync,fdatasync:retval=0 '{PROGRAM}' \"$@\"\n"
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let cuts = 10;
    let mut random = Random::new(3);
    let found = cut(program.to_str().unwrap(), cuts, &mut random).await;
    let lost = found.lost;
    assert!(lost >= cuts / 2, "caught in {lost} of {cuts} cuts");
    let first: String = found.first.unwrap_or_default().chars().take(150).collect();
    println!("power, syncs that do nothing: caught in {lost} of {cuts} cuts, the first: {first}");
}
