//! Providers known by the variable that holds their key.

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

const fn known(
    id: &'static str,
    variable: &'static str,
    base_url: &'static str,
    preferred: &'static [&'static str],
) -> Known {
    Known {
        id,
        variable,
        base_url,
        lists: true,
        preferred,
        context_window: 128_000,
        max_output: 8_192,
    }
}

/// All of them, in order of preference.
pub(crate) const KNOWN: [Known; 12] = [
    known(
        "openai",
        "OPENAI_API_KEY",
        "https://api.openai.com/v1",
        &["gpt-5-mini", "gpt-5", "gpt-4.1-mini", "gpt-4o-mini"],
    ),
    Known {
        // Its list of models wants another header than its compatible side.
        lists: false,
        context_window: 200_000,
        ..known(
            "anthropic",
            "ANTHROPIC_API_KEY",
            "https://api.anthropic.com/v1",
            &["claude-sonnet-4-5", "claude-haiku-4-5"],
        )
    },
    known(
        "minimax",
        "MINIMAX_API_KEY",
        "https://api.minimaxi.chat/v1",
        &["MiniMax-M2.7", "MiniMax-M2.5", "MiniMax-M2"],
    ),
    known(
        "zai",
        "ZAI_API_KEY",
        "https://api.z.ai/api/paas/v4",
        &["glm-5-1", "glm-5", "glm-4.6", "glm-4.5"],
    ),
    known(
        "openrouter",
        "OPENROUTER_API_KEY",
        "https://openrouter.ai/api/v1",
        &["openrouter/auto"],
    ),
    known(
        "groq",
        "GROQ_API_KEY",
        "https://api.groq.com/openai/v1",
        &["llama-3.3-70b-versatile", "openai/gpt-oss-120b"],
    ),
    known(
        "mistral",
        "MISTRAL_API_KEY",
        "https://api.mistral.ai/v1",
        &["mistral-medium-latest", "mistral-small-latest"],
    ),
    known(
        "deepseek",
        "DEEPSEEK_API_KEY",
        "https://api.deepseek.com/v1",
        &["deepseek-chat"],
    ),
    known(
        "gemini",
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        &["gemini-2.5-flash", "models/gemini-2.5-flash"],
    ),
    known(
        "xai",
        "XAI_API_KEY",
        "https://api.x.ai/v1",
        &["grok-4-fast", "grok-4"],
    ),
    known(
        "together",
        "TOGETHER_API_KEY",
        "https://api.together.xyz/v1",
        &["meta-llama/Llama-3.3-70B-Instruct-Turbo"],
    ),
    known(
        "fireworks",
        "FIREWORKS_API_KEY",
        "https://api.fireworks.ai/inference/v1",
        &["accounts/fireworks/models/llama-v3p3-70b-instruct"],
    ),
];
