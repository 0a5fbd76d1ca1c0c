//! One model at one server: what a candidate is, and all that is needed to call it.

use std::{sync::Arc, time::Duration};

use openclaw_types::Price;
use serde_json::{Map, Value};

use super::{Ask, PerKind, Settings, Spot};
use crate::{
    error::Kind,
    http::Transport,
    options::{Api, Deadlines, InputKind, ModelOptions, ProviderOptions},
    prices,
    secret::Secret,
};

/// Where calls go; shared by all models there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// No other server is called the same: a provider's id, or the id of the one deployment that it is for.
    pub name: Arc<str>,
    /// The provider's id.
    pub provider: Arc<str>,
    /// The protocol.
    pub api: Api,
    /// With or without a version segment; empty for a model that has no address, such as the local one.
    pub base_url: Arc<str>,
    /// Whether `base_url` is the whole address, to which nothing is added but what a client adds, and which only
    /// takes what is passed through.
    pub is_exact: bool,
    /// The provider's key.
    pub key: Option<Secret>,
    /// The variable to name when the server refuses the key.
    pub key_variable: Option<String>,
    /// Tells keys apart without showing them; empty without a key.
    pub fingerprint: Arc<str>,
    /// Sent with every request.
    pub headers: Vec<(String, Secret)>,
    /// How it is reached.
    pub transport: Transport,
}

impl Server {
    /// The server of a provider.
    #[must_use]
    pub fn of(provider: &ProviderOptions) -> Self {
        let id: Arc<str> = Arc::from(provider.id.as_str());
        Self {
            name: Arc::clone(&id),
            provider: id,
            api: provider.api,
            base_url: Arc::from(provider.base_url.as_str()),
            is_exact: false,
            key: provider.key.clone(),
            key_variable: provider.key_variable.clone(),
            fingerprint: provider
                .key
                .as_ref()
                .map_or_else(|| Arc::from(""), Secret::fingerprint),
            headers: provider.headers.clone(),
            transport: provider.transport.clone(),
        }
    }

    /// A server that is no server: what answers has no address.
    #[must_use]
    pub fn inner(id: &str) -> Self {
        let (id, nothing): (Arc<str>, Arc<str>) = (Arc::from(id), Arc::from(""));
        Self {
            name: Arc::clone(&id),
            provider: id,
            api: Api::OpenAiCompletions,
            base_url: Arc::clone(&nothing),
            is_exact: false,
            key: None,
            key_variable: None,
            fingerprint: nothing,
            headers: Vec::new(),
            transport: Transport::Tcp,
        }
    }

    /// What rests when a model of it fails.
    pub(crate) fn spot(&self, model: &Arc<str>) -> Spot {
        Spot::new(&self.provider, model, &self.base_url, &self.fingerprint)
    }
}

/// When a candidate rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    /// In place of the time that the kind of failure would have.
    pub cooldown: Option<Duration>,
    /// How many failures in a minute do not make it rest.
    pub allowed_fails: Option<u32>,
    /// The same for single kinds of failure.
    pub allowed_fails_policy: PerKind,
    /// Nothing rests but what asks for it with `Retry-After`.
    pub is_off: bool,
}

impl Rules {
    /// How many failures of this kind in a minute do not make it rest.
    pub(super) fn allowed(&self, kind: Kind) -> u32 {
        let policy = self.allowed_fails_policy.of(kind);
        policy.or(self.allowed_fails).unwrap_or(0)
    }
}

/// One model at one server.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Unique among those of the configuration.
    pub id: Arc<str>,
    /// The group it is in; `provider/model` for one that is in none.
    pub group: Arc<str>,
    /// Where it is.
    pub server: Arc<Server>,
    /// What the server calls it.
    pub model: Arc<str>,
    /// Its name for people.
    pub title: Arc<str>,
    /// More about it for people; may be empty.
    pub description: Arc<str>,
    /// What rests and is counted.
    pub spot: Spot,
    /// Requests in a minute; more are not sent.
    pub rpm: Option<u32>,
    /// Tokens in a minute; a call that would exceed them is not sent.
    pub tpm: Option<u32>,
    /// What it costs; `None` when unknown.
    pub price: Option<Price>,
    /// Tokens a request may hold; 0 when unknown.
    pub context_window: u32,
    /// Tokens an answer may hold; 0 when unknown.
    pub max_output: u32,
    /// What it reads.
    pub input_kinds: Vec<InputKind>,
    /// Whether it calls tools, where that is known.
    pub calls_tools: Option<bool>,
    /// Whether it only makes vectors; then it is asked for nothing else.
    pub only_embeds: bool,
    /// Whether it thinks aloud.
    pub reasoning: bool,
    /// Deadlines of an answer in one piece.
    pub deadlines: Deadlines,
    /// Deadlines of a stream.
    pub stream_deadlines: Deadlines,
    /// Repeats allowed in place of what the settings say.
    pub num_retries: Option<u32>,
    /// When it rests.
    pub rules: Rules,
    /// Whether request fields that its protocol does not know are left out.
    pub drop_params: bool,
    /// Fields for the request that does not have them itself.
    pub extra: Map<String, Value>,
}

impl Deployment {
    /// The provider's id.
    #[must_use]
    pub fn provider(&self) -> &Arc<str> {
        &self.server.provider
    }

    /// The deadlines of a call.
    #[must_use]
    pub const fn deadlines(&self, is_streaming: bool) -> Deadlines {
        if is_streaming {
            self.stream_deadlines
        } else {
            self.deadlines
        }
    }

    /// How far it is from what a request needs: 0 when nothing is known against it, otherwise more the smaller
    /// its window, and most where it can't read the request at all.
    pub(super) fn misfit(&self, ask: &Ask<'_>) -> u32 {
        let lacks_images = ask.needs.images && !self.input_kinds.contains(&InputKind::Image);
        let lacks_tools = ask.needs.tools && self.calls_tools == Some(false);
        if lacks_images || lacks_tools {
            return u32::MAX;
        }
        match self.context_window {
            0 => 0,
            window if u64::from(window) >= ask.tokens => 0,
            window => (u32::MAX - 1).saturating_sub(window),
        }
    }

    /// What is known of every model of a server.
    #[must_use]
    pub fn of(server: Arc<Server>, deadlines: Deadlines, rules: Rules) -> Self {
        let nothing: Arc<str> = Arc::from("");
        Self {
            id: Arc::clone(&nothing),
            group: Arc::clone(&nothing),
            spot: server.spot(&nothing),
            title: Arc::clone(&nothing),
            description: Arc::clone(&nothing),
            model: nothing,
            rpm: None,
            tpm: None,
            price: None,
            context_window: 0,
            max_output: 0,
            input_kinds: vec![InputKind::Text],
            calls_tools: None,
            only_embeds: false,
            reasoning: false,
            deadlines,
            stream_deadlines: deadlines,
            num_retries: None,
            rules,
            drop_params: false,
            extra: Map::new(),
            server,
        }
    }

    /// The same deployment for another model, as a wildcard makes it.
    pub(crate) fn of_model(&self, group: &Arc<str>, model: &str) -> Self {
        let model: Arc<str> = Arc::from(model);
        Self {
            group: Arc::clone(group),
            spot: self.server.spot(&model),
            price: self
                .price
                .or_else(|| prices::of(&self.server.provider, &model)),
            title: Arc::clone(&model),
            model,
            ..self.clone()
        }
    }

    /// The same deployment for a model of which more is known.
    pub(super) fn of_options(&self, model: &ModelOptions) -> Self {
        let name: Arc<str> = Arc::from(format!("{}/{}", self.server.provider, model.id));
        let known = self.of_model(&name, &model.id);
        Self {
            title: Arc::from(model.name.as_str()),
            price: model.price.or(known.price),
            context_window: model.context_window,
            max_output: model.max_output,
            input_kinds: model.input_kinds.clone(),
            reasoning: model.reasoning,
            id: name,
            ..known
        }
    }
}

impl Settings {
    /// When a deployment without rules of its own rests.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        Rules {
            cooldown: self.cooldown,
            allowed_fails: self.allowed_fails,
            allowed_fails_policy: self.allowed_fails_policy,
            is_off: self.disable_cooldowns,
        }
    }
}
