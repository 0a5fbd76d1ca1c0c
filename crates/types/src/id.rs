//! Ids: parsed once, valid ever after.

use std::{fmt, str::FromStr, sync::Arc};

/// Longest agent id, in bytes. Directory names and labels stay readable below this.
pub const AGENT_ID_BYTES_MAX: usize = 64;
/// Longest session id, in bytes.
pub const SESSION_ID_BYTES_MAX: usize = 128;
/// Longest run id, in bytes. Clients may choose their own (an idempotency key becomes the run id).
pub const RUN_ID_BYTES_MAX: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("{kind} is empty")]
    Empty {
        /// Which id, in words.
        kind: &'static str,
    },
    /// The text is longer than the limit.
    #[error("{kind} has {bytes} bytes, more than {bytes_max}")]
    TooLong {
        /// Which id, in words.
        kind: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The text holds a character that the id does not allow.
    #[error("{kind} holds {character:?}; allowed: {allowed}")]
    Character {
        /// Which id, in words.
        kind: &'static str,
        /// The first offender.
        character: char,
        /// The rule, in words.
        allowed: &'static str,
    },
    /// A session key that is not `agent:<agent>:<session>`.
    #[error("session key is not of the form agent:<agent>:<session>")]
    SessionKeyForm,
}

struct Rule {
    kind: &'static str,
    bytes_max: usize,
    allowed: &'static str,
    first: fn(char) -> bool,
    rest: fn(char) -> bool,
}

fn lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

const AGENT_RULE: Rule = Rule {
    kind: "agent id",
    bytes_max: AGENT_ID_BYTES_MAX,
    allowed: "a-z, 0-9, `-` and `_`, starting with a letter or digit",
    first: lower_or_digit,
    rest: |c| lower_or_digit(c) || c == '-' || c == '_',
};
const SESSION_RULE: Rule = Rule {
    kind: "session id",
    bytes_max: SESSION_ID_BYTES_MAX,
    allowed: "A-Z, a-z, 0-9, `-`, `_` and `:`",
    first: |c| c.is_ascii_alphanumeric(),
    rest: |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'),
};
const RUN_RULE: Rule = Rule {
    kind: "run id",
    bytes_max: RUN_ID_BYTES_MAX,
    allowed: "A-Z, a-z, 0-9, `-`, `_`, `.` and `:`",
    first: |c| c.is_ascii_alphanumeric(),
    rest: |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'),
};

fn check(text: &str, rule: &Rule) -> Result<(), IdError> {
    let kind = rule.kind;
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > rule.bytes_max {
        return Err(IdError::TooLong {
            kind,
            bytes: text.len(),
            bytes_max: rule.bytes_max,
        });
    }
    let bad = text.chars().enumerate().find(|&(i, c)| {
        if i == 0 {
            !(rule.first)(c)
        } else {
            !(rule.rest)(c)
        }
    });
    match bad {
        Some((_, character)) => Err(IdError::Character {
            kind,
            character,
            allowed: rule.allowed,
        }),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $rule:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and makes the id.
            ///
            /// # Errors
            /// Says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text, &$rule)?;
                Ok(Self(Arc::from(text)))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id!(
    /// A named workspace that can run: `steward`. It is a directory name, so its letters are few.
    AgentId,
    AGENT_RULE
);
id!(
    /// One conversation of one agent: `main`, `sess-123`.
    SessionId,
    SESSION_RULE
);
id!(
    /// One accepted request, from acceptance until its lifecycle ends.
    RunId,
    RUN_RULE
);

/// A session's full name across agents: `agent:<agent>:<session>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// Whose session.
    pub agent: AgentId,
    /// Which one.
    pub session: SessionId,
}

impl SessionKey {
    /// Parses `agent:<agent>:<session>`.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let rest = text.strip_prefix("agent:").ok_or(IdError::SessionKeyForm)?;
        let (agent, session) = rest.split_once(':').ok_or(IdError::SessionKeyForm)?;
        Ok(Self {
            agent: AgentId::parse(agent)?,
            session: SessionId::parse(session)?,
        })
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "agent:{}:{}", self.agent, self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_ids_can_never_name_another_directory() {
        for text in [
            "", ".", "..", "../x", "a/b", "a\\b", "A", "a b", "a\0", "-a", "é", "a.b", "~",
        ] {
            assert!(AgentId::parse(text).is_err(), "{text:?}");
        }
        assert!(AgentId::parse(&"a".repeat(65)).is_err());
        for text in ["main", "a", "sentinel-prime", "x_1", "007"] {
            assert_eq!(AgentId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn session_keys_round_trip() {
        let text = "agent:main:subagent:5f0c";
        let key = SessionKey::parse(text).unwrap();
        assert_eq!(key.agent.as_str(), "main");
        assert_eq!(key.session.as_str(), "subagent:5f0c");
        assert_eq!(key.to_string(), text);
    }

    #[test]
    fn malformed_session_keys_are_refused() {
        for text in [
            "",
            "main",
            "agent:",
            "agent:main",
            "agent:main:",
            "agent::x",
            "agent:../x:y",
            "agent:main:../x",
        ] {
            assert!(SessionKey::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn errors_say_which_rule_was_broken() {
        assert_eq!(
            AgentId::parse("Steward").unwrap_err().to_string(),
            "agent id holds 'S'; allowed: a-z, 0-9, `-` and `_`, starting with a letter or digit"
        );
    }
}
