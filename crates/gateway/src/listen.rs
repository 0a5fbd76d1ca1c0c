//! The one port: accept, `TCP_NODELAY`, a place in the budget, then HTTP until somebody upgrades.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// Sockets that have not yet shown who they are, and never more than half of all. When one more comes, the oldest of
/// them is dropped, so a flood of silent connections can't keep anybody out for longer than it takes to speak.
pub(crate) const UNPROVEN_MAX: usize = 512;
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

/// Accepts until told to stop; every connection's task belongs to `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    connections_max: usize,
    router: Router,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Places::new(connections_max);
    loop {
        let accepted = tokio::select! {
            biased;
            // A stop goes first: nothing new is accepted once it was asked for.
            () = stop.cancelled() => return,
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
                let _task = tasks.spawn(connection(accepted, router.clone(), stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "accept refused by the system");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
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
    let evicted = place.evicted.clone();
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
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        () = evicted.cancelled() => return,
        ended = serving.as_mut() => ended,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "http connection ended");
    }
}

/// The places of open sockets, and those of them that have not shown who they are, oldest first.
#[derive(Debug)]
struct Places {
    open: Arc<Semaphore>,
    unproven_max: usize,
    waiting: Mutex<VecDeque<std::sync::Weak<Place>>>,
}

/// One socket's place, held for as long as anything of the connection lives.
#[derive(Debug)]
pub(crate) struct Place {
    evicted: CancellationToken,
    proven: std::sync::atomic::AtomicBool,
    _open: OwnedSemaphorePermit,
}

impl Place {
    /// The socket has shown who it is and no longer counts as unproven.
    pub(crate) fn prove(&self) {
        self.proven
            .store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether the socket has shown who it is.
    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Resolves when the place was taken away.
    pub(crate) async fn evicted(&self) {
        self.evicted.cancelled().await;
    }
}

impl Places {
    fn new(connections_max: usize) -> Self {
        Self {
            open: Arc::new(Semaphore::new(connections_max)),
            unproven_max: (connections_max / 2).clamp(1, UNPROVEN_MAX),
            waiting: Mutex::default(),
        }
    }

    /// A place for one more socket, unless there are too many.
    fn enter(&self) -> Option<Arc<Place>> {
        let open = Arc::clone(&self.open).try_acquire_owned().ok()?;
        let place = Arc::new(Place {
            evicted: CancellationToken::new(),
            proven: false.into(),
            _open: open,
        });
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= self.unproven_max {
            waiting.retain(|other| other.upgrade().is_some_and(|other| !other.is_proven()));
        }
        if waiting.len() >= self.unproven_max
            && let Some(oldest) = waiting.pop_front().and_then(|oldest| oldest.upgrade())
        {
            oldest.evicted.cancel();
        }
        waiting.push_back(Arc::downgrade(&place));
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unproven_socket_makes_room() {
        let places = Places::new(UNPROVEN_MAX * 4);
        let all: Vec<_> = (0..UNPROVEN_MAX).map(|_| places.enter().unwrap()).collect();
        all[0].prove();
        let _one_more = places.enter().unwrap();
        assert!(
            all.iter().all(|place| !place.evicted.is_cancelled()),
            "a proven place was given up first"
        );
        let _another = places.enter().unwrap();
        assert!(!all[0].evicted.is_cancelled() && all[1].evicted.is_cancelled());
        assert!(all[2..].iter().all(|place| !place.evicted.is_cancelled()));
    }

    #[test]
    fn closed_sockets_hold_no_place() {
        let places = Places::new(2);
        for _ in 0..UNPROVEN_MAX * 3 {
            drop(places.enter().unwrap());
        }
        let kept = places.enter().unwrap();
        assert!(!kept.evicted.is_cancelled());
    }

    #[test]
    fn the_last_place_is_the_last() {
        let places = Places::new(3);
        let mut all: Vec<_> = (0..3).map(|_| places.enter().unwrap()).collect();
        assert!(places.enter().is_none());
        drop(all.pop());
        assert!(places.enter().is_some());
    }
}
