//! What every request shares.

use std::sync::Arc;

use openclaw_accounts::Accounts;
use openclaw_models::Models;
use openclaw_types::Env;

use crate::metrics::Metrics;

/// What the surface is told at start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The id of this process, which every answer carries: whoever looks for a LiteLLM finds out that it is itself.
    pub instance: String,
    /// The version that answers carry.
    pub version: &'static str,
    /// Paths that are passed on, in addition to one below `/agent/` for every model group of that name.
    pub endpoints: Vec<Endpoint>,
    /// Whether only the owner is told what was counted. LiteLLM tells anybody unless the file says otherwise.
    pub metrics_need_key: bool,
    /// The longest request, in place of the usual bound.
    pub request_bytes_max: Option<usize>,
}

/// A path that is passed on to the servers of a model group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says another thing that a configuration may say"
)]
pub struct Endpoint {
    /// Such as `/agent/steward`.
    pub path: String,
    /// The model group behind it.
    pub reference: String,
    /// Whether what stands behind the path is passed on too.
    pub has_subpaths: bool,
    /// Whether the client's headers are sent on; its key never is.
    pub forwards_headers: bool,
    /// Whether the path is also the name of a group of one exact address, which is asked first.
    pub has_target: bool,
    /// Whether it can be used without a key. LiteLLM's default; here only where it is written down.
    pub is_open: bool,
}

/// The surface. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Router {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) models: Models,
    pub(crate) accounts: Accounts,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) metrics: Metrics,
}

impl Router {
    /// Puts it together; nothing is sent, and nothing listens.
    #[must_use]
    pub fn new(options: Options, models: Models, accounts: Accounts, env: Arc<dyn Env>) -> Self {
        Self {
            inner: Arc::new(Inner {
                metrics: Metrics::default(),
                options,
                models,
                accounts,
                env,
            }),
        }
    }
}
