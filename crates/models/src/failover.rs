//! Tries the candidates of a plan one after the other until one begins to answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt, TryFutureExt, stream};
use openclaw_types::Env;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::{
    error::{Attempt, Error, Kind},
    exchange::{bill::Bill, failure::shown_status, weight::LIMITS},
    provider::{Chunk, ChunkStream, Request},
    recording::Tape,
    routes::Routes,
    routing::{Candidate, Ended, Fault, Health, Next, Plan},
};

/// A plan, and all that it takes to carry it out.
#[derive(Debug)]
pub(crate) struct Failover {
    /// What was asked for, for messages.
    pub(crate) reference: String,
    pub(crate) plan: Plan,
    pub(crate) routes: Arc<Routes>,
    pub(crate) health: Arc<Mutex<Health>>,
    pub(crate) env: Arc<dyn Env>,
    pub(crate) bill: Bill,
    /// Hears of candidates that did not answer.
    pub(crate) tape: Tape,
}

impl Failover {
    /// The answer of the first candidate that begins to.
    pub(crate) fn stream(self, request: Request) -> ChunkStream {
        self.first_answer(request).try_flatten_stream().boxed()
    }

    async fn first_answer(mut self, request: Request) -> Result<ChunkStream, Error> {
        let mut attempts = Vec::new();
        let error = loop {
            let next = self.plan.next(&mut lock(&self.health), self.env.now());
            let candidate = match next {
                Next::Try(candidate) => candidate,
                Next::Wait(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Next::Resting(retry_after) => {
                    break Error::Resting {
                        reference: self.reference,
                        retry_after,
                    };
                }
                Next::Done => break Error::of_attempts(attempts),
            };
            if let Err(source) = self.bill.sending(&candidate.deployment) {
                lock(&self.health).ended(&candidate, &Ended::default(), self.env.now());
                break source.into();
            }
            let error = match self.ask(&candidate, &request).await {
                Ok((answer, mut call)) => {
                    call.bill = self.bill;
                    return Ok(answer.inspect(move |chunk| call.watch(chunk)).boxed());
                }
                Err(error) => error,
            };
            self.bill.failed(shown_status(status(&error), error.kind()));
            let fault = Fault {
                kind: error.kind(),
                status: status(&error),
            };
            self.plan
                .failed(fault, &mut lock(&self.health), self.env.now());
            let reference = candidate.deployment.spot.to_string();
            tracing::debug!(candidate = %reference, kind = fault.kind.as_str(), "a model did not answer");
            self.tape
                .failed(&reference, fault.kind, fault.status, error.full_text());
            attempts.push(Attempt { reference, error });
        };
        let status = shown_status(status(&error), error.kind());
        self.bill.settle(None, status, false);
        Err(error)
    }

    async fn ask(
        &self,
        candidate: &Candidate,
        request: &Request,
    ) -> Result<(ChunkStream, Call), Error> {
        let server = &candidate.deployment.server;
        let Some(entry) = self.routes.entries.get(&server.name) else {
            return Err(Error::Cancelled);
        };
        let mut call = Call {
            candidate: Some(candidate.clone()),
            health: Arc::clone(&self.health),
            env: Arc::clone(&self.env),
            sent: Instant::now(),
            ended: Ended::default(),
            bill: Bill::unkept(),
        };
        let stream =
            entry
                .provider
                .stream(fitted(request, candidate, self.bill.output_tokens_max()));
        match begin(stream).await {
            Ok(answer) => {
                lock(&self.health).answered(candidate);
                call.ended.first_byte = Some(call.sent.elapsed());
                Ok((answer, call))
            }
            Err(error) => {
                // The plan does that.
                call.candidate = None;
                Err(error)
            }
        }
    }
}

fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The status that a failure came with; 0 when there was none.
const fn status(error: &Error) -> u16 {
    match error {
        Error::Answer { status, .. } => *status,
        _ => 0,
    }
}

/// The request as this candidate gets it.
fn fitted(request: &Request, candidate: &Candidate, affordable: Option<u64>) -> Request {
    let deployment = &candidate.deployment;
    let field = |name: &str| -> Option<&Value> {
        let own: Option<&Map<String, Value>> = Some(&deployment.extra);
        let mut maps = own.into_iter().chain(candidate.defaults());
        maps.find_map(|map| map.get(name))
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a temperature is a small number, and no model minds the digits that are lost"
    )]
    let temperature = field("temperature")
        .and_then(Value::as_f64)
        .map(|t| t as f32);
    let limits = LIMITS.into_iter().filter_map(field);
    let limits = limits.filter_map(Value::as_u64).chain(affordable);
    let limit = limits.min();
    let limit = limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX));
    Request {
        model: deployment.model.to_string(),
        temperature: request.temperature.or(temperature),
        max_output_tokens: request.max_output_tokens.or(limit),
        ..request.clone()
    }
}

/// One call in flight, which health hears of once, however it ends.
struct Call {
    candidate: Option<Candidate>,
    health: Arc<Mutex<Health>>,
    env: Arc<dyn Env>,
    sent: Instant,
    ended: Ended,
    bill: Bill,
}

impl Call {
    fn watch(&mut self, chunk: &Result<Chunk, Error>) {
        match chunk {
            Ok(Chunk::Usage(usage)) => {
                self.ended.output_tokens = Some(usage.output_tokens);
                self.ended.tokens = Some(usage.input_tokens.saturating_add(usage.output_tokens));
                self.bill.used(Some(*usage));
            }
            Ok(Chunk::Stop(_)) => {
                self.ended.whole = Some(self.sent.elapsed());
                self.bill.settle(None, 200, true);
            }
            Ok(Chunk::Text(text) | Chunk::Reasoning(text)) => self.bill.text(text.len()),
            Ok(Chunk::ToolCall(call)) => self.bill.text(call.name.len()),
            Ok(Chunk::Start { .. }) => {}
            Err(error) => {
                let status = shown_status(status(error), error.kind());
                self.bill.settle(None, status, false);
                self.broke(error.kind());
            }
        }
    }

    fn broke(&mut self, kind: Kind) {
        if let Some(candidate) = self.candidate.take() {
            lock(&self.health).broke(&candidate, kind, self.env.now());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            lock(&self.health).ended(&candidate, &self.ended, self.env.now());
        }
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
