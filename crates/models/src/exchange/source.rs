//! Where the events of a streamed answer come from: a server's bytes, a document, or a provider of this process.

use std::{
    collections::VecDeque,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use tokio::time::Instant;

use super::{
    chunks::Encoder,
    flow::{Break, Flow, Piece},
};
use crate::{
    dialect::Framing,
    error::Error,
    limits::SSE_LINE_BYTES_MAX,
    provider::ChunkStream,
    sse::{self, Event},
};

/// Where events come from.
pub(crate) enum Source {
    /// Bytes of a server.
    Server { flow: Flow, framer: Framer },
    /// A document that was taken apart.
    Ready(VecDeque<Event>),
    /// A provider of this process.
    Provider {
        chunks: ChunkStream,
        encoder: Encoder,
        events: VecDeque<Event>,
    },
}

/// What comes next.
pub(crate) enum More {
    /// Perhaps events.
    Some,
    /// Nothing more.
    End,
    /// Nothing more, although there should be.
    Broken(Break),
    /// A provider's own error.
    Failed(Box<Error>),
}

impl Source {
    /// The bytes of a server that are cut like this.
    pub(crate) fn server(flow: Flow, framing: Framing) -> Self {
        let framer = match framing {
            Framing::Events => Framer::Events(sse::Parser::new()),
            Framing::Lines => Framer::Lines(Lines::default()),
        };
        Self::Server { flow, framer }
    }

    /// An event that is already here.
    ///
    /// # Errors
    /// When a line or an event is longer than any may be.
    pub(crate) fn buffered(&mut self) -> Option<Result<Event, sse::Error>> {
        match self {
            Self::Server { framer, .. } => framer.next_event(),
            Self::Ready(events) | Self::Provider { events, .. } => events.pop_front().map(Ok),
        }
    }

    /// Waits for more.
    pub(crate) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<More> {
        match self {
            Self::Server { flow, framer } => Poll::Ready(match ready!(flow.poll_piece(cx)) {
                Piece::Bytes(bytes) => {
                    framer.push(&bytes);
                    More::Some
                }
                Piece::End => {
                    framer.end();
                    More::End
                }
                Piece::Broken(how) => More::Broken(how),
            }),
            Self::Ready(_) => Poll::Ready(More::End),
            Self::Provider {
                chunks,
                encoder,
                events,
            } => Poll::Ready(match ready!(chunks.poll_next_unpin(cx)) {
                Some(Ok(chunk)) => {
                    events.extend(encoder.event(chunk));
                    More::Some
                }
                Some(Err(error)) => More::Failed(Box::new(error)),
                None => More::End,
            }),
        }
    }

    /// The model has said why it stopped.
    pub(crate) fn stopped(&mut self) {
        if let Self::Server { flow, .. } = self {
            flow.clock.stopped(Instant::now());
        }
    }

    /// The end mark came; only the end of the body is missing, so that the connection can be used again.
    pub(crate) fn done(&mut self) {
        if let Self::Server { flow, .. } = self {
            flow.clock.done(Instant::now());
        }
    }
}

/// Cuts bytes into events.
pub(crate) enum Framer {
    Events(sse::Parser),
    Lines(Lines),
}

impl Framer {
    fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Events(parser) => parser.push(bytes),
            Self::Lines(lines) => lines.buffer.extend_from_slice(bytes),
        }
    }

    /// A last line may lack its end; an event without one is not whole.
    fn end(&mut self) {
        if let Self::Lines(lines) = self
            && lines.buffer.trim_ascii_end().ends_with(b"}")
        {
            lines.buffer.extend_from_slice(b"\n");
        }
    }

    fn next_event(&mut self) -> Option<Result<Event, sse::Error>> {
        match self {
            Self::Events(parser) => parser.next_event(),
            Self::Lines(lines) => lines.next_event(),
        }
    }
}

/// One JSON document a line.
#[derive(Default)]
pub(crate) struct Lines {
    buffer: BytesMut,
    searched: usize,
}

impl Lines {
    fn next_event(&mut self) -> Option<Result<Event, sse::Error>> {
        loop {
            let rest = &self.buffer[self.searched..];
            let Some(found) = rest.iter().position(|&byte| byte == b'\n') else {
                self.searched = self.buffer.len();
                return (self.searched > SSE_LINE_BYTES_MAX).then(|| {
                    self.buffer = BytesMut::new();
                    self.searched = 0;
                    Err(sse::Error::LineTooLong)
                });
            };
            let line = self.buffer.split_to(self.searched + found).freeze();
            self.buffer.advance(1);
            self.searched = 0;
            if !line.trim_ascii().is_empty() {
                return Some(Ok(Event {
                    name: bytes::Bytes::new(),
                    data: line,
                }));
            }
        }
    }
}
