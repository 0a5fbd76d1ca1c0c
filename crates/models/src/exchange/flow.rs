//! The bytes of an answer on their way in: a deadline for every wait, and an end to every flood.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::clock::Clock;
use crate::{
    error::Phase,
    http::{self, Body},
    limits::ANSWER_BYTES_MAX,
};

/// The body of one answer.
#[derive(Debug)]
pub(crate) struct Flow {
    body: Body,
    pub(crate) clock: Clock,
    // One timer for the whole answer. It is moved when it rings, not with every byte.
    timer: Pin<Box<Sleep>>,
    bytes: u64,
    bytes_max: u64,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Piece {
    /// These bytes.
    Bytes(Bytes),
    /// Nothing more.
    End,
    /// Nothing more, although there should be.
    Broken(Break),
}

/// Why bytes stopped coming.
#[derive(Debug)]
pub(crate) enum Break {
    /// The connection broke.
    Transport(http::Error),
    /// A deadline passed.
    Deadline(Phase),
    /// There are more than anybody takes.
    TooLong,
}

impl Flow {
    /// The body of a call whose clock runs.
    pub(crate) fn new(body: Body, clock: Clock) -> Self {
        Self {
            timer: Box::pin(sleep_until(clock.next().1)),
            body,
            clock,
            bytes: 0,
            bytes_max: ANSWER_BYTES_MAX,
        }
    }

    /// The same for an answer of any length, which nobody keeps.
    pub(crate) const fn boundless(mut self) -> Self {
        self.bytes_max = u64::MAX;
        self
    }

    /// Waits for bytes or the next deadline.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        loop {
            if let Poll::Ready(piece) = Pin::new(&mut self.body).poll_next(cx) {
                return Poll::Ready(match piece {
                    Some(Ok(bytes)) => self.taken(bytes),
                    Some(Err(source)) => Piece::Broken(Break::Transport(source)),
                    None => Piece::End,
                });
            }
            let (phase, until) = self.clock.next();
            if until < self.timer.deadline() {
                self.timer.as_mut().reset(until);
            }
            ready!(self.timer.as_mut().poll(cx));
            if Instant::now() >= until {
                return Poll::Ready(Piece::Broken(Break::Deadline(phase)));
            }
            self.timer.as_mut().reset(until);
        }
    }

    /// As [`Self::poll_piece`].
    pub(crate) async fn piece(&mut self) -> Piece {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    /// Everything up to the end, or up to where it broke, and how.
    pub(crate) async fn whole(&mut self) -> (Bytes, Option<Break>) {
        let mut all: Option<Bytes> = None;
        let mut joined = BytesMut::new();
        loop {
            let how = match self.piece().await {
                Piece::Bytes(bytes) => {
                    // Most answers come in one piece, and are not copied then.
                    match all.take() {
                        None if joined.is_empty() => all = Some(bytes),
                        None => joined.extend_from_slice(&bytes),
                        Some(first) => {
                            joined.reserve(first.len() + bytes.len());
                            joined.extend_from_slice(&first);
                            joined.extend_from_slice(&bytes);
                        }
                    }
                    continue;
                }
                Piece::End => None,
                Piece::Broken(how) => Some(how),
            };
            return (all.unwrap_or_else(|| joined.freeze()), how);
        }
    }

    fn taken(&mut self, bytes: Bytes) -> Piece {
        let now = Instant::now();
        self.clock.byte(now);
        self.bytes += bytes.len() as u64;
        if self.clock.is_over(now) {
            return Piece::Broken(Break::Deadline(Phase::Total));
        }
        if self.bytes > self.bytes_max {
            return Piece::Broken(Break::TooLong);
        }
        Piece::Bytes(bytes)
    }
}
