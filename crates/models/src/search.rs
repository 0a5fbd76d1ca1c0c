//! Keeps the routes up to date with what discovery finds: at the start, on request, and after everything failed.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::{
    sync::{Mutex, Notify, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    discovery::{Discovery, SEARCH_INTERVAL},
    routes::Routes,
};

/// The routes, and how they come about.
#[derive(Debug)]
pub(crate) struct Search {
    discovery: Option<Discovery>,
    base: Routes,
    current: RwLock<Arc<Routes>>,
    settled: watch::Sender<bool>,
    wanted: Notify,
    // Held while searching: two searches at once would find the same.
    last: Mutex<Option<Instant>>,
}

impl Search {
    /// `base` is what is known without asking anybody.
    pub(crate) fn new(discovery: Discovery, base: Routes) -> Self {
        Self {
            discovery: Some(discovery),
            current: RwLock::new(Arc::new(base.clone())),
            base,
            settled: watch::channel(false).0,
            wanted: Notify::new(),
            last: Mutex::new(None),
        }
    }

    /// Routes that never change.
    pub(crate) fn fixed(routes: Routes) -> Self {
        Self {
            discovery: None,
            current: RwLock::new(Arc::new(routes.clone())),
            base: routes,
            settled: watch::channel(true).0,
            wanted: Notify::new(),
            last: Mutex::new(None),
        }
    }

    /// The routes as they are now.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// Whether the first search has ended.
    pub(crate) fn settled(&self) -> watch::Receiver<bool> {
        self.settled.subscribe()
    }

    /// Nothing answered: what was found may be gone.
    pub(crate) fn doubt(&self) {
        self.wanted.notify_one();
    }

    /// Searches now.
    pub(crate) async fn search(&self) {
        let Some(discovery) = &self.discovery else {
            return;
        };
        let mut last = self.last.lock().await;
        let findings = discovery.search().await;
        *last = Some(Instant::now());
        if let Some(source) = &findings.source {
            tracing::info!(source = source.name, model = source.model, "models found");
        }
        let routes = Arc::new(self.base.with(findings));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = routes;
        self.settled.send_replace(true);
    }

    /// Searches once, and again whenever there is doubt, with a pause between two searches.
    pub(crate) async fn keep_up(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.search() => {}
            }
            // What is configured with its models does not change.
            if self.discovery.as_ref().is_none_or(Discovery::is_needless) {
                return;
            }
            let doubted = async {
                self.wanted.notified().await;
                let last = *self.last.lock().await;
                if let Some(last) = last {
                    tokio::time::sleep_until(last + SEARCH_INTERVAL).await;
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = doubted => {}
            }
        }
    }
}
