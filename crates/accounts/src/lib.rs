//! Who may spend what: virtual keys, limits on requests and tokens, budgets, and the ledger of what was spent.
//!
//! There is no HTTP here, and no knowledge of models: a request is a name, a price, and a number of tokens.
//! The configuration is read elsewhere and arrives as [`Options`].
//!
//! Start at [`Ask`], which is what is asked before a call, and [`Denied`], which is every reason against it;
//! [`limits`] and [`budget`] are the two pure machines that decide.
//!
//! Invariants: what is spent and what is held for calls under way never exceed a hard stop together; a key is
//! kept as its digest only; nothing pure reads a clock.

pub mod allowance;
pub mod ask;
pub mod budget;
pub mod caller;
pub mod denied;
pub mod error;
pub mod key;
pub mod limits;
pub mod options;
pub mod period;
pub mod report;
pub mod secret;

pub use allowance::Allowance;
pub use ask::{Ask, Gauge, Outcome, OutputLimit, Settled};
pub use budget::Notice;
pub use caller::{Caller, KeyId, Scope, TeamId};
pub use denied::{BudgetExceeded, Denied, LimitKind, RateLimited};
pub use error::Error;
pub use key::{KeyFilter, KeyRecord, KeyState, NewKey, TeamRecord, Which};
pub use options::{Allowances, LedgerOptions, Options};
pub use period::Period;
pub use report::{Alert, BudgetState, Dimension, LogEntry, Query, Report, Row, Status, Tally};
pub use secret::{Digest, Secret};
