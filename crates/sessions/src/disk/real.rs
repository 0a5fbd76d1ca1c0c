//! The disk of this machine, through plain system calls.

use std::{
    ffi::OsStr,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{self, AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, Stat};

use super::{Disk, DiskFile, FileIdentity, FileState, OpenMode};

/// Files for their owner only.
const FILE_MODE: u32 = 0o600;
/// Directories for their owner only.
const DIR_MODE: u32 = 0o700;

/// The disk of this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile(OwnedFd);

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let flags = match mode {
            OpenMode::Read => OFlags::RDONLY,
            OpenMode::Append => OFlags::RDWR | OFlags::APPEND,
            OpenMode::CreateNew => OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL,
        };
        let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = fs::openat(CWD, path, flags, Mode::from_raw_mode(FILE_MODE))?;
        // A pipe or device under a transcript's name would block or swallow what is written.
        if fs::FileType::from_raw_mode(fs::fstat(&fd)?.st_mode) != fs::FileType::RegularFile {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(Arc::new(RealFile(fd)))
    }

    fn state(&self, path: &Path) -> io::Result<FileState> {
        Ok(state_of(&fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(fs::renameat(CWD, from, CWD, to)?)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Ok(fs::unlinkat(CWD, path, AtFlags::empty())?)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        Ok(fs::mkdirat(CWD, path, Mode::from_raw_mode(DIR_MODE))?)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Ok(fs::fsync(open_dir(path)?)?)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in Dir::new(open_dir(path)?)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                paths.push(path.join(OsStr::from_bytes(name)));
            }
        }
        paths.sort();
        Ok(paths)
    }
}

impl DiskFile for RealFile {
    fn write_at_end(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(&self.0, bytes)?)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::pread(&self.0, buffer, offset)?)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        Ok(fs::ftruncate(&self.0, len)?)
    }

    fn datasync(&self) -> io::Result<()> {
        Ok(fs::fdatasync(&self.0)?)
    }

    fn state(&self) -> io::Result<FileState> {
        Ok(state_of(&fs::fstat(&self.0)?))
    }

    fn lock(&self) -> io::Result<()> {
        Ok(fs::flock(
            &self.0,
            FlockOperation::NonBlockingLockExclusive,
        )?)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(fs::flock(&self.0, FlockOperation::Unlock)?)
    }
}

fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(fs::openat(CWD, path, flags, Mode::empty())?)
}

fn state_of(stat: &Stat) -> FileState {
    FileState {
        identity: FileIdentity {
            device: stat.st_dev,
            inode: stat.st_ino,
        },
        len: u64::try_from(stat.st_size).unwrap_or(0),
        changed_ns: stat
            .st_ctime
            .saturating_mul(1_000_000_000)
            .saturating_add(stat.st_ctime_nsec as i64),
    }
}
