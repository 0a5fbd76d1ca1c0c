//! A disk that does not answer: runs can still be stopped, and senders still get an answer.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use futures_util::FutureExt as _;
use openclaw_agents::{Error, Status};
use openclaw_models::scripted::{Gate, Script, ScriptedProvider, Step};
use openclaw_sessions::{
    Disk, SimDisk,
    disk::{DiskFile, FileState, OpenMode},
};
use openclaw_types::Usage;

use crate::harness::{Choices, World, advance, agent, run, session};

/// Holds every sync back while it is closed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hold(Arc<(Mutex<Held>, Condvar)>);

#[derive(Debug, Default)]
struct Held {
    is_closed: bool,
    waiting: usize,
}

impl Hold {
    pub(crate) fn close(&self) {
        self.0.0.lock().unwrap().is_closed = true;
    }

    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().is_closed = false;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let mut held = self.0.0.lock().unwrap();
        held.waiting += 1;
        self.0.1.notify_all();
        let mut held = self.0.1.wait_while(held, |held| held.is_closed).unwrap();
        held.waiting -= 1;
    }

    /// Returns once a sync is being held back.
    pub(crate) async fn until_waiting(&self) {
        let hold = self.clone();
        let waited = tokio::task::spawn_blocking(move || {
            let held = hold.0.0.lock().unwrap();
            drop(hold.0.1.wait_while(held, |held| held.waiting == 0).unwrap());
        });
        waited.await.unwrap();
    }
}

/// A simulated disk behind a hold.
#[derive(Debug)]
pub(crate) struct SlowDisk {
    pub(crate) disk: SimDisk,
    pub(crate) hold: Hold,
}

#[derive(Debug)]
struct SlowFile(Arc<dyn DiskFile>, Hold);

impl Disk for SlowDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.disk.open(path, mode)?;
        Ok(Arc::new(SlowFile(file, self.hold.clone())))
    }
    fn state(&self, path: &Path) -> io::Result<FileState> {
        self.disk.state(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.disk.list(path)
    }
}

impl DiskFile for SlowFile {
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
        self.1.pass();
        self.0.datasync()
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

pub(crate) fn world(provider: ScriptedProvider) -> (World, Hold) {
    let hold = Hold::default();
    let choices = Choices {
        hold: Some(hold.clone()),
        ..Choices::default()
    };
    (World::with(provider, choices), hold)
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_last_append_hangs_can_be_stopped() {
    let gate = Gate::new();
    let provider = ScriptedProvider::answering("fine");
    let answer = Script::new().text("all").then(Step::WaitFor(gate.clone()));
    provider.queue(answer.end(Usage::default()));
    let (world, hold) = world(provider);
    let accepted = world.send("steward", "r1").await;
    world.until_delta("r1").await;
    hold.close();
    gate.open(1);
    hold.until_waiting().await;
    world
        .agents
        .abort(&agent("steward"), &session("main"), None);
    tokio::task::yield_now().await;
    advance(1_001).await;
    let outcome = accepted.outcome.await;
    assert_eq!(
        (outcome.status, &*outcome.text, outcome.entry),
        (Status::Aborted, "all", None)
    );
    // The answer was on its way, and the next run finds it.
    hold.open();
    world.send("steward", "r2").await.outcome.await;
    assert_eq!(
        world.transcript("steward"),
        [
            "r1 user r1",
            "r1 assistant all",
            "r2 user r2",
            "r2 assistant fine"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_told_when_the_disk_hangs_and_its_message_is_marked_as_not_run() {
    let (world, hold) = world(ScriptedProvider::answering("fine"));
    hold.close();
    let mut message = world.inbound("steward", "hi");
    message.run = Some(run("r1"));
    let submission = world.agents.submit(message);
    hold.until_waiting().await;
    let clock = async {
        tokio::task::yield_now().await;
        advance(30_001).await;
    };
    let (told, ()) = tokio::join!(submission, clock);
    assert!(
        matches!(told, Err(Error::StorageDeadline { .. })),
        "{told:?}"
    );
    hold.open();
    let outcome = world.outcome("r1").await;
    assert_eq!(outcome.status, Status::Aborted);
    assert_eq!(
        world.transcript("steward"),
        [
            "r1 user hi",
            "r1 aborted not run: its sender was told that it came too late"
        ]
    );
    assert_eq!(world.provider.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_holds_no_stop_up() {
    let (world, hold) = world(ScriptedProvider::answering("fine"));
    hold.close();
    let submission = world.agents.submit(world.inbound("steward", "hi"));
    hold.until_waiting().await;
    // Its sender leaves, so the message is the agents' own to take to its end.
    drop(submission);
    let mut stop = std::pin::pin!(world.agents.shutdown(Duration::from_secs(1)));
    assert!(stop.as_mut().now_or_never().is_none());
    let refused = world.agents.restart(&agent("beta")).await;
    assert!(matches!(refused, Err(Error::Stopping)), "{refused:?}");
    let mut has_ended = false;
    for _ in 0..40 {
        advance(1_000).await;
        has_ended = has_ended || stop.as_mut().now_or_never().is_some();
        if has_ended {
            break;
        }
    }
    assert!(has_ended);
    hold.open();
}
