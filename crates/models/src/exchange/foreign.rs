//! Servers of every protocol but chat completions as providers: asked in their words, heard in ours.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryFutureExt};
use openclaw_types::Env;
use serde_json::Map;

use super::{
    bill::Bill,
    line::Line,
    send::{Outgoing, json_headers, send, unspeakable},
    source::Source,
    translation::{News, Translation},
};
use crate::{
    dialect::{self, Front, Origin, Target, Translator},
    error::Error,
    http::{Http, Method},
    openai::{self, decode::Assembler, frame::Frame},
    options::{ModelOptions, ProviderOptions},
    provider::{Chunk, ChunkStream, Head, Provider, Request},
    routing::Server,
    sse,
};

/// One server of another protocol. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Foreign {
    line: Arc<Line>,
    http: Http,
    env: Arc<dyn Env>,
    options: Arc<ProviderOptions>,
}

impl Foreign {
    /// Prepares calls to one server; nothing is sent.
    ///
    /// # Errors
    /// When the address is no URL, or the key or a header can't be sent.
    pub(crate) fn new(
        options: &ProviderOptions,
        http: Http,
        env: Arc<dyn Env>,
    ) -> Result<Self, Error> {
        let line = Line::new(&Arc::new(Server::of(options)))?;
        line.url("")?;
        Ok(Self {
            line: Arc::new(line),
            http,
            env,
            options: Arc::new(options.clone()),
        })
    }

    async fn open(self, request: Request) -> Result<Heard, Error> {
        let line = self.line;
        let api = line.server.api;
        let mut models = self.options.models.iter();
        let known: Option<&ModelOptions> = models.find(|model| model.id == request.model);
        let said = openai::said(&request).map_err(|error| line.unsendable(error))?;
        let target = Target {
            model: &request.model,
            is_streaming: true,
            extra: &Map::new(),
            drop_params: true,
            max_output: known.map_or(0, |model| model.max_output),
        };
        let prepared =
            dialect::request(Front::Chat, api, &Bytes::from(said), &target).map_err(|fault| {
                let model = Arc::from(request.model.as_str());
                unspeakable(&line.server.provider, &model, fault.to_string()).error
            })?;
        let outgoing = Outgoing {
            method: Method::POST,
            url: line.url(&prepared.path)?,
            headers: json_headers(true, &prepared.headers),
            body: prepared.body,
        };
        let model: Arc<str> = Arc::from(request.model);
        let deadlines = self.options.deadlines;
        let opened = send(&self.http, &line, &model, outgoing, &deadlines).await;
        let opened = opened.map_err(|failed| failed.error)?;
        let origin = Origin {
            model: None,
            id: self.env.fresh_id(),
            created: self.env.now().as_millis() / 1_000,
            shows_usage: true,
            answers_by_tool: prepared.answers_by_tool,
        };
        let translator =
            Translator::new(Front::Chat, api, &origin).map_err(|fault| line.unsendable(fault))?;
        let start = Chunk::Start {
            provider: line.server.provider.to_string(),
            model: model.to_string(),
            head: Some(Arc::new(Head {
                status: opened.status,
                headers: opened.headers,
            })),
        };
        let source = Source::server(opened.flow, prepared.framing);
        Ok(Heard {
            translation: Translation::new(source, translator, line, model, deadlines),
            parser: sse::Parser::new(),
            assembler: Assembler::default(),
            env: self.env,
            bill: Bill::unkept(),
            ready: VecDeque::from([start]),
            is_over: false,
        })
    }
}

impl Provider for Foreign {
    fn stream(&self, request: Request) -> ChunkStream {
        let foreign = self.clone();
        async move { foreign.open(request).await }
            .try_flatten_stream()
            .boxed()
    }
}

/// An answer that is heard in our words.
struct Heard {
    translation: Translation,
    parser: sse::Parser,
    assembler: Assembler,
    env: Arc<dyn Env>,
    bill: Bill,
    ready: VecDeque<Chunk>,
    is_over: bool,
}

impl Heard {
    /// Takes what was translated.
    fn take(&mut self) -> Result<(), Error> {
        let malformed = |line: &Line| line.malformed("not what its protocol says");
        if let Some(bytes) = self.translation.told() {
            self.parser.push(&bytes);
        }
        while let Some(event) = self.parser.next_event() {
            let event = event.map_err(|_too_long| malformed(&self.translation.line))?;
            if event.data.as_ref() == b"[DONE]" {
                continue;
            }
            let frame: Frame<'_> = serde_json::from_slice(&event.data)
                .map_err(|_broken| malformed(&self.translation.line))?;
            let ready = &mut self.ready;
            self.assembler
                .take(frame, &mut |chunk| ready.push_back(chunk))
                .map_err(|_fault| malformed(&self.translation.line))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.take()?;
        let Self {
            assembler,
            env,
            ready,
            ..
        } = self;
        assembler
            .finish(|| env.fresh_id(), &mut |chunk| ready.push_back(chunk))
            .ok_or_else(|| self.translation.line.cut_off())
    }
}

impl Stream for Heard {
    type Item = Result<Chunk, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(chunk) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            if this.is_over {
                return Poll::Ready(None);
            }
            let taken = match ready!(this.translation.poll_news(&mut this.bill, cx)) {
                News::Preamble | News::Content => this.take(),
                News::Finished(_) => this.finish(),
                News::Failed(failed) => Err(failed.error),
                News::Over => {
                    this.is_over = true;
                    Ok(())
                }
            };
            if let Err(error) = taken {
                this.is_over = true;
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}
