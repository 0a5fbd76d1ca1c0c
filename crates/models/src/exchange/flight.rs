//! One candidate that is being asked: whatever happens, what was seen of it is remembered once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openclaw_types::{Env, Usage};
use tokio::time::Instant;

use crate::{
    error::Kind,
    routing::{Candidate, Ended, Health},
};

/// One candidate that is being asked.
#[derive(Debug)]
pub(crate) struct Flight {
    candidate: Option<Candidate>,
    health: Arc<Mutex<Health>>,
    env: Arc<dyn Env>,
    sent: Instant,
    seen: Ended,
}

pub(crate) fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flight {
    /// A candidate that a plan has handed out.
    pub(crate) fn new(candidate: Candidate, health: Arc<Mutex<Health>>, env: Arc<dyn Env>) -> Self {
        Self {
            candidate: Some(candidate),
            health,
            env,
            sent: Instant::now(),
            seen: Ended::default(),
        }
    }

    /// It has begun to answer.
    pub(crate) fn answered(&mut self) {
        if self.seen.first_byte.is_none() {
            self.seen.first_byte = Some(self.sent.elapsed());
        }
        if let Some(candidate) = &self.candidate {
            lock(&self.health).answered(candidate);
        }
    }

    /// It has answered.
    pub(crate) fn ended(&mut self, usage: Option<&Usage>) {
        self.seen.whole = Some(self.sent.elapsed());
        self.seen.output_tokens = usage.map(|usage| usage.output_tokens);
        self.seen.tokens = usage.map(|usage| usage.input_tokens + usage.output_tokens);
        self.end();
    }

    /// It broke off after it had begun.
    pub(crate) fn broke(&mut self, kind: Kind) {
        if let Some(candidate) = self.candidate.take() {
            lock(&self.health).broke(&candidate, kind, self.env.now());
        }
    }

    /// The plan is told of its end instead.
    pub(crate) fn handed_back(mut self) {
        self.candidate = None;
    }

    fn end(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            lock(&self.health).ended(&candidate, &self.seen, self.env.now());
        }
    }
}

/// Nobody wants the answer any more.
impl Drop for Flight {
    fn drop(&mut self) {
        self.end();
    }
}
