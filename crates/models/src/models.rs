//! The handle: agents ask here, and never learn how many candidates were tried.

use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, TryFutureExt, TryStreamExt};
use openclaw_accounts::Caller;
use openclaw_types::{AgentId, Env, Message};
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    assembly::{Assembly, Ground},
    cache::{self, Cache},
    dialect::Front,
    error::Error,
    exchange::{self, Failure, bill::Bill, desk::Desk, flight::lock, weight::Weight},
    failover::Failover,
    http::{self, Http},
    local::{self, Local},
    options::{AgentModel, Deadlines, ModelOptions, Options},
    profile::{Profile, Tier, TokenCount},
    provider::{ChunkStream, Request},
    recording::{self, Mask, Recorder, Tape},
    routes::{Entry, Routes},
    routing::{
        self, AGENT_PREFIX, Ask, Deployment, Health, Listing, Plan, Rules, Server, Unserved,
        verdict,
    },
    scripted::ScriptedProvider,
    search::Search,
    status::{Cooldown, LocalState, ModelsStatus},
};

mod inventory;

pub use self::inventory::{DeploymentState, GroupState, Inventory};

/// How long a call waits until it is known where answers come from: the probes' own deadline and a little.
const SETTLED_WAIT: Duration = Duration::from_secs(3);
/// The window of a scripted model, in tokens.
const SCRIPTED_WINDOW: u32 = 32_768;

/// The cache as it was asked for; one that can't be had is left out, which the log tells.
fn cache(options: Option<cache::Options>, env: &Arc<dyn Env>) -> Option<Cache> {
    match Cache::new(&options?, Arc::clone(env)) {
        Ok(cache) => Some(cache),
        Err(error) => {
            tracing::warn!(%error, "answers are not kept");
            None
        }
    }
}

/// What takes down requests, with its owner at work.
fn recorder(options: recording::Options, mask: Mask, ground: &Ground) -> Recorder {
    let (recorder, waiting) = Recorder::new(&options, Arc::clone(&ground.env));
    let (tally, stop) = (recorder.tally(), ground.stop.clone());
    let keeping = recording::keep(waiting, options, mask, tally, stop);
    ground.tasks.spawn(keeping);
    recorder
}

/// Every model there is, behind one handle. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Models {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ground: Ground,
    agent_models: BTreeMap<AgentId, AgentModel>,
    search: Arc<Search>,
    local: Result<Local, String>,
    desk: Desk,
}

impl Models {
    /// Prepares everything and waits for nothing; what has to be found out is found out behind the caller's back.
    ///
    /// A provider whose address or key can't be used is left out, which the status tells.
    ///
    /// # Errors
    /// When there is no async runtime to find things out in.
    pub fn start(
        mut options: Options,
        env: Arc<dyn Env>,
        stop: CancellationToken,
    ) -> Result<Self, Error> {
        Handle::try_current().map_err(|source| Error::NoRuntime { source })?;
        let agent_models = std::mem::take(&mut options.agent_models);
        let accounts = options.accounts.take();
        let options_cache = options.cache.take();
        let record = options
            .record
            .take()
            .map(|record| (Mask::of(&options, &record), record));
        let ground = Ground {
            env,
            tasks: TaskTracker::new(),
            stop,
        };
        let assembly = Assembly::new(options, &ground);
        let looking = Arc::clone(&assembly.search).keep_up(ground.stop.clone());
        ground.tasks.spawn(looking);
        let cache = cache(options_cache, &ground.env);
        let desk = Desk {
            recorder: record.map(|(mask, record)| recorder(record, mask, &ground)),
            ..Desk::new(assembly.http, accounts, cache, Arc::clone(&ground.env))
        };
        Ok(Self {
            shared: Arc::new(Shared {
                ground,
                agent_models,
                search: assembly.search,
                local: assembly.local,
                desk,
            }),
        })
    }

    /// Every agent gets this provider, whatever its reference says. For tests.
    #[must_use]
    pub fn scripted(provider: ScriptedProvider, env: Arc<dyn Env>) -> Self {
        let model = ModelOptions {
            context_window: SCRIPTED_WINDOW,
            max_output: SCRIPTED_WINDOW / 4,
            ..ModelOptions::named("scripted")
        };
        let entry = Entry {
            provider: Arc::new(provider),
            tier: Tier::Full,
            replay: None,
        };
        let server = Server::inner("scripted");
        // Nobody waits for a script longer than its writer wants.
        let deadlines = Deadlines {
            connect_ms: u64::MAX,
            first_byte_ms: u64::MAX,
            idle_ms: u64::MAX,
            total_ms: u64::MAX,
        };
        let template = Deployment::of(Arc::new(server), deadlines, Rules::default());
        let mut routes = Routes::default();
        routes.add(Listing::of(template), &[model], entry);
        routes.otherwise("scripted/scripted".to_owned());
        let http = Http::new(http::Options::default());
        Self {
            shared: Arc::new(Shared {
                desk: Desk::new(http, None, None, Arc::clone(&env)),
                ground: Ground {
                    env,
                    tasks: TaskTracker::new(),
                    stop: CancellationToken::new(),
                },
                agent_models: BTreeMap::new(),
                search: Arc::new(Search::fixed(routes)),
                local: Err("a script answers".to_owned()),
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
        if shared.ground.stop.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let needs = Ask {
            needs: routing::Needs {
                images: false,
                tools: !request.tools.is_empty(),
                streaming: true,
                vectors: false,
            },
            tokens: TokenCount::estimate(&request.messages).tokens,
            ..Ask::default()
        };
        let wanted = shared.wanted(agent, &request.model);
        let (routes, mut plan) = shared.plan(&wanted, &needs).await?;
        let weight = Weight {
            input_tokens: needs.tokens,
            output_limit: request.max_output_tokens.map(u64::from),
            needs: needs.needs,
            shows_usage: true,
        };
        let asked = exchange::Ask {
            agent: Some(agent.clone()),
            is_streaming: true,
            ..exchange::Ask::new(
                Caller::Agent(agent.clone()),
                Front::Chat,
                &wanted.reference,
                Bytes::new(),
            )
        };
        let bill = Bill::admit(shared.desk.accounts.as_ref(), &asked, &weight, &plan)?;
        if bill.is_budgeted() {
            // The accounts have seen to it that one is left.
            plan.keep_priced();
        }
        let recorder = shared.desk.recorder.as_ref();
        let tape = recorder.map_or_else(Tape::default, |recorder| {
            recorder.of_agent(agent, &wanted.reference, &request)
        });
        let failover = Failover {
            tape: tape.clone(),
            bill,
            turn: shared.desk.turn(plan, &wanted.reference, None),
            routes,
        };
        let search = Arc::clone(&shared.search);
        let answer = failover.stream(request);
        Ok(answer
            .inspect(move |chunk| tape.chunk(chunk))
            .inspect_err(move |error| {
                if verdict(error.kind()).moves_on {
                    search.doubt();
                }
            })
            .boxed())
    }

    /// One request of a client, in the client's words, by the same routes and with the same care as an agent's.
    /// Dropping the answer cancels it.
    ///
    /// # Errors
    /// When the caller may not ask this, or no candidate answers.
    pub async fn exchange(&self, ask: exchange::Ask) -> Result<exchange::Answer, Failure> {
        let shared = &self.shared;
        if shared.ground.stop.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let weight = Weight::of(ask.front, &ask.body, ask.is_streaming);
        let controls = &ask.controls;
        let needs = Ask {
            replaces_fallbacks: !controls.fallbacks.is_empty(),
            disable_fallbacks: controls.disable_fallbacks,
            num_retries: controls.num_retries,
            needs: weight.needs,
            tokens: weight.input_tokens + weight.output_limit.unwrap_or(0),
            ..Ask::default()
        };
        let (routes, plan) = shared.plan(&shared.named(&ask), &needs).await?;
        let answer = shared.desk.exchange(&ask, &weight, plan, &routes).await;
        if let Err(Failure::Upstream(upstream)) = &answer
            && verdict(upstream.kind).moves_on
        {
            shared.search.doubt();
        }
        answer
    }

    /// What is known of the model that would answer this agent now; `reference` as in a request, empty for its own.
    ///
    /// # Errors
    /// When no model would.
    pub async fn profile(&self, agent: &AgentId, reference: &str) -> Result<Profile, Error> {
        let wanted = self.shared.wanted(agent, reference);
        let (routes, plan) = self.shared.plan(&wanted, &Ask::default()).await?;
        // A plan is never empty.
        let first = plan.deployments().next().ok_or(Error::Cancelled)?;
        let mut profile = routes.profile(first);
        if let Some(local) = self.shared.local_of(&profile) {
            profile.can_count = true;
            // Once it runs it knows its window better.
            profile.context_window = local.model().0.context_window;
        }
        Ok(profile)
    }

    /// Which model would answer this agent now, as far as that is known; waits for nothing. `reference` as in
    /// [`Self::profile`].
    #[must_use]
    pub fn answering(&self, agent: &AgentId, reference: &str) -> Option<String> {
        let shared = &self.shared;
        let routes = shared.search.routes();
        let asked = shared.wanted(agent, reference);
        let plan = shared.line_up(&asked, &routes, &Ask::default()).ok()?;
        if plan.is_guess() && !*shared.search.settled().borrow() {
            return None;
        }
        let first = plan.deployments().next()?;
        Some(first.spot.to_string())
    }

    /// Which deployments would be asked for this agent now, one after the other; waits for nothing. `reference` as
    /// in [`Self::profile`].
    #[must_use]
    pub fn chain(&self, agent: &AgentId, reference: &str) -> Vec<Arc<Deployment>> {
        let shared = &self.shared;
        let routes = shared.search.routes();
        let asked = shared.wanted(agent, reference);
        let plan = shared.line_up(&asked, &routes, &Ask::default());
        plan.iter().flat_map(Plan::deployments).cloned().collect()
    }

    /// How the cache of answers is, where there is one.
    #[must_use]
    pub fn cache_state(&self) -> Option<cache::State> {
        self.shared.desk.cache.as_ref().map(Cache::state)
    }

    /// The reference that an agent's own calls go by, and whether somebody asked for that model.
    #[must_use]
    pub fn reference(&self, agent: &AgentId) -> (String, bool) {
        let asked = self.shared.wanted(agent, "");
        (asked.reference, asked.is_stated)
    }

    /// How long messages are for the model that would answer this agent now; `reference` as in [`Self::profile`].
    pub async fn count_tokens(
        &self,
        agent: &AgentId,
        reference: &str,
        messages: &[Message],
    ) -> TokenCount {
        if let Ok(profile) = self.profile(agent, reference).await
            && let Some(local) = self.shared.local_of(&profile)
            && let Some(tokens) = local.count_tokens(messages).await
        {
            return TokenCount {
                tokens,
                exact: true,
            };
        }
        TokenCount::estimate(messages)
    }

    /// Fetches and starts the model on this machine if it is the one that would answer this agent; waits for nothing of it.
    pub async fn prepare(&self, agent: &AgentId) {
        if let Ok(profile) = self.profile(agent, "").await
            && let Some(local) = self.shared.local_of(&profile)
        {
            local.wake();
        }
    }

    /// Looks everywhere again and says what was found.
    pub async fn probe(&self) -> ModelsStatus {
        self.shared.search.search().await;
        self.status()
    }

    /// What has become of recordings; nothing where nothing is recorded.
    #[must_use]
    pub fn recordings(&self) -> Option<recording::Counts> {
        let recorder = self.shared.desk.recorder.as_ref()?;
        Some(recorder.tally().counts())
    }

    /// Where answers come from and why.
    #[must_use]
    pub fn status(&self) -> ModelsStatus {
        let shared = &self.shared;
        let routes = shared.search.routes();
        let health = shared.health();
        let resting = health.resting(shared.ground.env.now());
        let cooldowns = resting.map(|(spot, resting)| Cooldown {
            reference: spot.to_string(),
            until: resting.until,
            reason: resting.kind.as_str(),
        });
        ModelsStatus {
            source: routes.source.clone(),
            is_settled: *shared.search.settled().borrow(),
            looked_at: routes.looked_at.clone(),
            models: routes.listed(),
            cooldowns: cooldowns.collect(),
            local: match &shared.local {
                Ok(local) => local.state(),
                Err(why) => LocalState::Absent { why: why.clone() },
            },
        }
    }

    /// Refuses new calls, ends what runs beside them, and waits for it.
    pub async fn shutdown(&self) {
        let ground = &self.shared.ground;
        ground.stop.cancel();
        ground.tasks.close();
        ground.tasks.wait().await;
    }
}

/// A reference with its fallbacks, owned.
struct Asked {
    reference: String,
    fallbacks: Vec<String>,
    is_stated: bool,
}

impl Shared {
    /// The model on this machine, if it is the one of this profile.
    fn local_of(&self, profile: &Profile) -> Option<&Local> {
        let local = self.local.as_ref().ok()?;
        (profile.provider == local::ID).then_some(local)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.desk.health)
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

    /// What is passed through to one address, with what stands in for that and its fallbacks.
    fn targeted(&self, ask: &exchange::Ask) -> Option<Asked> {
        let target = ask.controls.passthrough.as_ref()?.target.clone()?;
        let mut inner = ask.clone();
        inner.controls.passthrough = None;
        let own = self.named(&inner);
        let routes = self.search.routes();
        let chain = routes.table.settings().fallbacks.get(&own.reference);
        let chain = chain.into_iter().flatten().cloned();
        let mut fallbacks = vec![own.reference];
        fallbacks.extend(own.fallbacks);
        fallbacks.extend(chain);
        Some(Asked {
            reference: target,
            fallbacks,
            is_stated: true,
        })
    }

    /// What a client's reference stands for: an agent's virtual model that nobody serves is the agent's own model.
    fn named(&self, ask: &exchange::Ask) -> Asked {
        let stated = |fallbacks: &[String]| Asked {
            reference: ask.reference.clone(),
            fallbacks: fallbacks.to_vec(),
            is_stated: true,
        };
        if let Some(asked) = self.targeted(ask) {
            return asked;
        }
        let asked = stated(&ask.controls.fallbacks);
        let agent = ask.reference.strip_prefix(AGENT_PREFIX);
        let agent = agent.and_then(|agent| AgentId::parse(agent).ok());
        let Some(model) = agent.and_then(|agent| self.agent_models.get(&agent)) else {
            return asked;
        };
        let is_served = self
            .line_up(&asked, &self.search.routes(), &Ask::default())
            .is_ok();
        if is_served {
            return asked;
        }
        let fallbacks = [&ask.controls.fallbacks, &model.fallbacks];
        Asked {
            reference: model.reference.clone(),
            fallbacks: fallbacks.into_iter().flatten().cloned().collect(),
            is_stated: model.is_stated,
        }
    }

    fn line_up(&self, asked: &Asked, routes: &Routes, ask: &Ask<'_>) -> Result<Plan, Unserved> {
        let ask = Ask {
            reference: &asked.reference,
            fallbacks: &asked.fallbacks,
            is_stated: asked.is_stated,
            ..*ask
        };
        let env = &self.ground.env;
        let chance = u128::from_le_bytes(env.random());
        let chance = u64::try_from(chance & u128::from(u64::MAX)).unwrap_or(0);
        routing::plan(&routes.table, &ask, &self.health(), env.now(), chance)
    }

    /// The candidates for a reference; waits for what is still being found out only when that could change them.
    async fn plan(&self, asked: &Asked, ask: &Ask<'_>) -> Result<(Arc<Routes>, Plan), Error> {
        let mut routes = self.search.routes();
        let mut plan = self.line_up(asked, &routes, ask);
        if plan.as_ref().map_or(true, Plan::is_guess) {
            let mut settled = self.search.settled();
            let known = settled.wait_for(|settled| *settled);
            // Whatever has been found by then has to do.
            tokio::time::timeout(SETTLED_WAIT, known).await.ok();
            routes = self.search.routes();
            plan = self.line_up(asked, &routes, ask);
        }
        match plan {
            Ok(plan) => Ok((routes, plan)),
            Err(why) => Err(Error::NoModel {
                why: routes.explain(why),
                reference: asked.reference.clone(),
            }),
        }
    }
}
