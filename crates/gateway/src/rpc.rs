//! Native requests: from a method's name to the function that answers it.
//!
//! A call whose answer is known at once is answered at once; one that waits returns a future, which the connection
//! owns. Every row of the method table has its arm here, and a test holds the two together.

pub(crate) mod agent;
pub(crate) mod agents;
pub(crate) mod chat;
pub(crate) mod error;
pub(crate) mod gateway;
pub(crate) mod models;
pub(crate) mod router;
pub(crate) mod sessions;

use std::sync::Arc;

use futures_util::{FutureExt as _, future::BoxFuture};
use openclaw_types::{AgentId, SessionId, SessionKey};
use openclaw_wire::{
    ErrorShape, Method, SessionRef,
    frame::{self},
    method,
    methods::{
        agent as a, agents as ag, chat as c, gateway as g, models as m, router as r, sessions as s,
        triad as t,
    },
};
use serde_json::value::RawValue;

use crate::{conn::Peer, state::State};

/// Where a native message goes that names no session.
pub(crate) const MAIN_SESSION: &str = "main";

/// One request being answered.
pub(crate) struct Call {
    pub(crate) state: Arc<State>,
    pub(crate) peer: Arc<Peer>,
    /// The request's id, echoed in every answer.
    pub(crate) id: String,
}

type Pending = Option<BoxFuture<'static, ()>>;

impl Call {
    /// Finds the method and starts it.
    pub(crate) fn route(self, name: &str, params: Option<&RawValue>) -> Pending {
        match name {
            g::Health::NAME => self.now::<g::Health>(params, gateway::health),
            g::Status::NAME => self.later::<g::Status, _, _>(params, gateway::status),
            g::GatewayStop::NAME => self.now::<g::GatewayStop>(params, gateway::stop),
            ag::AgentsList::NAME => self.now::<ag::AgentsList>(params, agents::list),
            ag::AgentsStatus::NAME => self.now::<ag::AgentsStatus>(params, agents::status),
            ag::AgentsCreate::NAME => self.later::<ag::AgentsCreate, _, _>(params, agents::create),
            ag::AgentsDelete::NAME => self.later::<ag::AgentsDelete, _, _>(params, agents::delete),
            ag::AgentsRestart::NAME => {
                self.later::<ag::AgentsRestart, _, _>(params, agents::restart)
            }
            ag::AgentsConfigGet::NAME => {
                self.later::<ag::AgentsConfigGet, _, _>(params, agents::config_get)
            }
            ag::AgentsConfigSet::NAME => {
                self.later::<ag::AgentsConfigSet, _, _>(params, agents::config_set)
            }
            ag::AgentsPrompt::NAME => self.later::<ag::AgentsPrompt, _, _>(params, agents::prompt),
            a::AgentIdentityGet::NAME => self.now::<a::AgentIdentityGet>(params, agent::identity),
            a::Agent::NAME => self.later::<a::Agent, _, _>(params, agent::run),
            a::AgentWait::NAME => self.later::<a::AgentWait, _, _>(params, agent::wait),
            c::ChatSend::NAME => self.holding::<c::ChatSend, _, _, _>(params, chat::send),
            c::ChatHistory::NAME => self.later::<c::ChatHistory, _, _>(params, chat::history),
            c::ChatAbort::NAME => self.now::<c::ChatAbort>(params, chat::abort),
            m::ModelsList::NAME => self.now::<m::ModelsList>(params, models::list),
            m::ModelsStatus::NAME => self.now::<m::ModelsStatus>(params, models::status),
            m::ModelsAuth::NAME => self.now::<m::ModelsAuth>(params, models::auth),
            m::ModelsProbe::NAME => self.later::<m::ModelsProbe, _, _>(params, models::probe),
            t::TriadPropose::NAME => self.later::<t::TriadPropose, _, _>(params, agent::propose),
            other => self.route_router(other, params),
        }
    }

    /// Finds the method among those of the router.
    fn route_router(self, name: &str, params: Option<&RawValue>) -> Pending {
        match name {
            r::RouterKeysGenerate::NAME => {
                self.later::<r::RouterKeysGenerate, _, _>(params, router::generate)
            }
            r::RouterKeysList::NAME => self.now::<r::RouterKeysList>(params, router::list),
            r::RouterKeysInfo::NAME => self.now::<r::RouterKeysInfo>(params, router::info),
            r::RouterKeysUpdate::NAME => {
                self.later::<r::RouterKeysUpdate, _, _>(params, router::update)
            }
            r::RouterKeysDelete::NAME => {
                self.later::<r::RouterKeysDelete, _, _>(params, router::delete)
            }
            r::RouterKeysBlock::NAME => {
                self.later::<r::RouterKeysBlock, _, _>(params, router::block)
            }
            r::RouterKeysUnblock::NAME => {
                self.later::<r::RouterKeysUnblock, _, _>(params, router::unblock)
            }
            r::RouterSpend::NAME => self.later::<r::RouterSpend, _, _>(params, router::spend),
            r::RouterSpendLogs::NAME => {
                self.later::<r::RouterSpendLogs, _, _>(params, router::logs)
            }
            r::RouterBudgets::NAME => self.now::<r::RouterBudgets>(params, router::budgets),
            r::RouterHealth::NAME => self.now::<r::RouterHealth>(params, router::health),
            other => self.route_sessions(other, params),
        }
    }

    /// Finds the method among those of sessions, which are the last ones looked through.
    fn route_sessions(self, name: &str, params: Option<&RawValue>) -> Pending {
        match name {
            s::SessionsList::NAME => self.now::<s::SessionsList>(params, sessions::list),
            s::SessionsGet::NAME => self.later::<s::SessionsGet, _, _>(params, sessions::get),
            s::SessionsCreate::NAME => self.now::<s::SessionsCreate>(params, sessions::create),
            s::SessionsDelete::NAME => {
                self.later::<s::SessionsDelete, _, _>(params, sessions::rewrite::delete)
            }
            s::SessionsArchive::NAME => {
                self.later::<s::SessionsArchive, _, _>(params, sessions::rewrite::archive)
            }
            s::SessionsCompact::NAME => {
                self.later::<s::SessionsCompact, _, _>(params, sessions::rewrite::compact)
            }
            s::SessionsCommit::NAME => {
                self.later::<s::SessionsCommit, _, _>(params, sessions::keep::commit)
            }
            s::SessionsVerify::NAME => {
                self.later::<s::SessionsVerify, _, _>(params, sessions::keep::verify)
            }
            s::SessionsSearch::NAME => {
                self.later::<s::SessionsSearch, _, _>(params, sessions::search::search)
            }
            s::SessionsExport::NAME => {
                self.later::<s::SessionsExport, _, _>(params, sessions::transfer::export)
            }
            s::SessionsImport::NAME => {
                self.later::<s::SessionsImport, _, _>(params, sessions::transfer::import)
            }
            s::SessionsSubscribe::NAME => {
                self.now::<s::SessionsSubscribe>(params, sessions::subscribe)
            }
            s::SessionsUnsubscribe::NAME => {
                self.now::<s::SessionsUnsubscribe>(params, sessions::unsubscribe)
            }
            s::SessionsMessagesSubscribe::NAME => {
                self.now::<s::SessionsMessagesSubscribe>(params, sessions::messages_subscribe)
            }
            s::SessionsMessagesUnsubscribe::NAME => {
                self.now::<s::SessionsMessagesUnsubscribe>(params, sessions::messages_unsubscribe)
            }
            unknown => {
                self.fail(&ErrorShape::unknown_method(unknown));
                None
            }
        }
    }

    /// Answers at once.
    fn now<M: Method>(
        self,
        params: Option<&RawValue>,
        answer: impl FnOnce(&Self, &M::Params) -> Result<M::Result, ErrorShape>,
    ) -> Pending {
        let result = method::params::<M>(params).and_then(|params| answer(&self, &params));
        self.finish::<M>(result);
        None
    }

    /// Answers when the future is done.
    fn later<M, F, W>(self, params: Option<&RawValue>, answer: F) -> Pending
    where
        M: Method,
        F: FnOnce(Arc<Self>, M::Params) -> W,
        W: Future<Output = Result<M::Result, ErrorShape>> + Send + 'static,
    {
        self.holding::<M, _, _, _>(params, |call, params| {
            answer(call, params).map(|answer| (answer, ()))
        })
    }

    /// Answers when the future is done, and lets go of what came with the answer after that.
    fn holding<M, F, W, H>(self, params: Option<&RawValue>, answer: F) -> Pending
    where
        M: Method,
        F: FnOnce(Arc<Self>, M::Params) -> W,
        W: Future<Output = (Result<M::Result, ErrorShape>, H)> + Send + 'static,
    {
        let call = Arc::new(self);
        match method::params::<M>(params) {
            Ok(params) => {
                let working = answer(Arc::clone(&call), params);
                Some(Box::pin(async move {
                    let (answer, held) = working.await;
                    call.finish::<M>(answer);
                    drop(held);
                }))
            }
            Err(error) => {
                call.fail(&error);
                None
            }
        }
    }

    fn finish<M: Method>(&self, result: Result<M::Result, ErrorShape>) {
        match result {
            Ok(payload) => self.reply(&payload),
            Err(error) => self.fail(&error),
        }
    }

    /// Sends one answer; two-phase methods send two.
    pub(crate) fn reply<P: serde::Serialize>(&self, payload: &P) {
        match frame::encode_ok(&self.id, payload) {
            Ok(text) => self.peer.outbox.push(text),
            Err(error) => {
                tracing::error!(%error, "an answer can't be written");
                self.fail(&ErrorShape::new(
                    openclaw_wire::ErrorCode::Internal,
                    "the answer can't be written",
                ));
            }
        }
    }

    fn fail(&self, error: &ErrorShape) {
        self.peer.outbox.push(frame::encode_error(&self.id, error));
    }

    /// The session a request means: its key, else the named or primary agent's main session.
    pub(crate) fn session(
        &self,
        agent: Option<AgentId>,
        key: Option<&SessionRef>,
    ) -> Result<SessionKey, ErrorShape> {
        let fallback = agent.or_else(|| self.state.primary());
        match (key, fallback) {
            (
                Some(SessionRef {
                    agent: Some(agent),
                    session,
                }),
                _,
            ) => Ok(SessionKey {
                agent: agent.clone(),
                session: session.clone(),
            }),
            (Some(key), Some(fallback)) => Ok(key.resolve(&fallback)),
            (None, Some(agent)) => {
                let session = SessionId::parse(MAIN_SESSION)
                    .map_err(|error| ErrorShape::invalid(error.to_string()))?;
                Ok(SessionKey { agent, session })
            }
            (_, None) => Err(ErrorShape::invalid("no agent is configured")),
        }
    }
}

/// Runs what reads files away from the threads that serve sockets.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ErrorShape> + Send + 'static,
) -> Result<T, ErrorShape> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "a reading task failed");
            Err(ErrorShape::new(
                openclaw_wire::ErrorCode::Internal,
                "the request failed inside the gateway",
            ))
        })
}

#[cfg(test)]
mod tests {
    use openclaw_wire::method::METHODS;

    #[test]
    fn every_method_of_the_table_has_an_arm() {
        let source = include_str!("rpc.rs");
        let code = source.split("#[cfg(test)]").next().unwrap();
        let arms = code.matches("::NAME =>").count();
        // `connect` is answered by the handshake.
        assert_eq!(arms, METHODS.len() - 1);
    }
}
