//! Who may spend what: virtual keys, limits on requests and tokens, budgets, and the ledger of what was spent.
//!
//! There is no HTTP here, and no knowledge of models: a request is a name, a price, and a number of tokens.
//! The configuration is read elsewhere and arrives as [`Options`].
//!
//! Start at [`Accounts::admit`] and [`Ticket::settle`], the two ends of every call; `book` decides, with the pure
//! machines [`limits`] and [`budget`], and `ledger` remembers.
//!
//! Invariants: what is spent and what is held for calls under way never exceed a hard stop together; under a
//! budget, what may be spent is in the ledger before it is; a key is kept as its digest only.

mod accounts;
mod alerts;
pub mod allowance;
pub mod ask;
mod book;
pub mod budget;
pub mod caller;
pub mod denied;
pub mod error;
mod files;
pub mod key;
mod ledger;
pub mod limits;
pub mod options;
pub mod period;
mod picture;
pub mod report;
mod rollup;
pub mod secret;
mod ticket;

pub use accounts::{Accounts, LOGS_MAX};
pub use alerts::Alerts;
pub use allowance::Allowance;
pub use ask::{Ask, Gauge, Outcome, OutputLimit, Settled};
pub use budget::Notice;
pub use caller::{Caller, KeyId, Scope, TeamId};
pub use denied::{BudgetExceeded, Denied, LimitKind, RateLimited};
pub use error::Error;
pub use key::{KeyFilter, KeyRecord, KeyState, NewKey, TeamRecord, Which};
pub use options::{Allowances, LedgerOptions, Options};
pub use period::Period;
pub use picture::Picture;
pub use report::{Alert, BudgetState, Dimension, LogEntry, Query, Report, Row, Status, Tally};
pub use secret::{Digest, Secret};
pub use ticket::Ticket;
