//! Tries candidates one after the other until one begins to answer; each at most once, without a pause.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, TryFutureExt, stream};
use openclaw_types::Env;

use crate::{
    error::{Attempt, Error},
    health::{Health, Spot, verdict},
    provider::{Chunk, ChunkStream, Provider, Request},
};

/// One candidate, and who asks it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Which model, under which key.
    pub spot: Spot,
    /// Its provider.
    pub provider: Arc<dyn Provider>,
}

/// Candidates behind one face: itself a provider.
#[derive(Debug, Clone)]
pub struct Failover {
    candidates: Vec<Candidate>,
    health: Arc<Mutex<Health>>,
    env: Arc<dyn Env>,
}

impl Failover {
    /// Candidates in the order in which they are tried.
    #[must_use]
    pub fn new(candidates: Vec<Candidate>, health: Arc<Mutex<Health>>, env: Arc<dyn Env>) -> Self {
        Self {
            candidates,
            health,
            env,
        }
    }

    fn failed(&self, spot: &Spot, error: &Error) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.failed(spot, error.kind(), self.env.now());
    }

    fn answered(&self, spot: &Spot) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.answered(spot);
    }

    async fn first_answer(mut self, mut request: Request) -> Result<ChunkStream, Error> {
        let candidates = std::mem::take(&mut self.candidates);
        let count = candidates.len();
        let mut attempts = Vec::new();
        for (place, candidate) in candidates.into_iter().enumerate() {
            let is_last = place + 1 == count;
            let mut request = if is_last {
                std::mem::take(&mut request)
            } else {
                request.clone()
            };
            request.model.clone_from(&candidate.spot.target.model);
            let stream = candidate.provider.stream(request);
            let error = match begin(stream).await {
                Ok(answer) => {
                    self.answered(&candidate.spot);
                    let spot = candidate.spot;
                    let watched = answer.inspect(move |chunk| {
                        if let Err(error) = chunk {
                            self.failed(&spot, error);
                        }
                    });
                    return Ok(watched.boxed());
                }
                Err(error) => error,
            };
            self.failed(&candidate.spot, &error);
            let moves_on = verdict(error.kind()).moves_on;
            tracing::debug!(candidate = %candidate.spot.target, kind = error.kind().as_str(), moves_on, "a model did not answer");
            attempts.push(Attempt {
                reference: candidate.spot.target.to_string(),
                error,
            });
            if !moves_on {
                break;
            }
        }
        Err(Error::of_attempts(attempts))
    }
}

impl Provider for Failover {
    fn stream(&self, request: Request) -> ChunkStream {
        self.clone()
            .first_answer(request)
            .try_flatten_stream()
            .boxed()
    }
}

/// Reads up to the first content; what came until then is put back in front of the rest.
async fn begin(mut answer: ChunkStream) -> Result<ChunkStream, Error> {
    let mut head: Vec<Result<Chunk, Error>> = Vec::new();
    while let Some(chunk) = answer.next().await {
        let chunk = chunk?;
        let is_content = !chunk.is_preamble();
        head.push(Ok(chunk));
        if is_content {
            break;
        }
    }
    Ok(stream::iter(head).chain(answer).boxed())
}

#[cfg(test)]
mod tests;
