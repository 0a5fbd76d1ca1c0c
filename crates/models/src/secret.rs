//! A key that can't be printed.

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

/// A provider key. It has no `Display`, and its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(Arc::from(value))
    }

    /// The value itself; every caller is a place where it may leak.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Secret {
    /// Tells keys apart without showing them.
    pub(crate) fn fingerprint(&self) -> Arc<str> {
        let digest = Sha256::digest(self.0.as_bytes());
        let hex: String = digest[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Arc::from(hex)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
