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

/// Sockets open at once; the kernel's descriptor limit is raised to fit at start.
pub(crate) const CONNECTIONS_MAX: usize = 16_384;
/// Sockets that have not yet shown who they are. When one more comes, the oldest of them is dropped, so a flood of
/// silent connections can't keep anybody out for longer than it takes to speak.
pub(crate) const UNPROVEN_MAX: usize = 512;
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

/// Accepts until told to stop; every connection's task belongs to `tasks`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Places::default());
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = tokio::select! {
            biased;
            // A stop goes first: nothing new is accepted once it was asked for.
            () = stop.cancelled() => return,
            permit = Arc::clone(&open).acquire_owned() => permit,
        };
        let Ok(permit) = permit else { return };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let router = router.clone();
                let place = places.enter();
                let accepted = Accepted {
                    stream,
                    peer,
                    place,
                    _permit: permit,
                };
                let _task = tasks.spawn(connection(accepted, router, stop.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "accept refused by the system");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A socket that was just accepted, with what it holds of the budgets.
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    place: Arc<Place>,
    _permit: OwnedSemaphorePermit,
}

async fn connection(accepted: Accepted, router: Router, stop: CancellationToken) {
    let Accepted {
        stream,
        peer,
        place,
        _permit,
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

/// The sockets that have not shown who they are, oldest first.
#[derive(Debug, Default)]
struct Places {
    waiting: Mutex<VecDeque<std::sync::Weak<Place>>>,
}

/// One socket's place; given up when it is proven or closed.
#[derive(Debug)]
pub(crate) struct Place {
    evicted: CancellationToken,
    proven: std::sync::atomic::AtomicBool,
}

impl Place {
    /// The socket has shown who it is and no longer counts.
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
    fn enter(&self) -> Arc<Place> {
        let place = Arc::new(Place {
            evicted: CancellationToken::new(),
            proven: false.into(),
        });
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= UNPROVEN_MAX {
            waiting.retain(|other| other.upgrade().is_some_and(|other| !other.is_proven()));
        }
        if waiting.len() >= UNPROVEN_MAX
            && let Some(oldest) = waiting.pop_front().and_then(|oldest| oldest.upgrade())
        {
            oldest.evicted.cancel();
        }
        waiting.push_back(Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_unproven_socket_makes_room() {
        let places = Places::default();
        let all: Vec<_> = (0..UNPROVEN_MAX).map(|_| places.enter()).collect();
        all[0].prove();
        let _one_more = places.enter();
        assert!(
            all.iter().all(|place| !place.evicted.is_cancelled()),
            "a proven place was given up first"
        );
        let _another = places.enter();
        assert!(!all[0].evicted.is_cancelled() && all[1].evicted.is_cancelled());
        assert!(all[2..].iter().all(|place| !place.evicted.is_cancelled()));
    }

    #[test]
    fn closed_sockets_hold_no_place() {
        let places = Places::default();
        for _ in 0..UNPROVEN_MAX * 3 {
            drop(places.enter());
        }
        let kept = places.enter();
        let _next = places.enter();
        assert!(!kept.evicted.is_cancelled());
    }
}
