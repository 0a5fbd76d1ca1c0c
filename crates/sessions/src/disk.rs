//! The storage seam: the few things the store asks of a disk, with every way they fail left visible.

use std::{
    fmt::Debug,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::{real::RealDisk, sim::SimDisk};

mod real;
pub mod sim;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// An existing file, for positioned reads.
    Read,
    /// An existing file; writes go to its end.
    Append,
    /// A file that must not exist yet; writes go to its end.
    CreateNew,
}

/// What makes a file the same file, whatever its name is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileIdentity {
    /// The file system.
    pub device: u64,
    /// The file in it.
    pub inode: u64,
}

/// Which file a path names right now, and how long that file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// The file.
    pub identity: FileIdentity,
    /// Its length in bytes.
    pub len: u64,
    /// When its bytes, length or name last changed, in nanoseconds of the disk's own clock. Nobody can set it back.
    pub changed_ns: i64,
}

/// The few things the session store asks of a disk.
///
/// Nothing here retries, buffers or hides a failure: that is the store's work, and the store that is tested
/// on a simulated disk is the one that ships.
pub trait Disk: Send + Sync + Debug + 'static {
    /// Opens a file; never follows a symbolic link in the last component.
    ///
    /// # Errors
    /// As the disk says.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;
    /// Which file the path names right now.
    ///
    /// # Errors
    /// As the disk says; `NotFound` when it names none.
    fn state(&self, path: &Path) -> io::Result<FileState>;
    /// Replaces `to` by `from` in one step.
    ///
    /// # Errors
    /// As the disk says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes one directory that only its owner may enter.
    ///
    /// # Errors
    /// As the disk says; `AlreadyExists` when the name is taken.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes the directory's names durable.
    ///
    /// # Errors
    /// As the disk says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// The paths in a directory, sorted.
    ///
    /// # Errors
    /// As the disk says.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;
}

/// One open file: short writes, truncation and a changed identity are visible to the caller.
pub trait DiskFile: Send + Sync + Debug {
    /// Writes at the end; may write less than asked.
    ///
    /// # Errors
    /// As the disk says.
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Reads at a position; 0 at or behind the end.
    ///
    /// # Errors
    /// As the disk says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Cuts the file.
    ///
    /// # Errors
    /// As the disk says.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Makes the file's bytes and length durable. After a failure nothing is known about them, and a
    /// later success does not change that.
    ///
    /// # Errors
    /// As the disk says.
    fn datasync(&self) -> io::Result<()>;
    /// Which file this is, and how long.
    ///
    /// # Errors
    /// As the disk says.
    fn state(&self) -> io::Result<FileState>;
    /// Takes the file's writer lock, held until the last handle is dropped; `WouldBlock` when another
    /// writer has it.
    ///
    /// # Errors
    /// As the disk says.
    fn lock(&self) -> io::Result<()>;
    /// Gives the writer lock back, while the file stays open for reading.
    ///
    /// # Errors
    /// As the disk says.
    fn unlock(&self) -> io::Result<()>;
}

/// So many interruptions of one transfer are passed over; a disk that does nothing else has failed.
const INTERRUPTIONS_MAX: u32 = 1_000;

/// Fills the buffer from a position, as far as the file goes.
pub(crate) fn read_full(file: &dyn DiskFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    let mut interrupted = 0;
    while filled < buffer.len() {
        match file.read_at(offset + filled as u64, &mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error)
                if error.kind() == io::ErrorKind::Interrupted
                    && interrupted < INTERRUPTIONS_MAX =>
            {
                interrupted += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Writes everything at the end, or says why not; what was written by then stays for the caller to cut.
pub(crate) fn write_full(file: &dyn DiskFile, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    let mut interrupted = 0;
    while written < bytes.len() {
        match file.write_at_end(&bytes[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error)
                if error.kind() == io::ErrorKind::Interrupted
                    && interrupted < INTERRUPTIONS_MAX =>
            {
                interrupted += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
