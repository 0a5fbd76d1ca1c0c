//! The stream of one answer: bytes in, chunks out, and a deadline for every wait.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use openclaw_types::Env;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    Server,
    decode::{Assembler, Fault},
    frame::Frame,
    refusal::Refusal,
};
use crate::{
    error::{Error, Phase},
    exchange::{clock::Clock, send::cleaned},
    http::{Body, Response, header},
    limits::{ANSWER_BYTES_MAX, SSE_EVENT_BYTES_MAX},
    provider::{Chunk, Head},
    sse,
};

/// One answer on its way in.
#[derive(Debug)]
pub(super) struct Answer {
    server: Arc<Server>,
    model: Arc<str>,
    env: Arc<dyn Env>,
    body: Body,
    form: Form,
    assembler: Assembler,
    clock: Clock,
    // One timer for the whole answer. It is moved when it rings, not with every byte.
    timer: Pin<Box<Sleep>>,
    bytes: u64,
    ready: VecDeque<Chunk>,
    state: State,
}

/// How the body is to be read.
#[derive(Debug)]
enum Form {
    Events(sse::Parser),
    /// A server that answers a streaming request with one JSON document.
    Document(BytesMut),
}

#[derive(Debug)]
enum State {
    Reading,
    /// The end mark came; only the body's end is missing, so that the connection can be used again.
    Draining,
    /// Chunks that are ready go out, then this error.
    Failed(Option<Box<Error>>),
    Ended,
}

impl Answer {
    pub(super) fn new(
        server: Arc<Server>,
        model: Arc<str>,
        response: Response,
        clock: Clock,
        env: Arc<dyn Env>,
    ) -> Self {
        let kind = response
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let form = if kind.starts_with("application/json") {
            Form::Document(BytesMut::new())
        } else {
            Form::Events(sse::Parser::new())
        };
        let state = if kind.starts_with("text/html") {
            State::Failed(Some(Box::new(server.malformed("a web page", None))))
        } else {
            State::Reading
        };
        let start = Chunk::Start {
            provider: server.id.to_string(),
            model: model.to_string(),
            head: Some(Arc::new(Head {
                status: response.status.as_u16(),
                headers: cleaned(response.headers),
            })),
        };
        Self {
            timer: Box::pin(sleep_until(clock.next().1)),
            server,
            model,
            env,
            body: response.body,
            form,
            assembler: Assembler::default(),
            clock,
            bytes: 0,
            ready: VecDeque::from([start]),
            state,
        }
    }

    fn take_bytes(&mut self, bytes: &Bytes) {
        let now = Instant::now();
        self.clock.byte(now);
        self.bytes += bytes.len() as u64;
        if self.clock.is_over(now) {
            return self.fail(self.server.deadline(Phase::Total));
        }
        if self.bytes > ANSWER_BYTES_MAX {
            return self.fail(self.server.malformed("longer than any answer may be", None));
        }
        match &mut self.form {
            Form::Document(document) => {
                document.extend_from_slice(bytes);
                if document.len() > SSE_EVENT_BYTES_MAX {
                    self.fail(self.server.malformed("longer than any answer may be", None));
                }
            }
            Form::Events(parser) => {
                parser.push(bytes);
                self.take_events(now);
            }
        }
    }

    fn take_events(&mut self, now: Instant) {
        while matches!(self.state, State::Reading)
            && let Form::Events(parser) = &mut self.form
            && let Some(event) = parser.next_event()
        {
            match event {
                Ok(event) => self.take_event(&event, now),
                Err(_too_long) => self.fail(self.server.malformed("one endless line", None)),
            }
        }
    }

    fn take_event(&mut self, event: &sse::Event, now: Instant) {
        let data = event.data.trim_ascii();
        if data == b"[DONE]" {
            return self.finish(now);
        }
        if data.is_empty() {
            return;
        }
        self.take_frame(data, event.name == "error");
        if self.assembler.is_stopped() {
            self.clock.stopped(now);
        }
    }

    fn take_frame(&mut self, data: &[u8], named_error: bool) {
        let frame: Frame<'_> = match serde_json::from_slice(data) {
            Ok(frame) => frame,
            Err(_) if named_error => {
                let refusal = Refusal::read(data);
                return self.fail(self.server.refused(&self.model, &refusal, 0, None));
            }
            Err(source) => {
                return self.fail(self.server.malformed("not JSON as agreed", Some(source)));
            }
        };
        if named_error || frame.error.is_some_and(|error| error.get() != "null") {
            let refusal = frame.error.map_or_else(|| Refusal::read(data), Refusal::of);
            return self.fail(self.server.refused(&self.model, &refusal, 0, None));
        }
        if let Some(refusal) = frame.base_resp.as_ref().and_then(Refusal::of_base) {
            return self.fail(self.server.refused(&self.model, &refusal, 0, None));
        }
        let ready = &mut self.ready;
        let mut say = |chunk| ready.push_back(chunk);
        let taken = match self.form {
            Form::Events(_) => self.assembler.take(frame, &mut say),
            Form::Document(_) => self.assembler.take_whole(frame, &mut say),
        };
        match taken {
            Ok(()) => {}
            Err(Fault::TooManyCalls) => {
                self.fail(self.server.malformed("full of tool calls", None));
            }
            Err(Fault::ArgumentsTooLong) => {
                self.fail(self.server.malformed("a tool call without end", None));
            }
            Err(Fault::Json(source)) => {
                self.fail(self.server.malformed("not JSON as agreed", Some(source)));
            }
        }
    }

    /// The body has ended.
    fn end(&mut self, now: Instant) {
        if let Form::Document(document) = &mut self.form {
            let document = document.split();
            self.take_frame(&document, false);
            if matches!(self.state, State::Reading) && !self.assembler.is_stopped() {
                self.fail(self.server.malformed("no chat completion", None));
            }
        }
        // Some servers end with their last line and no end mark, which is good enough after a reason to stop.
        if matches!(self.state, State::Reading) {
            self.finish(now);
        }
        if matches!(self.state, State::Draining) {
            self.state = State::Ended;
        }
    }

    /// Everything has been said, or should have been.
    fn finish(&mut self, now: Instant) {
        let Self {
            assembler,
            env,
            ready,
            ..
        } = self;
        let finished = assembler.finish(|| env.fresh_id(), &mut |chunk| ready.push_back(chunk));
        if finished.is_none() {
            return self.fail(Error::CutOff {
                provider: Arc::clone(&self.server.id),
            });
        }
        self.clock.done(now);
        self.state = State::Draining;
    }

    fn fail(&mut self, error: Error) {
        self.state = State::Failed(Some(Box::new(error)));
    }

    /// A deadline passed, or the connection broke.
    fn interrupted(&mut self, error: Error, now: Instant) {
        match self.state {
            // Nothing that is still missing is worth an error.
            State::Draining => self.state = State::Ended,
            State::Reading if self.assembler.is_stopped() => {
                self.finish(now);
                self.state = State::Ended;
            }
            State::Reading => self.fail(error),
            State::Failed(_) | State::Ended => {}
        }
    }

    /// Waits for bytes or the next deadline, and takes what came.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Poll::Ready(piece) = Pin::new(&mut self.body).poll_next(cx) {
            match piece {
                Some(Ok(bytes)) if matches!(self.state, State::Reading) => self.take_bytes(&bytes),
                // Something follows the end mark: not a connection to use again.
                Some(Ok(_)) => self.state = State::Ended,
                Some(Err(source)) => {
                    let error = self.server.transport_error(source);
                    self.interrupted(error, Instant::now());
                }
                None if matches!(self.state, State::Draining) => self.state = State::Ended,
                None => self.end(Instant::now()),
            }
            return Poll::Ready(());
        }
        let (phase, until) = self.clock.next();
        if until < self.timer.deadline() {
            self.timer.as_mut().reset(until);
        }
        ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now();
        if now >= until {
            let error = self.server.deadline(phase);
            self.interrupted(error, now);
        } else {
            self.timer.as_mut().reset(until);
        }
        Poll::Ready(())
    }
}

impl Stream for Answer {
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            // The last chunk waits for the body's end, which is on its way.
            let held_back = matches!(self.state, State::Draining) && self.ready.len() == 1;
            if !held_back && let Some(chunk) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            match &mut self.state {
                State::Reading | State::Draining => ready!(self.poll_body(cx)),
                State::Failed(error) => {
                    let error = error.take();
                    self.state = State::Ended;
                    return Poll::Ready(error.map(|error| Err(*error)));
                }
                State::Ended => return Poll::Ready(None),
            }
        }
    }
}
