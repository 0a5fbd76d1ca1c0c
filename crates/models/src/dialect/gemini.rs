//! Gemini's own protocol: `generateContent` and its stream.
//!
//! Gemini proves its calls with signatures and refuses calls that come back without, but no other dialect has a place for
//! one. So the signature travels in the call's id, behind a mark, which every client sends back as it is.

mod ask;
mod read;

pub(super) use self::{ask::from_chat, read::GeminiReader};

/// Stands between the id of a call and its proof; the same that LiteLLM writes.
const PROOF: &str = "__thought__";

#[cfg(test)]
mod tests;
