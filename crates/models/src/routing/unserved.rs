//! Why a reference leads to no model, and what a person may do about it.

use std::fmt;

/// Why a reference leads to no model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unserved {
    /// There is no provider at all.
    NoProvider {
        /// What was looked at, and why it is not used.
        looked_at: Vec<String>,
    },
    /// No provider has such a model.
    Unknown {
        /// The providers there are.
        providers: Vec<String>,
    },
    /// Several providers have it.
    Ambiguous {
        /// References that say which.
        references: Vec<String>,
    },
    /// An alias leads back to itself.
    EndlessAlias,
    /// Every model behind it only makes vectors, and something else is asked for.
    OnlyVectors,
}

impl Unserved {
    /// What a person may do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoProvider { .. } => {
                "set a provider's key, such as OPENAI_API_KEY, start LiteLLM or Ollama, or fetch the local model with `openclaw models pull`".to_owned()
            }
            Self::Unknown { providers } => format!(
                "write `provider/model` with one of these providers: {}",
                providers.join(", ")
            ),
            Self::Ambiguous { references } => format!("write one of: {}", references.join(", ")),
            Self::OnlyVectors => "ask it for embeddings, or correct its `model_info.mode`".to_owned(),
            Self::EndlessAlias => "correct `model_routing.aliases`".to_owned(),
        }
    }
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider { looked_at } if looked_at.is_empty() => {
                f.write_str("there is no provider")
            }
            Self::NoProvider { looked_at } => {
                write!(f, "there is no provider ({})", looked_at.join("; "))
            }
            Self::Unknown { .. } => f.write_str("no provider has such a model"),
            Self::Ambiguous { references } => {
                write!(f, "{} providers have such a model", references.len())
            }
            Self::OnlyVectors => f.write_str("it only makes embeddings"),
            Self::EndlessAlias => f.write_str("the alias leads back to itself"),
        }
    }
}
