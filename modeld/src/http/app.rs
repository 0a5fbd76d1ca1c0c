//! What every request can reach.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{engine::Engine, model::Model};

/// The model, the engine, and numbers for ids.
#[derive(Debug)]
pub struct App {
    model: Arc<Model>,
    engine: Engine,
    random: RandomState,
    counter: AtomicU64,
}

impl App {
    /// Brings the two together.
    #[must_use]
    pub fn new(model: Arc<Model>, engine: Engine) -> Self {
        Self {
            model,
            engine,
            random: RandomState::new(),
            counter: AtomicU64::new(0),
        }
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A number nobody can guess and that does not come twice soon.
    pub(super) fn unique(&self) -> u64 {
        self.random
            .hash_one(self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// Seconds since 1970, for the `created` field.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only place of the daemon that reads the wall clock"
    )]
    pub(super) fn unix_seconds() -> u64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs())
    }
}
