//! The handle: agents ask here, and never learn how many candidates were tried.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use futures_util::{StreamExt, TryFutureExt};
use openclaw_types::{AgentId, Env, Message};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    error::Error,
    failover::{Candidate, Failover},
    health::{Health, Order},
    http::{self, Http},
    openai::OpenAi,
    options::{AgentModel, ModelOptions, Options},
    profile::{Profile, Tier, TokenCount},
    provider::{ChunkStream, Provider, Request},
    router::{self, AGENT_PREFIX, Target, Wanted},
    routes::{Entry, Routes},
    scripted::ScriptedProvider,
    secret::Secret,
    status::{Cooldown, Listed, LocalState, ModelsStatus},
};

/// How long a call waits until it is known where answers come from: the probes' own deadline and a little.
const SETTLED_WAIT: Duration = Duration::from_secs(3);
/// The window of a scripted model, in tokens.
const SCRIPTED_WINDOW: u32 = 32_768;

/// Every model there is, behind one handle. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    env: Arc<dyn Env>,
    agent_models: BTreeMap<AgentId, AgentModel>,
    routes: RwLock<Arc<Routes>>,
    settled: watch::Receiver<bool>,
    health: Arc<Mutex<Health>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Models {
    /// Prepares everything and waits for nothing; what has to be found out is found out behind the caller's back.
    ///
    /// # Errors
    /// When a configured provider's address or key can't be used.
    pub fn start(
        options: Options,
        env: Arc<dyn Env>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        let http = Http::new(http::Options {
            proxy: options.proxy,
        });
        let mut routes = Routes::default();
        for provider in &options.providers {
            let entry = Entry {
                provider: Arc::new(OpenAi::new(provider, http.clone(), Arc::clone(&env))?),
                key: provider
                    .key
                    .as_ref()
                    .map_or_else(|| Arc::from(""), Secret::fingerprint),
                models: provider.models.clone(),
                tier: Tier::Full,
            };
            routes.add(&provider.id, entry, provider.models.is_empty());
        }
        routes.table.aliases = options.aliases;
        routes.table.failover = options.failover;
        routes.table.defaults = options.default_model.into_iter().collect();
        let (_settled, receiver) = watch::channel(true);
        Ok(Self::of(routes, env, options.agent_models, receiver, stop))
    }

    /// Every agent gets this provider, whatever its reference says. For tests.
    #[must_use]
    pub fn scripted(provider: ScriptedProvider, env: Arc<dyn Env>) -> Self {
        let mut routes = Routes::default();
        let model = ModelOptions {
            context_window: SCRIPTED_WINDOW,
            max_output: SCRIPTED_WINDOW / 4,
            ..ModelOptions::named("scripted")
        };
        let entry = Entry {
            provider: Arc::new(provider),
            key: Arc::from(""),
            models: vec![model],
            tier: Tier::Full,
        };
        routes.add("scripted", entry, false);
        routes.table.defaults = vec!["scripted/scripted".to_owned()];
        let (_settled, receiver) = watch::channel(true);
        let stop = CancellationToken::new();
        Self::of(routes, env, BTreeMap::new(), receiver, stop)
    }

    fn of(
        routes: Routes,
        env: Arc<dyn Env>,
        agent_models: BTreeMap<AgentId, AgentModel>,
        settled: watch::Receiver<bool>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                env,
                agent_models,
                routes: RwLock::new(Arc::new(routes)),
                settled,
                health: Arc::default(),
                tasks: TaskTracker::new(),
                stop,
            }),
        }
    }

    /// Starts one model call; an empty `request.model` means the agent's own reference. Dropping the stream cancels it.
    #[must_use]
    pub fn stream(&self, agent: &AgentId, request: Request) -> ChunkStream {
        let (models, agent) = (self.clone(), agent.clone());
        async move { models.open(&agent, request).await }
            .try_flatten_stream()
            .boxed()
    }

    async fn open(self, agent: &AgentId, request: Request) -> Result<ChunkStream, Error> {
        let shared = self.shared;
        if shared.stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let (routes, targets) = shared.plan(agent, &request.model).await?;
        let spots = targets.into_iter().map(|target| routes.spot(target));
        let order = shared.health().order(spots.collect(), shared.env.now());
        let spots = match order {
            Order::Try(spots) => spots,
            Order::Wait(retry_after) => {
                return Err(Error::Resting {
                    reference: shared.wanted(agent, &request.model).reference,
                    retry_after,
                });
            }
        };
        let candidates = spots
            .into_iter()
            .filter_map(|spot| {
                let entry = routes.entries.get(&spot.target.provider)?;
                Some(Candidate {
                    provider: Arc::clone(&entry.provider),
                    spot,
                })
            })
            .collect();
        let health = Arc::clone(&shared.health);
        let failover = Failover::new(candidates, health, Arc::clone(&shared.env));
        Ok(failover.stream(request))
    }

    /// What is known of the model that would answer this agent now.
    ///
    /// # Errors
    /// When no model would.
    pub async fn profile(&self, agent: &AgentId) -> Result<Profile, Error> {
        let (routes, targets) = self.shared.plan(agent, "").await?;
        // A plan is never empty.
        let target = targets.into_iter().next().ok_or(Error::Cancelled)?;
        Ok(routes.profile(&target))
    }

    /// How long messages are for the model that would answer this agent now.
    pub async fn count_tokens(&self, agent: &AgentId, messages: &[Message]) -> TokenCount {
        match self.profile(agent).await {
            Ok(_) | Err(_) => TokenCount::estimate(messages),
        }
    }

    /// Where answers come from and why.
    #[must_use]
    pub fn status(&self) -> ModelsStatus {
        let routes = self.shared.routes();
        let now = self.shared.env.now();
        let listed = |(provider, entry): (&String, &Entry)| {
            let provider = provider.clone();
            let models = entry.models.clone();
            models.into_iter().map(move |model| Listed {
                provider: provider.clone(),
                model: model.id,
                name: model.name,
                context_window: model.context_window,
                reasoning: model.reasoning,
            })
        };
        ModelsStatus {
            source: routes.source.clone(),
            is_settled: *self.shared.settled.borrow(),
            looked_at: routes.looked_at.clone(),
            models: routes.entries.iter().flat_map(listed).collect(),
            cooldowns: self
                .shared
                .health()
                .resting(now)
                .map(|(spot, resting)| Cooldown {
                    reference: spot.target.to_string(),
                    until: resting.until,
                    reason: resting.kind.as_str(),
                })
                .collect(),
            local: LocalState::Idle,
        }
    }

    /// Refuses new calls, ends what runs beside them, and waits for it.
    pub async fn shutdown(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

/// A reference with its fallbacks, owned.
struct Asked {
    reference: String,
    fallbacks: Vec<String>,
    is_stated: bool,
}

impl Shared {
    fn routes(&self) -> Arc<Routes> {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&routes)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wanted(&self, agent: &AgentId, reference: &str) -> Asked {
        if !reference.is_empty() {
            return Asked {
                reference: reference.to_owned(),
                fallbacks: Vec::new(),
                is_stated: true,
            };
        }
        match self.agent_models.get(agent) {
            Some(model) => Asked {
                reference: model.reference.clone(),
                fallbacks: model.fallbacks.clone(),
                is_stated: model.is_stated,
            },
            None => Asked {
                reference: format!("{AGENT_PREFIX}{agent}"),
                fallbacks: Vec::new(),
                is_stated: false,
            },
        }
    }

    /// The candidates for a reference; waits for what is still being found out only when there is none so far.
    async fn plan(
        &self,
        agent: &AgentId,
        reference: &str,
    ) -> Result<(Arc<Routes>, Vec<Target>), Error> {
        let asked = self.wanted(agent, reference);
        let plan = |routes: &Routes| {
            let wanted = Wanted {
                reference: &asked.reference,
                fallbacks: &asked.fallbacks,
                is_stated: asked.is_stated,
            };
            router::plan(&routes.table, &wanted)
        };
        let mut routes = self.routes();
        let mut targets = plan(&routes);
        if targets.is_err() && !*self.settled.borrow() {
            let mut settled = self.settled.clone();
            let known = settled.wait_for(|settled| *settled);
            // Whatever has been found by then has to do.
            tokio::time::timeout(SETTLED_WAIT, known).await.ok();
            routes = self.routes();
            targets = plan(&routes);
        }
        match targets {
            Ok(targets) => Ok((routes, targets)),
            Err(why) => Err(Error::NoModel {
                why: routes.explain(why),
                reference: asked.reference,
            }),
        }
    }
}
