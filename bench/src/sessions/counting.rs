//! The disk of this machine with a counter of the bytes that are written.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use openclaw_sessions::{
    Disk, RealDisk,
    disk::{DiskFile, FileState, OpenMode},
};

/// Counts what every file of it is given.
#[derive(Debug, Default, Clone)]
pub(super) struct Counting(Arc<AtomicU64>);

#[derive(Debug)]
struct Counted(Arc<dyn DiskFile>, Arc<AtomicU64>);

impl Counting {
    /// Bytes passed to write so far.
    pub(super) fn written(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Disk for Counting {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path, mode)?;
        Ok(Arc::new(Counted(file, Arc::clone(&self.0))))
    }

    fn state(&self, path: &Path) -> io::Result<FileState> {
        RealDisk.state(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(path)
    }
}

impl DiskFile for Counted {
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.0.write_at_end(bytes)?;
        self.1.fetch_add(count as u64, Relaxed);
        Ok(count)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(offset, buffer)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }

    fn datasync(&self) -> io::Result<()> {
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
