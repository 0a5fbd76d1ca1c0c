//! Items of a response: what is said, thought and called.

use serde_json::{Value, json};

use crate::dialect::piece::Thought;

/// Stands before the id of a reasoning item and what is sealed in it.
const OURS: &str = "openai-responses:";
/// Stands before the proof of a thought whose text is told.
const PROVEN: &str = "proof:";
/// Stands before a thought that only its own server can read.
const SEALED: &str = "sealed:";

/// A reasoning item as one text, to be given back to OpenAI and to nobody else.
pub(super) fn seal(id: &str, sealed: &str) -> String {
    format!("{OURS}{id}:{sealed}")
}

/// The id and what is sealed of such a text.
pub(super) fn unseal(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(OURS)?.split_once(':')
}

/// Whether a sealed thought is OpenAI's, and means nothing to others.
pub(in crate::dialect) fn is_openais(data: &str) -> bool {
    data.starts_with(OURS)
}

/// A message of the model.
pub(super) fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({
        "id": id, "type": "message", "status": status, "role": "assistant", "content": content,
    })
}

/// A text that the model says.
pub(super) fn text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// Why the model says nothing.
pub(super) fn refusal(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

/// A call; `call_id` is what its result refers to.
pub(super) fn call(id: &str, status: &str, call: (&str, &str, &str)) -> Value {
    let (call_id, name, arguments) = call;
    json!({
        "id": id, "type": "function_call", "status": status,
        "call_id": call_id, "name": name, "arguments": arguments,
    })
}

/// A thought, with what is sealed of it.
pub(super) fn reasoning(id: &str, text: &str, sealed: Option<&str>) -> Value {
    let mut summary = Vec::new();
    if !text.is_empty() {
        summary.push(json!({"type": "summary_text", "text": text}));
    }
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let Some(sealed) = sealed {
        item["encrypted_content"] = Value::from(sealed);
    }
    item
}

/// What proves a thought, or takes its place, as what is sealed of an item; [`block`] reads it back.
pub(super) fn sealed(thought: &Thought) -> Option<String> {
    let proof = thought.signature.as_ref();
    let proof = proof.map(|proof| format!("{PROVEN}{proof}"));
    proof.or_else(|| {
        thought
            .sealed
            .as_ref()
            .map(|data| format!("{SEALED}{data}"))
    })
}

/// The block of a chat that a reasoning item was, whoever sealed it.
pub(super) fn block(id: &str, text: &str, sealed: &str) -> Value {
    if let Some(proof) = sealed.strip_prefix(PROVEN) {
        return json!({"type": "thinking", "thinking": text, "signature": proof});
    }
    let data = match sealed.strip_prefix(SEALED) {
        Some(data) => data.to_owned(),
        None => seal(id, sealed),
    };
    json!({"type": "redacted_thinking", "data": data})
}
