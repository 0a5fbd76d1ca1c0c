//! What an agent may do with the others: see who is there, talk to them, and read its own conversations.
//!
//! Who a message is from is said by the gateway, never by the model.
//! A message remembers for whose sake it is sent, so that two agents can't answer each other for ever.

use std::sync::{Arc, Weak};

use openclaw_tools::{Error, Registry, Tool, registry::Refusal};

use crate::core::Core;

mod message;
mod sessions;
mod who;

/// Messages that are sent for the sake of a message, one after the other; deeper than that nobody knows any more what
/// it was about.
const CHAIN_MAX: usize = 5;

/// The tools over one set of agents.
///
/// # Errors
/// A tool that can't be registered.
pub(crate) fn registry(core: &Weak<Core>) -> Result<Registry, Refusal> {
    let mut registry = Registry::default();
    let tools: [Arc<dyn Tool>; 5] = [
        Arc::new(who::List::new(core)),
        Arc::new(message::Send::new(core)),
        Arc::new(message::Status::new(core)),
        Arc::new(sessions::List::new(core)),
        Arc::new(sessions::History::new(core)),
    ];
    for tool in tools {
        registry.register(tool)?;
    }
    Ok(registry)
}

/// The agents, unless they are being dropped.
fn alive(core: &Weak<Core>) -> Result<Arc<Core>, Error> {
    core.upgrade().ok_or(Error::Cancelled)
}

/// An agent's or a session's name that can't be one.
fn not_a_name(path: &str, error: impl std::fmt::Display) -> Error {
    Error::argument(path, error.to_string())
}
