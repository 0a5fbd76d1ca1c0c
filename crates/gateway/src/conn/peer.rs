//! The client at the other end, as request handlers know it: who it is, and how to tell it something.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use openclaw_wire::{
    Dialect, ErrorShape, Scopes,
    a2a_v1::{ErrorCode, ReplyTo, reply},
    frame::{self, DecodeError},
};
use tokio::sync::Notify;

use super::{Closing, outbox::Outbox};
use crate::{
    auth::{Auth, Principal},
    guard::Sender,
    http::upgrade::Declared,
    listen::Place,
    state::State,
};

/// Numbers connections, so that the bus can forget one.
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

/// What is known when a socket has just been upgraded.
#[derive(Debug)]
pub(crate) struct Opened {
    /// What the guard found.
    pub(crate) sender: Sender,
    /// Its place among the unproven.
    pub(crate) place: Arc<Place>,
    /// The subprotocol it asked for.
    pub(crate) declared: Declared,
    /// Whether its upgrade request carried the right token.
    pub(crate) token_shown: bool,
}

/// The native handshake's outcome.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Native {
    /// The protocol version agreed on.
    pub(crate) protocol: u32,
    /// What it may do.
    pub(crate) scopes: Scopes,
}

/// The client at the other end.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The id it is told: `client-…`.
    pub(crate) id: String,
    /// The number the bus knows it by.
    pub(crate) number: u64,
    /// What waits to be written to it.
    pub(crate) outbox: Outbox,
    /// Where it speaks from.
    pub(crate) sender: Sender,
    /// The nonce of its challenge.
    pub(crate) nonce: String,
    place: Arc<Place>,
    principal: Mutex<Option<Principal>>,
    native: OnceLock<Native>,
    closing: Mutex<Option<Closing>>,
    closed: Notify,
}

impl Peer {
    pub(crate) fn new(opened: Opened, outbox: Outbox, state: &State) -> Self {
        let principal = opened.token_shown.then_some(Principal::Operator);
        if principal.is_some() {
            opened.place.keep();
        }
        Self {
            id: format!("client-{}", state.env.fresh_id()),
            number: NEXT_NUMBER.fetch_add(1, Ordering::Relaxed),
            outbox,
            sender: opened.sender,
            nonce: state.env.fresh_id(),
            place: opened.place,
            principal: Mutex::new(principal),
            native: OnceLock::new(),
            closing: Mutex::new(None),
            closed: Notify::new(),
        }
    }

    /// Who it is.
    pub(crate) fn principal(&self) -> Principal {
        let mut principal = self
            .principal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *principal.get_or_insert_with(|| {
            let found = Auth::without_token(&self.sender);
            if found == Principal::Local {
                self.place.prove();
            }
            found
        })
    }

    /// It showed the token.
    pub(crate) fn promote(&self) {
        *self
            .principal
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Principal::Operator);
        self.place.keep();
    }

    /// The native handshake is done.
    pub(crate) fn connected(&self, native: Native) -> bool {
        self.native.set(native).is_ok()
    }

    /// What the native handshake agreed on, once it is done.
    pub(crate) fn native(&self) -> Option<Native> {
        self.native.get().copied()
    }

    /// Whether it counts no longer as unproven.
    pub(crate) fn is_proven(&self) -> bool {
        self.place.is_proven()
    }

    /// It counts no longer as unproven.
    pub(crate) fn proven(&self) {
        self.place.prove();
    }

    /// Something was heard of it.
    pub(crate) fn heard(&self) {
        self.place.hear();
    }

    /// Resolves when its place was given to a newer connection.
    pub(crate) async fn evicted(&self) {
        self.place.evicted().await;
    }

    /// Asks the connection to close after what is queued has been written.
    pub(crate) fn close(&self, closing: Closing) {
        let mut slot = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_none() {
            *slot = Some(closing);
            self.closed.notify_one();
        }
    }

    /// Resolves when somebody asked to close.
    pub(crate) async fn closing(&self) -> Closing {
        loop {
            let waiting = self.closed.notified();
            if let Some(closing) = self
                .closing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
            {
                return closing;
            }
            waiting.await;
        }
    }

    /// Answers a frame that can't be read, in the client's language.
    pub(crate) fn refuse(&self, state: &State, dialect: Option<Dialect>, error: DecodeError) {
        if dialect == Some(Dialect::Native) {
            let id = if let DecodeError::Field { id: Some(id), .. } = &error {
                id.as_str()
            } else {
                ""
            };
            return self.outbox.push(frame::encode_error(
                id,
                &ErrorShape::invalid(error.to_string()),
            ));
        }
        let rejected = openclaw_wire::a2a_v1::Rejected {
            error: openclaw_wire::a2a_v1::Error::Frame(error),
            reply_to: ReplyTo::default(),
        };
        self.outbox
            .push(reply::rejected(&state.stamp(self), &rejected));
    }

    /// Answers an a2a-v1 frame on a connection that agreed on native ones.
    pub(crate) fn refuse_dialect(&self) {
        let error = ErrorShape::invalid(
            "this connection speaks native frames; open another one for a2a-v1",
        );
        self.outbox.push(frame::encode_error("", &error));
    }

    /// Answers a binary frame: both dialects are text.
    pub(crate) fn refuse_binary(&self, state: &State, dialect: Option<Dialect>) {
        const REASON: &str = "frames are JSON text; this one is binary";
        if dialect == Some(Dialect::Native) {
            return self
                .outbox
                .push(frame::encode_error("", &ErrorShape::invalid(REASON)));
        }
        self.outbox.push(reply::error(
            &state.stamp(self),
            &ReplyTo::default(),
            ErrorCode::ProtocolError,
            REASON,
        ));
    }
}
