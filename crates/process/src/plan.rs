//! What a child is to be: its program, its exact environment, its limits, and its three descriptors.

use std::{ffi::OsString, fmt, fs::File, path::PathBuf, sync::Arc};

use crate::fence::Fence;

/// Everything about one child. It can be started more than once.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Absolute path of the program; nothing is looked up in `PATH`.
    pub program: PathBuf,
    /// The arguments after the program's own name.
    pub args: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Absolute path of the directory it starts in.
    pub cwd: PathBuf,
    /// What it may use.
    pub limits: Limits,
    /// What it can reach; `None` leaves the file system and the network as they are.
    pub fence: Option<Fence>,
    /// Descriptor 0.
    pub stdin: Stdio,
    /// Descriptor 1.
    pub stdout: Stdio,
    /// Descriptor 2.
    pub stderr: Stdio,
}

/// What a child may use; `None` leaves what we have ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Address space (`RLIMIT_AS`).
    pub address_space_bytes: Option<u64>,
    /// Processor time (`RLIMIT_CPU`): a signal it may catch, and one second later one it can't.
    pub cpu_seconds: Option<u64>,
    /// Open descriptors (`RLIMIT_NOFILE`).
    pub open_files: Option<u64>,
    /// Processes of this user (`RLIMIT_NPROC`); root is exempt.
    pub processes: Option<u64>,
    /// The largest file it may write (`RLIMIT_FSIZE`).
    pub file_bytes: Option<u64>,
    /// The largest core dump (`RLIMIT_CORE`). Zero keeps secrets in its memory off the disk.
    pub core_bytes: u64,
}

impl Limits {
    /// No limit but one: no core dump.
    pub const NONE: Self = Self {
        address_space_bytes: None,
        cpu_seconds: None,
        open_files: None,
        processes: None,
        file_bytes: None,
        core_bytes: 0,
    };
}

/// One of the three descriptors a child starts with.
#[derive(Debug, Clone)]
pub enum Stdio {
    /// `/dev/null`.
    Null,
    /// A pipe whose other end is in [`crate::Child`].
    Pipe,
    /// An open file, shared with every start of the plan.
    File(Arc<File>),
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl Exit {
    /// Whether it ended with code 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}
