//! Which models to choose from at the providers that are known by name.

use openclaw_types::provider::{self, KnownProvider};

use crate::options::ModelOptions;

/// One provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Its id in references.
    pub(crate) id: &'static str,
    /// The variable that holds its key.
    pub(crate) variable: &'static str,
    /// Its OpenAI-compatible address.
    pub(crate) base_url: &'static str,
    /// Whether the key may list models there.
    pub(crate) lists: bool,
    /// Its models to choose from when nobody named one, best first: able, quick, and not dear.
    pub(crate) preferred: &'static [&'static str],
    /// The smallest window among its current models.
    pub(crate) context_window: u32,
    /// What every one of them may answer with.
    pub(crate) max_output: u32,
}

impl Known {
    /// The models to choose from, when the provider has not been heard.
    pub(crate) fn models(&self) -> Vec<ModelOptions> {
        let models = self.preferred.iter().map(|id| ModelOptions::named(id));
        models.collect()
    }
}

const fn known(provider: &KnownProvider, preferred: &'static [&'static str]) -> Known {
    Known {
        id: provider.id,
        variable: match provider.key_variables {
            [first, ..] => first,
            [] => "",
        },
        base_url: provider.base_url,
        lists: true,
        preferred,
        context_window: 128_000,
        max_output: 8_192,
    }
}

/// All of them, in order of preference.
pub(crate) const KNOWN: [Known; 12] = [
    known(
        &provider::OPENAI,
        &["gpt-5-mini", "gpt-5", "gpt-4.1-mini", "gpt-4o-mini"],
    ),
    Known {
        // Its list of models wants another header than its compatible side.
        lists: false,
        context_window: 200_000,
        ..known(
            &provider::ANTHROPIC,
            &["claude-sonnet-4-5", "claude-haiku-4-5"],
        )
    },
    known(
        &provider::MINIMAX,
        &["MiniMax-M2.7", "MiniMax-M2.5", "MiniMax-M2"],
    ),
    known(&provider::ZAI, &["glm-5-1", "glm-5", "glm-4.6", "glm-4.5"]),
    known(&provider::OPENROUTER, &["openrouter/auto"]),
    known(
        &provider::GROQ,
        &["llama-3.3-70b-versatile", "openai/gpt-oss-120b"],
    ),
    known(
        &provider::MISTRAL,
        &["mistral-medium-latest", "mistral-small-latest"],
    ),
    known(&provider::DEEPSEEK, &["deepseek-chat"]),
    known(
        &provider::GEMINI,
        &["gemini-2.5-flash", "models/gemini-2.5-flash"],
    ),
    known(&provider::XAI, &["grok-4-fast", "grok-4"]),
    known(
        &provider::TOGETHER,
        &["meta-llama/Llama-3.3-70B-Instruct-Turbo"],
    ),
    known(
        &provider::FIREWORKS,
        &["accounts/fireworks/models/llama-v3p3-70b-instruct"],
    ),
];
