//! The HTTP surface of the models: what clients of LiteLLM, OpenAI and Anthropic send comes in, and answers go out.
//!
//! It doesn't listen, route, translate or keep accounts: the gateway listens, `openclaw-models` finds and asks a model,
//! and `openclaw-accounts` says who may spend what.
//!
//! Start at [`routes`], the table of paths; `completion` is the way of every request for a model, and `error` how a
//! failure is told in the words that clients of LiteLLM expect.
//!
//! Invariants: a caller's key never leaves this crate; no answer names another caller's models, keys or servers; every
//! answer carries the id of its call and of this instance.

mod address;
mod auth;
mod body;
mod completion;
mod error;
mod headers;
mod health;
mod keys;
mod leak;
mod limits;
mod listing;
mod metrics;
mod passthrough;
mod routes;
mod spend;
mod state;
mod tokens;

pub use self::{
    auth::{Known, shown_key},
    routes::{all, beside_gateway},
    state::{Endpoint, Options, Router},
};
