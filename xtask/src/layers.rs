//! Which crate may depend on which: the table of ARCHITECTURE.md as data.
//!
//! A new line here, or a new name in one, is a new edge between crates; ARCHITECTURE.md says why it exists.

/// One crate of the product and what it may depend on.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Its directory below `crates/`; its package has the prefix `openclaw-`.
    pub(crate) name: &'static str,
    /// A dependency points to a lower rank.
    pub(crate) rank: u8,
    /// And only to these.
    pub(crate) may_use: &'static [&'static str],
}

const ALL_BUT_CLIENT: &[&str] = &[
    "types", "process", "wire", "config", "sessions", "accounts", "cron", "ledger", "skills",
    "models", "router", "tools", "agents",
];
const ALL: &[&str] = &[
    "types", "process", "wire", "config", "sessions", "accounts", "cron", "ledger", "skills",
    "models", "router", "tools", "agents", "gateway", "client",
];

pub(crate) const LAYERS: [Layer; 16] = [
    Layer {
        name: "types",
        rank: 0,
        may_use: &[],
    },
    Layer {
        name: "process",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "wire",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "config",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "sessions",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "accounts",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "cron",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "ledger",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "skills",
        rank: 1,
        may_use: &["types"],
    },
    Layer {
        name: "models",
        rank: 2,
        may_use: &["types", "process", "accounts"],
    },
    Layer {
        name: "router",
        rank: 3,
        may_use: &["types", "accounts", "models"],
    },
    Layer {
        name: "tools",
        rank: 3,
        may_use: &["types", "process", "models"],
    },
    Layer {
        name: "agents",
        rank: 4,
        may_use: &["types", "process", "sessions", "models", "tools"],
    },
    Layer {
        name: "gateway",
        rank: 5,
        may_use: ALL_BUT_CLIENT,
    },
    Layer {
        name: "client",
        rank: 5,
        may_use: &["types", "wire"],
    },
    Layer {
        name: "cli",
        rank: 6,
        may_use: ALL,
    },
];

/// Packages that are no part of the product: they may use any crate, and no crate may use them.
pub(crate) const OUTSIDE: [&str; 3] = ["openclaw-bench", "openclaw-tests", "xtask"];
