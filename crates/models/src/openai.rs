//! The openai-completions protocol: LiteLLM, Ollama's `/v1`, and most of the world.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use openclaw_types::Env;
use tokio::time::Instant;

use crate::{
    error::{Error, Phase},
    exchange::clock::Clock,
    http::{self, Call, HeaderMap, HeaderName, HeaderValue, Http, Method, Transport, Url, header},
    limits::ERROR_BODY_BYTES_MAX,
    openai::{answer::Answer, dialect::Dialect, refusal::Refusal},
    options::{Deadlines, ProviderOptions},
    provider::{ChunkStream, Provider, Request},
};

mod answer;

mod count;
pub mod decode;
mod dialect;
mod encode;
pub mod frame;
pub(crate) mod refusal;

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
    id: Arc<str>,
    address: Arc<str>,
    url: Url,
    headers: HeaderMap,
    transport: Transport,
    deadlines: Deadlines,
    dialect: Dialect,
    key: Option<crate::secret::Secret>,
    key_variable: Option<String>,
    /// Ids of models that think before they answer and take no temperature.
    reasoning: Vec<String>,
}

impl OpenAi {
    /// Prepares calls to one server; nothing is sent.
    ///
    /// # Errors
    /// When the address is no URL, or the key or a header can't be sent.
    pub fn new(options: &ProviderOptions, http: Http, env: Arc<dyn Env>) -> Result<Self, Error> {
        let id: Arc<str> = Arc::from(options.id.as_str());
        let base = versioned(&options.base_url);
        let encode = |source: Box<dyn std::error::Error + Send + Sync>| Error::Encode {
            provider: Arc::clone(&id),
            source,
        };
        let url = Url::parse(&format!("{base}/chat/completions"))
            .map_err(|error| encode(error.into()))?;
        let address = match &options.transport {
            Transport::Tcp => base,
            Transport::Unix(path) => path.display().to_string(),
        };
        let server = Server {
            dialect: Dialect::of(&options.id, &url),
            address: Arc::from(address),
            headers: headers(options).map_err(encode)?,
            transport: options.transport.clone(),
            deadlines: options.deadlines,
            key: options.key.clone(),
            key_variable: options.key_variable.clone(),
            reasoning: options
                .models
                .iter()
                .filter(|model| model.reasoning)
                .map(|model| model.id.clone())
                .collect(),
            url,
            id: Arc::clone(&id),
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
        let thinks = server.reasoning.contains(&request.model);
        let body =
            encode::encode(&request, &server.dialect, thinks).map_err(|source| Error::Encode {
                provider: Arc::clone(&server.id),
                source: source.into(),
            })?;
        let model: Arc<str> = Arc::from(request.model);
        let clock = Clock::start(server.deadlines, Instant::now());
        let call = Call {
            method: Method::POST,
            url: server.url.clone(),
            headers: server.headers.clone(),
            body: Bytes::from(body),
            transport: server.transport.clone(),
            connect: std::time::Duration::from_millis(server.deadlines.connect_ms),
        };
        // One box for the whole exchange with the client keeps this future small.
        let sent = self.http.send(call).boxed();
        let (phase, until) = clock.first_byte();
        let response = match tokio::time::timeout_at(until, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(source)) => return Err(server.transport_error(source)),
            Err(_elapsed) => return Err(server.deadline(phase)),
        };
        if response.status.is_success() {
            return Ok(Answer::new(server, model, response, clock, self.env));
        }
        let (status, retry_after) = (response.status, refusal::retry_after(&response.headers));
        let body = response.body.beginning(ERROR_BODY_BYTES_MAX);
        // A body that does not come is as good as none: the status says enough.
        let body = tokio::time::timeout_at(until, body)
            .await
            .unwrap_or_default();
        Err(server.refused(&model, &Refusal::read(&body), status.as_u16(), retry_after))
    }
}

impl Server {
    fn deadline(&self, phase: Phase) -> Error {
        Error::Deadline {
            provider: Arc::clone(&self.id),
            phase,
            after_ms: match phase {
                Phase::Connect => self.deadlines.connect_ms,
                Phase::FirstByte => self.deadlines.first_byte_ms,
                Phase::Idle => self.deadlines.idle_ms,
                Phase::Total => self.deadlines.total_ms,
            },
        }
    }

    fn transport_error(&self, source: http::Error) -> Error {
        if matches!(source, http::Error::ConnectDeadline { .. }) {
            return self.deadline(Phase::Connect);
        }
        Error::Transport {
            provider: Arc::clone(&self.id),
            address: Arc::clone(&self.address),
            source,
        }
    }

    fn malformed(&self, what: &'static str, source: Option<serde_json::Error>) -> Error {
        Error::Malformed {
            provider: Arc::clone(&self.id),
            what,
            source,
        }
    }
}

fn headers(
    options: &ProviderOptions,
) -> Result<HeaderMap, Box<dyn std::error::Error + Send + Sync>> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("text/event-stream"),
    );
    if let Some(key) = &options.key {
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose().trim()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    for (name, value) in &options.headers {
        let mut value = HeaderValue::try_from(value.expose())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name.as_str())?, value);
    }
    Ok(headers)
}

/// A request in the protocol's words as most servers take them.
///
/// # Errors
/// When a part of it is no JSON.
pub(crate) fn said(request: &Request) -> Result<Vec<u8>, serde_json::Error> {
    encode::encode(request, &dialect::USUAL, false)
}

/// Whether a server's newer models refuse `max_tokens`.
pub(crate) fn wants_completion_limit(server: &crate::routing::Server) -> bool {
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
