//! The deep look: does each neighbour that the configuration names answer in its own protocol?
//!
//! PostgreSQL is asked whether it speaks TLS and Redis for a pong, without logging in: a right answer proves that the
//! server is there, and a probe that needs no password can't leak one.

pub(crate) mod web;

use std::{io, time::Duration};

use openclaw_config::Config;
use openclaw_wire::methods::gateway::Probe;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// Time for one neighbour to answer; a healthy one on the same network needs a few milliseconds.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(2);
/// `SSLRequest` of the PostgreSQL protocol (message flow, section 55.2.10): its length and the magic code 80877103.
const POSTGRES_SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What a neighbour speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL's frontend protocol.
    Postgres,
    /// Redis' RESP.
    Redis,
}

/// What came of asking one neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which one: `postgresql`, `redis`.
    pub name: &'static str,
    /// Where it was asked: `host:port`.
    pub address: String,
    /// The answer's time, or what is wrong.
    pub outcome: Result<Duration, String>,
    /// What the person should know besides, such as that another address answered.
    pub note: Option<String>,
}

/// Asks every neighbour that the configuration names.
pub async fn neighbours(config: &Config) -> Vec<Probe> {
    let memory = &config.memory;
    let asked = [
        (Protocol::Postgres, &memory.pgvector),
        (Protocol::Redis, &memory.redis),
    ]
    .into_iter()
    .filter_map(|(protocol, endpoint)| Some((protocol, endpoint.as_ref()?)))
    .map(|(protocol, endpoint)| ask(protocol, &endpoint.host, endpoint.port));
    let asked = futures_util::future::join_all(asked);
    let (found, cache, mut web) = tokio::join!(asked, cache(config), web::ask_all(config));
    let mut probes: Vec<Probe> = found.into_iter().map(Found::into_probe).collect();
    probes.extend(cache);
    probes.append(&mut web);
    probes
}

/// Asks the Redis that answers are kept in, where one is configured.
async fn cache(config: &Config) -> Option<Probe> {
    let cache = config.router.litellm.as_ref()?.cache.as_ref()?;
    let endpoint = cache.redis.as_ref()?.endpoint()?;
    let found = ask(Protocol::Redis, &endpoint.host, endpoint.port).await;
    let probe = found.into_probe();
    Some(Probe {
        name: "redis of kept answers".to_owned(),
        hint: probe.hint.map(|_| {
            "start it, or take `cache_params` out of the LiteLLM file; until then nothing is kept".to_owned()
        }),
        ..probe
    })
}

impl Found {
    fn into_probe(self) -> Probe {
        let (ok, latency_ms, mut detail) = match self.outcome {
            Ok(took) => (
                true,
                u64::try_from(took.as_millis()).ok(),
                "answers".to_owned(),
            ),
            Err(error) => (false, None, error),
        };
        if let Some(note) = self.note {
            detail = format!("{detail}; {note}");
        }
        let name = self.name;
        let hint =
            (!ok).then(|| format!("start {name}, or take it out of `memory` in the configuration"));
        Probe {
            name: name.to_owned(),
            target: self.address,
            ok,
            detail,
            hint,
            latency_ms,
        }
    }
}

/// Asks one neighbour. A host name that does not resolve here, as those of a compose network don't on the host, is
/// asked for on 127.0.0.1 instead, and the answer says so.
pub async fn ask(protocol: Protocol, host: &str, port: u16) -> Found {
    let name = match protocol {
        Protocol::Postgres => "postgresql",
        Protocol::Redis => "redis",
    };
    let address = format!("{host}:{port}");
    if resolves(&address).await {
        let outcome = exchange(protocol, &address).await;
        return Found {
            name,
            address,
            outcome,
            note: None,
        };
    }
    let fallback = format!("127.0.0.1:{port}");
    let outcome = exchange(protocol, &fallback).await;
    let note = Some(format!(
        "`{host}` does not resolve on this machine; asked {fallback} instead"
    ));
    Found {
        name,
        address,
        outcome,
        note,
    }
}

async fn resolves(address: &str) -> bool {
    let found = timeout(PROBE_DEADLINE, tokio::net::lookup_host(address)).await;
    found.is_ok_and(|found| found.is_ok_and(|mut addresses| addresses.next().is_some()))
}

async fn exchange(protocol: Protocol, address: &str) -> Result<Duration, String> {
    let started = Instant::now();
    match timeout(PROBE_DEADLINE, converse(protocol, address)).await {
        Ok(Ok(true)) => Ok(started.elapsed()),
        Ok(Ok(false)) => {
            Err("something answers there, but it is another kind of server".to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err(format!("no answer within {} s", PROBE_DEADLINE.as_secs())),
    }
}

async fn converse(protocol: Protocol, address: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let mut answer = [0_u8; 7];
    match protocol {
        Protocol::Postgres => {
            stream.write_all(&POSTGRES_SSL_REQUEST).await?;
            let length = stream.read(&mut answer).await?;
            Ok(length == 1 && matches!(answer[0], b'S' | b'N'))
        }
        Protocol::Redis => {
            stream.write_all(b"PING\r\n").await?;
            let _length = stream.read_exact(&mut answer[..5]).await?;
            // A server that wants a password first is there all the same.
            Ok(&answer[..5] == b"+PONG" || &answer[..5] == b"-NOAU")
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn answered_by(protocol: Protocol, answer: &'static [u8]) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 64];
            let _length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
        };
        let (found, ()) = tokio::join!(ask(protocol, "127.0.0.1", port), server);
        assert_eq!(found.note, None);
        found.outcome.map(|_took| ())
    }

    #[tokio::test]
    async fn the_right_kind_of_server_is_recognised() {
        assert_eq!(answered_by(Protocol::Postgres, b"N").await, Ok(()));
        assert_eq!(answered_by(Protocol::Postgres, b"S").await, Ok(()));
        assert_eq!(answered_by(Protocol::Redis, b"+PONG\r\n").await, Ok(()));
        assert_eq!(
            answered_by(Protocol::Redis, b"-NOAUTH Authentication required.\r\n").await,
            Ok(())
        );
    }

    #[tokio::test]
    async fn another_kind_of_server_is_told_apart() {
        for protocol in [Protocol::Postgres, Protocol::Redis] {
            let error = answered_by(protocol, b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap_err();
            assert!(error.contains("another kind"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_asked_for_on_loopback() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let found = ask(Protocol::Redis, "redis.invalid", port).await;
        assert!(found.note.unwrap().contains("127.0.0.1"));
        assert!(found.outcome.is_err());
    }
}
