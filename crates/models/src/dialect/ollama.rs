//! Ollama's own protocol: `/api/chat`, one JSON document a line.

mod ask;
mod read;

pub(super) use self::{ask::from_chat, read::OllamaReader};

#[cfg(test)]
mod tests;
