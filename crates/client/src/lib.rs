//! A typed client of the gateway's native frames: connect, call, listen, connect again.
//!
//! It is not the command line and holds no opinion on output; it reads no configuration, no environment and
//! no files, so whoever uses it brings the URL and the token. It speaks `ws://` only: it is made for the same
//! machine and for tunnels.
//!
//! Start at [`Options`] and [`Client::connect`], then [`Client::call`]; [`Events`] is what the gateway sends
//! unasked; [`Error::hint`] says what a person can do.
//!
//! Invariants: one task per connection, owned by the [`Client`] and gone with it; every wait has a deadline;
//! a call that was not answered is an error, never a hang; an event is delivered or counted as missed.

mod call;
mod connect;
mod connection;
pub mod error;
mod event;
pub mod limits;
mod options;
pub mod reconnect;

pub use call::{Client, Started};
pub use error::Error;
pub use event::{Event, Events, Received};
pub use options::{Identity, Options, Token};
