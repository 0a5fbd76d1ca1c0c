//! An agent's call: the loop of every exchange, over providers that are asked and heard in our own words.

use std::{convert::Infallible, sync::Arc};

use futures_util::{StreamExt, TryFutureExt, stream};
use openclaw_types::Usage;
use serde_json::{Map, Value};

use crate::{
    error::Error,
    exchange::{
        bill::Bill,
        flight::Flight,
        send::shown,
        turn::{Asking, Attempt, Stumble, Turn},
        weight::LIMITS,
    },
    provider::{Chunk, ChunkStream, Request},
    recording::Tape,
    routes::Routes,
    routing::Candidate,
};

/// An agent's call, and all that it takes to carry it out.
#[derive(Debug)]
pub(crate) struct Failover {
    pub(crate) turn: Turn,
    pub(crate) routes: Arc<Routes>,
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
        let asking = InWords {
            routes: &self.routes,
            request: &request,
        };
        let told = self.turn.run(&asking, &mut self.bill, &self.tape).await;
        let (answer, _, mut flight) = told?;
        flight.answered();
        let mut call = Call {
            flight,
            bill: self.bill,
            usage: None,
        };
        Ok(answer.inspect(move |chunk| call.watch(chunk)).boxed())
    }
}

/// Asks the candidates' providers.
struct InWords<'a> {
    routes: &'a Routes,
    request: &'a Request,
}

impl Asking for InWords<'_> {
    type Answer = ChunkStream;
    type Stop = Infallible;

    async fn ask(
        &self,
        attempt: Attempt<'_>,
        bill: &mut Bill,
    ) -> Result<ChunkStream, Stumble<Infallible>> {
        let candidate = attempt.candidate;
        let server = &candidate.deployment.server;
        let entry = self.routes.entries.get(&server.name);
        let entry = entry.ok_or(Error::Cancelled)?;
        let request = fitted(self.request, candidate, bill.output_tokens_max());
        Ok(begin(entry.provider.stream(request)).await?)
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

/// One answer on its way in; however it ends, health and accounts hear of it once.
struct Call {
    flight: Flight,
    bill: Bill,
    usage: Option<Usage>,
}

impl Call {
    fn watch(&mut self, chunk: &Result<Chunk, Error>) {
        match chunk {
            Ok(Chunk::Usage(usage)) => {
                self.usage = Some(*usage);
                self.bill.used(self.usage);
            }
            Ok(Chunk::Stop(_)) => {
                self.flight.ended(self.usage.as_ref());
                self.bill.settle(self.usage, 200, true);
            }
            Ok(Chunk::Text(text) | Chunk::Reasoning(text)) => self.bill.text(text.len()),
            Ok(Chunk::ToolCall(call)) => self.bill.text(call.name.len()),
            Ok(Chunk::Start { .. }) => {}
            Err(error) => {
                self.flight.broke(error.kind());
                self.bill.settle(None, shown(error), false);
            }
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
