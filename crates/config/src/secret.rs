//! A value that can't be printed.

use std::{fmt, path::PathBuf, sync::Arc};

/// A key, token, or connection string. It has no `Display`, and its `Debug` shows only where it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    value: Arc<str>,
    origin: Origin,
}

/// Where a secret was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Written in the configuration file.
    Inline,
    /// The environment variable of this name.
    Environment(String),
    /// A file of its own.
    File(PathBuf),
}

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: &str, origin: Origin) -> Self {
        Self {
            value: Arc::from(value),
            origin,
        }
    }

    /// The value itself; every caller is a place where it may leak.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// Where it was read.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The environment variable it came from, to be named when a server refuses it.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match &self.origin {
            Origin::Environment(name) => Some(name),
            Origin::Inline | Origin::File(_) => None,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?})", self.origin)
    }
}

/// Settings passed on as they are, which may hold secrets; `Debug` prints their size only.
#[derive(Clone, PartialEq)]
pub struct Opaque(pub serde_json::Value);

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            serde_json::Value::Object(members) => write!(f, "Opaque({} keys)", members.len()),
            serde_json::Value::Array(items) => write!(f, "Opaque({} items)", items.len()),
            _ => f.write_str("Opaque"),
        }
    }
}
