//! Server-sent events from bytes, however they are cut up. No IO.

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::{SSE_EVENT_BYTES_MAX, SSE_LINE_BYTES_MAX};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// One event; comments, ids, and retry times are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty when absent.
    pub name: Bytes,
    /// The `data` lines, joined by line feeds.
    pub data: Bytes,
}

/// Why bytes are not an event stream we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line without an end.
    #[error("a line has more than {SSE_LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// An event without an end.
    #[error("an event has more than {SSE_EVENT_BYTES_MAX} bytes")]
    EventTooLong,
}

/// Turns pushed bytes into events. After an error it yields nothing more.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: BytesMut,
    /// Bytes at the front of the buffer that hold no line end.
    searched: usize,
    /// The last line ended with a carriage return, so a line feed that comes next belongs to it.
    after_return: bool,
    /// The byte order mark can't come any more.
    begun: bool,
    name: Bytes,
    data: Gathered,
    failed: bool,
}

/// The data of the event being read; one line is kept as it lies in the buffer, more are joined.
#[derive(Debug, Default)]
enum Gathered {
    #[default]
    None,
    Line(Bytes),
    Lines(BytesMut),
}

impl Parser {
    /// An empty parser.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes as they came.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole event, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// When a line or an event is longer than its bound.
    pub fn next_event(&mut self) -> Option<Result<Event, Error>> {
        if self.failed || !self.skip_mark() {
            return None;
        }
        loop {
            match self.next_line() {
                Ok(None) => return None,
                Ok(Some(line)) if line.is_empty() => {
                    if let Some(event) = self.dispatch() {
                        return Some(Ok(event));
                    }
                }
                Ok(Some(line)) => {
                    if let Err(error) = self.field(&line) {
                        return Some(Err(self.fail(error)));
                    }
                }
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.failed = true;
        self.buffer = BytesMut::new();
        self.data = Gathered::None;
        error
    }

    /// Drops a leading byte order mark; false while it can't be told whether there is one.
    fn skip_mark(&mut self) -> bool {
        if self.begun {
            return true;
        }
        let seen = self.buffer.len().min(BYTE_ORDER_MARK.len());
        if self.buffer[..seen] != BYTE_ORDER_MARK[..seen] {
            self.begun = true;
        } else if seen == BYTE_ORDER_MARK.len() {
            self.buffer.advance(seen);
            self.begun = true;
        }
        self.begun
    }

    fn next_line(&mut self) -> Result<Option<Bytes>, Error> {
        if self.after_return && !self.buffer.is_empty() {
            if self.buffer[0] == b'\n' {
                self.buffer.advance(1);
            }
            self.after_return = false;
        }
        let found = self.buffer[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n' || byte == b'\r');
        let Some(found) = found else {
            self.searched = self.buffer.len();
            return if self.searched > SSE_LINE_BYTES_MAX {
                Err(Error::LineTooLong)
            } else {
                Ok(None)
            };
        };
        let end = self.searched + found;
        self.searched = 0;
        if end > SSE_LINE_BYTES_MAX {
            return Err(Error::LineTooLong);
        }
        self.after_return = self.buffer[end] == b'\r';
        let line = self.buffer.split_to(end).freeze();
        self.buffer.advance(1);
        Ok(Some(line))
    }

    fn field(&mut self, line: &Bytes) -> Result<(), Error> {
        let (name, value) = match line.iter().position(|&byte| byte == b':') {
            // A comment.
            Some(0) => return Ok(()),
            Some(colon) => {
                let space = usize::from(line.get(colon + 1) == Some(&b' '));
                (&line[..colon], line.slice(colon + 1 + space..))
            }
            None => (&line[..], Bytes::new()),
        };
        match name {
            b"data" => self.data.add(value),
            b"event" => {
                self.name = value;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn dispatch(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = match std::mem::take(&mut self.data) {
            Gathered::None => return None,
            Gathered::Line(line) => line,
            Gathered::Lines(lines) => lines.freeze(),
        };
        Some(Event { name, data })
    }
}

impl Gathered {
    fn add(&mut self, line: Bytes) -> Result<(), Error> {
        let joined = match std::mem::take(self) {
            Self::None => {
                *self = Self::Line(line);
                return Ok(());
            }
            Self::Line(first) => BytesMut::from(&first[..]),
            Self::Lines(lines) => lines,
        };
        if joined.len() + 1 + line.len() > SSE_EVENT_BYTES_MAX {
            return Err(Error::EventTooLong);
        }
        let mut joined = joined;
        joined.extend_from_slice(b"\n");
        joined.extend_from_slice(&line);
        *self = Self::Lines(joined);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
