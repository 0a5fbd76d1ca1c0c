//! Puts options together into what the handle works with; nothing is sent.

use std::sync::Arc;

use openclaw_types::{Env, Price};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    catalog::Catalog,
    discovery::{
        self, Discovery, GroupsChoice, LITELLM_ID, LITELLM_VARIABLE, LocalChoice, OLLAMA_ID,
        known::{KNOWN, Known},
    },
    exchange::foreign::Foreign,
    http::{self, Http},
    local::{self, Local},
    openai::OpenAi,
    options::{
        Api, Deadlines, DiscoveryOptions, LocalOptions, ModelOptions, Options, ProviderOptions,
        Transport,
    },
    profile::Tier,
    provider::Provider,
    recording::Replay,
    routes::{Entry, Keyed, Routes},
    routing::{Builder, Deployment, Listing, Presence, Rules, Server, Table},
    search::Search,
    status::LookedAt,
};

mod deployments;

/// The model of a replay that names none.
const RECORDED: &str = "recorded";

use deployments::Surroundings;

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
    pub(crate) http: Http,
    pub(crate) search: Arc<Search>,
    pub(crate) local: Result<Local, String>,
}

impl Assembly {
    /// Makes the parts of [`Options`].
    pub(crate) fn new(mut options: Options, ground: &Ground) -> Self {
        let http = Http::new(http::Options {
            proxy: options.proxy.take(),
        });
        let catalog = Catalog::new(options.catalog.clone(), http.clone());
        let mut plans = Plans {
            http: &http,
            ground,
            rules: Rules::default(),
            routes: Routes::default(),
        };
        plans.groups(&mut options);
        let mut configured = Vec::new();
        for provider in std::mem::take(&mut options.providers) {
            let is_open = provider.models.is_empty() || provider.recordings.is_some();
            let provider = replayed(provider);
            if plans.provider(&provider, is_open, true) {
                configured.push(provider);
            }
        }
        if options.discovery.enabled {
            for provider in expected(&options.discovery) {
                plans.provider(&provider, false, false);
            }
            if let Some(keyed) = keyed_litellm(&options.discovery) {
                plans.keyed(&keyed);
            }
        }
        let rules = plans.rules;
        let mut routes = plans.routes;
        let groups = routes.table.has_groups().then(|| GroupsChoice {
            default: default_group(&routes.table),
        });
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
            Ok(local) => LocalChoice::Usable(add_local(&mut routes, local, deadlines, rules)),
            Err(why) => LocalChoice::Not(why.clone()),
        };
        let discovery = Discovery {
            http: http.clone(),
            configured,
            groups,
            options: options.discovery,
            local: choice,
        };
        for id in discovery.awaited() {
            routes.set_presence(id, Presence::Awaited);
        }
        Self {
            http,
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
        recordings: None,
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

/// The group used where nobody names one.
fn default_group(table: &Table) -> Option<String> {
    let names: Vec<ModelOptions> = table
        .groups()
        .map(|group| ModelOptions::named(&group.name))
        .collect();
    discovery::best(&["default"], &names)
}

/// Routes in the making.
struct Plans<'a> {
    http: &'a Http,
    ground: &'a Ground,
    rules: Rules,
    routes: Routes,
}

impl Plans<'_> {
    /// Begins with the groups and settings.
    fn groups(&mut self, options: &mut Options) {
        let mut settings = std::mem::take(&mut options.routing.settings);
        settings.aliases.append(&mut options.aliases);
        for (reference, mut list) in std::mem::take(&mut options.failover) {
            let stated = settings.fallbacks.entry(reference).or_default();
            stated.append(&mut list);
        }
        self.rules = settings.rules();
        let mut builder = Builder::new(settings.clone());
        let surroundings = Surroundings::of(options, &settings);
        for stated in &options.routing.deployments {
            let made = surroundings
                .deployment(stated)
                .and_then(|(deployment, called)| Ok((deployment, self.entry(&called)?)));
            match made {
                Ok((deployment, entry)) => {
                    let name = Arc::clone(&deployment.server.name);
                    self.routes.entries.insert(name, entry);
                    builder.deployment(deployment, stated.order, stated.weight);
                }
                Err(detail) => {
                    let name = format!("{} ({}/{})", stated.group, stated.provider, stated.model);
                    self.left_out(&name, detail);
                }
            }
        }
        for (agent, mapping) in std::mem::take(&mut options.routing.agents) {
            builder.mapping(&agent, mapping);
        }
        if let Some(default) = options.default_model.take() {
            builder.otherwise(default);
        }
        self.routes = self.routes.clone().with_builder(builder);
    }

    /// Adds a server; one that can't be called is noted instead, and the others work.
    fn provider(&mut self, provider: &ProviderOptions, is_open: bool, is_configured: bool) -> bool {
        match self.entry(provider) {
            Ok(entry) => {
                let server = Arc::new(server(provider));
                let price = provider.recordings.is_some().then_some(Price::FREE);
                let template = Deployment {
                    price,
                    ..Deployment::of(server, provider.deadlines, self.rules)
                };
                let listing = Listing {
                    is_open,
                    is_configured,
                    ..Listing::of(template)
                };
                self.routes.add(listing, &provider.models, entry);
                true
            }
            Err(detail) => {
                self.left_out(&provider.id, detail);
                false
            }
        }
    }

    fn keyed(&mut self, provider: &ProviderOptions) {
        if let Ok(entry) = self.entry(provider) {
            let server = Arc::new(Server::of(provider));
            let keyed = Keyed { server, entry };
            self.routes.keyed.insert(provider.id.clone(), keyed);
        }
    }

    fn entry(&self, provider: &ProviderOptions) -> Result<Entry, String> {
        if let Some(dir) = &provider.recordings {
            let replay = Replay::new(&provider.id, dir.clone());
            return Ok(Entry {
                provider: Arc::new(replay.clone()),
                tier: Tier::Full,
                replay: Some(replay),
            });
        }
        let (env, http) = (Arc::clone(&self.ground.env), self.http.clone());
        let provider: Arc<dyn Provider> = match provider.api {
            Api::OpenAiCompletions => {
                let made = OpenAi::new(provider, http, env);
                Arc::new(made.map_err(|error| error.full_text())?)
            }
            Api::AnthropicMessages | Api::OpenAiResponses | Api::Gemini | Api::Ollama => {
                let made = Foreign::new(provider, http, env);
                Arc::new(made.map_err(|error| error.full_text())?)
            }
        };
        Ok(Entry {
            provider,
            tier: Tier::Full,
            replay: None,
        })
    }

    fn left_out(&mut self, name: &str, detail: String) {
        tracing::warn!(name, %detail, "a model server is left out");
        self.routes.looked_at.push(LookedAt {
            name: name.to_owned(),
            is_usable: false,
            detail,
        });
    }
}

/// Where a provider is called; one that is replayed is nowhere.
fn server(provider: &ProviderOptions) -> Server {
    match provider.recordings {
        Some(_) => Server::inner(&provider.id),
        None => Server::of(provider),
    }
}

/// The provider with what is known of a replay: it has any model, and asks for nothing.
fn replayed(mut provider: ProviderOptions) -> ProviderOptions {
    if provider.recordings.is_some() {
        if provider.models.is_empty() {
            provider.models.push(ModelOptions::named(RECORDED));
        }
        for model in &mut provider.models {
            model.price = Some(Price::FREE);
        }
    }
    provider
}

fn add_local(routes: &mut Routes, local: &Local, deadlines: Deadlines, rules: Rules) -> String {
    let (model, tier) = local.model();
    let id = model.id.clone();
    let entry = Entry {
        provider: Arc::new(local.clone()),
        tier,
        replay: None,
    };
    let server = Arc::new(Server::inner(local::ID));
    let listing = Listing::of(Deployment::of(server, deadlines, rules));
    routes.add(listing, &[model], entry);
    id
}
