//! Every call of the disk fails once, and for good, and short; and the plug is pulled.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_sessions::{
    Disk, Error, SimDisk, Store,
    disk::{
        DiskFile, FileState, OpenMode,
        sim::{Call, Failure, Fault},
    },
};
use openclaw_types::AgentId;

use crate::{
    harness::{agent, options, session, sim_store, user},
    ledger::Ledger,
};

fn root() -> &'static Path {
    Path::new("/state/agents")
}

fn store_on(disk: Arc<dyn Disk>) -> Store {
    let mut options = options(root());
    options.segment_bytes_max = 900;
    sim_store(options, disk)
}

/// Opens the agents, over and over while the disk refuses.
fn open(store: &Store, agents: &[AgentId], disk: &SimDisk) {
    for agent in agents {
        let mut tries = 0;
        while let Err(error) = store.open_agent(agent) {
            assert!(error.retryable(), "{error}");
            tries += 1;
            if tries == 3 {
                disk.fail(&[]);
            }
            assert!(tries < 5, "{agent} cannot be opened: {error}");
        }
    }
}

/// Appends in turn to all agents and sessions; failures are allowed, false acknowledgements are not.
async fn fill(store: &Store, agents: &[AgentId], rounds: usize, ledger: &mut Ledger) -> usize {
    let mut failures = 0;
    for round in 0..rounds {
        for agent in agents {
            let id = session(if round % 3 == 0 { "odd" } else { "main" });
            let text = format!("{agent} {round} {}", "x".repeat(round * 5 % 70));
            match store.append(agent, vec![user(id.as_str(), &text)]).await {
                Ok(mut done) => ledger.note(agent, &id, done.remove(0), &text),
                Err(error) => {
                    assert!(error.retryable(), "{error}");
                    failures += 1;
                }
            }
        }
    }
    failures
}

async fn survives(name: &str, disk: &SimDisk, store: &Store, agents: &[AgentId], ledger: &Ledger) {
    assert_eq!(ledger.complaint(store), None, "{name}: while running");
    for (how, disk) in [
        ("after a power cut", disk.crash()),
        ("after a stop", disk.clone()),
    ] {
        if how == "after a stop" {
            assert!(store.shutdown().await.is_ok(), "{name}");
        }
        let again = store_on(Arc::new(disk.clone()));
        open(&again, agents, &disk);
        assert_eq!(ledger.complaint(&again), None, "{name}: {how}");
        let mut more = ledger.clone();
        assert_eq!(fill(&again, agents, 3, &mut more).await, 0, "{name}: {how}");
        assert_eq!(more.complaint(&again), None, "{name}: {how}, appended to");
    }
}

async fn sweep(call: Call, failure: Failure, times: u64) -> u64 {
    let agents = [agent("alpha"), agent("beta")];
    for nth in 1.. {
        let name = format!("{call:?} {failure:?} {times}x from {nth}");
        let disk = SimDisk::new(nth, root());
        disk.fail(&[Fault {
            call,
            nth,
            times,
            failure,
        }]);
        let store = store_on(Arc::new(disk.clone()));
        let mut ledger = Ledger::default();
        open(&store, &agents, &disk);
        fill(&store, &agents, 14, &mut ledger).await;
        let reached = disk.calls(call) >= nth;
        disk.fail(&[]);
        let late = fill(&store, &agents, 3, &mut ledger).await;
        assert_eq!(late, 0, "{name}: it goes on when the disk does");
        survives(&name, &disk, &store, &agents, &ledger).await;
        if !reached {
            return nth - 1;
        }
    }
    0
}

/// Until the disk is made to work again.
const FOR_GOOD: u64 = u64::MAX / 2;

async fn sweep_errors(call: Call, expected: u64) {
    let mut swept = 0;
    for kind in [
        io::ErrorKind::Other,
        io::ErrorKind::StorageFull,
        io::ErrorKind::Interrupted,
    ] {
        for times in [1, 7, FOR_GOOD] {
            swept += sweep(call, Failure::Error(kind), times).await;
        }
    }
    assert!(swept >= expected, "only {swept} calls were made to fail");
}

#[tokio::test]
async fn no_false_acknowledgement_when_any_open_fails() {
    sweep_errors(Call::Open, 60).await;
}

#[tokio::test]
async fn no_false_acknowledgement_when_any_write_fails() {
    sweep_errors(Call::Write, 150).await;
}

#[tokio::test]
async fn no_false_acknowledgement_when_any_sync_fails() {
    sweep_errors(Call::Datasync, 150).await;
}

#[tokio::test]
async fn no_false_acknowledgement_when_any_directory_sync_fails() {
    sweep_errors(Call::SyncDir, 60).await;
}

#[tokio::test]
async fn no_false_acknowledgement_when_any_rename_fails() {
    sweep_errors(Call::Rename, 30).await;
}

#[tokio::test]
async fn short_writes_are_taken_back_or_completed() {
    for bytes in [0, 1, 40] {
        let failure = Failure::Short(bytes);
        assert!(sweep(Call::Write, failure, 1).await > 20);
        assert!(sweep(Call::Write, failure, 4).await > 20);
    }
}

#[tokio::test]
async fn no_false_acknowledgement_when_any_part_of_a_write_cannot_be_cut_off() {
    let agents = [agent("alpha"), agent("beta")];
    for (nth, times) in (1..30).flat_map(|nth| [(nth, 1), (nth, FOR_GOOD)]) {
        let disk = SimDisk::new(nth, root());
        let fault = |call, nth, times, failure| Fault {
            call,
            nth,
            times,
            failure,
        };
        let full = Failure::Error(io::ErrorKind::StorageFull);
        disk.fail(&[
            fault(Call::Write, nth, 1, Failure::Short(10)),
            fault(Call::Write, nth + 1, 1, full),
            fault(
                Call::Truncate,
                1,
                times,
                Failure::Error(io::ErrorKind::Other),
            ),
        ]);
        let store = store_on(Arc::new(disk.clone()));
        let mut ledger = Ledger::default();
        open(&store, &agents, &disk);
        fill(&store, &agents, 14, &mut ledger).await;
        disk.fail(&[]);
        let name = format!("write {nth}, cut {times}x");
        assert_eq!(fill(&store, &agents, 3, &mut ledger).await, 0, "{name}");
        survives(&name, &disk, &store, &agents, &ledger).await;
    }
}

#[tokio::test]
async fn a_write_that_cannot_be_taken_back_poisons_the_segment() {
    let main = agent("main");
    let disk = SimDisk::new(1, root());
    let store = store_on(Arc::new(disk.clone()));
    store.open_agent(&main).unwrap();
    let mut ledger = Ledger::default();
    fill(&store, std::slice::from_ref(&main), 5, &mut ledger).await;
    let fault = |call, nth, times, failure| Fault {
        call,
        nth,
        times,
        failure,
    };
    disk.fail(&[
        fault(Call::Write, 1, 1, Failure::Short(10)),
        fault(
            Call::Write,
            2,
            1,
            Failure::Error(io::ErrorKind::StorageFull),
        ),
        fault(Call::Truncate, 1, 1, Failure::Error(io::ErrorKind::Other)),
    ]);
    let refused = store.append(&main, vec![user("main", "lost")]).await;
    assert!(matches!(refused, Err(Error::DiskFull { .. })));
    let agents = [main];
    assert_eq!(fill(&store, &agents, 5, &mut ledger).await, 0);
    let sealed = root().join("main/sessions/0001.jsonl");
    assert!(disk.contents(&sealed).unwrap().ends_with(b"{\"timestam"));
    survives("poisoned", &disk, &store, &agents, &ledger).await;
}

#[tokio::test]
async fn a_full_disk_is_said_so_and_work_goes_on_when_there_is_space() {
    let agents = [agent("main")];
    let disk = SimDisk::new(1, root());
    let store = store_on(Arc::new(disk.clone()));
    store.open_agent(&agents[0]).unwrap();
    let mut ledger = Ledger::default();
    disk.limit_space(Some(1_000));
    assert!(fill(&store, &agents, 20, &mut ledger).await > 5);
    let refused = store.append(&agents[0], vec![user("main", &"x".repeat(2_000))]);
    assert!(matches!(refused.await, Err(Error::DiskFull { .. })));
    disk.limit_space(None);
    assert_eq!(fill(&store, &agents, 5, &mut ledger).await, 0);
    survives("full", &disk, &store, &agents, &ledger).await;
}

#[tokio::test]
async fn a_torn_tail_on_a_full_disk_waits_for_space_and_reading_goes_on() {
    let main = agent("main");
    let disk = SimDisk::new(1, root());
    let first = store_on(Arc::new(disk.clone()));
    first.open_agent(&main).unwrap();
    first.append(&main, vec![user("s", "kept")]).await.unwrap();
    first.shutdown().await.unwrap();
    let path = root().join("main/session.jsonl");
    let mut bytes = disk.contents(&path).unwrap();
    bytes.extend_from_slice(b"{\"timestamp\":17");
    disk.replace(&path, &bytes);
    disk.limit_space(Some(0));
    let store = store_on(Arc::new(disk.clone()));
    let recovery = store.open_agent(&main).unwrap();
    assert!(matches!(recovery.refused, Some(Error::DiskFull { .. })));
    assert_eq!(store.tail(&main, &session("s"), 5).unwrap().len(), 1);
    let refused = store.append(&main, vec![user("s", "no")]).await;
    assert!(matches!(refused, Err(Error::DiskFull { .. })));
    disk.limit_space(None);
    let done = store.append(&main, vec![user("s", "two")]).await.unwrap();
    assert_eq!(done[0].seq, 2);
    let aside = disk.files(&root().join("main"));
    let torn: Vec<_> = aside
        .iter()
        .filter(|path| path.to_string_lossy().contains(".torn-"))
        .filter_map(|path| disk.contents(path))
        .collect();
    assert!(torn.contains(&b"{\"timestamp\":17".to_vec()), "{torn:?}");
}

/// A disk that says it synced and did not: what every check above must be able to catch.
#[derive(Debug)]
struct Lying(SimDisk);

#[derive(Debug)]
struct LyingFile(Arc<dyn DiskFile>);

impl Disk for Lying {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(LyingFile(self.0.open(path, mode)?)))
    }
    fn state(&self, path: &Path) -> io::Result<FileState> {
        Disk::state(&self.0, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.0.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.0.list(path)
    }
}

impl DiskFile for LyingFile {
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_at_end(bytes)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }
    fn datasync(&self) -> io::Result<()> {
        Ok(())
    }
    fn state(&self) -> io::Result<FileState> {
        self.0.state()
    }
    fn lock(&self) -> io::Result<()> {
        self.0.lock()
    }
    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

#[tokio::test]
async fn a_disk_that_lies_about_syncing_is_caught_by_the_same_check() {
    let agents = [agent("main")];
    let mut caught = 0;
    for seed in 0..20 {
        let disk = SimDisk::new(seed, root());
        let store = store_on(Arc::new(Lying(disk.clone())));
        store.open_agent(&agents[0]).unwrap();
        let mut ledger = Ledger::default();
        fill(&store, &agents, 12, &mut ledger).await;
        let after = disk.crash();
        let again = store_on(Arc::new(after.clone()));
        open(&again, &agents, &after);
        caught += usize::from(ledger.complaint(&again).is_some());
    }
    assert!(caught >= 15, "caught {caught} of 20");
}

#[tokio::test]
async fn a_power_cut_at_any_moment_costs_nothing_acknowledged() {
    let agents = [agent("alpha"), agent("beta")];
    for seed in 0..200 {
        let disk = SimDisk::new(seed, root());
        let store = store_on(Arc::new(disk.clone()));
        open(&store, &agents, &disk);
        let mut ledger = Ledger::default();
        let rounds = usize::try_from(seed).unwrap() % 23;
        fill(&store, &agents, rounds, &mut ledger).await;
        // In flight when the plug is pulled: written or not, synced or not.
        let waiting: Vec<_> = (0..4)
            .map(|at| store.append(&agents[at % 2], vec![user("main", "in flight")]))
            .collect();
        let after = disk.crash();
        drop(waiting);
        let again = store_on(Arc::new(after.clone()));
        open(&again, &agents, &after);
        assert_eq!(ledger.complaint(&again), None, "seed {seed}");
        for agent in &agents {
            for summary in again.list(Some(agent)) {
                for entry in again.tail(agent, &summary.session, 100).unwrap() {
                    let whole =
                        entry.content == "in flight" || entry.content.starts_with(agent.as_str());
                    assert!(whole, "seed {seed}: {entry:?}");
                }
            }
        }
        assert_eq!(
            fill(&again, &agents, 2, &mut ledger).await,
            0,
            "seed {seed}"
        );
        assert_eq!(ledger.complaint(&again), None, "seed {seed}");
    }
}
