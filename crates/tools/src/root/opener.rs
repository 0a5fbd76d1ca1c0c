//! The one step from a path to a descriptor, in the two ways there are.

use std::{
    fmt,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::OnceLock,
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags},
    io::Errno,
};

use super::Relative;

/// Opens what is below a directory, and nothing else; a symbolic link anywhere on the way is `ELOOP`.
pub trait Opener: Send + Sync + fmt::Debug {
    /// Opens it.
    ///
    /// # Errors
    /// The kernel's own.
    fn open(&self, root: BorrowedFd<'_>, path: &Relative, flags: OFlags) -> Result<OwnedFd, Errno>;
}

/// The kernel resolves the path and can't be raced.
#[derive(Debug, Clone, Copy)]
pub struct Openat2;

/// One directory after the other, for kernels and sandboxes without `openat2`.
#[derive(Debug, Clone, Copy)]
pub struct Walk;

/// How often a resolution that was disturbed by a rename is tried again.
const ATTEMPTS: usize = 16;

impl Opener for Openat2 {
    fn open(&self, root: BorrowedFd<'_>, path: &Relative, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        let path = path.to_path();
        let mut result = Err(Errno::AGAIN);
        for _ in 0..ATTEMPTS {
            result = rustix::fs::openat2(root, &path, flags, Mode::empty(), resolve);
            if !matches!(result, Err(Errno::AGAIN | Errno::INTR)) {
                break;
            }
        }
        result
    }
}

impl Opener for Walk {
    fn open(&self, root: BorrowedFd<'_>, path: &Relative, flags: OFlags) -> Result<OwnedFd, Errno> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Some((last, above)) = path.names().split_last() else {
            return rustix::fs::openat(root, ".", flags, Mode::empty());
        };
        let mut dir: Option<OwnedFd> = None;
        for name in above {
            let at = dir.as_ref().map_or(root, AsFd::as_fd);
            dir = Some(openat(at, name, step)?);
        }
        let at = dir.as_ref().map_or(root, AsFd::as_fd);
        openat(at, last, flags | OFlags::NOFOLLOW)
    }
}

/// A link refused as a directory, or opened as itself, is told as a link.
fn openat(at: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let is_link = |stat: &rustix::fs::Stat| {
        rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Symlink
    };
    match rustix::fs::openat(at, name, flags, Mode::empty()) {
        Ok(fd) if flags.contains(OFlags::PATH) && is_link(&rustix::fs::fstat(&fd)?) => {
            Err(Errno::LOOP)
        }
        Err(Errno::NOTDIR) => {
            let stat = rustix::fs::statat(at, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
            Err(if is_link(&stat) {
                Errno::LOOP
            } else {
                Errno::NOTDIR
            })
        }
        result => result,
    }
}

/// The kernel's way where there is one.
pub(super) fn best() -> &'static dyn Opener {
    static HAS_OPENAT2: OnceLock<bool> = OnceLock::new();
    let has = *HAS_OPENAT2.get_or_init(|| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open("/", flags, Mode::empty()).is_ok_and(|root| {
            Openat2
                .open(root.as_fd(), &Relative::default(), flags)
                .is_ok()
        })
    });
    if has { &Openat2 } else { &Walk }
}
