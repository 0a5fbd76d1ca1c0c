//! The loop over a plan, the same for agents and for clients: who is asked next and how long that may take, who has
//! failed, and what is told when nobody answers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use openclaw_accounts::Denied;
use openclaw_types::Env;
use tokio::time::{Instant, timeout_at};

use super::{
    By, Failure, Tried, Upstream,
    bill::Bill,
    flight::{Flight, lock},
    send::Failed,
};
use crate::{
    error::{self, Error, Kind, Phase},
    limits::REQUEST_TIME_MAX,
    recording::Tape,
    routing::{Candidate, Fault, Health, Next, Plan},
};

/// A way to ask one candidate.
pub(crate) trait Asking: Sync {
    /// An answer that has begun.
    type Answer: Send;
    /// Why nobody else need be asked.
    type Stop: Send;

    /// Asks, and waits until there is content.
    fn ask(
        &self,
        attempt: Attempt<'_>,
        bill: &mut Bill,
    ) -> impl Future<Output = Result<Self::Answer, Stumble<Self::Stop>>> + Send;
}

/// One candidate to be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) candidate: &'a Candidate,
    /// Who that is, for the client.
    pub(crate) by: &'a By,
    /// What is left of the whole request's time.
    pub(crate) left: Duration,
}

/// Why an attempt has no answer.
#[derive(Debug)]
pub(crate) enum Stumble<S> {
    /// The request is at fault, whoever is asked.
    Request(S),
    /// The candidate is.
    Candidate(Box<Failed>),
}

impl<S> From<Failed> for Stumble<S> {
    fn from(failed: Failed) -> Self {
        Self::Candidate(Box::new(failed))
    }
}

impl<S> From<Error> for Stumble<S> {
    fn from(error: Error) -> Self {
        Failed::from(error).into()
    }
}

/// Why nobody answers.
#[derive(Debug)]
pub(crate) enum Unanswered<S> {
    /// What has been tried costs as much as the caller may spend.
    Denied(Denied),
    /// The request is at fault.
    Request(S),
    /// Nobody was asked, because all want to be left alone.
    Resting {
        reference: Arc<str>,
        retry_after: Duration,
    },
    /// Everything that was tried, in order.
    Failed(Vec<(By, Failed)>),
}

/// One ask on its way through a plan.
#[derive(Debug)]
pub(crate) struct Turn {
    plan: Plan,
    reference: Arc<str>,
    health: Arc<Mutex<Health>>,
    env: Arc<dyn Env>,
    /// When the whole request has to be answered.
    until: Instant,
    failed: Vec<(By, Failed)>,
}

impl Turn {
    /// A turn that begins now; `given` is how long the caller waits.
    ///
    /// Who does not say waits for twice the longest deadline of a candidate, so that one more can take as long as
    /// the first.
    pub(crate) fn new(
        plan: Plan,
        reference: Arc<str>,
        health: Arc<Mutex<Health>>,
        env: Arc<dyn Env>,
        given: Option<Duration>,
    ) -> Self {
        let longest = || {
            let totals = plan.deployments().map(|deployment| {
                let whole = deployment.deadlines(false).total_ms;
                whole.max(deployment.deadlines(true).total_ms)
            });
            Duration::from_millis(totals.max().unwrap_or(0).saturating_mul(2))
        };
        let time = given.unwrap_or_else(longest).min(REQUEST_TIME_MAX);
        Self {
            until: Instant::now() + time,
            plan,
            reference,
            health,
            env,
            failed: Vec::new(),
        }
    }

    /// The answer of the first candidate that begins to; when nobody does, the bill is settled.
    ///
    /// # Errors
    /// When nobody answers.
    pub(crate) async fn run<A: Asking>(
        mut self,
        asking: &A,
        bill: &mut Bill,
        tape: &Tape,
    ) -> Result<(A::Answer, By, Flight), Unanswered<A::Stop>> {
        let unanswered = loop {
            let (candidate, flight) = match self.next().await {
                Ok(next) => next,
                Err(unanswered) => break unanswered,
            };
            if let Err(denied) = bill.sending(&candidate.deployment) {
                break Unanswered::Denied(denied);
            }
            let by = self.by(&candidate);
            let began = Instant::now();
            let told = self.ask(asking, &candidate, &by, bill).await;
            bill.waited(began);
            match told {
                Ok(answer) => return Ok((answer, by, flight)),
                Err(Stumble::Request(stop)) => break Unanswered::Request(stop),
                Err(Stumble::Candidate(failed)) => {
                    bill.failed(failed.shown_status());
                    let spot = candidate.deployment.spot.to_string();
                    let (kind, status) = (failed.error.kind(), failed.status);
                    tape.failed(&spot, kind, status, failed.words());
                    tracing::debug!(
                        candidate = spot,
                        kind = kind.as_str(),
                        status,
                        "a model did not answer"
                    );
                    self.failed(flight, Fault { kind, status });
                    self.failed.push((by, *failed));
                }
            }
        };
        bill.settle(None, unanswered.status(), false);
        Err(unanswered)
    }

    /// The next candidate. A pause comes only before a candidate that is asked once more.
    async fn next<S>(&mut self) -> Result<(Candidate, Flight), Unanswered<S>> {
        loop {
            if Instant::now() >= self.until && !self.failed.is_empty() {
                return Err(self.exhausted());
            }
            let next = self.plan.next(&mut lock(&self.health), self.env.now());
            match next {
                Next::Try(candidate) => {
                    let health = Arc::clone(&self.health);
                    let flight = Flight::new(candidate.clone(), health, Arc::clone(&self.env));
                    return Ok((candidate, flight));
                }
                Next::Wait(pause) if Instant::now() + pause < self.until => {
                    tokio::time::sleep(pause).await;
                }
                Next::Resting(retry_after) => {
                    return Err(Unanswered::Resting {
                        reference: Arc::clone(&self.reference),
                        retry_after,
                    });
                }
                Next::Wait(_) | Next::Done => return Err(self.exhausted()),
            }
        }
    }

    /// Asks one candidate. While others could still be asked it gets half of the time that is left, for otherwise
    /// they would have none when it keeps silent.
    async fn ask<A: Asking>(
        &self,
        asking: &A,
        candidate: &Candidate,
        by: &By,
        bill: &mut Bill,
    ) -> Result<A::Answer, Stumble<A::Stop>> {
        let left = self.until.saturating_duration_since(Instant::now());
        let has_more = self.plan.has_more(&lock(&self.health), self.env.now());
        let share = if has_more { left / 2 } else { left };
        let attempt = Attempt {
            candidate,
            by,
            left,
        };
        let asked = Box::pin(asking.ask(attempt, bill));
        let told = timeout_at(Instant::now() + share, asked);
        told.await.unwrap_or_else(|_elapsed| {
            Err(Stumble::from(Error::Deadline {
                provider: Arc::clone(candidate.deployment.provider()),
                phase: Phase::Total,
                after_ms: u64::try_from(share.as_millis()).unwrap_or(u64::MAX),
            }))
        })
    }

    /// The candidate that was asked last did not answer.
    fn failed(&mut self, flight: Flight, fault: Fault) {
        flight.handed_back();
        let now = self.env.now();
        self.plan.failed(fault, &mut lock(&self.health), now);
    }

    /// Who a candidate is, for the client.
    fn by(&self, candidate: &Candidate) -> By {
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

    fn exhausted<S>(&mut self) -> Unanswered<S> {
        Unanswered::Failed(std::mem::take(&mut self.failed))
    }
}

impl<S> Unanswered<S> {
    /// The status that the ledger has for it.
    fn status(&self) -> u16 {
        match self {
            Self::Denied(_) | Self::Resting { .. } => 429,
            Self::Request(_) => 400,
            Self::Failed(failed) => failed.first().map_or(503, |(_, first)| {
                if first.is_unspeakable {
                    400
                } else {
                    first.shown_status()
                }
            }),
        }
    }
}

/// For clients: told by the first, because that is what was wanted.
impl From<Unanswered<Self>> for Failure {
    fn from(unanswered: Unanswered<Self>) -> Self {
        let failed = match unanswered {
            Unanswered::Denied(denied) => return denied.into(),
            Unanswered::Request(failure) => return failure,
            Unanswered::Resting {
                reference,
                retry_after,
            } => {
                return Self::Resting {
                    reference: reference.to_string(),
                    retry_after,
                };
            }
            Unanswered::Failed(failed) => failed,
        };
        let attempts = failed.iter().map(|(by, failed)| Tried {
            reference: by.reference(),
            kind: failed.error.kind(),
            status: failed.status,
        });
        let attempts: Vec<Tried> = attempts.collect();
        let Some((by, first)) = failed.into_iter().next() else {
            // A plan hands out somebody before it is done.
            return Self::Cancelled;
        };
        if first.is_unspeakable {
            return Self::BadRequest {
                message: first.words(),
                param: None,
            };
        }
        let kind = first.error.kind();
        Self::Upstream(Box::new(Upstream {
            kind,
            status: first.status,
            message: first.words(),
            retry_after: match kind {
                Kind::RateLimited { retry_after } => retry_after,
                _ => None,
            },
            code: first.code,
            body: first.body,
            headers: first.headers,
            by,
            attempts,
        }))
    }
}

/// For agents: everything that was tried.
impl From<Unanswered<std::convert::Infallible>> for Error {
    fn from(unanswered: Unanswered<std::convert::Infallible>) -> Self {
        match unanswered {
            Unanswered::Denied(denied) => denied.into(),
            Unanswered::Request(never) => match never {},
            Unanswered::Resting {
                reference,
                retry_after,
            } => Self::Resting {
                reference: reference.to_string(),
                retry_after,
            },
            Unanswered::Failed(failed) => {
                let attempts = failed.into_iter().map(|(by, failed)| error::Attempt {
                    reference: by.reference(),
                    error: failed.error,
                });
                Self::of_attempts(attempts.collect())
            }
        }
    }
}

#[cfg(test)]
mod tests;
