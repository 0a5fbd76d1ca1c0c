//! From a request to the candidates that may answer it, in order: pure, with the clock and chance as arguments.
//!
//! Start at [`plan`], which turns an [`Ask`] into a [`Plan`]; [`Table`] is what it knows, [`Health`] what it has seen.

mod ask;
mod build;
mod deployment;
mod health;
mod order;
mod plan;
mod record;
mod reference;
mod settings;
mod slot;
mod spot;
mod stages;
mod table;
mod unserved;
mod verdict;
mod wildcard;

pub use self::{
    ask::{Ask, Needs},
    build::Builder,
    deployment::{Deployment, Rules, Server},
    health::{Ended, Health, Resting, State},
    plan::{Candidate, Fault, Next, Plan, plan},
    settings::{AgentMapping, PerKind, Settings, Strategy},
    spot::Spot,
    table::{Group, Level, Listing, Member, Presence, Table},
    unserved::Unserved,
    verdict::{Rest, Verdict, verdict},
};

/// What an agent's virtual model is called, before the agent's name.
pub const AGENT_PREFIX: &str = "agent/";
/// What a virtual model's implied fallback is called, after its own name.
pub const FAILOVER_SUFFIX: &str = "-failover";

#[cfg(test)]
mod tests;
