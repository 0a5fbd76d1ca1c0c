//! Who asks, and in whose name something is counted.

use std::{fmt, sync::Arc};

use openclaw_types::AgentId;

/// The lasting name of a virtual key: it stays when the key itself is made anew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Arc<str>);

/// The name of a team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamId(Arc<str>);

macro_rules! name {
    ($name:ident) => {
        impl $name {
            /// Takes a text as it is.
            #[must_use]
            pub fn new(text: &str) -> Self {
                Self(Arc::from(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(KeyId);
name!(TeamId);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Anybody: no master key is set.
    Open,
    /// The owner of the master key.
    Master,
    /// The holder of a virtual key.
    Key(KeyId),
    /// An agent of this process.
    Agent(AgentId),
}

impl Caller {
    /// Whether it may make and change keys.
    #[must_use]
    pub const fn is_owner(&self) -> bool {
        matches!(self, Self::Open | Self::Master)
    }
}

/// What a limit or a budget is counted for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything that goes through this gateway.
    Global,
    /// A team.
    Team(TeamId),
    /// A virtual key.
    Key(KeyId),
    /// An agent.
    Agent(AgentId),
    /// One model group, within another scope.
    Model {
        /// The scope it is limited in.
        within: Box<Self>,
        /// The model group.
        model: Arc<str>,
    },
}

impl Scope {
    /// The scope that a model group is limited in; any other scope itself.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::Model { within, .. } => within.root(),
            Self::Global | Self::Team(_) | Self::Key(_) | Self::Agent(_) => self,
        }
    }

    /// LiteLLM's word for the kind of scope, as its errors and headers have it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Team(_) => "team",
            Self::Key(_) => "api_key",
            Self::Agent(_) => "agent",
            Self::Model { within, .. } => match **within {
                Self::Key(_) => "model_per_key",
                Self::Team(_) => "model_per_team",
                Self::Global | Self::Agent(_) | Self::Model { .. } => "model",
            },
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("the whole gateway"),
            Self::Team(team) => write!(f, "team {team}"),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
            Self::Model { within, model } => write!(f, "model {model} of {within}"),
        }
    }
}
