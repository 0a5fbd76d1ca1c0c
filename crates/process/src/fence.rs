//! What a child can't reach: files outside a list, and the network; the kernel enforces both.
//!
//! Files are fenced by Landlock. Landlock grants hierarchies and can't take a part of one away, so whoever needs a hole
//! in a directory grants its entries one by one.
//! The network is fenced by a seccomp filter that refuses every socket, of every family: a unix socket would reach
//! daemons that do as they are told, and no argument of `connect` can be looked at by a filter.

use std::{io, path::PathBuf};

mod files;
mod filter;

/// What a child may reach.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fence {
    /// Read and executed, with all that is below.
    ///
    /// Not `/proc`: there the environment of every process of the user can be read, and ours holds keys.
    pub read: Vec<PathBuf>,
    /// Read, executed, and changed, with all that is below.
    pub write: Vec<PathBuf>,
    /// Whether sockets may be made.
    pub network: bool,
}

/// Which fences this machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Support {
    /// Landlock's version, if the kernel has it and lets us use it.
    pub landlock: Option<u32>,
    /// Whether a process without privileges can install a seccomp filter.
    pub seccomp: bool,
}

impl Support {
    /// Whether a [`Fence`] can be applied here.
    #[must_use]
    pub const fn is_enough(self) -> bool {
        self.landlock.is_some() && self.seccomp
    }
}

/// Asks the kernel; nothing of this process changes.
#[must_use]
pub fn probe() -> Support {
    Support {
        landlock: files::version(),
        seccomp: filter::is_supported(),
    }
}

/// Fences this process and all it will become and start. All or an error: a half fence is none.
pub(crate) fn apply(fence: &Fence) -> io::Result<()> {
    files::apply(fence)?;
    filter::apply(fence.network)
}
