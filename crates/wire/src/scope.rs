//! Scopes: what a connection may do.

use std::fmt;

/// One permission. A method names exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Whoever reached the handshake: `connect` and `health`.
    Anyone,
    /// Look.
    Read,
    /// Talk to agents and stop what one started.
    Write,
    /// Change agents, configuration and the gateway's life.
    Admin,
    /// Decide approvals.
    Approvals,
    /// Pair devices.
    Pairing,
    /// Answer questions.
    Questions,
    /// Voice.
    Talk,
}

impl Scope {
    /// All scopes a client can hold.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Admin,
        Self::Approvals,
        Self::Pairing,
        Self::Questions,
        Self::Talk,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "none",
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Admin => "operator.admin",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Questions => "operator.questions",
            Self::Talk => "operator.talk",
        }
    }

    /// The scope of a word, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// No permission at all.
    pub const NONE: Self = Self(0);

    /// Adds one scope.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | 1 << scope as u8)
    }

    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.into_iter().fold(Self::NONE, Self::with)
    }

    /// The known scopes among these words; unknown words grant nothing.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        words
            .into_iter()
            .filter_map(Scope::parse)
            .fold(Self::NONE, Self::with)
    }

    /// Whether the set permits what needs `scope`. Admin permits everything, and writing permits reading.
    #[must_use]
    pub const fn allows(self, scope: Scope) -> bool {
        match scope {
            Scope::Anyone => true,
            Scope::Read => {
                self.has(Scope::Read) || self.has(Scope::Write) || self.has(Scope::Admin)
            }
            other => self.has(other) || self.has(Scope::Admin),
        }
    }

    /// What both sets hold.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The words, in a fixed order.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        Scope::ALL
            .into_iter()
            .filter(|scope| self.has(*scope))
            .map(|scope| scope.as_str().to_owned())
            .collect()
    }

    const fn has(self, scope: Scope) -> bool {
        self.0 >> (scope as u8) & 1 == 1
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.words()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admin_permits_everything_and_writing_permits_reading() {
        let admin = Scopes::NONE.with(Scope::Admin);
        let write = Scopes::NONE.with(Scope::Write);
        let read = Scopes::NONE.with(Scope::Read);
        for scope in Scope::ALL {
            assert!(admin.allows(scope), "{scope}");
            assert!(!Scopes::NONE.allows(scope), "{scope}");
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert!(write.allows(Scope::Read) && write.allows(Scope::Write));
        assert!(!write.allows(Scope::Admin) && !write.allows(Scope::Approvals));
        assert!(read.allows(Scope::Read) && !read.allows(Scope::Write));
        assert!(Scopes::NONE.allows(Scope::Anyone));
    }

    #[test]
    fn unknown_words_grant_nothing() {
        let scopes = Scopes::parse(["operator.write", "root", "none", ""]);
        assert_eq!(scopes.words(), ["operator.write"]);
        assert_eq!(Scopes::all().words().len(), Scope::ALL.len());
    }
}
