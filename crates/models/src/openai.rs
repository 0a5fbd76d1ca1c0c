//! The openai-completions protocol: LiteLLM, Ollama's `/v1`, and most of the world.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryFutureExt};
use openclaw_types::Env;

use crate::{
    error::Error,
    exchange::{
        line::Line,
        send::{Outgoing, json_headers, send},
    },
    http::{Http, Method, Url},
    openai::{answer::Answer, dialect::Dialect},
    options::{Deadlines, ProviderOptions},
    provider::{ChunkStream, Provider, Request},
    routing,
};

mod answer;

mod count;
pub mod decode;
mod dialect;
mod encode;
pub mod frame;
pub(crate) mod refusal;

/// The path of the protocol's only call.
const PATH: &str = "chat/completions";

/// One server that speaks the protocol. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OpenAi {
    server: Arc<Server>,
    http: Http,
    env: Arc<dyn Env>,
}

/// What every call to one server shares.
#[derive(Debug)]
struct Server {
    line: Arc<Line>,
    deadlines: Deadlines,
    dialect: Dialect,
    /// Ids of models that think before they answer and take no temperature.
    reasoning: Vec<String>,
}

impl OpenAi {
    /// Prepares calls to one server; nothing is sent.
    ///
    /// # Errors
    /// When the address is no URL, or the key or a header can't be sent.
    pub fn new(options: &ProviderOptions, http: Http, env: Arc<dyn Env>) -> Result<Self, Error> {
        let line = Line::new(&Arc::new(routing::Server::of(options)))?;
        let thinking = options.models.iter().filter(|model| model.reasoning);
        let server = Server {
            dialect: Dialect::of(&options.id, &line.url(PATH)?),
            line: Arc::new(line),
            deadlines: options.deadlines,
            reasoning: thinking.map(|model| model.id.clone()).collect(),
        };
        Ok(Self {
            server: Arc::new(server),
            http,
            env,
        })
    }
}

impl Provider for OpenAi {
    fn stream(&self, request: Request) -> ChunkStream {
        let provider = self.clone();
        async move { provider.open(request).await }
            .try_flatten_stream()
            .boxed()
    }
}

impl OpenAi {
    async fn open(self, request: Request) -> Result<Answer, Error> {
        let server = self.server;
        let line = &server.line;
        let thinks = server.reasoning.contains(&request.model);
        let body = encode::encode(&request, &server.dialect, thinks)
            .map_err(|source| line.unsendable(source))?;
        let outgoing = Outgoing {
            method: Method::POST,
            url: line.url(PATH)?,
            headers: json_headers(true, &[]),
            body: Bytes::from(body),
        };
        let model: Arc<str> = Arc::from(request.model);
        let opened = send(&self.http, line, &model, outgoing, &server.deadlines).await;
        let opened = opened.map_err(|failed| failed.error)?;
        let (line, deadlines) = (Arc::clone(line), server.deadlines);
        Ok(Answer::new(line, model, deadlines, opened, self.env))
    }
}

/// A request in the protocol's words as most servers take them.
///
/// # Errors
/// When a part of it is no JSON.
pub(crate) fn said(request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    encode::encode(request, &dialect::USUAL, false)
}

/// Whether a server's newer models refuse `max_tokens`.
pub(crate) fn wants_completion_limit(server: &routing::Server) -> bool {
    server.api == crate::options::Api::OpenAiCompletions
        && Url::parse(&server.base_url).is_ok_and(|url| {
            Dialect::of(&server.provider, &url).output_limit
                == dialect::OutputLimit::MaxCompletionTokens
        })
}

/// The base URL without a slash at its end, and with `/v1` where no segment of its path names a version.
#[must_use]
pub fn versioned(base_url: &str) -> String {
    let base = base_url.trim().trim_end_matches('/');
    let base = base.strip_suffix("/chat/completions").unwrap_or(base);
    let is_version = |segment: &str| {
        let digits = segment.strip_prefix('v').unwrap_or_default();
        digits.starts_with(|c: char| c.is_ascii_digit())
    };
    let path = base.split_once("://").map_or(base, |(_, rest)| rest);
    if path.split('/').skip(1).any(is_version) {
        base.to_owned()
    } else {
        format!("{base}/v1")
    }
}

#[cfg(test)]
mod tests;
