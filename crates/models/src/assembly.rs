//! Puts options together into what the handle works with; nothing is sent.

use std::sync::Arc;

use openclaw_types::Env;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    catalog::Catalog,
    discovery::{
        Discovery, LITELLM_ID, LITELLM_VARIABLE, LocalChoice, OLLAMA_ID,
        known::{KNOWN, Known},
    },
    error::Error,
    http::{self, Http},
    local::{self, Local},
    openai::OpenAi,
    options::{Api, DiscoveryOptions, LocalOptions, Options, ProviderOptions, Transport},
    profile::Tier,
    routes::{Entry, Routes},
    search::Search,
    secret::Secret,
    status::LookedAt,
};

/// What every part is made with.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) env: Arc<dyn Env>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// The parts.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) search: Arc<Search>,
    pub(crate) local: Result<Local, String>,
}

impl Assembly {
    /// Makes the parts of [`Options`].
    pub(crate) fn new(options: Options, ground: &Ground) -> Self {
        let http = Http::new(http::Options {
            proxy: options.proxy,
        });
        let catalog = Catalog::new(options.catalog, http.clone());
        let mut routes = Routes::default();
        routes.table.aliases = options.aliases;
        routes.table.failover = options.failover;
        routes.table.defaults = options.default_model.into_iter().collect();
        let mut configured = Vec::new();
        for provider in options.providers {
            let is_open = provider.models.is_empty();
            if routes.add_provider(&provider, is_open, &http, ground) {
                configured.push(provider);
            }
        }
        if options.discovery.enabled {
            for provider in expected(&options.discovery) {
                routes.add_provider(&provider, false, &http, ground);
            }
            if let Some(keyed) = keyed_litellm(&options.discovery)
                && let Ok(entry) = entry(&keyed, &http, ground)
            {
                routes.keyed.insert(keyed.id, entry);
            }
        }
        let deadlines = options.discovery.deadlines;
        let parts = |catalog: &Catalog| local::Parts {
            catalog: catalog.clone(),
            http: http.clone(),
            env: Arc::clone(&ground.env),
            deadlines,
            tasks: ground.tasks.clone(),
            stop: ground.stop.clone(),
        };
        let local = options
            .local
            .ok_or_else(|| "it is switched off".to_owned())
            .and_then(|options: LocalOptions| Local::new(options, parts(&catalog)));
        let choice = match &local {
            Ok(local) => LocalChoice::Usable(add_local(&mut routes, local)),
            Err(why) => LocalChoice::Not(why.clone()),
        };
        let discovery = Discovery {
            http,
            configured,
            options: options.discovery,
            local: choice,
        };
        Self {
            search: Arc::new(Search::new(discovery, routes)),
            local,
        }
    }
}

/// What discovery may find, so that it can be named before it is found.
fn expected(options: &DiscoveryOptions) -> Vec<ProviderOptions> {
    let plain = |id: &str, base_url: &str| plain(options, id, base_url);
    let keyed = |known: &Known| {
        let key = options.environment_keys.get(known.variable)?;
        let given = options.base_urls.get(known.id);
        Some(ProviderOptions {
            key: Some(key.clone()),
            key_variable: Some(known.variable.to_owned()),
            ..plain(known.id, given.map_or(known.base_url, String::as_str))
        })
    };
    let litellm = ProviderOptions {
        key_variable: Some(LITELLM_VARIABLE.to_owned()),
        ..plain(LITELLM_ID, &options.litellm_url)
    };
    let ollama = plain(OLLAMA_ID, &options.ollama_url);
    let found = KNOWN.iter().filter_map(keyed);
    found.chain([litellm, ollama]).collect()
}

fn plain(options: &DiscoveryOptions, id: &str, base_url: &str) -> ProviderOptions {
    ProviderOptions {
        id: id.to_owned(),
        base_url: base_url.to_owned(),
        api: Api::OpenAiCompletions,
        key: None,
        key_variable: None,
        headers: Vec::new(),
        deadlines: options.deadlines,
        models: Vec::new(),
        transport: Transport::Tcp,
    }
}

/// LiteLLM with its key, for when it turns out that it wants it.
fn keyed_litellm(options: &DiscoveryOptions) -> Option<ProviderOptions> {
    let key = options.litellm_key.clone()?;
    Some(ProviderOptions {
        key: Some(key),
        key_variable: Some(LITELLM_VARIABLE.to_owned()),
        ..plain(options, LITELLM_ID, &options.litellm_url)
    })
}

fn entry(provider: &ProviderOptions, http: &Http, ground: &Ground) -> Result<Entry, Error> {
    let openai = OpenAi::new(provider, http.clone(), Arc::clone(&ground.env))?;
    let key = provider.key.as_ref();
    Ok(Entry {
        provider: Arc::new(openai),
        key: key.map_or_else(|| Arc::from(""), Secret::fingerprint),
        models: provider.models.clone(),
        tier: Tier::Full,
    })
}

impl Routes {
    /// Adds a server; one that can't be called is noted instead, and the others work.
    fn add_provider(
        &mut self,
        provider: &ProviderOptions,
        is_open: bool,
        http: &Http,
        ground: &Ground,
    ) -> bool {
        let entry = match provider.api {
            Api::OpenAiCompletions => {
                entry(provider, http, ground).map_err(|error| error.full_text())
            }
            api => Err(format!("the protocol {} is not spoken", api.as_str())),
        };
        match entry {
            Ok(entry) => {
                self.add(&provider.id, entry, is_open);
                true
            }
            Err(detail) => {
                tracing::warn!(provider = provider.id, %detail, "a provider is left out");
                self.looked_at.push(LookedAt {
                    name: provider.id.clone(),
                    is_usable: false,
                    detail,
                });
                false
            }
        }
    }
}

fn add_local(routes: &mut Routes, local: &Local) -> String {
    let (model, tier) = local.model();
    let id = model.id.clone();
    let entry = Entry {
        provider: Arc::new(local.clone()),
        key: Arc::from(""),
        models: vec![model],
        tier,
    };
    routes.add(local::ID, entry, false);
    id
}
