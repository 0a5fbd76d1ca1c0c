//! What is sent on as it is, and its answer: whatever lies behind a provider's base URL, with failover before the
//! first byte.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use openclaw_types::Usage;

use super::{
    Ask, Broken, Passthrough,
    bill::Bill,
    flight::Flight,
    flow::{Flow, Piece},
    line::Line,
    send::{Failed, Outgoing, cleaned},
};
use crate::{
    dialect::{Fields, fields::Change},
    error::Error,
    http::{HeaderName, header},
    limits::TAIL_BYTES,
    openai::frame::Counts,
    options::Deadlines,
};

/// What a client says to us and to nobody behind us.
const OURS: [HeaderName; 9] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::AUTHORIZATION,
    header::COOKIE,
    header::ACCEPT_ENCODING,
    header::EXPECT,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];
/// Headers that speak to a LiteLLM.
const OURS_PREFIX: &str = "x-litellm-";
/// Where an answer says what it used.
const USAGE: &[u8] = b"\"usage\"";

/// What is sent to a candidate.
///
/// # Errors
/// When the path and the candidate's address make no URL.
pub(crate) fn outgoing(
    ask: &Ask,
    passthrough: &Passthrough,
    line: &Line,
    model: &Arc<str>,
) -> Result<Outgoing, Error> {
    let mut url = line.url(&passthrough.path)?;
    let base = line.url("")?;
    let rest = url.path().strip_prefix(base.path());
    let stays = url.host_str() == base.host_str()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !stays {
        return Err(line.unsendable("the path leads out of the base URL"));
    }
    let query = passthrough.query.as_deref();
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        url.set_query(Some(query));
    }
    let mut headers = cleaned(passthrough.headers.clone());
    let theirs: Vec<HeaderName> = headers
        .keys()
        .filter(|name| OURS.contains(name) || name.as_str().starts_with(OURS_PREFIX))
        .cloned()
        .collect();
    for name in theirs {
        headers.remove(name);
    }
    Ok(Outgoing {
        method: passthrough.method.clone(),
        url,
        headers,
        body: if line.server.is_exact {
            ask.body.clone()
        } else {
            renamed(ask, model)
        },
    })
}

/// The body with the candidate's own name for a model that goes by one of ours.
fn renamed(ask: &Ask, model: &Arc<str>) -> Bytes {
    let Ok(fields) = Fields::read(&ask.body) else {
        return ask.body.clone();
    };
    if fields.text("model").as_deref() != Some(&ask.reference) {
        return ask.body.clone();
    }
    let model = serde_json::Value::from(&**model).to_string();
    Bytes::from(fields.with(&[("model", Change::Set(&model))]))
}

/// The answer of a candidate that has begun.
pub(crate) struct Raw {
    first: Option<Bytes>,
    flow: Flow,
    line: Arc<Line>,
    deadlines: Deadlines,
    tail: BytesMut,
    is_over: bool,
}

impl Raw {
    /// Waits for the first byte, or the end of an answer without any.
    ///
    /// # Errors
    /// When it breaks before that.
    pub(crate) async fn begin(
        flow: Flow,
        line: Arc<Line>,
        deadlines: Deadlines,
    ) -> Result<Self, Failed> {
        let mut raw = Self {
            first: None,
            flow: flow.boundless(),
            line,
            deadlines,
            tail: BytesMut::new(),
            is_over: false,
        };
        match raw.flow.piece().await {
            Piece::Bytes(bytes) => raw.first = Some(bytes),
            Piece::End => raw.is_over = true,
            Piece::Broken(how) => return Err(raw.line.broken(how, &raw.deadlines).into()),
        }
        Ok(raw)
    }

    /// Keeps the end of what has come.
    fn keep(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        if self.tail.len() + bytes.len() > 2 * TAIL_BYTES {
            let kept = self.tail.len() - TAIL_BYTES.min(self.tail.len());
            drop(self.tail.split_to(kept));
        }
        self.tail.extend_from_slice(bytes);
    }
}

/// What an answer that nobody has read says of its usage, near its end.
fn usage(tail: &[u8]) -> Option<Usage> {
    let place = tail.windows(USAGE.len()).rposition(|word| word == USAGE)?;
    let rest = tail[place + USAGE.len()..].trim_ascii_start();
    let rest = rest.strip_prefix(b":")?;
    let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<Counts>();
    let usage = Usage::from(values.next()?.ok()?);
    (usage != Usage::default()).then_some(usage)
}

/// The answer as the client gets it. Dropping it cancels the call.
pub(crate) struct Passing {
    pub(crate) raw: Box<Raw>,
    pub(crate) bill: Bill,
    pub(crate) flight: Flight,
}

impl Passing {
    fn end(&mut self) {
        let usage = usage(&self.raw.tail);
        self.flight.ended(usage.as_ref());
        self.bill.settle(usage, 200, true);
    }
}

impl Stream for Passing {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.raw.first.take() {
            this.raw.keep(&first);
            this.bill.content(first.len());
            return Poll::Ready(Some(Ok(first)));
        }
        if this.raw.is_over {
            this.end();
            return Poll::Ready(None);
        }
        match ready!(this.raw.flow.poll_piece(cx)) {
            Piece::Bytes(bytes) => {
                this.raw.keep(&bytes);
                this.bill.content(bytes.len());
                Poll::Ready(Some(Ok(bytes)))
            }
            Piece::End => {
                this.raw.is_over = true;
                this.end();
                Poll::Ready(None)
            }
            Piece::Broken(how) => {
                this.raw.is_over = true;
                let kind = this.raw.line.broken(how, &this.raw.deadlines).kind();
                this.flight.broke(kind);
                this.bill.settle(usage(&this.raw.tail), 500, false);
                Poll::Ready(Some(Err(Broken { kind })))
            }
        }
    }
}
