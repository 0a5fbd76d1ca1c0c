//! Why a child could not be started, by the step that went wrong.

use std::{fmt, io, path::PathBuf};

use crate::plan::Exit;

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Programs and directories are named by absolute paths only.
    #[error("{what} `{path}` is not an absolute path", path = path.display())]
    RelativePath {
        /// The program or the directory.
        what: &'static str,
        /// The path given.
        path: PathBuf,
    },
    /// The kernel takes no zero byte in this text.
    #[error("{what} holds a zero byte")]
    ZeroByte {
        /// The program, an argument, an environment entry, or the directory.
        what: &'static str,
    },
    /// A variable's name is empty or holds `=`.
    #[error("environment variable name {name:?} is empty or holds `=`")]
    VariableName {
        /// The name given.
        name: String,
    },
    /// Arguments and environment together are too long.
    #[error("arguments and environment have {bytes} bytes, more than {bytes_max}")]
    TooLong {
        /// Their length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// As many children as allowed are running or starting.
    #[error("{children_max} children are running or starting already")]
    TooMany {
        /// The limit.
        children_max: usize,
    },
    /// A pipe, `/dev/null`, the control socket, or the keeper's thread could not be made.
    #[error("make {what} for a child")]
    Resource {
        /// Which one.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// Our own binary could not be re-executed.
    #[error("re-execute `{helper}`", helper = helper.display())]
    Helper {
        /// The binary.
        helper: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The re-executed binary ended before it reported: it isn't ours, or a limit is too low to run in.
    #[error("the helper ended ({exit}) before the program started")]
    HelperEnded {
        /// How it ended.
        exit: Exit,
    },
    /// The re-executed binary did not report in time.
    #[error("the helper did not start the program within {deadline_ms} ms")]
    HelperSilent {
        /// The time it had.
        deadline_ms: u64,
    },
    /// A step of the set-up was refused.
    #[error("{stage}")]
    Setup {
        /// The step.
        stage: Stage,
        /// The cause.
        source: io::Error,
    },
    /// The program could not be executed.
    #[error("execute `{program}`", program = program.display())]
    Exec {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The directory could not be entered.
    #[error("enter the directory `{path}`", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The keeper's thread is gone.
    #[error("the thread that keeps children has ended")]
    KeeperGone,
}

impl Error {
    /// Whether trying again with the same plan is pointless.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::RelativePath { .. }
            | Self::ZeroByte { .. }
            | Self::VariableName { .. }
            | Self::TooLong { .. } => true,
            Self::Helper { source, .. }
            | Self::Exec { source, .. }
            | Self::Directory { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::NotADirectory
            ),
            Self::TooMany { .. }
            | Self::Resource { .. }
            | Self::HelperEnded { .. }
            | Self::HelperSilent { .. }
            | Self::Setup { .. }
            | Self::KeeperGone => false,
        }
    }
}

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $words:literal;)*) => {
        /// A step of a child's set-up, in the order they are taken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Stage {
            $($(#[$doc])* $name,)*
        }

        impl Stage {
            pub(crate) const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }

            pub(crate) const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }

        impl fmt::Display for Stage {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$name => $words,)* })
            }
        }
    };
}

stages! {
    /// The plan arrives over the control socket.
    Receive = 1, "receive the plan";
    /// A session and process group of its own.
    Group = 2, "make a process group";
    /// The kernel kills the child when we die.
    ParentDeath = 3, "ask to be killed with the parent";
    /// No program it runs can gain privileges.
    Privileges = 4, "give up new privileges";
    /// Descriptors 0, 1, and 2.
    Descriptors = 5, "arrange descriptors";
    /// The working directory.
    Directory = 6, "enter the directory";
    /// Resource limits.
    Limits = 7, "apply limits";
    /// The fence around files and the network.
    Fence = 9, "fence the file system and the network";
    /// The program itself.
    Exec = 8, "execute the program";
}
