//! A disk in memory that fails on demand and forgets what was not synced.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Disk, DiskFile, FileIdentity, FileState, OpenMode};

/// A system call that can be told to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Opening or creating a file.
    Open,
    /// Writing at the end.
    Write,
    /// Reading at a position.
    Read,
    /// Cutting a file.
    Truncate,
    /// Syncing a file.
    Datasync,
    /// Syncing a directory.
    SyncDir,
    /// Renaming.
    Rename,
    /// Removing.
    Remove,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// With this error and no effect.
    Error(io::ErrorKind),
    /// A write takes at most this many bytes. Other calls go through.
    Short(usize),
}

/// Calls of one sort that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which sort.
    pub call: Call,
    /// The first one that fails, counted from 1 since the disk was made or the faults were last set.
    pub nth: u64,
    /// How many in a row.
    pub times: u64,
    /// How.
    pub failure: Failure,
}

/// A disk in memory. Clones share it.
///
/// A crash keeps, of every file, what was synced and a part, chosen by the seed, of what was not; and of
/// every directory the names as they were last synced, and of the changes since as many, in their order, as
/// the seed says. A failed sync loses the bytes it was to save for
/// good, whatever later syncs say, as Linux does.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    seed: u64,
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    /// What happened to names since their directory was synced; a rename happens whole or not at all.
    unsynced_names: Vec<Vec<(PathBuf, Option<u64>)>>,
    dirs: BTreeSet<PathBuf>,
    inodes: BTreeMap<u64, Inode>,
    inode_next: u64,
    ticks: i64,
    faults: Vec<Fault>,
    calls: BTreeMap<Call, u64>,
    handle_next: u64,
    space: Option<u64>,
}

#[derive(Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// So many bytes are the same in both.
    same: usize,
    /// Bytes before this were either synced or lost to a failed sync.
    clean: usize,
    /// When it last changed, counted in changes of the disk.
    changed: i64,
    locked_by: Option<u64>,
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    inode: u64,
    handle: u64,
    writable: bool,
}

impl SimDisk {
    /// An empty disk that holds the directory `root` and its parents.
    #[must_use]
    pub fn new(seed: u64, root: &Path) -> Self {
        Self(Arc::new(Mutex::new(State {
            seed,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            dirs: root.ancestors().map(Path::to_path_buf).collect(),
            inodes: BTreeMap::new(),
            inode_next: 1,
            ticks: 0,
            faults: Vec::new(),
            calls: BTreeMap::new(),
            handle_next: 1,
            space: None,
        })))
    }

    /// Replaces the planned failures and starts counting calls anew.
    pub fn fail(&self, faults: &[Fault]) {
        let mut state = self.state();
        state.faults = faults.to_vec();
        state.calls.clear();
    }

    /// How many calls of a sort were made since the faults were last set.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.state().calls.get(&call).copied().unwrap_or(0)
    }

    /// Limits how many more bytes fit; `None` is no limit.
    pub fn limit_space(&self, bytes: Option<u64>) {
        self.state().space = bytes;
    }

    /// Pulls the plug: what comes back is a new disk, with every lock gone. Handles of the old one go on
    /// working on memory nobody will see.
    #[must_use]
    pub fn crash(&self) -> Self {
        let mut state = self.state();
        let mut seed = next(&mut state.seed);
        let mut inodes = BTreeMap::new();
        for (&number, inode) in &state.inodes {
            inodes.insert(
                number,
                Inode::all_durable(inode.after_crash(&mut seed), inode.changed),
            );
        }
        let names = state.names_after_crash(&mut seed);
        Self(Arc::new(Mutex::new(State {
            seed,
            names: names.clone(),
            durable_names: names,
            unsynced_names: Vec::new(),
            dirs: state.dirs.clone(),
            inodes,
            inode_next: state.inode_next,
            ticks: state.ticks,
            faults: Vec::new(),
            calls: BTreeMap::new(),
            handle_next: state.handle_next,
            space: state.space,
        })))
    }

    /// What a path's file holds, as a reader sees it now.
    #[must_use]
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.names.get(path)?;
        Some(state.inodes.get(inode)?.bytes.clone())
    }

    /// Writes a file behind the store's back, as an editor does: a new file under the old name, synced.
    pub fn replace(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let number = state.add_inode();
        let replaced = Inode::all_durable(bytes.to_vec(), state.tick());
        state.inodes.insert(number, replaced);
        state.settle_names(&|changed| changed == path);
        state.names.insert(path.to_path_buf(), number);
        state.durable_names.insert(path.to_path_buf(), number);
    }

    /// Writes into a file behind the store's back: another content under the same inode, synced.
    pub fn overwrite(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let changed = state.tick();
        let inode = state.names.get(path).copied();
        if let Some(inode) = inode.and_then(|inode| state.inodes.get_mut(&inode)) {
            let locked_by = inode.locked_by;
            *inode = Inode::all_durable(bytes.to_vec(), changed);
            inode.locked_by = locked_by;
        }
    }

    /// The files whose names are below a directory.
    #[must_use]
    pub fn files(&self, below: &Path) -> Vec<PathBuf> {
        let state = self.state();
        let found = state.names.keys().filter(|path| path.starts_with(below));
        found.cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inode {
    fn all_durable(bytes: Vec<u8>, changed: i64) -> Self {
        Self {
            durable: bytes.clone(),
            same: bytes.len(),
            clean: bytes.len(),
            bytes,
            changed,
            locked_by: None,
        }
    }

    /// What the disk holds when the power fails: what was synced, and some of what was not.
    fn after_crash(&self, seed: &mut u64) -> Vec<u8> {
        let was_cut = self.same < self.durable.len();
        if was_cut && draw(seed, 2) == 0 {
            return self.durable.clone();
        }
        let kept = self.same + draw(seed, self.bytes.len() - self.same + 1);
        self.saved(kept)
    }

    /// The first bytes as a sync saves them: what an earlier failed sync lost is zeros.
    fn saved(&self, len: usize) -> Vec<u8> {
        let mut saved = self.bytes[..len].to_vec();
        saved[..self.same].copy_from_slice(&self.durable[..self.same]);
        if let Some(lost) = saved.get_mut(self.same..self.clean.min(len)) {
            lost.fill(0);
        }
        saved
    }
}

impl State {
    fn count(&mut self, call: Call) -> Option<Failure> {
        let count = self.calls.entry(call).or_insert(0);
        *count += 1;
        let fault = self.faults.iter().find(|fault| {
            fault.call == call && (fault.nth..fault.nth + fault.times).contains(count)
        })?;
        Some(fault.failure)
    }

    fn check(&mut self, call: Call) -> io::Result<()> {
        match self.count(call) {
            Some(Failure::Error(kind)) => Err(kind.into()),
            Some(Failure::Short(_)) | None => Ok(()),
        }
    }

    /// Changes names in one step, which a crash may undo until their directories are synced.
    fn name(&mut self, changes: &[(&Path, Option<u64>)]) {
        for &(path, inode) in changes {
            put(&mut self.names, path, inode);
        }
        let changes = changes.iter().map(|&(path, to)| (path.to_path_buf(), to));
        self.unsynced_names.push(changes.collect());
    }

    fn sync_names(&mut self, dir: &Path) {
        let is_here = |path: &Path| path.parent() == Some(dir);
        self.settle_names(&is_here);
        self.durable_names.retain(|path, _| !is_here(path));
        let here = self.names.iter().filter(|(path, _)| is_here(path));
        self.durable_names
            .extend(here.map(|(path, inode)| (path.clone(), *inode)));
    }

    /// Makes durable what happened to the names that are meant, and with a rename its other end, after all that
    /// happened to that before.
    fn settle_names(&mut self, is_meant: &dyn Fn(&Path) -> bool) {
        let mut others = BTreeSet::new();
        let mut settled = Vec::new();
        for changes in std::mem::take(&mut self.unsynced_names).into_iter().rev() {
            let is_due = |(path, _): &(PathBuf, _)| is_meant(path) || others.contains(path);
            if changes.iter().any(is_due) {
                others.extend(changes.iter().map(|(path, _)| path.clone()));
                settled.push(changes);
            } else {
                self.unsynced_names.push(changes);
            }
        }
        self.unsynced_names.reverse();
        for (path, inode) in settled.into_iter().rev().flatten() {
            put(&mut self.durable_names, &path, inode);
        }
    }

    fn names_after_crash(&self, seed: &mut u64) -> BTreeMap<PathBuf, u64> {
        let mut names = self.durable_names.clone();
        let kept = draw(seed, self.unsynced_names.len() + 1);
        for (path, inode) in self.unsynced_names[..kept].iter().flatten() {
            put(&mut names, path, *inode);
        }
        names
    }

    fn tick(&mut self) -> i64 {
        self.ticks += 1;
        self.ticks
    }

    fn add_inode(&mut self) -> u64 {
        let number = self.inode_next;
        self.inode_next += 1;
        let changed = self.tick();
        self.inodes.insert(
            number,
            Inode {
                changed,
                ..Inode::default()
            },
        );
        number
    }

    fn file_state(&self, inode: u64) -> io::Result<FileState> {
        let found = self.inodes.get(&inode).ok_or(io::ErrorKind::NotFound)?;
        Ok(FileState {
            identity: FileIdentity { device: 1, inode },
            len: found.bytes.len() as u64,
            changed_ns: found.changed,
        })
    }

    fn inode(&mut self, number: u64) -> io::Result<&mut Inode> {
        let found = self.inodes.get_mut(&number);
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state();
        state.check(Call::Open)?;
        let known = state.names.get(path).copied();
        let inode = match (mode, known) {
            (OpenMode::CreateNew, Some(_)) => return Err(io::ErrorKind::AlreadyExists.into()),
            (OpenMode::CreateNew, None) => {
                if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let inode = state.add_inode();
                state.name(&[(path, Some(inode))]);
                inode
            }
            (OpenMode::Read | OpenMode::Append, Some(inode)) => inode,
            (OpenMode::Read | OpenMode::Append, None) => {
                return Err(io::ErrorKind::NotFound.into());
            }
        };
        let handle = state.handle_next;
        state.handle_next += 1;
        Ok(Arc::new(SimFile {
            disk: self.clone(),
            inode,
            handle,
            writable: mode != OpenMode::Read,
        }))
    }

    fn state(&self, path: &Path) -> io::Result<FileState> {
        let state = Self::state(self);
        let inode = state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        state.file_state(*inode)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = Self::state(self);
        state.check(Call::Rename)?;
        let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        let changed = state.tick();
        state.inode(inode)?.changed = changed;
        state.name(&[(from, None), (to, Some(inode))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = Self::state(self);
        state.check(Call::Remove)?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.name(&[(path, None)]);
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        if Self::state(self).dirs.insert(path.to_path_buf()) {
            Ok(())
        } else {
            Err(io::ErrorKind::AlreadyExists.into())
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = Self::state(self);
        state.check(Call::SyncDir)?;
        if !state.dirs.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.sync_names(path);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let state = Self::state(self);
        if !state.dirs.contains(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = state.names.keys().chain(&state.dirs);
        let mut found: Vec<_> = all
            .filter(|name| name.parent() == Some(path))
            .cloned()
            .collect();
        found.sort();
        Ok(found)
    }
}

impl DiskFile for SimFile {
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        if !self.writable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut count = match state.count(Call::Write) {
            Some(Failure::Error(kind)) => return Err(kind.into()),
            Some(Failure::Short(max)) => bytes.len().min(max),
            None => bytes.len(),
        };
        if let Some(space) = &mut state.space {
            count = count.min(usize::try_from(*space).unwrap_or(usize::MAX));
            *space -= count as u64;
            if count == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let changed = state.tick();
        let inode = state.inode(self.inode)?;
        inode.bytes.extend_from_slice(&bytes[..count]);
        inode.changed = changed;
        Ok(count)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.check(Call::Read)?;
        let inode = state.inode(self.inode)?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = inode.bytes.get(from..).unwrap_or_default();
        let count = found.len().min(buffer.len());
        buffer[..count].copy_from_slice(&found[..count]);
        Ok(count)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check(Call::Truncate)?;
        let changed = state.tick();
        let inode = state.inode(self.inode)?;
        inode.changed = changed;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let freed = inode.bytes.len().saturating_sub(len) as u64;
        inode.bytes.truncate(len);
        inode.clean = inode.clean.min(len);
        inode.same = inode.same.min(len);
        if let Some(space) = &mut state.space {
            *space += freed;
        }
        Ok(())
    }

    fn datasync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let failed = state.check(Call::Datasync);
        let inode = state.inode(self.inode)?;
        if failed.is_ok() {
            inode.durable = inode.saved(inode.bytes.len());
            inode.same = inode.bytes.len();
        }
        inode.clean = inode.bytes.len();
        failed
    }

    fn state(&self) -> io::Result<FileState> {
        self.disk.state().file_state(self.inode)
    }

    fn lock(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let inode = state.inode(self.inode)?;
        match inode.locked_by {
            Some(other) if other != self.handle => Err(io::ErrorKind::WouldBlock.into()),
            _ => {
                inode.locked_by = Some(self.handle);
                Ok(())
            }
        }
    }

    fn unlock(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let inode = state.inode(self.inode)?;
        inode.locked_by = inode.locked_by.filter(|&by| by != self.handle);
        Ok(())
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        // A file that nobody knows any more holds no lock either.
        self.unlock().unwrap_or_default();
    }
}

fn put(names: &mut BTreeMap<PathBuf, u64>, path: &Path, inode: Option<u64>) {
    match inode {
        Some(inode) => names.insert(path.to_path_buf(), inode),
        None => names.remove(path),
    };
}

/// The next number of a `SplitMix64` sequence.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn draw(seed: &mut u64, below: usize) -> usize {
    usize::try_from(next(seed) % (below.max(1) as u64)).unwrap_or(0)
}
