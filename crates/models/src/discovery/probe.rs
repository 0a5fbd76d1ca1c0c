//! Asks one server which models it has.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::{PROBE_DEADLINE, choice::talks};
use crate::{
    http::{
        Call, Error, HeaderMap, HeaderName, HeaderValue, Http, Method, StatusCode, Transport, Url,
        header,
    },
    limits::{MODEL_LIST_BYTES_MAX, MODELS_PER_PROVIDER_MAX},
    openai::versioned,
    options::{INSTANCE_HEADER, ModelOptions, ProviderOptions},
    secret::Secret,
};

/// What is read of an answer that is no list: enough for any server's words about a missing key.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

/// A server to ask.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) base_url: String,
    pub(super) key: Option<Secret>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) transport: Transport,
}

impl Probe {
    pub(super) fn of(provider: &ProviderOptions) -> Self {
        Self {
            base_url: versioned(&provider.base_url),
            key: provider.key.clone(),
            headers: provider.headers.clone(),
            transport: provider.transport.clone(),
        }
    }
}

/// Why a server did not say what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It did not answer in time.
    Slow,
    /// It can't be reached.
    Unreachable,
    /// It wants a key, or another one.
    Refused,
    /// It wants a key, and is not the server that the key is for.
    Stranger,
    /// It wants a key, and belongs to this user, who is neither we nor root.
    Foreign(u32),
    /// It answered, but not with a list; its status.
    Unlisted(u16),
    /// The address or the key can't be sent.
    Unusable,
    /// It is the router of this gateway.
    Ourselves,
}

impl Failure {
    /// What to tell a person; `variable` holds the key.
    pub(super) fn describe(&self, variable: Option<&str>) -> String {
        match (self, variable) {
            (Self::Slow, _) => "does not answer in time".to_owned(),
            (Self::Unreachable, _) => "can't be reached".to_owned(),
            (Self::Refused, Some(variable)) => format!("refuses the key; check {variable}"),
            (Self::Refused, None) => "refuses the key".to_owned(),
            (Self::Stranger, _) => {
                "wants a key and does not look like LiteLLM; to use it all the same, \
                 write it into `models.providers`"
                    .to_owned()
            }
            (Self::Foreign(uid), variable) => format!(
                "wants a key and belongs to another user ({uid}), so {} is not shown to it; to use it all the same, \
                 write it into `models.providers`",
                variable.unwrap_or("it")
            ),
            (Self::Unlisted(status), _) => format!("does not list its models (status {status})"),
            (Self::Unusable, _) => "has an address or a key that can't be sent".to_owned(),
            (Self::Ourselves, _) => "is this gateway's own router".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct List {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    name: Option<String>,
    context_length: Option<u32>,
    context_window: Option<u32>,
    max_model_len: Option<u32>,
    max_context_length: Option<u32>,
}

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    modified_at: String,
    #[serde(default)]
    details: TagDetails,
}

#[derive(Default, Deserialize)]
struct TagDetails {
    #[serde(default)]
    family: String,
}

/// The models of an OpenAI-compatible server, in its order; `ours` is what our own router calls itself.
pub(super) async fn list(
    http: &Http,
    probe: &Probe,
    ours: Option<&str>,
) -> Result<Vec<ModelOptions>, Failure> {
    let url = format!("{}/models", probe.base_url);
    let answer = fetch(http, &url, probe, PROBE_DEADLINE).await?;
    if ours.is_some_and(|ours| answer.instance.as_deref() == Some(ours)) {
        return Err(Failure::Ourselves);
    }
    let body = answer.whole()?;
    let list: List = serde_json::from_slice(&body).map_err(|_other| Failure::Unlisted(200))?;
    let models = list.data.into_iter().take(MODELS_PER_PROVIDER_MAX);
    Ok(models
        .map(|item| {
            let windows = [
                item.context_length,
                item.context_window,
                item.max_model_len,
                item.max_context_length,
            ];
            ModelOptions {
                name: item.name.unwrap_or_else(|| item.id.clone()),
                context_window: windows.into_iter().flatten().next().unwrap_or(0),
                ..ModelOptions::named(&item.id)
            }
        })
        .collect())
}

/// The models of an Ollama that can talk, the one changed last first.
pub(super) async fn ollama_tags(
    http: &Http,
    url: &str,
    deadline: Duration,
) -> Result<Vec<ModelOptions>, Failure> {
    let base = url.trim_end_matches('/');
    let base = base.strip_suffix("/v1").unwrap_or(base);
    let probe = Probe {
        base_url: base.to_owned(),
        key: None,
        headers: Vec::new(),
        transport: Transport::Tcp,
    };
    let body = get(http, &format!("{base}/api/tags"), &probe, deadline).await?;
    let tags: Tags = serde_json::from_slice(&body).map_err(|_other| Failure::Unlisted(200))?;
    let mut tags = tags.models;
    tags.retain(|tag| talks(&tag.name) && !tag.details.family.contains("bert"));
    // Its times are RFC 3339 with one zone, so that the text sorts as the time does.
    tags.sort_by(|a, b| b.modified_at.cmp(&a.modified_at).then(a.name.cmp(&b.name)));
    let names = tags.iter().take(MODELS_PER_PROVIDER_MAX);
    Ok(names.map(|tag| ModelOptions::named(&tag.name)).collect())
}

/// Whether a LiteLLM answers there, by what it says to those who show no key.
pub(super) async fn is_litellm(http: &Http, probe: &Probe, deadline: Duration) -> bool {
    let base = probe.base_url.as_str();
    let root = base.strip_suffix("/v1").unwrap_or(base);
    let alive = fetch(http, &format!("{root}/health/liveliness"), probe, deadline).await;
    if alive.is_ok_and(|alive| alive.status.is_success() && holds(&alive.body, "I'm alive!")) {
        return true;
    }
    let refusal = fetch(http, &format!("{base}/models"), probe, deadline).await;
    refusal.is_ok_and(|refusal| {
        refusal.status.as_u16() == 401 && holds(&refusal.body, "\"auth_error\"")
    })
}

fn holds(body: &[u8], words: &str) -> bool {
    String::from_utf8_lossy(body).contains(words)
}

async fn get(http: &Http, url: &str, probe: &Probe, deadline: Duration) -> Result<Bytes, Failure> {
    fetch(http, url, probe, deadline).await?.whole()
}

/// What a server said.
struct Answer {
    status: StatusCode,
    /// Of an error the beginning.
    body: Bytes,
    /// Which router of ours it is, if it is one.
    instance: Option<String>,
}

impl Answer {
    fn whole(self) -> Result<Bytes, Failure> {
        match self.status.as_u16() {
            _ if self.status.is_success() => Ok(self.body),
            401 | 403 => Err(Failure::Refused),
            status => Err(Failure::Unlisted(status)),
        }
    }
}

async fn fetch(
    http: &Http,
    url: &str,
    probe: &Probe,
    deadline: Duration,
) -> Result<Answer, Failure> {
    let call = Call {
        method: Method::GET,
        url: Url::parse(url).map_err(|_other| Failure::Unusable)?,
        headers: headers(probe).ok_or(Failure::Unusable)?,
        body: Bytes::new(),
        transport: probe.transport.clone(),
        connect: deadline,
    };
    let answer = async {
        let response = http.send(call).await?;
        let status = response.status;
        let instance = response.headers.get(INSTANCE_HEADER);
        let instance = instance.and_then(|value| value.to_str().ok());
        Ok(Answer {
            status,
            instance: instance.map(str::to_owned),
            body: if status.is_success() {
                response.body.to_end(MODEL_LIST_BYTES_MAX).await?
            } else {
                response.body.beginning(REFUSAL_BYTES_MAX).await
            },
        })
    };
    match tokio::time::timeout(deadline, answer).await {
        Err(_) | Ok(Err(Error::ConnectDeadline { .. })) => Err(Failure::Slow),
        Ok(Err(_)) => Err(Failure::Unreachable),
        Ok(Ok(answer)) => Ok(answer),
    }
}

fn headers(probe: &Probe) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(key) = &probe.key {
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose().trim())).ok()?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    for (name, value) in &probe.headers {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        let mut value = HeaderValue::try_from(value.expose()).ok()?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Some(headers)
}
