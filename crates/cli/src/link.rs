//! The way to a running gateway: find it, connect, call, and say what is wrong in words a person can act on.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use openclaw_client::{Client, Events, Identity, Options, Token};
use openclaw_config::{Config, Paths};
use openclaw_gateway::lock;
use openclaw_wire::{ErrorCode, Method};

use crate::{
    error::{self, Failure},
    place::Home,
};

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
    pub(crate) async fn open(home: &Home) -> Result<Self, Failure> {
        let Some(record) = lock::holder(&home.paths.state) else {
            return Err(not_running(&home.paths));
        };
        let Some(address) = &record.address else {
            return Err(not_listening(&record));
        };
        let options = Options {
            url: format!("ws://{}/", reachable(address)),
            token: Some(token(home)?),
            identity: Identity {
                id: "cli".to_owned(),
                mode: "cli".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            scopes: Vec::new(),
            connect_deadline: CONNECT_DEADLINE,
            handshake_deadline: HANDSHAKE_DEADLINE,
        };
        match Client::connect(&options).await {
            Ok((client, events)) => Ok(Self { client, events }),
            // It holds the lock, so it comes or goes.
            Err(openclaw_client::Error::Refused { .. }) => Err(not_listening(&record)),
            Err(error) => Err(client_failure(&error)),
        }
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

/// The token to show: the configured one, or the file's.
fn token(home: &Home) -> Result<Token, Failure> {
    if let Some(token) = &home.token {
        return Ok(Token::new(token.expose(), "the configuration"));
    }
    let path = home.paths.token();
    let token = openclaw_config::token::read(&path).map_err(|error| Failure::from_error(&error))?;
    Ok(Token::new(token.expose(), path.display().to_string()))
}

/// Where a client finds what listens on this address: one that listens everywhere listens on loopback too.
fn reachable(address: &str) -> String {
    let Ok(mut socket) = address.parse::<SocketAddr>() else {
        return address.to_owned();
    };
    match socket.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => socket.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => socket.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    socket.to_string()
}

/// Whether a gateway holds this state directory.
pub(crate) fn is_running(paths: &Paths) -> bool {
    lock::holder(&paths.state).is_some()
}

/// A gateway holds the lock and takes no connections.
fn not_listening(record: &lock::Record) -> Failure {
    Failure::new(format!(
        "the gateway (pid {}) takes no connections: it is starting or stopping",
        record.pid
    ))
    .hint("try again in a moment; `openclaw gateway logs` shows what it does")
    .code(error::NOT_RUNNING)
}

/// No gateway runs here.
pub(crate) fn not_running(paths: &Paths) -> Failure {
    Failure::new(format!(
        "no gateway is running for {}",
        paths.state.display()
    ))
    .hint("start one with `openclaw gateway start`")
    .code(error::NOT_RUNNING)
}

/// A client error with its way out.
pub(crate) fn client_failure(error: &openclaw_client::Error) -> Failure {
    let openclaw_client::Error::Rejected { method, source } = error else {
        return Failure::from_error(error).maybe_hint(error.hint());
    };
    // Which method said it is the program's business.
    let failure = Failure::new(source.message.clone());
    if source.code != ErrorCode::NotFound {
        return failure.maybe_hint(error.hint());
    }
    let all = if method.starts_with("sessions.") {
        "`openclaw session list` shows all"
    } else {
        "`openclaw agent list` shows all"
    };
    failure
        .hint(error.hint().unwrap_or_else(|| all.to_owned()))
        .code(error::NOT_FOUND)
}

/// Runs one command's conversation with the gateway; a command line needs no more than this thread.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?;
    let done = runtime.block_on(work);
    // A thread that reads the terminal never ends by itself.
    runtime.shutdown_background();
    done
}

/// One command's single call: connect, ask, leave.
pub(crate) fn call<M: Method>(config: &Config, params: &M::Params) -> Result<M::Result, Failure> {
    let home = Home::from(config);
    block_on(async { Link::open(&home).await?.call::<M>(params).await })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_that_listens_everywhere_is_reached_on_loopback() {
        for (address, reached) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("192.0.2.7:1", "192.0.2.7:1"),
            ("odd", "odd"),
        ] {
            assert_eq!(reachable(address), reached);
        }
    }
}
