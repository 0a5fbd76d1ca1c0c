//! The one port: accept, `TCP_NODELAY`, a place in the budget, then HTTP until somebody upgrades.

mod places;
mod stream;
mod threads;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use self::{places::Places, stream::Impatient};
pub(crate) use self::{
    places::{Place, UNPROVEN_MAX},
    threads::Threads,
};

/// What a socket beyond the limit is told. Nothing was read of it, so there is no telling what it wanted.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
/// Bytes of a request's head: a token, cookies and proxy headers fit several times.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Header lines of a request.
const HEADERS_MAX: usize = 100;
/// Time for a request's head to arrive, and for a kept-alive connection to send the next.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// Pause after the kernel refused a socket, so that a lack of descriptors does not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The least time between two lines about sockets that the kernel refused.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(60);

/// The addresses of one socket, for whoever handles its requests.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    /// The other end.
    pub(crate) peer: SocketAddr,
    /// Our end.
    pub(crate) local: SocketAddr,
    /// This socket's place among those that have not shown who they are.
    pub(crate) place: Arc<Place>,
}

/// Binds the port.
///
/// # Errors
/// When the address is taken or not ours.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Lets the process hold as many sockets as the kernel permits it; the default limit is far below ours.
pub(crate) fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the descriptor limit stays as it is");
    }
}

/// Where connections are served.
#[derive(Debug)]
pub(crate) struct Crew {
    /// The owner of every connection's task.
    pub(crate) tasks: TaskTracker,
    /// Threads of their own; without them it is the runtime that accepts.
    pub(crate) threads: Option<Threads>,
}

impl Crew {
    fn serve(&mut self, accepted: Accepted, router: Router, stop: CancellationToken) {
        let Some(thread) = self.threads.as_mut().and_then(Threads::next) else {
            let _task = self.tasks.spawn(connection(accepted, router, stop));
            return;
        };
        let Accepted {
            stream,
            peer,
            place,
        } = accepted;
        // A socket is told of by the runtime that it was made in.
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let moved = async move {
            match TcpStream::from_std(stream) {
                Ok(stream) => {
                    let accepted = Accepted {
                        stream,
                        peer,
                        place,
                    };
                    connection(accepted, router, stop).await;
                }
                Err(error) => tracing::warn!(%error, "a socket was lost on its way"),
            }
        };
        let _task = self.tasks.spawn_on(moved, thread);
    }
}

/// Accepts until told to stop; every connection's task belongs to the crew.
pub(crate) async fn serve(
    listener: TcpListener,
    connections_max: usize,
    router: Router,
    mut crew: Crew,
    stop: CancellationToken,
) {
    let places = Places::new(connections_max);
    let mut complaints = Complaints::default();
    loop {
        let accepted = tokio::select! {
            biased;
            // A stop goes first: nothing new is accepted once it was asked for.
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = places.enter() else {
                    refuse(stream);
                    continue;
                };
                let accepted = Accepted {
                    stream,
                    peer,
                    place,
                };
                crew.serve(accepted, router.clone(), stop.clone());
            }
            Err(error) => {
                if let Some(kept) = complaints.next(Instant::now()) {
                    tracing::warn!(%error, unsaid = kept, "accept refused by the system");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if crew.threads.is_some() {
        // They are needed to the end of the last connection.
        let _is_closed = crew.tasks.close();
        crew.tasks.wait().await;
    }
}

/// Says the same thing once in a while, however often it happens.
#[derive(Debug, Default)]
struct Complaints {
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    /// How many were kept back since the last one, where it is time for another.
    fn next(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now < last + COMPLAINT_PAUSE) {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// Tells a socket that there is no room. The kernel's buffer of a fresh socket takes these bytes at once.
fn refuse(stream: TcpStream) {
    let written = stream
        .into_std()
        .and_then(|mut stream| io::Write::write(&mut stream, FULL));
    tracing::debug!(?written, "connection refused: there are too many");
}

/// A socket that was just accepted, with its place.
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    place: Arc<Place>,
}

async fn connection(accepted: Accepted, router: Router, stop: CancellationToken) {
    let Accepted {
        stream,
        peer,
        place,
    } = accepted;
    // Without it the kernel holds small frames back for up to 40 ms.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let evicted = Arc::clone(&place);
    let socket = Socket { peer, local, place };
    let service = TowerToHyperService::new(router.map_request(
        move |mut request: http::Request<hyper::body::Incoming>| {
            let _previous = request.extensions_mut().insert(socket.clone());
            request
        },
    ));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(Impatient::new(stream)), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        () = evicted.evicted() => return,
        ended = serving.as_mut() => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "http connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// The name of the thread that answers.
    async fn named() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    /// Asks once, and leaves the connection open.
    async fn ask(stream: &mut TcpStream) -> String {
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let read = stream.read_buf(&mut answer).await.unwrap();
            assert_ne!(read, 0, "closed");
            let text = String::from_utf8_lossy(&answer);
            if let Some((_, body)) = text.split_once("\r\n\r\n")
                && !body.is_empty()
            {
                return body.to_owned();
            }
        }
    }

    #[tokio::test]
    async fn each_connection_stays_on_one_thread_and_a_stop_ends_them_all() {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let crew = Crew {
            tasks: TaskTracker::new(),
            threads: Some(Threads::start("t").unwrap()),
        };
        let router = Router::new().route("/", axum::routing::get(named));
        let mut serving = tokio::task::JoinSet::new();
        let _task = serving.spawn(serve(listener, 10, router, crew, stop.clone()));
        let mut seen = BTreeSet::new();
        let mut open = Vec::new();
        for _connection in 0..8 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let first = ask(&mut stream).await;
            for _again in 0..3 {
                assert_eq!(ask(&mut stream).await, first);
            }
            let _is_new = seen.insert(first);
            open.push(stream);
        }
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(seen.len(), cores.min(8), "{seen:?}");
        stop.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(10), serving.join_next()).await;
        let ended = ended.expect("it ends when its connections have");
        ended.expect("a task").unwrap();
        for mut stream in open {
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0, "closed");
        }
    }

    #[test]
    fn a_lack_of_descriptors_is_said_once_a_minute() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        let said: Vec<_> = (0_u64..=2_400)
            .filter_map(|tick| {
                let kept = complaints.next(start + ACCEPT_PAUSE * u32::try_from(tick).unwrap())?;
                Some((tick, kept))
            })
            .collect();
        assert_eq!(said, [(0, 0), (1_200, 1_199), (2_400, 1_199)]);
    }
}
