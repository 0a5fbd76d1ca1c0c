//! A streamed answer: server-sent events, one frame per event of the engine.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context as Task, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior},
};

use super::completion::{Heading, Step, Steps, chunks, role_chunk};
use crate::engine::{Event, Failure};

/// How often a client that waits for a slot or a long prompt hears that the daemon is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// The body of a streamed answer; dropping it cancels the answer.
#[derive(Debug)]
pub(super) struct Events {
    heading: Heading,
    steps: Steps,
    events: mpsc::Receiver<Event>,
    include_usage: bool,
    state: State,
    alive: Interval,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Open,
    Ended,
}

impl Events {
    pub(super) fn new(
        heading: Heading,
        tools: Vec<String>,
        events: mpsc::Receiver<Event>,
        include_usage: bool,
    ) -> Self {
        let mut alive = tokio::time::interval(SIGN_OF_LIFE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        alive.reset();
        Self {
            heading,
            steps: Steps::new(tools),
            events,
            include_usage,
            state: State::Begin,
            alive,
        }
    }

    /// The text of an event; empty when it shows nothing yet.
    fn text(&mut self, event: Option<Event>) -> String {
        let mut text = String::new();
        // A closed channel means the engine ended without a word.
        for step in self
            .steps
            .next(event.unwrap_or(Event::Failed(Failure::Stopping)))
        {
            let last = matches!(step, Step::End { .. } | Step::Failed(_));
            for value in chunks(&self.heading, step, self.include_usage) {
                push_line(&mut text, &value);
            }
            if last {
                text.push_str("data: [DONE]\n\n");
                self.state = State::Ended;
            }
        }
        text
    }
}

fn push_line(text: &mut String, value: &Value) {
    text.push_str("data: ");
    text.push_str(&value.to_string());
    text.push_str("\n\n");
}

fn frame(text: String) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
    Poll::Ready(Some(Ok(Frame::data(Bytes::from(text)))))
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.state {
            State::Ended => return Poll::Ready(None),
            State::Begin => {
                self.state = State::Open;
                let mut text = String::new();
                push_line(&mut text, &role_chunk(&self.heading));
                return frame(text);
            }
            State::Open => {}
        }
        while let Poll::Ready(event) = self.events.poll_recv(task) {
            let text = self.text(event);
            if !text.is_empty() {
                self.alive.reset();
                return frame(text);
            }
        }
        if self.alive.poll_tick(task).is_ready() {
            return frame(": working\n\n".to_owned());
        }
        Poll::Pending
    }
}
