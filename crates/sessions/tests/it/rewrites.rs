//! Every call of the disk fails while files are rewritten, and the plug is pulled at every one of them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set itself up has failed"
)]

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use openclaw_sessions::{
    Disk, Error, SimDisk, Store, Which,
    disk::{
        DiskFile, FileState, OpenMode,
        sim::{Call, Failure, Fault},
    },
};

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

/// What was acknowledged of the sessions that stay, and how far the one that goes has gone.
#[derive(Debug, Clone, Default)]
struct World {
    ledger: Ledger,
    purged: bool,
}

const GOING: &str = "going-away";

async fn say(store: &Store, name: &str, text: &str, world: &mut World) -> Result<(), Error> {
    let (main, name) = (agent("main"), session(name));
    let done = store.append(&main, vec![user(name.as_str(), text)]).await?;
    if name.as_str() != GOING {
        world.ledger.note(&main, &name, done[0].clone(), text);
    }
    Ok(())
}

async fn begin(store: &Store, world: &mut World) {
    store.open_agent(&agent("main")).unwrap();
    for turn in 0..6 {
        for name in ["kept", "other", GOING, "anew"] {
            if turn > 2 || name != "anew" {
                let text = format!("{name} {turn} {}", "x".repeat(turn * 9));
                say(store, name, &text, world).await.unwrap();
            } else {
                let said = store.append(&agent("main"), vec![user("anew", "hidden")]);
                said.await.unwrap();
            }
        }
        if turn == 2 {
            store
                .delete(&agent("main"), &session("anew"))
                .await
                .unwrap();
        }
    }
}

/// All sorts of rewrites, with entries between them. Each may be refused.
async fn rewrite(store: &Store, world: &mut World) -> Vec<Error> {
    let main = agent("main");
    let mut refused = Vec::new();
    refused.extend(store.archive(&main, &Which::Session(session("kept"))).err());
    refused.extend(say(store, "kept", "kept goes on", world).await.err());
    refused.extend(store.compact(&main).err());
    refused.extend(say(store, "other", "other goes on", world).await.err());
    match store.purge(&main, &[session(GOING)]) {
        Ok(_) => world.purged = true,
        Err(error) => refused.push(error),
    }
    refused.extend(store.archive(&main, &Which::Session(session("kept"))).err());
    refused.extend(store.archive(&main, &Which::Session(session("anew"))).err());
    refused
}

/// Everything acknowledged is there once, and what was purged is nowhere.
fn check(store: &Store, disk: &SimDisk, world: &World, name: &str) {
    assert_eq!(world.ledger.complaint(store), None, "{name}");
    let main = agent("main");
    let found = store.verify(&main, None).unwrap();
    let problems: Vec<_> = found
        .sessions
        .iter()
        .flat_map(|found| &found.problems)
        .collect();
    assert!(problems.is_empty(), "{name}: {problems:?}");
    for summary in store
        .list(None)
        .into_iter()
        .chain(store.list_archived(None))
    {
        let page = store.page(&main, &summary.session, None, 10_000).unwrap();
        let numbers: BTreeSet<u64> = page.entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(
            numbers.len() as u64,
            summary.entries,
            "{name}: {}",
            summary.session
        );
    }
    if world.purged {
        assert!(store.summary(&main, &session(GOING)).is_none(), "{name}");
        for path in disk.files(&root().join("main")) {
            let bytes = disk.contents(&path).unwrap();
            let needle = b"\"content\":\"going-away";
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{name}: {} holds what was purged", path.display());
        }
    }
}

/// What no list names is not left behind.
fn tidy(disk: &SimDisk, name: &str) {
    let manifest = disk
        .contents(&root().join("main/sessions/manifest.json"))
        .unwrap_or_default();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
    let mut listed = ["segments", "archives"].map(|key| manifest[key].as_array().into_iter());
    let listed: BTreeSet<_> = (listed.iter_mut().flatten().flatten())
        .filter_map(|listed| listed["file"].as_str())
        .collect();
    for path in disk.files(&root().join("main")) {
        let file = path.file_name().unwrap().to_str().unwrap();
        let known = ["session.jsonl", "manifest.json", "index.cache"].contains(&file)
            || file.contains(".torn-");
        assert!(
            known || listed.contains(file),
            "{name}: {file} was left behind by {manifest}"
        );
    }
}

async fn goes_on(disk: &SimDisk, world: &World, name: &str) {
    let mut world = world.clone();
    let again = store_on(Arc::new(disk.clone()));
    again.open_agent(&agent("main")).unwrap();
    check(&again, disk, &world, &format!("{name}, opened"));
    for entry in again
        .list(None)
        .iter()
        .filter(|summary| summary.session.as_str() == GOING)
    {
        assert!(!world.purged, "{name}: {entry:?}");
    }
    let refused = rewrite(&again, &mut world).await;
    let only_missing = |error: &Error| matches!(error, Error::UnknownSession { .. });
    assert!(refused.iter().all(only_missing), "{name}: {refused:?}");
    check(&again, disk, &world, &format!("{name}, rewritten"));
    again.shutdown().await.unwrap();
    let last = store_on(Arc::new(disk.clone()));
    last.open_agent(&agent("main")).unwrap();
    check(&last, disk, &world, &format!("{name}, and opened again"));
    tidy(disk, name);
    last.shutdown().await.unwrap();
}

/// Until the disk is made to work again.
const FOR_GOOD: u64 = u64::MAX / 2;

async fn sweep(call: Call, failure: Failure, times: u64) -> u64 {
    for nth in 1.. {
        let name = format!("{call:?} {failure:?} {times}x from {nth}");
        let disk = SimDisk::new(nth, root());
        let store = store_on(Arc::new(disk.clone()));
        let mut world = World::default();
        begin(&store, &mut world).await;
        disk.fail(&[Fault {
            call,
            nth,
            times,
            failure,
        }]);
        let refused = rewrite(&store, &mut world).await;
        let reached = disk.calls(call) >= nth;
        disk.fail(&[]);
        let allowed = |error: &Error| {
            error.retryable()
                || matches!(
                    error,
                    Error::UnknownSession { .. } | Error::Unreadable { .. } | Error::Damaged { .. }
                )
        };
        assert!(refused.iter().all(allowed), "{name}: {refused:?}");
        check(&store, &disk, &world, &name);
        goes_on(&disk.crash(), &world, &format!("{name}, power cut")).await;
        let refused = rewrite(&store, &mut world).await;
        assert!(
            refused
                .iter()
                .all(|error| matches!(error, Error::UnknownSession { .. })),
            "{name}: it goes on when the disk does: {refused:?}"
        );
        check(&store, &disk, &world, &name);
        store.shutdown().await.unwrap();
        goes_on(&disk, &world, &format!("{name}, stopped")).await;
        if !reached {
            return nth - 1;
        }
    }
    0
}

async fn sweep_errors(call: Call, expected: u64) {
    let mut swept = 0;
    for (kind, times) in [
        (io::ErrorKind::Other, 1),
        (io::ErrorKind::Other, FOR_GOOD),
        (io::ErrorKind::StorageFull, 3),
    ] {
        swept += sweep(call, Failure::Error(kind), times).await;
    }
    assert!(swept >= expected, "only {swept} calls were made to fail");
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_open_fails() {
    sweep_errors(Call::Open, 100).await;
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_write_fails() {
    sweep_errors(Call::Write, 100).await;
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_read_fails() {
    sweep_errors(Call::Read, 100).await;
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_sync_fails() {
    sweep_errors(Call::Datasync, 60).await;
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_directory_sync_fails() {
    sweep_errors(Call::SyncDir, 60).await;
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_rename_fails() {
    sweep_errors(Call::Rename, 60).await;
}

#[tokio::test]
async fn a_rewrite_happens_whole_or_not_when_any_removal_fails() {
    sweep_errors(Call::Remove, 40).await;
}

/// A disk that keeps, at one call, what a power cut at that moment would leave.
#[derive(Debug, Clone)]
struct Tripwire {
    disk: SimDisk,
    state: Arc<Mutex<Trip>>,
    /// It says it synced a file and did not.
    lies: bool,
}

#[derive(Debug, Default)]
struct Trip {
    calls: u64,
    at: u64,
    cut: Option<SimDisk>,
}

#[derive(Debug)]
struct TripFile(Tripwire, Arc<dyn DiskFile>);

impl Tripwire {
    /// Has it keep what a power cut at a call from now on leaves, and returns what it kept before.
    fn set(&self, at: u64) -> Option<SimDisk> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.calls, state.at) = (0, at);
        state.cut.take()
    }

    fn count(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls += 1;
        if state.calls == state.at {
            state.cut = Some(self.disk.crash());
        }
    }
}

impl Disk for Tripwire {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.count();
        Ok(Arc::new(TripFile(
            self.clone(),
            self.disk.open(path, mode)?,
        )))
    }
    fn state(&self, path: &Path) -> io::Result<FileState> {
        Disk::state(&self.disk, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.count();
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.count();
        self.disk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.count();
        self.disk.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.count();
        self.disk.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(path)
    }
}

impl DiskFile for TripFile {
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.count();
        self.1.write_at_end(bytes)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.read_at(offset, buffer)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.count();
        self.1.truncate(len)
    }
    fn datasync(&self) -> io::Result<()> {
        self.0.count();
        if self.0.lies {
            Ok(())
        } else {
            self.1.datasync()
        }
    }
    fn state(&self) -> io::Result<FileState> {
        self.1.state()
    }
    fn lock(&self) -> io::Result<()> {
        self.1.lock()
    }
    fn unlock(&self) -> io::Result<()> {
        self.1.unlock()
    }
}

/// What a power cut at a call of the rewrites leaves, and what was acknowledged before them; `None` behind the last call.
async fn cut_at(at: u64, seed: u64, lies: bool) -> Option<(SimDisk, World)> {
    let wire = Tripwire {
        disk: SimDisk::new(seed * 1_000 + at, root()),
        state: Arc::default(),
        lies,
    };
    let store = store_on(Arc::new(wire.clone()));
    let mut world = World::default();
    begin(&store, &mut world).await;
    // What is acknowledged after the cut is not owed by what the cut left.
    let before = world.clone();
    wire.set(at);
    let refused = rewrite(&store, &mut world).await;
    assert!(refused.is_empty(), "{refused:?}");
    check(&store, &wire.disk, &world, "the cut is not yet seen");
    store.shutdown().await.unwrap();
    Some((wire.set(0)?, before))
}

#[tokio::test]
async fn a_disk_that_lies_about_syncing_new_files_is_caught_by_the_same_check() {
    let (mut caught, mut tried) = (0, 0);
    for at in (1..).step_by(5) {
        let Some((cut, before)) = cut_at(at, 1, true).await else {
            break;
        };
        tried += 1;
        let again = store_on(Arc::new(cut));
        let opened = again.open_agent(&agent("main")).is_ok();
        caught += u64::from(!opened || before.ledger.complaint(&again).is_some());
    }
    assert!(caught > tried / 3, "caught {caught} of {tried}");
}

#[tokio::test]
async fn a_power_cut_at_any_call_of_a_rewrite_leaves_it_done_or_not_begun() {
    let mut tried = 0;
    for (at, seed) in (1..).flat_map(|at| (0..2).map(move |seed| (at, seed))) {
        let name = format!("power cut at call {at}, seed {seed}");
        let Some((cut, before)) = cut_at(at, seed, false).await else {
            break;
        };
        goes_on(&cut, &before, &name).await;
        tried += 1;
    }
    assert!(tried > 150, "only {tried} cuts");
}
