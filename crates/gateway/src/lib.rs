//! The daemon: connections, requests, events, and the wiring of every component.
//!
//! It holds no conversation state: kill it, start it, and the transcripts tell all. It knows nothing of the terminal.
//!
//! Start at [`Gateway::start`], then `listen.rs` for how a socket becomes a connection, `conn.rs` for what a connection
//! does, and `rpc.rs` for what a request does. Who may speak at all is decided in [`guard`] and [`auth`].
//!
//! Invariants: one process a state directory, one port; nothing is answered before the guard admitted it; every task
//! belongs to a tracker; every queue has a bound and every wait a deadline; the order of the stop is in `shutdown.rs`.

pub mod auth;
pub mod books;
mod boot;
mod conn;
mod doors;
mod events;
pub mod guard;
mod http;
mod imports;
mod keeper;
mod listen;
pub mod lock;
pub mod logging;
mod models_port;
pub mod peer;

pub mod probe;
mod provider_keys;
mod report;
mod rpc;
mod serving;
mod shutdown;
mod state;
pub mod transcript;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use openclaw_config::{Config, Environment, Secret};
use openclaw_types::{Env, SystemEnv};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    auth::Auth, events::Bus, lock::Lock, rpc::sessions::search::SEARCHES_MAX, state::State,
};
pub use crate::{
    boot::{
        Error, accounts_options, agent_options, cache_options, catalog_options, store as open_store,
    },
    models_port::{RouterServer, RouterStart},
    provider_keys::provider_keys,
    shutdown::STOP_DEADLINE,
};

/// Our version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a gateway is started with.
#[derive(Debug)]
pub struct Start {
    /// The checked configuration.
    pub config: Config,
    /// The access token.
    pub token: Secret,
    /// The environment it was started in; what fetches model files gets its part of it.
    pub environment: Environment,
    /// Our own binary, which children are started through.
    pub helper: PathBuf,
    /// What it was told beside the configuration file.
    pub flags: lock::Flags,
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    state: Arc<State>,
    address: SocketAddr,
    lock: Lock,
    accepting: CancellationToken,
}

impl Gateway {
    /// Takes the lock, opens the store, starts the agents and listens. Connections are accepted from here on.
    ///
    /// # Errors
    /// What stood in the way; nothing is left running then.
    pub async fn start(start: Start) -> Result<Self, Error> {
        let env: Arc<dyn Env> = Arc::new(SystemEnv);
        let (config, token) = (start.config, start.token);
        boot::prepare_state(&config)?;
        let started = env.now();
        let instance = env.fresh_id();
        let record = lock::Record::starting(instance.clone(), started, start.flags);
        let mut lock = boot::lock_state(&config, &record)?;
        listen::raise_descriptors();
        let wanted = SocketAddr::new(config.gateway.bind, config.gateway.port);
        let failed = |source| Error::Listen {
            address: wanted,
            source,
        };
        let listener = listen::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let store = boot::store(&config, &env)?;
        let accounts = boot::accounts(&config, &env)?;
        let parts = boot::Parts {
            catalog: catalog_options(&config, &start.environment, &start.helper),
            helper: &start.helper,
            accounts: &accounts,
            instance: &instance,
        };
        let models = boot::models(&config, parts, &env)?;
        let bus = Bus::new(Arc::clone(&env));
        bus.read_from(store.clone());
        let agents = boot::agents(&config, &store, &models, &bus, &env)?;
        let state = Arc::new(State {
            guard: boot::guard(&config, address),
            state_dir: config.paths.state.clone(),
            config: Arc::new(config),
            auth: Auth::new(token),
            store,
            models,
            accounts,
            agents,
            bus,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            stopping: CancellationToken::new(),
            draining: CancellationToken::new(),
            searches: Arc::new(Semaphore::new(SEARCHES_MAX)),
            imports: imports::Imports::default(),
            outbox_bytes: Arc::default(),
            address,
            router_address: OnceLock::new(),
            instance,
            started,
            env,
        });
        lock.write(&lock::Record {
            address: Some(address.to_string()),
            ..record
        })?;
        let accepting = CancellationToken::new();
        serving::open(&state, listener, &accepting).await;
        tracing::info!(%address, state_dir = %state.state_dir.display(), version = VERSION, "gateway ready");
        Ok(Self {
            state,
            address,
            lock,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until a signal or a `gateway.stop` request, then drains.
    ///
    /// # Errors
    /// When signals can't be received.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        // Before anybody is told that we are ready, and may therefore ask us to stop.
        let signals = shutdown::Signals::new()?;
        shutdown::notify_ready();
        signals.wait(&self.state.stop).await;
        self.stop().await;
        Ok(())
    }

    /// Drains: nothing new is taken, runs end or are ended, transcripts are flushed, clients are told.
    pub async fn stop(self) {
        shutdown::drain(&self.state, &self.accepting).await;
        drop(self.lock);
    }
}
