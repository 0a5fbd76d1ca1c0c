//! What a client asks.

use bytes::Bytes;
use openclaw_accounts::Caller;
use openclaw_types::AgentId;

use crate::{
    cache,
    dialect::Front,
    http::{HeaderMap, Method},
};

/// One request of a client, in the client's words.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Who asks, and who pays.
    pub caller: Caller,
    /// The agent it is for, when it is for one.
    pub agent: Option<AgentId>,
    /// A group, `provider/model`, or an alias.
    pub reference: String,
    /// What the client speaks.
    pub front: Front,
    /// The request as it came.
    pub body: Bytes,
    /// Whether the answer is wanted piece by piece.
    pub is_streaming: bool,
    /// The id the client is told; kept in the ledger.
    pub request_id: Option<String>,
    /// What the client calls the end user; kept in the ledger.
    pub user: Option<String>,
    /// What the client says beside the request.
    pub controls: Controls,
}

impl Ask {
    /// A request with nothing said beside it.
    #[must_use]
    pub fn new(caller: Caller, front: Front, reference: &str, body: Bytes) -> Self {
        Self {
            caller,
            agent: None,
            reference: reference.to_owned(),
            front,
            body,
            is_streaming: false,
            request_id: None,
            user: None,
            controls: Controls::default(),
        }
    }
}

/// What a client says beside its request.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    /// Longest time for the whole request, failover included. While others could still be asked, a candidate has half
    /// of what is left until its first content.
    ///
    /// Without it that is twice the longest deadline of a candidate.
    pub timeout_ms: Option<u64>,
    /// Longest time for one candidate's first byte.
    pub stream_timeout_ms: Option<u64>,
    /// How often one candidate may be asked again when there is no other, in place of what the settings say.
    pub num_retries: Option<u32>,
    /// References tried when the first fails, in place of the configured ones; empty for those.
    pub fallbacks: Vec<String>,
    /// Nothing but the reference itself is tried.
    pub disable_fallbacks: bool,
    /// Kept in the ledger.
    pub tags: Vec<String>,
    /// What is said of cached answers.
    pub cache: cache::Controls,
    /// Sent on as it is, in place of a request in the words of [`Ask::front`].
    pub passthrough: Option<Passthrough>,
}

/// A request that is sent on to whatever lies behind a provider's base URL.
#[derive(Debug, Clone)]
pub struct Passthrough {
    /// The method.
    pub method: Method,
    /// What follows the base URL, without a slash in front.
    pub path: String,
    /// The query, without its mark.
    pub query: Option<String>,
    /// The client's headers; its credentials, and those of the connection, are not sent on.
    pub headers: HeaderMap,
    /// Whether candidates that are not one exact address are asked in the words of [`Ask::front`] instead.
    pub is_chat: bool,
    /// The group of the exact address that is asked first; what the ask refers to stands in for it.
    pub target: Option<String>,
}
