//! From the checked configuration to running components: the one place where config becomes options.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use openclaw_agents::{AgentOptions, Agents, RunDeadlines};
use openclaw_config::{Config, Environment, config, permissions};
use openclaw_models::{self as models, Models};
use openclaw_process::Launcher;
use openclaw_sessions::{self as sessions, RealDisk, Store};
use openclaw_types::Env;
use tokio_util::sync::CancellationToken;

use crate::{
    events::Bus,
    guard,
    lock::{Lock, Record},
};

/// Appends that may wait for the disk; a second of work of the slowest disk worth using.
const STORE_QUEUE_DEPTH: usize = 4096;
/// Files synced side by side. More threads than this only queue inside the file system's journal.
const SYNC_THREADS: usize = 4;
/// An idle local model gives its memory back after this.
const LOCAL_IDLE_MS: u64 = 600_000;
/// The model daemon's file name.
const MODELD: &str = "openclaw-modeld";

/// What can go wrong before the gateway listens.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state directory can't be made or secured.
    #[error("prepare the state directory {}", path.display())]
    State {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: permissions::Error,
    },
    /// Another gateway runs for this state directory, or its lock can't be used.
    #[error("take the lock of the state directory")]
    Lock {
        /// Why.
        #[from]
        source: crate::lock::Error,
    },
    /// The transcripts can't be opened.
    #[error("open the transcripts")]
    Sessions {
        /// Why.
        #[from]
        source: sessions::Error,
    },
    /// The models can't be set up.
    #[error("set up the models")]
    Models {
        /// Why.
        #[from]
        source: models::Error,
    },
    /// The agents can't be started.
    #[error("start the agents")]
    Agents {
        /// Why.
        #[from]
        source: openclaw_agents::Error,
    },
    /// The port can't be bound.
    #[error("listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Signals can't be received.
    #[error("listen for signals")]
    Signals {
        /// Why.
        source: io::Error,
    },
}

fn wrong(path: &Path) -> impl FnOnce(permissions::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::State { path, source }
}

/// Makes the state directory and its standing parts where they are missing.
pub(crate) fn prepare_state(config: &Config) -> Result<(), Error> {
    let paths = &config.paths;
    for path in [
        paths.state.clone(),
        paths.agents(),
        paths.logs(),
        paths.run(),
    ] {
        permissions::create_directory(&path).map_err(wrong(&path))?;
    }
    Ok(())
}

/// Takes the lock and then fixes modes: without it the directory may be a running gateway's. What was wrong is logged.
pub(crate) fn lock_state(config: &Config, record: &Record) -> Result<Lock, Error> {
    let paths = &config.paths;
    let lock = Lock::take(&paths.state, record)?;
    for finding in permissions::secure(&paths.state).map_err(wrong(&paths.state))? {
        tracing::warn!(path = %finding.path.display(), outcome = ?finding.outcome, "permissions of the state directory");
    }
    Ok(lock)
}

/// Opens the store of a state directory, as its configuration says.
///
/// # Errors
/// Its threads can't be started.
pub fn store(config: &Config, env: &Arc<dyn Env>) -> Result<Store, Error> {
    let session = &config.session;
    let history = usize::try_from(session.history_entries).unwrap_or(usize::MAX);
    let lane_depth = usize::try_from(config.limits.lane_depth).unwrap_or(usize::MAX);
    let options = sessions::Options {
        root: config.paths.agents(),
        durability: match session.durability {
            config::Durability::Always => sessions::Durability::Always,
            config::Durability::Batch { interval_ms } => {
                sessions::Durability::Batch { interval_ms }
            }
            config::Durability::Os => sessions::Durability::Os,
        },
        segment_bytes_max: session.segment_bytes_max,
        entry_bytes_max: usize::try_from(session.entry_bytes_max).unwrap_or(usize::MAX),
        queue_depth: STORE_QUEUE_DEPTH,
        sync_threads: SYNC_THREADS,
        // A prompt reads the history and what waits in the lane; all of it is to come from memory.
        tail_cache_entries: openclaw_agents::limits::tail_entries(history, lane_depth),
    };
    Ok(Store::open(options, Arc::new(RealDisk), Arc::clone(env))?)
}

/// What is done on sessions unasked.
pub(crate) fn keeper(config: &Config) -> sessions::KeeperOptions {
    let (keeper, maintenance) = (&config.session.keeper, &config.session.maintenance);
    sessions::KeeperOptions {
        auto_commit: keeper.auto_commit,
        archive_after_ms: keeper.archive_after_ms,
        excess: match maintenance.mode {
            config::MaintenanceMode::Off => sessions::Excess::Ignored,
            config::MaintenanceMode::Warn => sessions::Excess::Reported,
            config::MaintenanceMode::Enforce => sessions::Excess::Removed,
        },
        sessions_max: usize::try_from(maintenance.sessions_max).unwrap_or(usize::MAX),
        archive_bytes_max: maintenance.archive_bytes_max,
    }
}

/// Sets up the models.
pub(crate) fn models(
    config: &Config,
    catalog: models::catalog::Options,
    helper: &Path,
    env: &Arc<dyn Env>,
) -> Result<Models, Error> {
    let (stated, routing) = (&config.models, &config.routing);
    let options = models::Options {
        providers: stated.providers.iter().map(provider).collect(),
        aliases: routing.aliases.clone(),
        agent_models: config
            .agents
            .iter()
            .map(|agent| (agent.id.clone(), agent_model(agent)))
            .collect(),
        default_model: routing.default.clone(),
        failover: routing.failover.clone(),
        routing: models::RoutingOptions::default(),
        discovery: discovery(stated),
        local: stated.local.enabled.then(|| local(config, helper)),
        catalog,
        proxy: None,
        accounts: None,
    };
    let stop = CancellationToken::new();
    Ok(Models::start(options, Arc::clone(env), stop)?)
}

/// Where model files are kept, and how they get there.
#[must_use]
pub fn catalog_options(
    config: &Config,
    environment: &Environment,
    helper: &Path,
) -> models::catalog::Options {
    models::catalog::Options {
        dir: config.paths.models(),
        launcher: Launcher::new(helper.to_owned()),
        environment: environment
            .variables()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn secret(secret: &openclaw_config::Secret) -> models::Secret {
    models::Secret::new(secret.expose())
}

const fn deadlines(deadlines: config::Deadlines) -> models::Deadlines {
    models::Deadlines {
        connect_ms: deadlines.connect_ms,
        first_byte_ms: deadlines.first_byte_ms,
        idle_ms: deadlines.idle_ms,
        total_ms: deadlines.total_ms,
    }
}

fn agent_model(agent: &config::Agent) -> models::AgentModel {
    models::AgentModel {
        reference: agent.model.reference.clone(),
        fallbacks: agent.model.fallbacks.clone(),
        is_stated: agent.model.stated,
    }
}

fn provider(provider: &config::Provider) -> models::ProviderOptions {
    models::ProviderOptions {
        id: provider.id.clone(),
        base_url: provider.base_url.clone(),
        api: api(provider.api),
        key: provider.key.as_ref().map(secret),
        key_variable: provider.key_variable.clone(),
        headers: provider
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        deadlines: deadlines(provider.deadlines),
        models: provider.models.iter().map(model).collect(),
        transport: models::Transport::Tcp,
    }
}

const fn api(api: config::Api) -> models::Api {
    match api {
        config::Api::OpenAiCompletions => models::Api::OpenAiCompletions,
        config::Api::AnthropicMessages => models::Api::AnthropicMessages,
        config::Api::OpenAiResponses => models::Api::OpenAiResponses,
        config::Api::Gemini => models::Api::Gemini,
        config::Api::Ollama => models::Api::Ollama,
    }
}

fn model(model: &config::Model) -> models::ModelOptions {
    let mut input_kinds = vec![models::InputKind::Text];
    if model.reads_images {
        input_kinds.push(models::InputKind::Image);
    }
    models::ModelOptions {
        id: model.id.clone(),
        name: model.name.clone(),
        context_window: model.context_window,
        max_output: model.max_output,
        input_kinds,
        reasoning: model.reasoning,
        price: None,
    }
}

fn discovery(stated: &config::Models) -> models::DiscoveryOptions {
    let found = &stated.discovery;
    let base_urls = [
        ("minimax", &found.minimax_base_url),
        ("zai", &found.zai_base_url),
    ];
    models::DiscoveryOptions {
        enabled: found.enabled,
        environment_keys: found
            .environment_keys
            .iter()
            .map(|(name, key)| (name.clone(), secret(key)))
            .collect(),
        base_urls: base_urls
            .into_iter()
            .filter_map(|(id, url)| url.clone().map(|url| (id.to_owned(), url)))
            .collect::<BTreeMap<_, _>>(),
        litellm_url: found.litellm_url.clone(),
        litellm_key: found.litellm_key.as_ref().map(secret),
        ollama_url: found.ollama_url.clone(),
        deadlines: deadlines(stated.deadlines),
        instance: None,
    }
}

fn local(config: &Config, helper: &Path) -> models::LocalOptions {
    let stated = &config.models.local;
    models::LocalOptions {
        modeld: stated.binary.clone().or_else(|| beside(helper)),
        model: stated.model.clone(),
        run_dir: config.paths.run(),
        context_window: stated.context_window,
        memory_bytes_max: stated.memory_bytes_max,
        idle_ms: Some(LOCAL_IDLE_MS),
        launcher: Launcher::new(helper.to_owned()),
    }
}

/// The model daemon beside our own binary, where the build and the packages put it.
fn beside(helper: &Path) -> Option<PathBuf> {
    let candidate = helper.parent()?.join(MODELD);
    candidate.is_file().then_some(candidate)
}

/// Starts the agents.
pub(crate) fn agents(
    config: &Config,
    store: &Store,
    models: &Models,
    bus: &Arc<Bus>,
    env: &Arc<dyn Env>,
) -> Result<Agents, Error> {
    let limits = &config.limits;
    let options = openclaw_agents::Options {
        root: config.paths.agents(),
        agents: agent_options(config),
        discover: config.agents.iter().any(|agent| agent.built_in),
        lane_depth: usize::try_from(limits.lane_depth).unwrap_or(usize::MAX),
        runs_max: usize::try_from(limits.runs).unwrap_or(usize::MAX),
        history_entries: usize::try_from(config.session.history_entries).unwrap_or(usize::MAX),
        run_deadlines: RunDeadlines {
            total_ms: limits.run_ms,
            append_ms: openclaw_agents::limits::APPEND_MS,
        },
        steps_max: limits.steps,
        output_bytes_max: openclaw_agents::limits::OUTPUT_BYTES_MAX,
        deliberation_ms: limits.deliberation_ms,
    };
    let sink: Arc<dyn openclaw_agents::Sink> = Arc::clone(bus) as Arc<dyn openclaw_agents::Sink>;
    Ok(Agents::start(
        options,
        store.clone(),
        models.clone(),
        sink,
        Arc::clone(env),
    )?)
}

/// The configured agents as their crate wants them.
#[must_use]
pub fn agent_options(config: &Config) -> Vec<AgentOptions> {
    config.agents.iter().map(agent).collect()
}

fn agent(agent: &config::Agent) -> AgentOptions {
    AgentOptions {
        id: agent.id.clone(),
        name: agent.name.clone(),
        role: agent.role.clone(),
        emoji: (!agent.emoji.is_empty()).then(|| agent.emoji.clone()),
        model: agent.model.stated.then(|| agent.model.reference.clone()),
        port: agent.port,
        capabilities: agent.capabilities.clone(),
        skills: agent.skills.clone(),
        parameters: agent.parameters.0.clone(),
        primary: agent.primary,
    }
}

/// Who may speak to the port.
pub(crate) fn guard(config: &Config, bound: SocketAddr) -> guard::Options {
    let gateway = &config.gateway;
    guard::Options {
        trusted_proxies: gateway.trusted_proxies.clone(),
        allowed_hosts: gateway.allowed_hosts.clone(),
        allowed_origins: gateway.allowed_origins.clone(),
        bound_to_loopback: guard::canonical(bound.ip()).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use openclaw_config::{Error as Refused, Overrides};

    use super::*;

    #[test]
    fn a_start_that_is_refused_leaves_the_running_gateways_modes_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("openclaw.json"), "{}").unwrap();
        let overrides = Overrides {
            state_dir: Some(home.path().to_owned()),
            ..Overrides::default()
        };
        let variables = [("HOME", home.path().display().to_string())];
        let loaded = openclaw_config::load(&overrides, &Environment::of(variables));
        let config = loaded.unwrap().config;
        let record = Record {
            pid: 7,
            address: None,
            instance: "i".to_owned(),
            started_at: 1,
            flags: crate::lock::Flags::default(),
        };
        let log = config.paths.logs().join("gateway.log");
        let mode = || std::fs::metadata(&log).unwrap().permissions().mode() & 0o777;
        prepare_state(&config).unwrap();
        std::fs::write(&log, "").unwrap();
        std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o640)).unwrap();
        let other = Lock::take(&config.paths.state, &record).unwrap();
        prepare_state(&config).unwrap();
        assert!(matches!(
            lock_state(&config, &record),
            Err(Error::Lock { .. })
        ));
        assert_eq!(mode(), 0o640);
        drop(other);
        let _lock = lock_state(&config, &record).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn an_address_that_others_reach_needs_a_token_and_has_no_local_programs() {
        let home = tempfile::tempdir().unwrap();
        let load = |text: &str| {
            std::fs::write(home.path().join("openclaw.json"), text).unwrap();
            let overrides = Overrides {
                state_dir: Some(home.path().to_owned()),
                ..Overrides::default()
            };
            let variables = [("HOME", home.path().display().to_string())];
            openclaw_config::load(&overrides, &Environment::of(variables))
        };
        let unsaid = load("{ gateway: { bind: '0.0.0.0' } }");
        assert!(matches!(unsaid, Err(Refused::Refused { .. })));
        for (text, is_open) in [
            ("{ gateway: { bind: '127.0.0.1' } }", false),
            (
                "{ gateway: { bind: '0.0.0.0', auth: { mode: 'token' } } }",
                true,
            ),
        ] {
            let config = load(text).unwrap().config;
            let bound = SocketAddr::new(config.gateway.bind, 18_789);
            assert_eq!(guard(&config, bound).bound_to_loopback, !is_open, "{text}");
        }
    }
}
