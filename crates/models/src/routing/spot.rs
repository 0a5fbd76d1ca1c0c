//! What rests and what is counted: a model at a provider under one key.

use std::{cmp::Ordering, fmt, sync::Arc};

/// A model at a provider's address under one key. Another key has limits of its own, and so has another address.
///
/// Cheap to clone and to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    // First, so that comparing two rarely reads the text.
    hash: u64,
    names: Arc<Names>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Names {
    provider: Arc<str>,
    model: Arc<str>,
    address: Arc<str>,
    key: Arc<str>,
}

impl Spot {
    /// `key` is the key's fingerprint, empty without one.
    #[must_use]
    pub fn new(provider: &Arc<str>, model: &Arc<str>, address: &Arc<str>, key: &Arc<str>) -> Self {
        let names = Names {
            provider: Arc::clone(provider),
            model: Arc::clone(model),
            address: Arc::clone(address),
            key: Arc::clone(key),
        };
        Self {
            hash: names.hash(),
            names: Arc::new(names),
        }
    }

    /// The provider's id.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.names.provider
    }

    /// The model's id there.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.names.model
    }
}

impl Names {
    /// FNV-1a with a mark between two names.
    fn hash(&self) -> u64 {
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let names = [&self.provider, &self.model, &self.address, &self.key];
        let bytes = names
            .into_iter()
            .flat_map(|name| name.bytes().chain([0xff]));
        bytes.fold(OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        })
    }
}

impl Ord for Spot {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_hash = self.hash.cmp(&other.hash);
        by_hash.then_with(|| self.names.cmp(&other.names))
    }
}

impl PartialOrd for Spot {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.names.provider, self.names.model)
    }
}
