//! Which of a server's models to use when nobody named one. Pure.

use crate::options::ModelOptions;

/// Parts of names of models that do not talk.
const MUTE: [&str; 17] = [
    "embed",
    "whisper",
    "tts",
    "dall-e",
    "image",
    "audio",
    "moderation",
    "realtime",
    "transcribe",
    "rerank",
    "sora",
    "video",
    "ocr",
    "guard",
    "speech",
    "bge-",
    "minilm",
];

/// The best model's id: the first preferred one that is there, else the first that can talk.
pub(crate) fn best(preferred: &[&str], models: &[ModelOptions]) -> Option<String> {
    let there = |id: &&&str| models.iter().any(|model| model.id == **id);
    if let Some(id) = preferred.iter().find(there) {
        return Some((*id).to_owned());
    }
    // An agent's virtual model is that agent's; it stands in for nobody else unless there is nothing besides.
    let talking = || models.iter().filter(|model| talks(&model.id));
    talking()
        .find(|model| !model.id.starts_with(crate::routing::AGENT_PREFIX))
        .or_else(|| talking().find(|model| model.id == "agent/steward"))
        .or_else(|| talking().next())
        .map(|model| model.id.clone())
}

/// Whether a model of this name can hold a conversation.
pub(super) fn talks(id: &str) -> bool {
    let id = id.to_ascii_lowercase();
    !MUTE.iter().any(|part| id.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_model_is_a_preferred_one_or_the_first_that_talks() {
        let cases: [(&[&str], &[&str], Option<&str>); 7] = [
            (&["b", "a"], &["a", "b"], Some("b")),
            (&["x"], &["text-embedding-3", "tts-1", "gpt"], Some("gpt")),
            (&[], &["nomic-embed-text-v2-moe"], None),
            (&[], &[], None),
            (
                &["default"],
                &["agent/alpha", "agent/steward", "minimax/M2"],
                Some("minimax/M2"),
            ),
            (
                &["default"],
                &["agent/alpha", "agent/steward"],
                Some("agent/steward"),
            ),
            (&[], &["agent/alpha"], Some("agent/alpha")),
        ];
        for (preferred, models, expected) in cases {
            let models: Vec<_> = models.iter().map(|id| ModelOptions::named(id)).collect();
            assert_eq!(
                best(preferred, &models).as_deref(),
                expected,
                "{preferred:?}"
            );
        }
    }
}
