//! A model reference and messages in, a stream of chunks out.
//!
//! It doesn't know sessions, prompts, or agents beyond their ids, keeps no conversation, and reads neither the
//! configuration nor the environment: it is told everything in [`Options`].
//!
//! Start at [`provider`], the seam to every backend; then [`models`], the handle, and [`routing`], which models a
//! reference means and who is next when one does not answer. [`exchange`] is the same for requests in clients' own words,
//! and [`dialect`] turns them into a server's.
//!
//! Invariants: every wait on a server has a deadline; no answer with a 4xx status is repeated in a call, and nobody else is
//! asked once content came; a broken answer ends with an error, never as if it were whole; keys are never printed, and never
//! follow a redirect.

mod assembly;
pub mod cache;
pub mod catalog;
pub mod dialect;
pub mod discovery;
pub mod error;
pub mod exchange;
mod failover;
pub mod http;
pub mod limits;
mod local;
pub mod models;
pub mod openai;
pub mod options;
pub mod prices;
pub mod profile;
pub mod provider;
pub mod recording;
mod routes;
pub mod routing;
pub mod scripted;
mod search;
pub mod secret;
pub mod sse;
pub mod status;

pub use error::{Error, Kind, Phase};
pub use models::Models;
pub use options::{
    AgentMapping, AgentModel, Api, Deadlines, DeploymentOptions, DiscoveryOptions, InputKind,
    LocalOptions, ModelOptions, Options, PerKind, ProviderOptions, RoutingOptions, Settings,
    Strategy, Transport,
};
pub use profile::{Profile, Tier, TokenCount};
pub use provider::{Chunk, ChunkStream, Provider, Request};
pub use secret::Secret;
pub use status::ModelsStatus;
