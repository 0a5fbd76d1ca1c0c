//! One server as it is called: its address, its headers, and the words for what goes wrong there.

use std::sync::Arc;

use super::flow::Break;
use crate::{
    error::{Error, Kind, Phase},
    http::{self, HeaderMap, HeaderName, HeaderValue, Transport, Url, header},
    openai::versioned,
    options::{Api, Deadlines},
    routing::Server,
    secret::Secret,
};

/// Anthropic's protocol as we speak it; its servers want to be told.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// Shorter keys are no secrets, and taking them out of a message would only spoil it.
const KEY_BYTES_MIN: usize = 8;

/// One server as it is called.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) server: Arc<Server>,
    /// The base URL without a slash at its end.
    base: String,
    /// Where that is, for people.
    address: Arc<str>,
    /// Credentials and configured headers.
    headers: HeaderMap,
}

impl Line {
    /// Prepares calls to a server; nothing is sent.
    ///
    /// # Errors
    /// When the key or a header can't be sent.
    pub(crate) fn new(server: &Arc<Server>) -> Result<Self, Error> {
        let headers =
            headers(server.api, server.key.as_ref(), &server.headers).map_err(|source| {
                Error::Encode {
                    provider: Arc::clone(&server.provider),
                    source,
                }
            })?;
        let base = if server.is_exact {
            server.base_url.trim().to_owned()
        } else {
            base(server.api, &server.base_url)
        };
        Ok(Self {
            address: match &server.transport {
                Transport::Tcp => Arc::from(base.as_str()),
                Transport::Unix(path) => Arc::from(path.display().to_string()),
            },
            base,
            server: Arc::clone(server),
            headers,
        })
    }

    /// The address of a path below the base URL.
    ///
    /// # Errors
    /// When that is no URL.
    pub(crate) fn url(&self, path: &str) -> Result<Url, Error> {
        let path = path.trim_start_matches('/');
        let url = if path.is_empty() {
            Url::parse(&self.base)
        } else if self.server.is_exact {
            // It may have a query, in front of which the path goes.
            Url::parse(&self.base).map(|mut url| {
                let whole = format!("{}/{path}", url.path().trim_end_matches('/'));
                url.set_path(&whole);
                url
            })
        } else {
            Url::parse(&format!("{}/{path}", self.base))
        };
        url.map_err(|error| self.unsendable(error))
    }

    /// Credentials and configured headers.
    pub(crate) const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Takes every secret that is sent to this server out of a text.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let secrets = self.server.headers.iter().map(|(_, value)| value);
        let mut text = text.to_owned();
        for secret in self.server.key.iter().chain(secrets) {
            let secret = secret.expose().trim();
            if secret.len() >= KEY_BYTES_MIN && text.contains(secret) {
                text = text.replace(secret, "[key]");
            }
        }
        text
    }

    pub(crate) fn unsendable(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Encode {
            provider: Arc::clone(&self.server.provider),
            source: source.into(),
        }
    }

    pub(crate) fn malformed(&self, what: &'static str) -> Error {
        Error::Malformed {
            provider: Arc::clone(&self.server.provider),
            what,
            source: None,
        }
    }

    pub(crate) fn not_json(&self, source: serde_json::Error) -> Error {
        Error::Malformed {
            provider: Arc::clone(&self.server.provider),
            what: "not JSON as agreed",
            source: Some(source),
        }
    }

    pub(crate) fn cut_off(&self) -> Error {
        Error::CutOff {
            provider: Arc::clone(&self.server.provider),
        }
    }

    pub(crate) fn deadline(&self, phase: Phase, deadlines: &Deadlines) -> Error {
        Error::Deadline {
            provider: Arc::clone(&self.server.provider),
            phase,
            after_ms: match phase {
                Phase::Connect => deadlines.connect_ms,
                Phase::FirstByte => deadlines.first_byte_ms,
                Phase::Idle => deadlines.idle_ms,
                Phase::Total => deadlines.total_ms,
            },
        }
    }

    pub(crate) fn transport(&self, source: http::Error, deadlines: &Deadlines) -> Error {
        if matches!(source, http::Error::ConnectDeadline { .. }) {
            return self.deadline(Phase::Connect, deadlines);
        }
        Error::Transport {
            provider: Arc::clone(&self.server.provider),
            address: Arc::clone(&self.address),
            source,
        }
    }

    pub(crate) fn broken(&self, how: Break, deadlines: &Deadlines) -> Error {
        match how {
            Break::Transport(source) => self.transport(source, deadlines),
            Break::Deadline(phase) => self.deadline(phase, deadlines),
            Break::TooLong => self.malformed("longer than any answer may be"),
        }
    }

    /// What a person may do about a refusal.
    pub(crate) fn hint(&self, kind: Kind, model: &str) -> Option<String> {
        let server = &self.server;
        let id = &server.provider;
        match kind {
            Kind::Auth => Some(match (&server.key_variable, &server.key) {
                (Some(variable), Some(_)) => {
                    format!("`{id}` refused the key: check {variable}, then restart the gateway")
                }
                (Some(variable), None) => {
                    format!("`{id}` wants a key: set {variable}, then restart the gateway")
                }
                (None, _) => format!("check `apiKey` of provider `{id}`"),
            }),
            Kind::NotFound => Some(format!(
                "`openclaw models list` shows what `{id}` serves; `{model}` is not among it, or the address {} is wrong",
                self.address
            )),
            Kind::Malformed => Some(format!(
                "{} points elsewhere: put the final address into `baseUrl` of provider `{id}`",
                self.address
            )),
            Kind::ContextOverflow => {
                Some("start a new session, or use a model with a larger window".to_owned())
            }
            _ => None,
        }
    }
}

/// The headers of every call to a server that speaks a protocol: its key, and what is configured.
///
/// # Errors
/// When one of them can't be sent.
pub(crate) fn headers(
    api: Api,
    key: Option<&Secret>,
    more: &[(String, Secret)],
) -> Result<HeaderMap, Box<dyn std::error::Error + Send + Sync>> {
    let mut headers = HeaderMap::with_capacity(4);
    if api == Api::AnthropicMessages {
        let version = HeaderValue::from_static(ANTHROPIC_VERSION);
        headers.insert(HeaderName::from_static("anthropic-version"), version);
    }
    if let Some(key) = key {
        let key = key.expose().trim();
        let (name, value) = match api {
            Api::AnthropicMessages => (HeaderName::from_static("x-api-key"), key.to_owned()),
            Api::Gemini => (HeaderName::from_static("x-goog-api-key"), key.to_owned()),
            Api::OpenAiCompletions | Api::OpenAiResponses | Api::Ollama => {
                (header::AUTHORIZATION, format!("Bearer {key}"))
            }
        };
        headers.insert(name, secret(&value)?);
    }
    for (name, value) in more {
        headers.insert(
            HeaderName::try_from(name.as_str())?,
            secret(value.expose())?,
        );
    }
    Ok(headers)
}

fn secret(value: &str) -> Result<HeaderValue, Box<dyn std::error::Error + Send + Sync>> {
    let mut value = HeaderValue::try_from(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where the paths of a protocol begin.
pub(crate) fn base(api: Api, base_url: &str) -> String {
    let base = base_url.trim().trim_end_matches('/');
    match api {
        Api::OpenAiCompletions => versioned(base),
        Api::AnthropicMessages => versioned(base.strip_suffix("/messages").unwrap_or(base)),
        Api::OpenAiResponses => versioned(base.strip_suffix("/responses").unwrap_or(base)),
        Api::Gemini => match versioned(base).strip_suffix("/v1") {
            // The version that the current models are served under, where the address names none.
            Some(front) if !base.ends_with("/v1") => format!("{front}/v1beta"),
            _ => base.to_owned(),
        },
        // Its own protocol lies beside the compatible one.
        Api::Ollama => base.strip_suffix("/v1").unwrap_or(base).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_has_its_own_beginning_of_paths() {
        for (api, given, expected) in [
            (Api::OpenAiCompletions, "http://h:1", "http://h:1/v1"),
            (
                Api::AnthropicMessages,
                "https://a.example",
                "https://a.example/v1",
            ),
            (
                Api::AnthropicMessages,
                "https://a.example/v1/messages",
                "https://a.example/v1",
            ),
            (
                Api::OpenAiResponses,
                "https://o.example/v1/",
                "https://o.example/v1",
            ),
            (Api::Gemini, "https://g.example", "https://g.example/v1beta"),
            (Api::Gemini, "https://g.example/v1", "https://g.example/v1"),
            (
                Api::Gemini,
                "https://g.example/v1beta/",
                "https://g.example/v1beta",
            ),
            (Api::Ollama, "http://h:11434/v1", "http://h:11434"),
            (Api::Ollama, "http://h:11434/", "http://h:11434"),
        ] {
            assert_eq!(base(api, given), expected, "{api:?} {given}");
        }
    }
}
