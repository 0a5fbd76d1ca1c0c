//! Model providers that are known by name: where they answer, and which variables hold their keys.

/// One provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownProvider {
    /// Its id in references.
    pub id: &'static str,
    /// What LiteLLM calls it, where that is another word.
    pub prefixes: &'static [&'static str],
    /// Variables that hold its key; the first that is set counts, and the first is the one to name.
    pub key_variables: &'static [&'static str],
    /// The variable that holds another address.
    pub base_variable: Option<&'static str>,
    /// Where it speaks openai-completions, with a version segment.
    pub base_url: &'static str,
    /// Where it speaks its own protocol, and the word for that protocol.
    pub native: Option<(&'static str, &'static str)>,
}

const fn provider(
    id: &'static str,
    prefixes: &'static [&'static str],
    key_variables: &'static [&'static str],
    base_url: &'static str,
) -> KnownProvider {
    KnownProvider {
        id,
        prefixes,
        key_variables,
        base_variable: None,
        base_url,
        native: None,
    }
}

/// OpenAI.
pub const OPENAI: KnownProvider = KnownProvider {
    base_variable: Some("OPENAI_API_BASE"),
    ..provider(
        "openai",
        &["text-completion-openai"],
        &["OPENAI_API_KEY"],
        "https://api.openai.com/v1",
    )
};
/// Anthropic.
pub const ANTHROPIC: KnownProvider = KnownProvider {
    base_variable: Some("ANTHROPIC_API_BASE"),
    native: Some(("https://api.anthropic.com/v1", "anthropic-messages")),
    ..provider(
        "anthropic",
        &[],
        &["ANTHROPIC_API_KEY"],
        "https://api.anthropic.com/v1",
    )
};
/// `MiniMax`.
pub const MINIMAX: KnownProvider = KnownProvider {
    base_variable: Some("MINIMAX_API_BASE"),
    ..provider(
        "minimax",
        &[],
        &["MINIMAX_API_KEY"],
        "https://api.minimaxi.chat/v1",
    )
};
/// Z.ai.
pub const ZAI: KnownProvider = KnownProvider {
    base_variable: Some("ZAI_API_BASE"),
    ..provider("zai", &[], &["ZAI_API_KEY"], "https://api.z.ai/api/paas/v4")
};
/// `OpenRouter`.
pub const OPENROUTER: KnownProvider = KnownProvider {
    base_variable: Some("OPENROUTER_API_BASE"),
    ..provider(
        "openrouter",
        &[],
        &["OPENROUTER_API_KEY"],
        "https://openrouter.ai/api/v1",
    )
};
/// Groq.
pub const GROQ: KnownProvider = provider(
    "groq",
    &[],
    &["GROQ_API_KEY"],
    "https://api.groq.com/openai/v1",
);
/// Mistral.
pub const MISTRAL: KnownProvider = provider(
    "mistral",
    &[],
    &["MISTRAL_API_KEY"],
    "https://api.mistral.ai/v1",
);
/// `DeepSeek`.
pub const DEEPSEEK: KnownProvider = provider(
    "deepseek",
    &[],
    &["DEEPSEEK_API_KEY"],
    "https://api.deepseek.com/v1",
);
/// Google's Gemini.
pub const GEMINI: KnownProvider = KnownProvider {
    native: Some((
        "https://generativelanguage.googleapis.com/v1beta",
        "google-generative-ai",
    )),
    ..provider(
        "gemini",
        &[],
        &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        "https://generativelanguage.googleapis.com/v1beta/openai",
    )
};
/// xAI.
pub const XAI: KnownProvider = provider("xai", &[], &["XAI_API_KEY"], "https://api.x.ai/v1");
/// Together.
pub const TOGETHER: KnownProvider = provider(
    "together",
    &["together_ai"],
    &["TOGETHER_API_KEY", "TOGETHERAI_API_KEY"],
    "https://api.together.xyz/v1",
);
/// Fireworks.
pub const FIREWORKS: KnownProvider = provider(
    "fireworks",
    &["fireworks_ai"],
    &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"],
    "https://api.fireworks.ai/inference/v1",
);
/// Cerebras.
pub const CEREBRAS: KnownProvider = provider(
    "cerebras",
    &[],
    &["CEREBRAS_API_KEY"],
    "https://api.cerebras.ai/v1",
);
/// NVIDIA.
pub const NVIDIA: KnownProvider = provider(
    "nvidia",
    &["nvidia_nim"],
    &["NVIDIA_NIM_API_KEY"],
    "https://integrate.api.nvidia.com/v1",
);
/// Moonshot.
pub const MOONSHOT: KnownProvider = provider(
    "moonshot",
    &[],
    &["MOONSHOT_API_KEY"],
    "https://api.moonshot.ai/v1",
);

/// All of them.
pub const KNOWN_PROVIDERS: [KnownProvider; 15] = [
    OPENAI, ANTHROPIC, MINIMAX, ZAI, OPENROUTER, GROQ, MISTRAL, DEEPSEEK, GEMINI, XAI, TOGETHER,
    FIREWORKS, CEREBRAS, NVIDIA, MOONSHOT,
];

impl KnownProvider {
    /// The provider of an id, or of LiteLLM's word for it.
    #[must_use]
    pub fn find(word: &str) -> Option<&'static Self> {
        KNOWN_PROVIDERS
            .iter()
            .find(|known| known.id == word || known.prefixes.contains(&word))
    }

    /// The provider whose address a variable holds.
    #[must_use]
    pub fn of_base_variable(variable: &str) -> Option<&'static Self> {
        KNOWN_PROVIDERS
            .iter()
            .find(|known| known.base_variable == Some(variable))
    }

    /// The variable to name when there is no key.
    #[must_use]
    pub fn key_variable(&self) -> &'static str {
        self.key_variables.first().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_and_every_variable_means_one_provider() {
        let (mut words, mut variables) = (BTreeSet::new(), BTreeSet::new());
        for known in &KNOWN_PROVIDERS {
            for word in known.prefixes.iter().chain([&known.id]) {
                assert!(words.insert(*word), "{word}");
                assert_eq!(KnownProvider::find(word), Some(known));
            }
            assert!(!known.key_variable().is_empty(), "{}", known.id);
            for variable in known.key_variables.iter().chain(&known.base_variable) {
                assert!(variables.insert(*variable), "{variable}");
            }
            let mut addresses = [known.base_url]
                .into_iter()
                .chain(known.native.map(|(url, _)| url));
            assert!(addresses.all(|url| url.starts_with("https://") && !url.ends_with('/')));
        }
        assert_eq!(KnownProvider::find("nobody"), None);
        assert_eq!(KnownProvider::of_base_variable("ZAI_API_BASE"), Some(&ZAI));
    }
}
