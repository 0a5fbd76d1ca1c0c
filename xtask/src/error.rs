//! Why a command stopped, and what to do about it.

use std::{io, path::PathBuf};

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no Cargo.toml of the workspace above the current directory")]
    NotInRepository,
    #[error("start `{program}`")]
    Start { program: String, source: io::Error },
    #[error("wait for `{program}`")]
    Wait { program: String, source: io::Error },
    #[error("{title}: `{command}` ended with {status}")]
    Step {
        title: String,
        command: String,
        status: std::process::ExitStatus,
        hint: Option<String>,
    },
    #[error("missing on this machine: {}", missing.join(", "))]
    Missing { missing: Vec<String>, hint: String },
    #[error("read or write `{}`", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("understand the output of `{program}`")]
    Json {
        program: String,
        source: serde_json::Error,
    },
    #[error("{count} {} out of order", if *count == 1 { "thing is" } else { "things are" })]
    Tidy { count: usize },
    #[error("out of date: {}", pages.join(", "))]
    OutOfDate { pages: Vec<String> },
    #[error("{} has {bytes} bytes, more than {bytes_max}", path.display())]
    TooLarge {
        path: PathBuf,
        bytes: u64,
        bytes_max: u64,
    },
}

impl Error {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NotInRepository => Some("run it inside the repository".to_owned()),
            Self::Step { hint, .. } => hint.clone(),
            Self::Missing { hint, .. } => Some(hint.clone()),
            Self::OutOfDate { .. } => {
                Some("run `cargo xtask codegen` and commit what it writes".to_owned())
            }
            Self::Start { .. }
            | Self::Wait { .. }
            | Self::File { .. }
            | Self::Json { .. }
            | Self::Tidy { .. }
            | Self::TooLarge { .. } => None,
        }
    }
}
