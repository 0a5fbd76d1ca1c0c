//! A disk in memory with a planted fault, a gate that holds the writer, and a plug that is pulled at one call.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Duration,
};

use openclaw_sessions::{
    Disk, SimDisk,
    disk::{DiskFile, FileState, OpenMode},
};

/// A planted fault: what a store with the named bug would do to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Acknowledges before the sync.
    SyncsNothing,
    /// Never syncs a directory.
    NamesUnsynced,
    /// Tries a failed sync again and believes the second answer.
    RetriesFailedSync,
    /// Cuts a part of the line in front as well.
    CutsTooMuch,
    /// Says it has cut, and has not.
    CutsNothing,
    /// Spoils one byte of what it writes, now and then.
    SpoilsWrites,
}

/// A disk in memory, seen by the store through everything that can be planned to happen to it.
#[derive(Debug, Clone)]
pub(crate) struct Stage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    disk: SimDisk,
    lie: Option<Lie>,
    plan: Mutex<Plan>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Plan {
    calls: u64,
    crash_at: Option<u64>,
    crashed: Option<SimDisk>,
    gate: Gate,
    writes: u64,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Closed,
    Reached,
}

#[derive(Debug)]
struct StageFile {
    stage: Stage,
    file: Arc<dyn DiskFile>,
}

impl Stage {
    pub(crate) fn new(disk: &SimDisk, lie: Option<Lie>) -> Self {
        Self(Arc::new(Inner {
            disk: disk.clone(),
            lie,
            plan: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// Pulls the plug in front of the call that follows so many others from now.
    pub(crate) fn stop_after(&self, calls: u64) {
        let mut plan = self.plan();
        plan.crash_at = Some(plan.calls + calls + 1);
    }

    /// Whether the plug was pulled.
    pub(crate) fn stopped(&self) -> bool {
        self.plan().crashed.is_some()
    }

    /// Pulls the plug, unless it is; what the disk held at that moment, when it lost what it may lose.
    pub(crate) fn stop_now(&self) -> SimDisk {
        let mut plan = self.plan();
        let disk = plan.crashed.get_or_insert_with(|| self.0.disk.crash());
        disk.clone()
    }

    /// Holds the next call, whoever makes it.
    pub(crate) fn close_gate(&self) {
        self.plan().gate = Gate::Closed;
    }

    /// Waits until a call stands at the gate.
    pub(crate) fn wait_reached(&self) {
        let plan = self.plan();
        let (plan, waited) = self
            .0
            .changed
            .wait_timeout_while(plan, Duration::from_secs(30), |plan| {
                plan.gate == Gate::Closed
            })
            .unwrap();
        assert!(!waited.timed_out(), "nothing came to the gate: {plan:?}");
    }

    /// Lets what waits go on.
    pub(crate) fn open_gate(&self) {
        self.plan().gate = Gate::Open;
        self.0.changed.notify_all();
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.plan.lock().unwrap()
    }

    fn is(&self, lie: Lie) -> bool {
        self.0.lie == Some(lie)
    }

    /// Counts a call, holds it at the gate, and refuses it when the plug is out.
    fn pass(&self) -> io::Result<()> {
        let mut plan = self.plan();
        if plan.gate == Gate::Closed {
            plan.gate = Gate::Reached;
            self.0.changed.notify_all();
            plan = self
                .0
                .changed
                .wait_while(plan, |plan| plan.gate != Gate::Open)
                .unwrap();
        }
        plan.calls += 1;
        if plan.crash_at == Some(plan.calls) {
            plan.crashed = Some(self.0.disk.crash());
        }
        if plan.crashed.is_some() {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }
}

impl Disk for Stage {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        self.pass()?;
        Ok(Arc::new(StageFile {
            stage: self.clone(),
            file: self.0.disk.open(path, mode)?,
        }))
    }
    fn state(&self, path: &Path) -> io::Result<FileState> {
        self.pass()?;
        Disk::state(&self.0.disk, path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass()?;
        self.0.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.pass()?;
        self.0.disk.remove(path)
    }
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.pass()?;
        self.0.disk.create_dir(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.pass()?;
        if self.is(Lie::NamesUnsynced) {
            return Ok(());
        }
        self.0.disk.sync_dir(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        self.pass()?;
        self.0.disk.list(path)
    }
}

impl DiskFile for StageFile {
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize> {
        self.stage.pass()?;
        if self.stage.is(Lie::SpoilsWrites) && !bytes.is_empty() {
            let mut plan = self.stage.plan();
            plan.writes += 1;
            if plan.writes.is_multiple_of(8) {
                drop(plan);
                let mut spoiled = bytes.to_vec();
                spoiled[bytes.len() / 2] ^= 4;
                return self.file.write_at_end(&spoiled);
            }
        }
        self.file.write_at_end(bytes)
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.stage.pass()?;
        self.file.read_at(offset, buffer)
    }
    fn truncate(&self, len: u64) -> io::Result<()> {
        self.stage.pass()?;
        match self.stage.0.lie {
            Some(Lie::CutsTooMuch) => self.file.truncate(len.saturating_sub(20)),
            Some(Lie::CutsNothing) => Ok(()),
            _ => self.file.truncate(len),
        }
    }
    fn datasync(&self) -> io::Result<()> {
        self.stage.pass()?;
        match self.stage.0.lie {
            Some(Lie::SyncsNothing) => Ok(()),
            Some(Lie::RetriesFailedSync) => self.file.datasync().or_else(|_| self.file.datasync()),
            _ => self.file.datasync(),
        }
    }
    fn state(&self) -> io::Result<FileState> {
        self.stage.pass()?;
        self.file.state()
    }
    fn lock(&self) -> io::Result<()> {
        self.stage.pass()?;
        self.file.lock()
    }
    fn unlock(&self) -> io::Result<()> {
        self.stage.pass()?;
        self.file.unlock()
    }
}
