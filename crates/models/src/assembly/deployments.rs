//! From what is said of a deployment to where it is called: what it leaves out comes from the provider of its name.

use std::{sync::Arc, time::Duration};

use super::server;
use crate::{
    discovery::{
        OLLAMA_ID,
        known::{KNOWN, Known},
    },
    http::Transport,
    options::{Api, DeploymentOptions, DiscoveryOptions, Options, ProviderOptions},
    prices,
    routing::{Deployment, Rules, Server, Settings},
    secret::Secret,
};

/// What deployments are made with.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub(super) providers: &'a [ProviderOptions],
    pub(super) discovery: &'a DiscoveryOptions,
    pub(super) settings: &'a Settings,
}

impl<'a> Surroundings<'a> {
    pub(super) const fn of(options: &'a Options, settings: &'a Settings) -> Self {
        Self {
            providers: options.providers.as_slice(),
            discovery: &options.discovery,
            settings,
        }
    }

    /// The deployment, and the server it is called at.
    ///
    /// # Errors
    /// Says what is missing, in words for the status.
    pub(super) fn deployment(
        &self,
        options: &DeploymentOptions,
    ) -> Result<(Deployment, ProviderOptions), String> {
        let called = self.called(options)?;
        let server = Server {
            name: Arc::from(format!("deployment {}", options.id)),
            is_exact: options.is_exact,
            ..server(&called)
        };
        let settings = self.settings.rules();
        let rules = Rules {
            cooldown: options
                .cooldown_ms
                .map(Duration::from_millis)
                .or(settings.cooldown),
            allowed_fails: options.allowed_fails.or(settings.allowed_fails),
            allowed_fails_policy: options
                .allowed_fails_policy
                .or(settings.allowed_fails_policy),
            ..settings
        };
        let model: Arc<str> = Arc::from(options.model.as_str());
        let built_in = || prices::of(&options.provider, &options.model);
        let deployment = Deployment {
            id: Arc::from(options.id.as_str()),
            group: Arc::from(options.group.as_str()),
            spot: server.spot(&model),
            title: Arc::clone(&model),
            model,
            rpm: options.rpm,
            tpm: options.tpm,
            price: options.price.or_else(built_in),
            context_window: options.context_window,
            max_output: options.max_output,
            input_kinds: options.input_kinds.clone(),
            calls_tools: options.calls_tools,
            only_embeds: options.only_embeds,
            description: Arc::from(options.description.as_str()),
            reasoning: options.reasoning,
            stream_deadlines: options.stream_deadlines,
            num_retries: options.num_retries,
            drop_params: options.drop_params,
            extra: options.extra.clone(),
            ..Deployment::of(Arc::new(server), options.deadlines, rules)
        };
        Ok((deployment, called))
    }

    /// How the deployment is called.
    fn called(&self, options: &DeploymentOptions) -> Result<ProviderOptions, String> {
        let mut providers = self.providers.iter();
        let configured = providers.find(|provider| provider.id == options.provider);
        let known = KNOWN.iter().find(|known| known.id == options.provider);
        let api = options
            .api
            .or_else(|| configured.map(|provider| provider.api))
            .unwrap_or(Api::OpenAiCompletions);
        let is_elsewhere = options.base_url.is_some();
        let inherited = configured.filter(|_| !is_elsewhere);
        let base_url = options
            .base_url
            .clone()
            .or_else(|| configured.map(|provider| provider.base_url.clone()))
            .or_else(|| self.usual_url(&options.provider, api, known));
        let base_url = base_url.ok_or_else(|| {
            format!(
                "names no `api_base`, and the address of `{}` is not known",
                options.provider
            )
        })?;
        // A key of the environment goes only where it belongs.
        let usual_key = || {
            let known = known.filter(|_| !is_elsewhere)?;
            let key = self.discovery.environment_keys.get(known.variable);
            key.cloned()
        };
        let inherited_key = || inherited.and_then(|provider| provider.key.clone());
        let key: Option<Secret> = options
            .key
            .clone()
            .or_else(inherited_key)
            .or_else(usual_key);
        let variable = options.key_variable.clone();
        let mut headers = inherited.map_or_else(Vec::new, |provider| provider.headers.clone());
        headers.extend(options.headers.iter().cloned());
        Ok(ProviderOptions {
            id: options.provider.clone(),
            base_url,
            api,
            key,
            key_variable: variable.or_else(|| known.map(|known| known.variable.to_owned())),
            headers,
            deadlines: options.deadlines,
            models: vec![crate::options::ModelOptions {
                reasoning: options.reasoning,
                ..crate::options::ModelOptions::named(&options.model)
            }],
            transport: inherited.map_or(Transport::Tcp, |provider| provider.transport.clone()),
            recordings: inherited.and_then(|provider| provider.recordings.clone()),
        })
    }

    /// Where a provider is, when nobody says.
    fn usual_url(&self, provider: &str, api: Api, known: Option<&Known>) -> Option<String> {
        if provider == OLLAMA_ID {
            return Some(self.discovery.ollama_url.clone());
        }
        let given = self.discovery.base_urls.get(provider);
        let native = match api {
            Api::Gemini => Some("https://generativelanguage.googleapis.com/v1beta"),
            Api::OpenAiCompletions
            | Api::AnthropicMessages
            | Api::OpenAiResponses
            | Api::Ollama => None,
        };
        given
            .map(String::as_str)
            .or(native)
            .or_else(|| known.map(|known| known.base_url))
            .map(str::to_owned)
    }
}
