//! How a request names a session: by full key, or by id alone.

use std::{fmt, str::FromStr};

use openclaw_types::{AgentId, IdError, SessionId, SessionKey};

/// `agent:steward:main`, or `main` where the agent follows from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRef {
    /// The agent, where the key names one.
    pub agent: Option<AgentId>,
    /// The session.
    pub session: SessionId,
}

impl SessionRef {
    /// The full key, with `fallback` where the reference names no agent.
    #[must_use]
    pub fn resolve(&self, fallback: &AgentId) -> SessionKey {
        SessionKey {
            agent: self.agent.clone().unwrap_or_else(|| fallback.clone()),
            session: self.session.clone(),
        }
    }
}

impl From<SessionKey> for SessionRef {
    fn from(key: SessionKey) -> Self {
        Self {
            agent: Some(key.agent),
            session: key.session,
        }
    }
}

impl FromStr for SessionRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.starts_with("agent:") {
            return SessionKey::parse(text).map(Self::from);
        }
        Ok(Self {
            agent: None,
            session: SessionId::parse(text)?,
        })
    }
}

impl fmt::Display for SessionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.agent {
            Some(agent) => write!(f, "agent:{agent}:{}", self.session),
            None => self.session.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_full_key_or_an_id() {
        let full: SessionRef = "agent:steward:main".parse().unwrap();
        let short: SessionRef = "sess-123".parse().unwrap();
        let fallback = AgentId::parse("main").unwrap();
        assert_eq!(full.resolve(&fallback).to_string(), "agent:steward:main");
        assert_eq!(short.resolve(&fallback).to_string(), "agent:main:sess-123");
        for text in ["", "agent:", "agent:x", "agent:../x:y", "a/b", "agent:X:y"] {
            assert!(text.parse::<SessionRef>().is_err(), "{text:?}");
        }
    }
}
