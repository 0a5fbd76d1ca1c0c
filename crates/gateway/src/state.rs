//! What every connection and request shares: the handles of the components, and nothing of a conversation.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock, atomic::AtomicUsize},
};

use openclaw_accounts::Accounts;
use openclaw_agents::Agents;
use openclaw_config::Config;
use openclaw_models::Models;
use openclaw_sessions::{OriginKind, Store};
use openclaw_types::{AgentId, Env, SessionId, Timestamp};
use openclaw_wire::a2a_v1::reply::Stamp;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{auth::Auth, conn::Peer, events::Bus, guard, imports::Imports, rpc::MAIN_SESSION};

/// The handles everything else is reached by.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) config: Arc<Config>,
    pub(crate) state_dir: PathBuf,
    pub(crate) guard: guard::Options,
    pub(crate) auth: Arc<Auth>,
    pub(crate) store: Store,
    pub(crate) models: Models,
    /// Who may spend what.
    pub(crate) accounts: Accounts,
    pub(crate) agents: Agents,
    pub(crate) bus: Arc<Bus>,
    /// Turns of searches, which read everything.
    pub(crate) searches: Arc<Semaphore>,
    /// Imports of several pieces.
    pub(crate) imports: Imports,
    /// Bytes that wait to be written to all connections together.
    pub(crate) outbox_bytes: Arc<AtomicUsize>,
    /// Tasks of connections.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when somebody asks the gateway to stop.
    pub(crate) stop: CancellationToken,
    /// Cancelled when a stop begins: nothing new is taken, and readiness says so.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when the runs have ended and clients are told goodbye.
    pub(crate) draining: CancellationToken,
    /// Where we listen.
    pub(crate) address: SocketAddr,
    /// Where requests for models are taken, where a port is open for them.
    pub(crate) router_address: OnceLock<SocketAddr>,
    /// An id that no other start has.
    pub(crate) instance: String,
    pub(crate) started: Timestamp,
}

impl State {
    /// Milliseconds since the start.
    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.env.now().since_ms(self.started)).unwrap_or_default()
    }

    /// The agent that answers where none is named.
    pub(crate) fn primary(&self) -> Option<AgentId> {
        let agents = self.agents.list();
        let primary = agents
            .iter()
            .find(|status| status.primary)
            .or_else(|| agents.first());
        primary.map(|status| status.id.clone())
    }

    /// What every a2a-v1 frame of ours carries.
    pub(crate) fn stamp(&self, peer: &Peer) -> Stamp {
        Stamp {
            id: format!("msg-{}", self.env.fresh_id()),
            timestamp: self.env.now(),
            client: peer.id.clone(),
        }
    }

    /// Whether a tokenless program may use a session: it is new, or nobody but tokenless programs ever spoke in it.
    /// Those that operators or the gateway use without naming them are never a tokenless program's, not even while
    /// they are new.
    pub(crate) fn is_local_session(&self, agent: &AgentId, session: &SessionId) -> bool {
        let default = self.agents.status(agent).map(|status| status.session);
        let reserved = session.as_str() == MAIN_SESSION
            || session.as_str().contains(':')
            || default.is_ok_and(|default| default == *session);
        !reserved
            && self
                .store
                .summary(agent, session)
                .is_none_or(|summary| summary.owner == Some(OriginKind::Local))
    }
}
