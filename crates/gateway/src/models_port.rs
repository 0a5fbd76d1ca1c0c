//! The models on a port of their own: beside a gateway, or alone as a drop-in for LiteLLM.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use openclaw_accounts::Accounts;
use openclaw_config::{Config, Environment};
use openclaw_models::Models;
use openclaw_router::Router;
use openclaw_types::{Env, SystemEnv};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    VERSION, boot,
    boot::Error,
    doors::{self, Keeper},
    guard, listen, shutdown,
};

/// Time for answers under way to end when a router stops.
const ANSWERS_DEADLINE: Duration = Duration::from_secs(10);
/// Time for what the models run beside it to end.
const MODELS_DEADLINE: Duration = Duration::from_secs(5);

/// A port that takes requests for models.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    /// Where it is.
    pub(crate) address: SocketAddr,
}

impl Port {
    /// Binds it.
    pub(crate) async fn bind(wanted: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Listen {
            address: wanted,
            source,
        };
        let listener = listen::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Answers until told to stop.
    pub(crate) async fn serve(
        self,
        router: Router,
        accounts: Accounts,
        config: &Config,
        stop: CancellationToken,
    ) {
        let keeper = Keeper {
            accounts,
            auth: None,
        };
        let table = doors::kept(openclaw_router::all(router), keeper);
        let options = guard::Options {
            bound_to_loopback: guard::canonical(self.address.ip()).is_loopback(),
            ..boot::guard(config, self.address)
        };
        let connections = usize::try_from(config.limits.connections).unwrap_or(usize::MAX);
        let table = doors::guarded(table, options);
        let threads = listen::Threads::start("models").inspect_err(
            |error| tracing::warn!(%error, "the models' port has no threads of its own"),
        );
        let crew = listen::Crew {
            tasks: TaskTracker::new(),
            threads: threads.ok(),
        };
        listen::serve(self.listener, connections, table, crew, stop).await;
    }
}

/// What a router alone is started with.
#[derive(Debug)]
pub struct RouterStart {
    /// The checked configuration, with the router's port open.
    pub config: Config,
    /// The environment it was started in.
    pub environment: Environment,
    /// Our own binary, which children are started through.
    pub helper: PathBuf,
}

/// A router that runs alone.
#[derive(Debug)]
pub struct RouterServer {
    address: SocketAddr,
    models: Models,
    accounts: Accounts,
    tasks: TaskTracker,
    accepting: CancellationToken,
}

impl RouterServer {
    /// Opens the accounts, starts the models and listens.
    ///
    /// # Errors
    /// What stood in the way; nothing is left running then.
    pub async fn start(start: RouterStart) -> Result<Self, Error> {
        let env: Arc<dyn Env> = Arc::new(SystemEnv);
        let config = start.config;
        boot::prepare_state(&config)?;
        listen::raise_descriptors();
        let wanted = config.router.listen.ok_or(Error::NoRouterPort)?;
        let port = Port::bind(wanted).await?;
        let address = port.address;
        let accounts = boot::accounts(&config, &env)?;
        let catalog = boot::catalog_options(&config, &start.environment, &start.helper);
        let instance = env.fresh_id();
        let parts = boot::Parts {
            catalog,
            helper: &start.helper,
            accounts: &accounts,
            instance: &instance,
        };
        let models = boot::models(&config, parts, &env)?;
        let options = boot::router_options(&config, &instance, VERSION);
        let router = Router::new(options, models.clone(), accounts.clone(), env);
        let (tasks, accepting) = (TaskTracker::new(), CancellationToken::new());
        let (stop, kept) = (accepting.clone(), accounts.clone());
        let _task = tasks.spawn(async move {
            port.serve(router, kept, &config, stop).await;
        });
        tracing::info!(%address, version = VERSION, "router ready");
        Ok(Self {
            address,
            models,
            accounts,
            tasks,
            accepting,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until a signal, then lets answers end.
    ///
    /// # Errors
    /// When signals can't be received.
    pub async fn run_until_stopped(self) -> Result<(), Error> {
        let signals = shutdown::Signals::new()?;
        shutdown::notify_ready();
        signals.wait(&CancellationToken::new()).await;
        self.stop().await;
        Ok(())
    }

    /// Takes nothing new, waits for answers under way, and writes everything down.
    pub async fn stop(self) {
        self.accepting.cancel();
        let _closed = self.tasks.close();
        if timeout(ANSWERS_DEADLINE, self.tasks.wait()).await.is_err() {
            tracing::warn!("answers under way did not end in time");
        }
        if timeout(MODELS_DEADLINE, self.models.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("models did not stop in time");
        }
        self.accounts.shutdown();
        tracing::info!("router stopped");
    }
}
