//! The process's environment variables, captured once; nothing else in the gateway reads them.

use std::{collections::BTreeMap, fmt, path::PathBuf};

/// A snapshot of the environment. Its `Debug` prints names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the process's variables; one that is not UTF-8 is as good as absent.
    #[must_use]
    pub fn capture() -> Self {
        let pairs = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            variables: pairs.collect(),
        }
    }

    /// An environment of these variables and no other.
    pub fn of<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = pairs.into_iter();
        Self {
            variables: pairs
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }

    /// The same with these variables where they are not set.
    pub(crate) fn with_defaults(&self, pairs: Vec<(String, String)>) -> Self {
        let mut environment = self.clone();
        for (name, value) in pairs {
            if self.value(&name).is_none() {
                environment.variables.insert(name, value);
            }
        }
        environment
    }

    /// A variable's value; an empty one is as good as absent.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Every variable with its value, for a program that is started with them.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The person's home directory, if it is named by an absolute path.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.value("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
