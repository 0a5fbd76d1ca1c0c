//! What the model says in one step, collected until it is written down.

use std::sync::Arc;

use openclaw_models::Chunk;
use openclaw_sessions::Kind;
use openclaw_types::{Part, Role, ToolCall, Usage};

use super::{Record, Verdict};
use crate::{
    event::EventKind,
    outcome::{Failure, FailureKind, Status},
};

/// The words of the current step, and what is counted over all steps.
#[derive(Debug)]
pub(super) struct Speech {
    model: Option<String>,
    text: String,
    reasoning: String,
    calls: Vec<ToolCall>,
    usage: Option<Usage>,
    total_usage: Option<Usage>,
    total_bytes: usize,
}

impl Speech {
    pub(super) const fn new() -> Self {
        Self {
            model: None,
            text: String::new(),
            reasoning: String::new(),
            calls: Vec::new(),
            usage: None,
            total_usage: None,
            total_bytes: 0,
        }
    }

    pub(super) fn calls(&self) -> &[ToolCall] {
        &self.calls
    }

    pub(super) fn is_silent(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Takes a chunk in; returns what listeners are to be told of it.
    ///
    /// # Errors
    /// It would be more than the run may say; the chunk is not taken then.
    pub(super) fn hear(
        &mut self,
        chunk: Chunk,
        bytes_max: usize,
    ) -> Result<Option<EventKind>, Failure> {
        let bytes = match &chunk {
            Chunk::Text(text) | Chunk::Reasoning(text) => text.len(),
            Chunk::ToolCall(call) => call.arguments.to_string().len(),
            Chunk::Start { .. } | Chunk::Usage(_) | Chunk::Stop(_) => 0,
        };
        let total_bytes = self.total_bytes.saturating_add(bytes);
        if total_bytes > bytes_max {
            let message = format!("the run said more than {bytes_max} bytes");
            return Err(Failure::new(FailureKind::Output, message));
        }
        self.total_bytes = total_bytes;
        Ok(self.take_in(chunk))
    }

    fn take_in(&mut self, chunk: Chunk) -> Option<EventKind> {
        match chunk {
            Chunk::Start {
                provider, model, ..
            } => {
                self.model = Some(format!("{provider}/{model}"));
                None
            }
            Chunk::Text(text) => {
                self.text.push_str(&text);
                Some(EventKind::Delta(Arc::from(text)))
            }
            Chunk::Reasoning(text) => {
                self.reasoning.push_str(&text);
                Some(EventKind::Reasoning(Arc::from(text)))
            }
            Chunk::ToolCall(call) => {
                self.calls.push(call.clone());
                Some(EventKind::ToolCall(call))
            }
            Chunk::Usage(usage) => {
                self.usage = Some(usage);
                self.total_usage = Some(add(self.total_usage, usage));
                None
            }
            Chunk::Stop(_) => None,
        }
    }

    pub(super) fn verdict(&self, status: Status) -> Verdict {
        Verdict {
            status,
            text: Arc::from(self.text.as_str()),
            model: self.model.clone(),
            usage: self.total_usage,
            entry: None,
        }
    }

    /// The step as an assistant's record; nothing of the step is left after it.
    pub(super) fn take(&mut self) -> Record {
        let content = std::mem::take(&mut self.text);
        let reasoning = std::mem::take(&mut self.reasoning);
        let calls = std::mem::take(&mut self.calls);
        let mut parts = Vec::new();
        if !reasoning.is_empty() || !calls.is_empty() {
            if !reasoning.is_empty() {
                parts.push(Part::Reasoning(reasoning));
            }
            if !content.is_empty() {
                parts.push(Part::Text(content.clone()));
            }
            parts.extend(calls.into_iter().map(Part::ToolCall));
        }
        Record {
            kind: Kind::Message,
            role: Role::Assistant,
            content,
            parts,
            model: self.model.clone(),
            usage: self.usage.take(),
        }
    }

    /// The step as the record that ends a run without an answer: the reason, and what was said. A call that
    /// will never have a result is left out, because it would make the transcript unreadable for providers.
    pub(super) fn take_unfinished(&mut self, reason: String) -> Record {
        self.calls.clear();
        let mut record = self.take();
        if record.parts.is_empty() && !record.content.is_empty() {
            record.parts.push(Part::Text(record.content));
        }
        Record {
            kind: Kind::Aborted,
            role: Role::System,
            content: reason,
            ..record
        }
    }
}

fn add(total: Option<Usage>, usage: Usage) -> Usage {
    let total = total.unwrap_or_default();
    Usage {
        input_tokens: total.input_tokens.saturating_add(usage.input_tokens),
        output_tokens: total.output_tokens.saturating_add(usage.output_tokens),
        cached_tokens: total.cached_tokens.saturating_add(usage.cached_tokens),
        cache_write_tokens: total
            .cache_write_tokens
            .saturating_add(usage.cache_write_tokens),
        reasoning_tokens: total
            .reasoning_tokens
            .saturating_add(usage.reasoning_tokens),
    }
}
