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
use tokio::time::Instant;

use super::{
    decode::{Assembler, Fault},
    frame::Frame,
    refusal::Refusal,
};
use crate::{
    error::Error,
    exchange::{
        flow::{Flow, Piece},
        line::Line,
        send::{Opened, refused},
    },
    http::header,
    limits::SSE_EVENT_BYTES_MAX,
    options::Deadlines,
    provider::{Chunk, Head},
    sse,
};

/// One answer on its way in.
#[derive(Debug)]
pub(super) struct Answer {
    line: Arc<Line>,
    model: Arc<str>,
    deadlines: Deadlines,
    env: Arc<dyn Env>,
    flow: Flow,
    form: Form,
    assembler: Assembler,
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
        line: Arc<Line>,
        model: Arc<str>,
        deadlines: Deadlines,
        opened: Opened,
        env: Arc<dyn Env>,
    ) -> Self {
        let kind = opened
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
            State::Failed(Some(Box::new(line.malformed("a web page"))))
        } else {
            State::Reading
        };
        let start = Chunk::Start {
            provider: line.server.provider.to_string(),
            model: model.to_string(),
            head: Some(Arc::new(Head {
                status: opened.status,
                headers: opened.headers,
            })),
        };
        Self {
            line,
            model,
            deadlines,
            env,
            flow: opened.flow,
            form,
            assembler: Assembler::default(),
            ready: VecDeque::from([start]),
            state,
        }
    }

    fn take_bytes(&mut self, bytes: &Bytes) {
        match &mut self.form {
            Form::Document(document) => {
                document.extend_from_slice(bytes);
                if document.len() > SSE_EVENT_BYTES_MAX {
                    self.fail(self.line.malformed("longer than any answer may be"));
                }
            }
            Form::Events(parser) => {
                parser.push(bytes);
                self.take_events(Instant::now());
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
                Err(_too_long) => self.fail(self.line.malformed("one endless line")),
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
            self.flow.clock.stopped(now);
        }
    }

    fn take_frame(&mut self, data: &[u8], named_error: bool) {
        let frame: Frame<'_> = match serde_json::from_slice(data) {
            Ok(frame) => frame,
            Err(_) if named_error => {
                let refusal = Refusal::read(data);
                return self.refused(refusal);
            }
            Err(source) => {
                return self.fail(self.line.not_json(source));
            }
        };
        if named_error || frame.error.is_some_and(|error| error.get() != "null") {
            let refusal = frame.error.map_or_else(|| Refusal::read(data), Refusal::of);
            return self.refused(refusal);
        }
        if let Some(refusal) = frame.base_resp.as_ref().and_then(Refusal::of_base) {
            return self.refused(refusal);
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
                self.fail(self.line.malformed("full of tool calls"));
            }
            Err(Fault::ArgumentsTooLong) => {
                self.fail(self.line.malformed("a tool call without end"));
            }
            Err(Fault::Json(source)) => {
                self.fail(self.line.not_json(source));
            }
        }
    }

    /// The body has ended.
    fn end(&mut self, now: Instant) {
        if let Form::Document(document) = &mut self.form {
            let document = document.split();
            self.take_frame(&document, false);
            if matches!(self.state, State::Reading) && !self.assembler.is_stopped() {
                self.fail(self.line.malformed("no chat completion"));
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
            return self.fail(self.line.cut_off());
        }
        self.flow.clock.done(now);
        self.state = State::Draining;
    }

    fn refused(&mut self, refusal: Refusal) {
        let classified = refusal.classified(0, None);
        self.fail(refused(&self.line, &self.model, classified).error);
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
        match ready!(self.flow.poll_piece(cx)) {
            Piece::Bytes(bytes) if matches!(self.state, State::Reading) => self.take_bytes(&bytes),
            // Something follows the end mark: not a connection to use again.
            Piece::Bytes(_) => self.state = State::Ended,
            Piece::Broken(how) => {
                let error = self.line.broken(how, &self.deadlines);
                self.interrupted(error, Instant::now());
            }
            Piece::End if matches!(self.state, State::Draining) => self.state = State::Ended,
            Piece::End => self.end(Instant::now()),
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
