//! Every bound of this crate, with the reason for its value.

use std::time::Duration;

/// The longest request: a conversation with images in it fits several times over, a flood of bytes does not.
pub(crate) const REQUEST_BYTES_MAX: usize = 32 << 20;
/// How long a request may take to arrive: the longest one over a slow line.
pub(crate) const REQUEST_DEADLINE: Duration = Duration::from_secs(120);
/// Keys on one page of a list, as LiteLLM has it.
pub(crate) const KEYS_PAGE: usize = 10;
/// And at most.
pub(crate) const KEYS_PAGE_MAX: usize = 100;
/// Tags of one request that are kept.
pub(crate) const TAGS_MAX: usize = 16;
/// The longest text of a client's that is kept in the ledger.
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// Calls that one question for the ledger returns, unless it says how many.
pub(crate) const LOGS_LISTED: usize = 1_000;
