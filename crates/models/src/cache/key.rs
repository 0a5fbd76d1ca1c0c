//! Under which name an answer is kept: a hash of everything that can change it.

use std::{collections::BTreeMap, fmt};

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// Fields that say how a request is handled and not what is asked.
const HANDLING: [&str; 9] = [
    "cache",
    "metadata",
    "litellm_metadata",
    "model",
    "num_retries",
    "fallbacks",
    "timeout",
    "user",
    "safety_identifier",
];

/// The name of one request's answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a request; nothing where the body is no object.
    pub(super) fn of(namespace: &str, front: &str, group: &str, body: &[u8]) -> Option<Self> {
        // Sorted, so that the order in which a client writes its fields does not matter.
        let fields: BTreeMap<&str, &RawValue> = serde_json::from_slice(body).ok()?;
        let mut hash = Sha256::new();
        for part in [namespace, front, group] {
            put(&mut hash, part);
        }
        for (name, value) in fields {
            if !HANDLING.contains(&name) {
                put(&mut hash, name);
                put(&mut hash, value.get());
            }
        }
        Some(Self(hash.finalize().into()))
    }
}

/// With its length, so that no two lists of parts look alike.
fn put(hash: &mut Sha256, part: &str) {
    hash.update(part.len().to_le_bytes());
    hash.update(part);
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
