//! The gateway as this program runs it: in the foreground here, in the background by [`start`].

pub(crate) mod log;
pub(crate) mod start;

use std::path::PathBuf;

use openclaw_config::{Config, Secret};
use openclaw_gateway::{Gateway, RouterServer, RouterStart, Start, logging};
use openclaw_types::SystemEnv;

use crate::{
    args::{Listen, RouterListen},
    error::{self, Failure},
    output,
    place::Place,
};

/// Runs the gateway until it is told to stop.
pub(crate) fn run(place: &Place, listen: &Listen, detached: bool) -> Result<(), Failure> {
    let config = place.load(Some(listen))?;
    logging::init(&config.log_level, &logging::Target::Stderr)
        .map_err(|error| Failure::from_error(&error))?;
    let start = Start {
        token: token(&config)?,
        environment: place.environment().clone(),
        helper: executable()?,
        flags: place.flags(listen),
        config,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?
        .block_on(async {
            let gateway = Gateway::start(start)
                .await
                .map_err(|error| start_failure(&error))?;
            let address = gateway.address();
            // Signals are received from the first poll on, before anybody is told whom to send them to.
            let (stopped, ()) = tokio::join!(biased; gateway.run_until_stopped(), async {
                // A log has it already, with the time.
                if !detached {
                    output::note(&format!("listening on {address}"));
                }
            });
            stopped.map_err(|error| Failure::from_error(&error))
        })
}

/// Runs the router alone until it is told to stop.
pub(crate) fn run_router(place: &Place, listen: &RouterListen) -> Result<(), Failure> {
    let config = place.load_router(listen)?;
    logging::init(&config.log_level, &logging::Target::Stderr)
        .map_err(|error| Failure::from_error(&error))?;
    let start = RouterStart {
        environment: place.environment().clone(),
        helper: executable()?,
        config,
    };
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?
        .block_on(async {
            let router = RouterServer::start(start)
                .await
                .map_err(|error| router_failure(&error))?;
            let address = router.address();
            let (stopped, ()) = tokio::join!(biased; router.run_until_stopped(), async {
                output::note(&format!("the router listens on {address}"));
            });
            stopped.map_err(|error| Failure::from_error(&error))
        })
}

fn router_failure(error: &openclaw_gateway::Error) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        openclaw_gateway::Error::Listen { address, .. } => failure.hint(format!(
            "another program, such as LiteLLM itself, may use the port; see it with `ss -ltnp 'sport = :{}'`, or \
             choose another with `--port`",
            address.port()
        )),
        openclaw_gateway::Error::Accounts {
            source: openclaw_accounts::Error::Locked { .. },
        } => failure.hint(
            "a gateway runs with this state directory and has the router in it: set `router.enabled` in openclaw.json \
             to open its port, or run this one with another `--state-dir`",
        ),
        _ => failure,
    }
}

/// Leaves the terminal: what the shell or the terminal sends to its jobs no longer reaches us.
pub(crate) fn detach() -> Result<(), Failure> {
    let session = rustix::process::setsid();
    let _id =
        session.map_err(|errno| Failure::new(format!("leave the terminal's session: {errno}")))?;
    Ok(())
}

/// The access token: the configured one, or the file's, made when it is missing.
pub(crate) fn token(config: &Config) -> Result<Secret, Failure> {
    if let Some(token) = &config.gateway.token {
        return Ok(token.clone());
    }
    openclaw_config::permissions::create_directory(&config.paths.state)
        .map_err(|error| Failure::from_error(&error))?;
    openclaw_config::token::ensure(&config.paths.token(), &SystemEnv)
        .map_err(|error| Failure::from_error(&error))
}

fn start_failure(error: &openclaw_gateway::Error) -> Failure {
    let failure = Failure::from_error(error);
    match error {
        openclaw_gateway::Error::Listen { address, .. } => failure.hint(format!(
            "another program may use the port; see it with `ss -ltnp 'sport = :{}'`, or choose another with \
             `openclaw gateway start --port PORT`, or OPENCLAW_GATEWAY_PORT",
            address.port()
        )),
        openclaw_gateway::Error::Lock {
            source: openclaw_gateway::lock::Error::Held { .. },
        } => failure
            .hint("`openclaw gateway status` shows it, `openclaw gateway stop` stops it")
            .code(error::FAILED),
        _ => failure,
    }
}

/// Our own program, to be run again.
pub(crate) fn executable() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|error| Failure::from_error(&error))
}
