//! The file's bytes in, the parsed tree out; nothing else reads configuration JSON.

use std::{fs, io, io::Read, path::Path};

use crate::{
    json5::{self, Node, Position},
    problem::{Problems, Severity},
};

/// Largest configuration file; the seed's sample has 2 KB.
pub const FILE_BYTES_MAX: u64 = 4 * 1_048_576;

/// Whether an absent file is a mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Somebody named it.
    Required,
    /// It is looked for where it usually is.
    Optional,
}

/// Reads and parses; `None` where there is nothing to read, with a fatal problem unless that is fine.
pub(crate) fn read(path: &Path, presence: Presence, problems: &mut Problems) -> Option<Node> {
    let text = match text(path) {
        Ok(text) => text,
        Err(Fault::Io(error)) if is_absent(&error) && presence == Presence::Optional => {
            return None;
        }
        Err(fault) => {
            let at = fault.position().unwrap_or(Position { line: 0, column: 0 });
            let added = problems.at(Severity::Fatal, at, "", fault.to_string());
            match &fault {
                Fault::Io(error) if is_absent(error) => {
                    added.hint("write the file, or don't name one");
                }
                Fault::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    added.hint("give this user the file and its directory, or name others with --config and --state-dir");
                }
                _ => {}
            }
            return None;
        }
    };
    match json5::parse(&text) {
        Ok(node) => Some(node),
        Err(error) => {
            problems.at(
                Severity::Fatal,
                error.at,
                error.path,
                error.fault.to_string(),
            );
            None
        }
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Why a file gives no text.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the file can't be read: {0}")]
    Io(io::Error),
    #[error("not a regular file")]
    NotAFile,
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the file is not UTF-8 text")]
    NotText(Position),
}

impl Fault {
    /// Where the text ends, if that is what is wrong.
    pub(crate) const fn position(&self) -> Option<Position> {
        match self {
            Self::NotText(at) => Some(*at),
            Self::Io(_) | Self::NotAFile | Self::TooLarge => None,
        }
    }
}

/// The file's text; a pipe or device is never opened, since reading one may not end.
pub(crate) fn text(path: &Path) -> Result<String, Fault> {
    let metadata = fs::metadata(path).map_err(Fault::Io)?;
    if !metadata.is_file() {
        return Err(Fault::NotAFile);
    }
    let file = fs::File::open(path).map_err(Fault::Io)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(Fault::Io)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Fault::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Fault::NotText(json5::end_of(&String::from_utf8_lossy(good)))
    })
}
