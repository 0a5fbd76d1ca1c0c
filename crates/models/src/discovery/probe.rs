//! Asks one server which models it has.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use super::{OLLAMA_OUTPUT, OLLAMA_WINDOW, PROBE_DEADLINE, choice::talks};
use crate::{
    exchange::line,
    http::{Call, Error, Http, Method, StatusCode, Transport, Url},
    limits::{MODEL_LIST_BYTES_MAX, MODELS_PER_PROVIDER_MAX},
    options::{Api, INSTANCE_HEADER, ModelOptions, ProviderOptions},
    secret::Secret,
};

/// What is read of an answer that is no list: enough for any server's words about a missing key.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;

/// A server to ask.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) api: Api,
    pub(super) base_url: String,
    pub(super) key: Option<Secret>,
    pub(super) headers: Vec<(String, Secret)>,
    pub(super) transport: Transport,
}

impl Probe {
    pub(super) fn of(provider: &ProviderOptions) -> Self {
        Self {
            api: provider.api,
            base_url: line::base(provider.api, &provider.base_url),
            key: provider.key.clone(),
            headers: provider.headers.clone(),
            transport: provider.transport.clone(),
        }
    }

    /// An address that says all, of a server that speaks like most.
    pub(super) const fn at(base_url: String, key: Option<Secret>) -> Self {
        Self {
            api: Api::OpenAiCompletions,
            base_url,
            key,
            headers: Vec::new(),
            transport: Transport::Tcp,
        }
    }

    /// Where it lists its models.
    fn list_url(&self) -> String {
        let path = match self.api {
            Api::OpenAiCompletions | Api::OpenAiResponses => "models",
            Api::AnthropicMessages => "models?limit=1000",
            Api::Gemini => "models?pageSize=1000",
            Api::Ollama => "api/tags",
        };
        format!("{}/{path}", self.base_url)
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
    #[serde(alias = "display_name")]
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

#[derive(Deserialize)]
struct GeminiList {
    #[serde(default)]
    models: Vec<GeminiModel>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GeminiModel {
    name: String,
    display_name: Option<String>,
    #[serde(default)]
    input_token_limit: u32,
    #[serde(default)]
    output_token_limit: u32,
    #[serde(default)]
    supported_generation_methods: Vec<String>,
}

/// The models of a server, in its order but for Ollama's; `ours` is what our own router calls itself.
pub(super) async fn list(
    http: &Http,
    probe: &Probe,
    ours: Option<&str>,
) -> Result<Vec<ModelOptions>, Failure> {
    let answer = fetch(http, &probe.list_url(), probe, PROBE_DEADLINE).await?;
    if ours.is_some_and(|ours| answer.instance.as_deref() == Some(ours)) {
        return Err(Failure::Ourselves);
    }
    let body = answer.whole()?;
    let models = match probe.api {
        Api::OpenAiCompletions | Api::OpenAiResponses | Api::AnthropicMessages => items(&body),
        Api::Gemini => gemini(&body),
        Api::Ollama => tags(&body),
    };
    models.map_err(|_other| Failure::Unlisted(200))
}

fn items(body: &[u8]) -> Result<Vec<ModelOptions>, serde_json::Error> {
    let list: List = serde_json::from_slice(body)?;
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

/// What generates content; the rest embeds, or counts.
fn gemini(body: &[u8]) -> Result<Vec<ModelOptions>, serde_json::Error> {
    let list: GeminiList = serde_json::from_slice(body)?;
    let talks = |model: &GeminiModel| {
        let mut methods = model.supported_generation_methods.iter();
        methods.any(|method| method == "generateContent")
    };
    let models = list.models.into_iter().filter(talks);
    Ok(models
        .take(MODELS_PER_PROVIDER_MAX)
        .map(|model| {
            let id = model.name.strip_prefix("models/").unwrap_or(&model.name);
            ModelOptions {
                name: model.display_name.unwrap_or_else(|| id.to_owned()),
                context_window: model.input_token_limit,
                max_output: model.output_token_limit,
                ..ModelOptions::named(id)
            }
        })
        .collect())
}

/// What can talk, the one changed last first.
fn tags(body: &[u8]) -> Result<Vec<ModelOptions>, serde_json::Error> {
    let tags: Tags = serde_json::from_slice(body)?;
    let mut tags = tags.models;
    tags.retain(|tag| talks(&tag.name) && !tag.details.family.contains("bert"));
    // Its times are RFC 3339 with one zone, so that the text sorts as the time does.
    tags.sort_by(|a, b| b.modified_at.cmp(&a.modified_at).then(a.name.cmp(&b.name)));
    let names = tags.iter().take(MODELS_PER_PROVIDER_MAX);
    Ok(names
        .map(|tag| ModelOptions {
            context_window: OLLAMA_WINDOW,
            max_output: OLLAMA_OUTPUT,
            ..ModelOptions::named(&tag.name)
        })
        .collect())
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
        headers: line::headers(probe.api, probe.key.as_ref(), &probe.headers)
            .map_err(|_other| Failure::Unusable)?,
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
