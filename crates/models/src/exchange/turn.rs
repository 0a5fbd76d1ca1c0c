//! The loop over a plan: who is asked next, who has failed, and what the client is told when nobody answers.

use std::sync::{Arc, Mutex};

use openclaw_types::Env;

use super::{
    Failure, Tried, Upstream,
    flight::{Flight, lock},
    send::Failed,
};
use crate::{
    error::Kind,
    exchange::By,
    routing::{Candidate, Fault, Health, Next, Plan},
};

/// One ask on its way through a plan.
pub(crate) struct Turn {
    pub(crate) plan: Plan,
    reference: Arc<str>,
    health: Arc<Mutex<Health>>,
    env: Arc<dyn Env>,
    attempts: Vec<Tried>,
    /// The first failure, because that is of what was wanted.
    first: Option<(By, Failed)>,
}

impl Turn {
    pub(crate) const fn new(
        plan: Plan,
        reference: Arc<str>,
        health: Arc<Mutex<Health>>,
        env: Arc<dyn Env>,
    ) -> Self {
        Self {
            plan,
            reference,
            health,
            env,
            attempts: Vec::new(),
            first: None,
        }
    }

    /// The next candidate. A pause comes only before a candidate that is asked once more.
    ///
    /// # Errors
    /// When nobody is left.
    pub(crate) async fn next(&mut self) -> Result<(Candidate, Flight), Failure> {
        loop {
            let next = self.plan.next(&mut lock(&self.health), self.env.now());
            match next {
                Next::Try(candidate) => {
                    let health = Arc::clone(&self.health);
                    let flight = Flight::new(candidate.clone(), health, Arc::clone(&self.env));
                    return Ok((candidate, flight));
                }
                Next::Wait(pause) => tokio::time::sleep(pause).await,
                Next::Resting(retry_after) => {
                    return Err(Failure::Resting {
                        reference: self.reference.to_string(),
                        retry_after,
                    });
                }
                Next::Done => return Err(self.exhausted()),
            }
        }
    }

    /// The candidate that was asked last did not answer.
    pub(crate) fn failed(&mut self, candidate: &Candidate, flight: Flight, failed: Failed) {
        let (kind, status) = (failed.error.kind(), failed.status);
        flight.handed_back();
        let fault = Fault { kind, status };
        let now = self.env.now();
        self.plan.failed(fault, &mut lock(&self.health), now);
        let spot = &candidate.deployment.spot;
        tracing::debug!(candidate = %spot, kind = kind.as_str(), status, "a model did not answer");
        self.attempts.push(Tried {
            reference: spot.to_string(),
            kind,
            status,
        });
        if self.first.is_none() {
            self.first = Some((self.by(candidate), failed));
        }
    }

    /// Who a candidate is, for the client.
    pub(crate) fn by(&self, candidate: &Candidate) -> By {
        let deployment = &candidate.deployment;
        By {
            deployment: Arc::clone(&deployment.id),
            provider: Arc::clone(deployment.provider()),
            model: Arc::clone(&deployment.model),
            group: if candidate.is_fallback {
                Arc::clone(&candidate.group)
            } else {
                Arc::clone(&self.reference)
            },
            api_base: Arc::clone(&deployment.server.base_url),
            retries: candidate.retries,
            fallbacks: candidate.fallbacks,
            is_cached: false,
        }
    }

    fn exhausted(&mut self) -> Failure {
        let Some((by, failed)) = self.first.take() else {
            // A plan hands out somebody before it is done.
            return Failure::Cancelled;
        };
        if failed.is_unspeakable {
            return Failure::BadRequest {
                message: failed.words(),
                param: None,
            };
        }
        let kind = failed.error.kind();
        let retry_after = match kind {
            Kind::RateLimited { retry_after } => retry_after,
            _ => None,
        };
        Failure::Upstream(Box::new(Upstream {
            kind,
            status: failed.status,
            message: failed.words(),
            code: failed.code,
            retry_after,
            body: failed.body,
            headers: failed.headers,
            by,
            attempts: std::mem::take(&mut self.attempts),
        }))
    }
}
