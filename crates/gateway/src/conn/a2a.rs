//! The a2a-v1 dialect on a connection: who may say what, and what is answered.
//!
//! After a `message` the first frame back is the whole answer; deltas and events come only after `subscribe`.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::{BoxFuture, join_all};
use openclaw_agents::{Inbound, Outcome, Status};
use openclaw_sessions::{Origin, OriginKind};
use openclaw_types::{AgentId, SessionId};
use openclaw_wire::{
    a2a_v1::{
        self, Body, ErrorCode, Header, ReplyTo,
        body::{Deadline, DisconnectReason, Handshake, Proposal, Subscription},
        reply,
    },
    frame::Raw,
};
use serde_json::{Value, json};

use super::{Closing, Peer};
use crate::{
    auth::{self, Principal},
    report,
    state::State,
};

type Request = Option<BoxFuture<'static, ()>>;

/// Where a client that names no session goes on: operators share the agent's main session, tokenless programs have
/// one of their own, so that nobody without a token reads along or joins in.
pub(crate) const fn default_session(principal: Principal) -> &'static str {
    match principal {
        Principal::Operator => "main",
        Principal::Local | Principal::Anonymous => "local",
    }
}

/// Handles one frame of the dialect.
pub(super) fn hear(state: &Arc<State>, peer: &Arc<Peer>, raw: &Raw<'_>) -> Request {
    let incoming = match a2a_v1::decode_raw(raw) {
        Ok(incoming) => incoming,
        Err(rejected) => {
            peer.outbox
                .push(reply::rejected(&state.stamp(peer), &rejected));
            return None;
        }
    };
    let talk = Talk {
        state: Arc::clone(state),
        peer: Arc::clone(peer),
        header: incoming.header,
    };
    talk.answer(incoming.body)
}

/// Says goodbye when the gateway stops.
pub(super) fn farewell(state: &State, peer: &Peer) {
    let text = reply::disconnect(
        &state.stamp(peer),
        DisconnectReason::Shutdown,
        "the gateway stops",
    );
    peer.outbox.push(text);
}

/// One frame and everything needed to answer it.
struct Talk {
    state: Arc<State>,
    peer: Arc<Peer>,
    header: Header,
}

impl Talk {
    fn answer(self, body: Body) -> Request {
        if needs_identity(&body) && self.peer.principal() == Principal::Anonymous {
            self.error(
                ErrorCode::AuthRequired,
                "this needs the access token; send an auth frame first",
            );
            return None;
        }
        match body {
            Body::Message { agent, text, .. } => return Some(Box::pin(self.message(agent, text))),
            Body::Broadcast { agents, text } => return Some(Box::pin(self.broadcast(agents, text))),
            Body::Proposal(proposal) => return Some(Box::pin(self.proposal(proposal))),
            Body::Auth { token } => self.auth(&token.0),
            Body::Subscribe(subscription) => self.subscribe(&subscription),
            Body::Unsubscribe(subscription) => self.unsubscribe(&subscription),
            Body::Disconnect { .. } => self.disconnect(),
            Body::Vote(_) => self.error(
                ErrorCode::PermissionDenied,
                "votes are cast by the triad's own agents; send a proposal and wait for its decision",
            ),
            Body::Decision { .. } => {
                self.error(ErrorCode::PermissionDenied, "decisions are made by the triad; send a proposal");
            }
            Body::AuthResponse { .. } | Body::Handshake(Handshake::Acknowledge) => {
                self.error(ErrorCode::ProtocolError, "only the gateway sends this type");
            }
            // Reports of the client that ask for nothing.
            Body::Error { .. } | Body::Event { .. } | Body::Pong | Body::Response { .. } => {}
            look => self.look(&look),
        }
        None
    }

    /// Questions that are answered from what is known, without waiting.
    fn look(&self, body: &Body) {
        let stamp = self.state.stamp(&self.peer);
        let to = self.header.reply_to();
        // A ping costs no look at the agents; strangers are told of none.
        let unseen =
            matches!(body, Body::Ping { .. }) || self.peer.principal() == Principal::Anonymous;
        let cards = if unseen {
            Vec::new()
        } else {
            report::cards(&self.state)
        };
        let names: Vec<&str> = cards.iter().map(|card| card.name.as_str()).collect();
        let text = match body {
            Body::Handshake(_) => reply::handshake(&stamp, &to, &names),
            Body::Ping { heartbeat } => reply::pong(&stamp, &to, heartbeat.as_ref()),
            Body::Discovery => reply::discovery(&stamp, &to, &cards),
            Body::Workspace => reply::workspace(&stamp, &to, &cards),
            Body::Register { agent } => reply::registered(&stamp, &to, agent, &names),
            Body::Discover => reply::discover(&stamp, &to, &names, &names),
            Body::Health => reply::health(&stamp, &to, &report::gateway(&self.state)),
            Body::Status { agent: None } => {
                reply::gateway_status(&stamp, &to, &report::gateway(&self.state))
            }
            Body::Status { agent: Some(agent) } => return self.agent_status(agent),
            Body::Request { service, .. } => return self.service(service),
            _ => return self.error(ErrorCode::UnknownType, "this type is not handled here"),
        };
        self.say(text);
    }

    fn agent_status(&self, agent: &AgentId) {
        match self.state.agents.status(agent) {
            Ok(status) => {
                let (card, details) = (report::card(&status), report::agent_details(&status));
                let to = self.header.reply_to();
                self.say(reply::agent_status(
                    &self.state.stamp(&self.peer),
                    &to,
                    &card,
                    &details,
                ));
            }
            Err(_unknown) => self.error(
                ErrorCode::AgentNotFound,
                &format!("agent not found: {agent}"),
            ),
        }
    }

    fn service(&self, service: &str) {
        let result = match service {
            "agents" | "discovery" => json!({"agents": report::cards(&self.state)}),
            "status" | "health" => json!(report::gateway(&self.state)),
            "sessions" => self.own_sessions(),
            _ => {
                return self.error(
                    ErrorCode::InvalidContent,
                    "invalid content in field content.service: must be agents, status or sessions",
                );
            }
        };
        let to = self.header.reply_to();
        self.say(reply::response(
            &self.state.stamp(&self.peer),
            &to,
            service,
            &result,
        ));
    }

    /// The sessions this client may see: all of them for an operator, those of tokenless programs for one of them.
    fn own_sessions(&self) -> Value {
        let all = self.peer.principal() == Principal::Operator;
        let sessions: Vec<Value> = self
            .state
            .store
            .list(None)
            .into_iter()
            .filter(|session| all || session.owner == Some(OriginKind::Local))
            .map(|session| {
                json!({
                    "agent": session.agent.as_str(),
                    "sessionId": session.session.as_str(),
                    "entries": session.entries,
                    "lastActivity": session.last_activity.as_millis(),
                })
            })
            .collect();
        json!({"sessions": sessions})
    }

    fn auth(&self, token: &str) {
        let stamp = self.state.stamp(&self.peer);
        let to = self.header.reply_to();
        match self.state.auth.check(&self.peer.sender, token) {
            Ok(()) => {
                self.peer.promote();
                self.say(reply::authenticated(&stamp, &to));
            }
            Err(error) => {
                self.say(reply::error(
                    &stamp,
                    &to,
                    ErrorCode::AuthFailed,
                    &error.to_string(),
                ));
                if matches!(error, auth::Error::LockedOut { .. }) {
                    self.peer.close(Closing::new(1008, "too many wrong tokens"));
                }
            }
        }
    }

    fn subscribe(&self, subscription: &Subscription) {
        let sessions = match self.peer.principal() {
            Principal::Operator => crate::events::Sessions::All,
            Principal::Local | Principal::Anonymous => crate::events::Sessions::OfLocalPrograms,
        };
        let taken = self
            .state
            .bus
            .subscribe_a2a(&self.peer, subscription, sessions);
        if !taken {
            return self.error(
                ErrorCode::AgentBusy,
                "this connection has too many subscriptions",
            );
        }
        let to = self.header.reply_to();
        self.say(reply::subscribed(
            &self.state.stamp(&self.peer),
            &to,
            subscription.channel,
        ));
    }

    fn unsubscribe(&self, subscription: &Subscription) {
        self.state.bus.unsubscribe_a2a(&self.peer, subscription);
        let to = self.header.reply_to();
        self.say(reply::unsubscribed(
            &self.state.stamp(&self.peer),
            &to,
            subscription.channel,
        ));
    }

    fn disconnect(&self) {
        let text = reply::disconnect(
            &self.state.stamp(&self.peer),
            DisconnectReason::Manual,
            "goodbye",
        );
        self.say(text);
        self.peer.close(Closing::new(1000, "goodbye"));
    }

    async fn message(self, agent: Option<AgentId>, text: String) {
        let Some(agent) = agent.or_else(|| self.state.primary()) else {
            return self.error(ErrorCode::AgentNotFound, "no agent is configured");
        };
        let session = self.header.session.clone();
        let result = self.run(&agent, session, text).await;
        match result {
            Ok(outcome) => self.outcome(&outcome),
            Err((code, message)) => self.error(code, &message),
        }
    }

    /// Submits a message and waits for its outcome, where the client waits for one.
    async fn run(
        &self,
        agent: &AgentId,
        session: Option<SessionId>,
        text: String,
    ) -> Result<Outcome, (ErrorCode, String)> {
        let principal = self.peer.principal();
        let session = match session {
            Some(session) => session,
            None => SessionId::parse(default_session(principal))
                .map_err(|error| (ErrorCode::InvalidType, error.to_string()))?,
        };
        if principal != Principal::Operator && !self.state.is_local_session(agent, &session) {
            let message = format!(
                "session {session} of {agent} belongs to an operator; show the token to use it"
            );
            return Err((ErrorCode::PermissionDenied, message));
        }
        let accepted = self
            .state
            .agents
            .submit(self.inbound(agent, session, text))
            .await;
        let accepted = accepted.map_err(|error| report::submit_error(&error))?;
        Ok(accepted.outcome.await)
    }

    fn inbound(&self, agent: &AgentId, session: SessionId, text: String) -> Inbound {
        let kind = match self.peer.principal() {
            Principal::Operator => OriginKind::Operator,
            Principal::Local | Principal::Anonymous => OriginKind::Local,
        };
        let origin = Origin {
            kind,
            // Ours: what a client calls itself proves nothing.
            id: Some(self.peer.id.clone()),
            message_id: self.header.id.clone(),
        };
        Inbound {
            agent: agent.clone(),
            session,
            text,
            priority: self.header.priority,
            run: None,
            origin,
        }
    }

    fn outcome(&self, outcome: &Outcome) {
        let to = self.header.reply_to();
        let stamp = self.state.stamp(&self.peer);
        let text = match &outcome.status {
            Status::Done => {
                let answer = reply::Answer {
                    agent: &outcome.agent,
                    session: &outcome.session,
                    text: &outcome.text,
                    run: Some(outcome.run.as_str()),
                    model: outcome.model.as_deref(),
                };
                reply::message(&stamp, &to, answer)
            }
            Status::Aborted | Status::Failed(_) => {
                let said = outcome.trouble().unwrap_or_default();
                reply::error_with_hint(&stamp, &to, ErrorCode::AgentError, said)
            }
        };
        self.say(text);
    }

    /// Sends one message to many agents; answers come as `message` frames, then the summary of who took it.
    async fn broadcast(self, agents: Option<Vec<AgentId>>, text: String) {
        let agents = agents.unwrap_or_else(|| {
            self.state
                .agents
                .list()
                .into_iter()
                .map(|status| status.id)
                .collect()
        });
        let sends = agents.iter().map(|agent| async {
            let result = self
                .run(agent, self.header.session.clone(), text.clone())
                .await;
            if let Ok(outcome) = &result {
                self.outcome(outcome);
            }
            (
                agent.to_string(),
                result.map(|_outcome| ()).map_err(|(code, _message)| code),
            )
        });
        let results: BTreeMap<String, Result<(), ErrorCode>> =
            join_all(sends).await.into_iter().collect();
        let to = self.header.reply_to();
        self.say(reply::broadcast_result(
            &self.state.stamp(&self.peer),
            &to,
            &results,
        ));
    }

    async fn proposal(self, proposal: Proposal) {
        let now = self.state.env.now();
        let deadline_ms = proposal.deadline.map(|deadline| match deadline {
            Deadline::WithinMs(ms) => ms,
            Deadline::By(time) => u64::try_from(time.since_ms(now)).unwrap_or_default(),
        });
        let put = openclaw_agents::Proposal {
            id: proposal
                .id
                .unwrap_or_else(|| format!("prop-{}", self.state.env.fresh_id())),
            from: self.peer.id.clone(),
            text: proposal.text,
            reasoning: proposal.reasoning,
            deadline_ms,
        };
        match self.state.agents.propose(put).await {
            Ok(decision) => {
                let to = self.header.reply_to();
                let text = reply::decision(
                    &self.state.stamp(&self.peer),
                    &to,
                    &report::decision(&decision),
                );
                self.say(text);
            }
            Err(error) => {
                let (code, message) = report::submit_error(&error);
                self.error(code, &message);
            }
        }
    }

    /// Answers, unless the client wants no answer.
    fn say(&self, text: String) {
        if self.header.requires_response {
            self.peer.outbox.push(text);
        }
    }

    fn error(&self, code: ErrorCode, message: &str) {
        let to: ReplyTo = self.header.reply_to();
        self.say(reply::error(
            &self.state.stamp(&self.peer),
            &to,
            code,
            message,
        ));
    }
}

/// Whether a frame needs a principal: everything but introductions.
const fn needs_identity(body: &Body) -> bool {
    !matches!(
        body,
        Body::Auth { .. }
            | Body::Handshake(_)
            | Body::Ping { .. }
            | Body::Pong
            | Body::Disconnect { .. }
    )
}
