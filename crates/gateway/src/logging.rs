//! Where log lines go: standard error in the foreground, a 0600 file in the background.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::PathBuf, sync::Mutex};

use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Where log lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Standard error, for people and for journald.
    Stderr,
    /// This file, appended to.
    File(PathBuf),
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be opened.
    #[error("open the log {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Logging was set up before.
    #[error("logging is set up already")]
    Twice,
}

/// Sets up logging for the process; `level` is `error`, `warn`, `info`, `debug` or `trace`.
///
/// # Errors
/// The file can't be opened, or logging was set up before.
pub fn init(level: &str, target: &Target) -> Result<(), Error> {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_unknown_level| EnvFilter::new("info"));
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false);
    let layer = match target {
        Target::Stderr => layer.with_writer(io::stderr).boxed(),
        Target::File(path) => {
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .map_err(|source| Error::File {
                    path: path.clone(),
                    source,
                })?;
            layer.with_writer(Mutex::new(file)).boxed()
        }
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .try_init()
        .map_err(|_set_before| Error::Twice)
}
