//! A streamed answer on its way through: events in the server's words in, bytes in the client's words out.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use openclaw_types::Usage;

use super::{
    bill::Bill,
    line::Line,
    send::{Failed, faulty},
    source::{More, Source},
};
use crate::{dialect::Translator, limits::HELD_BYTES_MAX, options::Deadlines, sse::Event};

/// A streamed answer on its way through.
pub(crate) struct Translation {
    pub(crate) source: Source,
    pub(crate) translator: Translator,
    pub(crate) line: Arc<Line>,
    pub(crate) model: Arc<str>,
    pub(crate) deadlines: Deadlines,
    out: BytesMut,
    state: State,
}

enum State {
    Reading,
    /// What came before the failure goes out first.
    Failing(Box<Failed>),
    /// Everything has been said; only the end of the body is missing.
    Draining,
    Over,
}

/// What has happened.
pub(crate) enum News {
    /// Bytes without content came.
    Preamble,
    /// Content came.
    Content,
    /// The model has said everything.
    Finished(Option<Usage>),
    /// It broke.
    Failed(Box<Failed>),
    /// There is nothing more.
    Over,
}

impl Translation {
    pub(crate) fn new(
        source: Source,
        translator: Translator,
        line: Arc<Line>,
        model: Arc<str>,
        deadlines: Deadlines,
    ) -> Self {
        Self {
            source,
            translator,
            line,
            model,
            deadlines,
            out: BytesMut::new(),
            state: State::Reading,
        }
    }

    /// Reads up to the first content, or the end of an answer without any.
    ///
    /// # Errors
    /// When it breaks before that.
    pub(crate) async fn begin(&mut self, bill: &mut Bill) -> Result<Begun, Box<Failed>> {
        loop {
            match poll_fn(|cx| self.poll_news(bill, cx)).await {
                News::Content => return Ok(Begun::Goes),
                News::Finished(usage) => return Ok(Begun::Finished(usage)),
                News::Preamble if self.out.len() <= HELD_BYTES_MAX => {}
                News::Preamble => {
                    return Err(Box::new(self.line.malformed("all preamble").into()));
                }
                News::Failed(failed) => return Err(failed),
                News::Over => return Err(Box::new(self.line.cut_off().into())),
            }
        }
    }

    /// What the client is to be told of what has come so far.
    pub(crate) fn told(&mut self) -> Option<Bytes> {
        (!self.out.is_empty()).then(|| self.out.split().freeze())
    }

    /// Tells the client that it broke.
    pub(crate) fn tell(&mut self, failed: &Failed) {
        let (message, kind) = (failed.words(), failed.error.kind());
        self.translator
            .error(&message, kind, failed.shown_status(), &mut self.out);
        self.state = State::Over;
    }

    /// Reads on until something has happened.
    pub(crate) fn poll_news(&mut self, bill: &mut Bill, cx: &mut Context<'_>) -> Poll<News> {
        loop {
            match &mut self.state {
                State::Reading => {
                    if let Some(news) = self.take_buffered(bill) {
                        return Poll::Ready(news);
                    }
                    let more = ready!(self.source.poll_more(cx));
                    if let Some(news) = self.take_more(more, bill) {
                        return Poll::Ready(news);
                    }
                }
                State::Failing(_) => {
                    if let State::Failing(failed) = std::mem::replace(&mut self.state, State::Over)
                    {
                        return Poll::Ready(News::Failed(failed));
                    }
                }
                State::Draining => match ready!(self.source.poll_more(cx)) {
                    // Whatever follows is not worth the wait.
                    More::Some | More::End | More::Broken(_) | More::Failed(_) => {
                        self.state = State::Over;
                    }
                },
                State::Over => return Poll::Ready(News::Over),
            }
        }
    }

    /// Takes the events that are here; nothing when there are none.
    fn take_buffered(&mut self, bill: &mut Bill) -> Option<News> {
        let (mut took_any, mut has_content) = (false, false);
        while let Some(event) = self.source.buffered() {
            took_any = true;
            let taken = match event {
                Ok(event) => self.take(&event),
                Err(_too_long) => Err(Box::new(self.line.malformed("one endless line").into())),
            };
            match taken {
                Ok(Taken { content, is_done }) => {
                    if let Some(bytes) = content {
                        bill.content(bytes);
                        has_content = true;
                    }
                    if is_done {
                        return Some(self.finish());
                    }
                }
                Err(failed) if has_content => {
                    self.state = State::Failing(failed);
                    break;
                }
                Err(failed) => {
                    self.state = State::Over;
                    return Some(News::Failed(failed));
                }
            }
        }
        bill.used(self.translator.usage());
        if self.translator.is_stopped() {
            self.source.stopped();
        }
        match (took_any, has_content) {
            (_, true) => Some(News::Content),
            (true, false) => Some(News::Preamble),
            (false, false) => None,
        }
    }

    fn take(&mut self, event: &Event) -> Result<Taken, Box<Failed>> {
        match self.translator.push(event, &mut self.out) {
            Ok(progress) => Ok(Taken {
                content: progress.has_content.then_some(event.data.len()),
                is_done: progress.is_done,
            }),
            Err(fault) => Err(Box::new(faulty(&self.line, &self.model, fault))),
        }
    }

    fn take_more(&mut self, more: More, bill: &mut Bill) -> Option<News> {
        let failed = match more {
            More::Some => return None,
            More::End => {
                return Some(match self.take_buffered(bill) {
                    Some(news @ (News::Finished(_) | News::Failed(_))) => news,
                    _ if matches!(self.state, State::Failing(_)) => News::Content,
                    _ => match self.finish() {
                        News::Finished(usage) => {
                            self.state = State::Over;
                            News::Finished(usage)
                        }
                        news => news,
                    },
                });
            }
            // Nothing that is still missing is worth an error.
            More::Broken(_) | More::Failed(_) if self.translator.is_stopped() => {
                let news = self.finish();
                self.state = State::Over;
                return Some(news);
            }
            More::Broken(how) => self.line.broken(how, &self.deadlines).into(),
            More::Failed(error) => Failed::from(*error),
        };
        self.state = State::Over;
        Some(News::Failed(Box::new(failed)))
    }

    /// Everything has been said, or should have been.
    fn finish(&mut self) -> News {
        match self.translator.finish(&mut self.out) {
            Ok(ended) => {
                self.source.done();
                self.state = State::Draining;
                News::Finished(ended.usage)
            }
            Err(fault) => {
                self.state = State::Over;
                News::Failed(Box::new(faulty(&self.line, &self.model, fault)))
            }
        }
    }
}

/// How far an answer has come when the candidate is kept.
pub(crate) enum Begun {
    /// Content has come, and more may.
    Goes,
    /// It is whole already.
    Finished(Option<Usage>),
}

/// What one event brought.
struct Taken {
    /// How long it was, where it holds content.
    content: Option<usize>,
    is_done: bool,
}
