//! The way to a running gateway: find it, connect, call, and say what is wrong in words a person can act on.

use std::time::Duration;

use openclaw_client::{Client, Events, Identity, Options, Token};
use openclaw_config::Config;
use openclaw_gateway::lock;
use openclaw_wire::{ErrorCode, Method};

use crate::error::{self, Failure};

/// Time for a socket on this machine to open.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Time for the gateway to greet.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// Time for an answer that needs no model.
pub(crate) const CALL_DEADLINE: Duration = Duration::from_secs(30);

/// A connection to the gateway of one state directory.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) events: Events,
}

impl Link {
    /// Connects to the gateway that holds the lock of the configured state directory.
    pub(crate) async fn open(config: &Config) -> Result<Self, Failure> {
        let Some(address) = address(config) else {
            return Err(not_running(config));
        };
        let token_path = config.paths.token();
        let token = match &config.gateway.token {
            Some(token) => Token::new(token.expose(), "the configuration"),
            None => {
                let token = openclaw_config::token::read(&token_path)
                    .map_err(|error| Failure::from_error(&error))?;
                Token::new(token.expose(), token_path.display().to_string())
            }
        };
        let options = Options {
            url: format!("ws://{address}/"),
            token: Some(token),
            identity: Identity {
                id: "cli".to_owned(),
                mode: "cli".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            scopes: Vec::new(),
            connect_deadline: CONNECT_DEADLINE,
            handshake_deadline: HANDSHAKE_DEADLINE,
        };
        let (client, events) = Client::connect(&options)
            .await
            .map_err(|error| client_failure(&error))?;
        Ok(Self { client, events })
    }

    /// One call with the usual deadline.
    pub(crate) async fn call<M: Method>(&self, params: &M::Params) -> Result<M::Result, Failure> {
        self.call_within::<M>(params, CALL_DEADLINE).await
    }

    /// One call with a deadline of its own.
    pub(crate) async fn call_within<M: Method>(
        &self,
        params: &M::Params,
        deadline: Duration,
    ) -> Result<M::Result, Failure> {
        self.client
            .call::<M>(params, deadline)
            .await
            .map_err(|error| client_failure(&error))
    }
}

/// Where the gateway of this state directory listens, if one runs.
pub(crate) fn address(config: &Config) -> Option<String> {
    lock::holder(&config.paths.state)?.address
}

/// No gateway runs here.
pub(crate) fn not_running(config: &Config) -> Failure {
    Failure::new(format!(
        "no gateway is running for {}",
        config.paths.state.display()
    ))
    .hint("start one with `openclaw gateway start`")
    .code(error::NOT_RUNNING)
}

/// A client error with its way out.
pub(crate) fn client_failure(error: &openclaw_client::Error) -> Failure {
    let mut failure = Failure::from_error(error);
    failure.hint = error.hint();
    if error.code() == Some(&ErrorCode::NotFound) {
        failure.code = error::NOT_FOUND;
    }
    failure
}

/// Runs one command's conversation with the gateway; a command line needs no more than this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?
        .block_on(work)
}
