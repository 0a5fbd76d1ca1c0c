//! The HTTP side of the socket: connections, routes and the shape of answers.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::watch,
    task::JoinSet,
};

mod app;
mod completion;
mod patient;
mod prepare;
mod problem;
mod route;
mod stream;

pub use app::App;

/// Connections at the same time; the gateway needs one per conversation and a few for probes.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a refused accept waits before the next one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

type Body = Either<Full<Bytes>, stream::Events>;

/// The connections that are still open.
#[derive(Debug)]
pub struct Connections(JoinSet<()>);

impl Connections {
    /// Lets them end by themselves for a while, then ends them.
    pub async fn close(mut self, patience: Duration) {
        let all = async { while self.0.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            self.0.shutdown().await;
        }
    }
}

/// Accepts connections until told to stop.
pub async fn accept(
    listener: &UnixListener,
    app: &Arc<App>,
    stop: &mut watch::Receiver<bool>,
) -> Connections {
    let mut tasks = JoinSet::new();
    loop {
        let told = stop.clone();
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Connections(tasks),
            Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
            accepted = listener.accept(), if tasks.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => { tasks.spawn(connection(stream, Arc::clone(app), told)); }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn connection(stream: UnixStream, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let app = Arc::clone(&app);
        async move { Ok::<Response<Body>, Infallible>(route::answer(&app, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(patient::Patient::new(stream)), answer);
    tokio::pin!(served);
    let mut leaving = false;
    loop {
        tokio::select! {
            biased;
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended early");
                }
                return;
            }
            _ = stop.wait_for(|stop| *stop), if !leaving => {
                leaving = true;
                served.as_mut().graceful_shutdown();
            }
        }
    }
}
