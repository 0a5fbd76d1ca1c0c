//! The tools that an agent has: the registry of all, seen through what the agent may use.

use std::{path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;
use openclaw_models::Tier;
use openclaw_sessions::{Origin, OriginKind};
use openclaw_tools::{Caller, Grants, Registry};
use openclaw_types::{AgentId, RunId, SessionId, ToolCall, ToolResult, ToolSpec};
use tokio_util::sync::CancellationToken;

/// Which tools an agent may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolPolicy {
    /// Only these; `None` stands for all.
    pub allow: Option<Vec<String>>,
    /// None of these, whatever else is said.
    pub deny: Vec<String>,
}

impl ToolPolicy {
    /// Whether a tool of this name may be used.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        let is_in = |names: &[String]| names.iter().any(|one| one == name);
        self.allow.as_deref().is_none_or(is_in) && !is_in(&self.deny)
    }
}

/// The tools of one agent.
#[derive(Debug, Clone)]
pub(crate) struct Kit {
    /// Those over files and the like, and those over the agents.
    registries: [Arc<Registry>; 2],
    policy: ToolPolicy,
}

/// Who makes a call, and where.
#[derive(Debug)]
pub(crate) struct Where<'a> {
    pub agent: &'a AgentId,
    pub session: &'a SessionId,
    pub run: &'a RunId,
    pub workspace: PathBuf,
    pub origin: &'a Origin,
}

impl Kit {
    pub(crate) const fn new(registries: [Arc<Registry>; 2], policy: ToolPolicy) -> Self {
        Self { registries, policy }
    }

    /// What a model of this size is offered. A tiny one would only call tools instead of answering.
    pub(crate) fn specs(&self, tier: Tier) -> Vec<ToolSpec> {
        match tier {
            Tier::Full => {
                let allowed =
                    |registry: &Arc<Registry>| registry.specs(|name| self.policy.allows(name));
                self.registries.iter().flat_map(allowed).collect()
            }
            Tier::Tiny => Vec::new(),
        }
    }

    /// Makes a call; whatever becomes of it is an answer. Dropping it stops the tool.
    pub(crate) fn call(&self, from: Where<'_>, call: ToolCall) -> BoxFuture<'static, ToolResult> {
        if !self.policy.allows(&call.name) {
            let refused = refused(call);
            return Box::pin(async { refused });
        }
        let [files, collective] = &self.registries;
        // What nobody has is refused by the first, which knows the most names.
        let is_collective = collective.has(&call.name);
        let registry = Arc::clone(if is_collective { collective } else { files });
        let caller = Caller {
            agent: from.agent.clone(),
            session: from.session.clone(),
            run: from.run.clone(),
            workspace: from.workspace,
            origin: kind(from.origin.kind),
            grants: Grants::default(),
        };
        Box::pin(async move {
            // The run stops a tool by letting go of it.
            let never = CancellationToken::new();
            registry.call(&caller, call, &never).await.result
        })
    }
}

/// What began a run, as tools want to know it.
const fn kind(origin: OriginKind) -> openclaw_tools::Origin {
    match origin {
        OriginKind::Agent => openclaw_tools::Origin::Agent,
        OriginKind::Operator | OriginKind::Local => openclaw_tools::Origin::Client,
        OriginKind::Schedule | OriginKind::System => openclaw_tools::Origin::Clock,
    }
}

fn refused(call: ToolCall) -> ToolResult {
    ToolResult {
        content: format!(
            "`{}` is not among the tools of this agent; do without it",
            call.name
        ),
        call_id: call.id,
        name: call.name,
        is_error: true,
    }
}
