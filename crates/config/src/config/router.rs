//! The router's port, and the file that tells it of models.

use std::net::SocketAddr;

use super::{Budgets, Litellm};
use crate::secret::Secret;

/// The router.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Router {
    /// Its port of its own; `None` where it has none.
    pub listen: Option<SocketAddr>,
    /// The key that may do everything: of `openclaw.json`, the LiteLLM file, or `LITELLM_MASTER_KEY`.
    pub master_key: Option<Secret>,
    /// The LiteLLM file, where one was found and can be read.
    pub litellm: Option<Box<Litellm>>,
    /// Who may use how much, of both files.
    pub budgets: Budgets,
}

/// How requests and answers are kept for a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Whether they are.
    pub enabled: bool,
    /// Most bytes of all of them; the oldest go first.
    pub bytes_max: u64,
}
