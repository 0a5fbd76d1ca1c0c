//! The local model daemon of the `OpenClaw` gateway: one GGUF model, served in the shape of the
//! `OpenAI` chat API over a unix socket.
//!
//! It is not a provider, a router or a download tool: it knows one model file and one socket, keeps
//! nothing on disk and is started and stopped by the gateway.
//!
//! Start reading at [`daemon`], which brings the parts up and down in order.
//! A request then goes [`http`] → [`chat`] → [`prompt`] → [`engine`] and comes back as
//! [`engine::Event`]s that [`http`] writes as a response.
//!
//! Invariants: one thread owns the model's context; every queue has a bound; nothing a client sends
//! can reach the tokenizer as a control token or the grammar parser as grammar text; the processor is
//! checked before any kernel runs.

pub mod chat;
pub mod cli;
pub mod cpu;
pub mod daemon;
pub mod engine;
pub mod grammar;
pub mod http;
pub mod leave;
pub mod model;
pub mod prompt;
pub mod report;
pub mod socket;
pub mod tool_call;
