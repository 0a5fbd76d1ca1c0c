//! What goes over the socket: native frames, the a2a-v1 dialect, methods, events, error codes and limits.
//!
//! It is not a server and not a client: nothing here reads a socket, keeps state, knows the time or decides
//! who may do what. It turns bytes into values, values into text, and holds the tables both ends read.
//!
//! Start at [`frame`] for the shape of a native frame, at [`a2a_v1`] for the other dialect, at [`connect`]
//! for the handshake, and at [`method`] and [`methods`] for what can be called. The manual is
//! `docs/protocol.md`.
//!
//! Invariants: decoding never panics and never recurses, whatever the bytes; a decoded frame nests at most
//! [`limits::DEPTH_MAX`] deep and repeats no key; a method without a scope does not compile; unknown keys are
//! ignored in both dialects, so that newer clients keep working.

pub mod age;
pub mod limits;
mod scan;

pub mod frame;

pub mod a2a_v1;

pub mod connect;
pub mod error;
pub mod event;
pub mod method;
pub mod methods;
pub mod schema;
pub mod scope;
mod secret;
pub mod session_ref;
mod text;

pub use error::{ErrorCode, ErrorShape};
pub use frame::{DecodeError, Dialect, Frame, sniff};
pub use method::Method;
pub use scope::{Scope, Scopes};
pub use secret::Secret;
pub use session_ref::SessionRef;

/// The oldest native protocol version we speak.
pub const PROTOCOL_MIN: u32 = 3;
/// The newest native protocol version we speak.
pub const PROTOCOL_MAX: u32 = 4;
/// The WebSocket subprotocol of the native frames: its client is sent the challenge at once.
pub const SUBPROTOCOL_NATIVE: &str = "openclaw";
/// The WebSocket subprotocol of the a2a-v1 dialect: its client is never sent anything unasked.
pub const SUBPROTOCOL_A2A: &str = "a2a-v1";
