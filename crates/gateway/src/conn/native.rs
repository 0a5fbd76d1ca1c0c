//! The native dialect on a connection: challenge, connect, then requests by the table of methods.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use openclaw_types::Timestamp;
use openclaw_wire::{
    ErrorShape, Method as _, Scope, Scopes,
    connect::{self, Challenge, ConnectParams, close},
    event,
    frame::{self, EncodedEvent, Frame, Raw, Request},
    method,
    methods::gateway::Connect,
};
use serde_json::json;

use super::{Closing, Peer, peer::Native};
use crate::{
    auth::{self, Principal},
    rpc,
    state::State,
};

/// Offers the challenge.
pub(super) fn challenge(state: &State, peer: &Peer) {
    let payload = Challenge {
        nonce: peer.nonce.clone(),
        ts: state.env.now().as_millis(),
    };
    push_event(peer, event::CONNECT_CHALLENGE, &payload);
}

/// Says goodbye when the gateway stops.
pub(super) fn farewell(peer: &Peer) {
    let payload = event::Shutdown {
        reason: "the gateway stops".to_owned(),
        restart_expected_ms: None,
    };
    push_event(peer, event::SHUTDOWN, &payload);
}

/// A targeted event: it has no number.
fn push_event<P: serde::Serialize>(peer: &Peer, name: &str, payload: &P) {
    match EncodedEvent::new(name, payload, None) {
        Ok(event) => peer.outbox.push(event.frame(None)),
        Err(error) => tracing::error!(event = name, %error, "an event can't be written"),
    }
}

/// Handles one native frame.
pub(super) fn hear(
    state: &Arc<State>,
    peer: &Arc<Peer>,
    raw: &Raw<'_>,
) -> Option<BoxFuture<'static, ()>> {
    let request = match raw.frame() {
        Ok(Frame::Request(request)) => request,
        // A client has nothing to answer and nothing to announce.
        Ok(Frame::Response(_) | Frame::Event(_)) => {
            let error = ErrorShape::invalid("clients send requests only");
            peer.outbox.push(frame::encode_error("", &error));
            return None;
        }
        Err(error) => {
            peer.refuse(state, Some(openclaw_wire::Dialect::Native), error);
            return None;
        }
    };
    match (peer.native(), &*request.method) {
        (None, Connect::NAME) => {
            connect(state, peer, &request);
            None
        }
        (None, _) => {
            refuse(
                peer,
                &request.id,
                &ErrorShape::invalid("the first request must be connect"),
                close::POLICY,
            );
            None
        }
        (Some(_), Connect::NAME) => {
            peer.outbox.push(frame::encode_error(
                &request.id,
                &ErrorShape::invalid("already connected"),
            ));
            None
        }
        (Some(native), name) => dispatch(state, peer, native, &request, name),
    }
}

fn dispatch(
    state: &Arc<State>,
    peer: &Arc<Peer>,
    native: Native,
    request: &Request<'_>,
    name: &str,
) -> Option<BoxFuture<'static, ()>> {
    let error = match method::find(name) {
        None => ErrorShape::unknown_method(name),
        Some(row) if !native.scopes.allows(row.scope) => {
            ErrorShape::missing_scope(row.scope, native.protocol)
        }
        Some(_) => {
            let call = rpc::Call {
                state: Arc::clone(state),
                peer: Arc::clone(peer),
                id: request.id.clone().into_owned(),
            };
            return call.route(name, request.params);
        }
    };
    peer.outbox.push(frame::encode_error(&request.id, &error));
    None
}

fn connect(state: &Arc<State>, peer: &Arc<Peer>, request: &Request<'_>) {
    let params = match method::params::<Connect>(request.params) {
        Ok(params) => params,
        Err(error) => return refuse(peer, &request.id, &error, close::POLICY),
    };
    let protocol = match connect::negotiate(params.min_protocol, params.max_protocol) {
        Ok(protocol) => protocol,
        Err(error) => return refuse(peer, &request.id, &error, close::PROTOCOL_MISMATCH),
    };
    if params.role != "operator" {
        let error = ErrorShape::invalid("only the role `operator` is served here");
        return refuse(peer, &request.id, &error, close::POLICY);
    }
    if let Err(error) = authenticate(state, peer, &params) {
        return refuse(peer, &request.id, &error, close::POLICY);
    }
    let scopes = granted(&params);
    if !peer.connected(Native { protocol, scopes }) {
        return;
    }
    let hello = rpc::gateway::hello(state, peer, protocol, scopes);
    match frame::encode_ok(&request.id, &hello) {
        Ok(text) => peer.outbox.push(text),
        Err(error) => tracing::error!(%error, "hello-ok can't be written"),
    }
    state.bus.greet(peer, scopes.allows(Scope::Read));
}

/// Native clients always show the token: in `connect`, or already in the upgrade request.
fn authenticate(state: &State, peer: &Peer, params: &ConnectParams) -> Result<(), ErrorShape> {
    let shown = params
        .auth
        .as_ref()
        .and_then(|auth| auth.token.as_ref().or(auth.password.as_ref()))
        .map(|secret| secret.0.as_str());
    let (message, code) = match shown {
        Some(token) => match state.auth.check(&peer.sender, token) {
            Ok(()) => {
                peer.promote();
                return Ok(());
            }
            Err(error @ auth::Error::WrongToken) => (error.to_string(), "AUTH_TOKEN_MISMATCH"),
            Err(error @ auth::Error::LockedOut { .. }) => (error.to_string(), "AUTH_RATE_LIMITED"),
        },
        None if peer.principal() == Principal::Operator => return Ok(()),
        None => (
            "a token is needed; `openclaw gateway token` prints it".to_owned(),
            "AUTH_TOKEN_MISSING",
        ),
    };
    Err(ErrorShape::invalid(format!("unauthorized: {message}")).with_details(json!({"code": code})))
}

/// The scopes asked for; a client that asks for none gets what the token stands for.
fn granted(params: &ConnectParams) -> Scopes {
    if params.scopes.is_empty() {
        return Scopes::all();
    }
    Scopes::parse(params.scopes.iter().map(String::as_str)).intersection(Scopes::all())
}

fn refuse(peer: &Peer, id: &str, error: &ErrorShape, code: u16) {
    peer.outbox.push(frame::encode_error(id, error));
    peer.close(Closing::new(code, error.message.as_str()));
}

/// The event that shows a native client that the gateway lives.
pub(crate) fn tick(now: Timestamp) -> Option<EncodedEvent> {
    EncodedEvent::new(
        event::TICK,
        &event::Tick {
            ts: now.as_millis(),
        },
        None,
    )
    .ok()
}
