//! The seam to the disk: one file that is appended to, with every way it fails left visible.

use std::{
    fmt::Debug,
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use crate::files;

/// A file that is appended to.
pub(crate) trait Appended: Send + Sync + Debug {
    /// Writes everything at the end, or says why not; part of it may be there then.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;
    /// How long it is.
    fn len(&self) -> io::Result<u64>;
}

/// Where such files come from.
pub(crate) trait Disk: Send + Sync + Debug + 'static {
    /// Opens the file, and makes it when there is none.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Appended>>;
}

/// The disk of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn Appended>> {
        let file = files::open_append(path)?;
        files::sync_dir(path.parent().unwrap_or_else(|| Path::new(".")))?;
        Ok(Arc::new(file))
    }
}

impl Appended for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self).write_all(bytes)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
