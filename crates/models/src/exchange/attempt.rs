//! One candidate is asked: the request in its words, and its answer in the client's, up to the first content.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    Ask, Controls, Failure, Passthrough,
    bill::Bill,
    chunks::{Encoder, unrolled},
    desk::{Content, Desk, Said},
    line::Line,
    passing,
    send::{Failed, Opened, Outgoing, faulty, json_headers, send, unspeakable},
    source::Source,
    spoken,
    translation::Translation,
    turn::{Asking, Attempt, Stumble},
    weight::{LIMITS, Weight},
};
use crate::{
    dialect::{self, Fault, Framing, Front, Origin, Prepared, Target, Translator},
    error::Error,
    http::{HeaderMap, Method, header},
    openai,
    options::{Api, Deadlines},
    recording::Subject,
    routes::Routes,
};

/// Candidates are asked on behalf of a client, in whatever words they understand.
pub(crate) struct InTheirWords<'a> {
    pub(crate) desk: &'a Desk,
    pub(crate) ask: &'a Ask,
    pub(crate) weight: &'a Weight,
    pub(crate) routes: &'a Routes,
}

impl Asking for InTheirWords<'_> {
    type Answer = Said;
    type Stop = Failure;

    async fn ask(&self, attempt: Attempt<'_>, bill: &mut Bill) -> Result<Said, Stumble<Failure>> {
        One { of: self, attempt }.make(bill).await
    }
}

/// One candidate that is asked.
#[derive(Clone, Copy)]
struct One<'a> {
    of: &'a InTheirWords<'a>,
    attempt: Attempt<'a>,
}

/// A server, and how long it is waited for.
struct Reach {
    line: Arc<Line>,
    model: Arc<str>,
    deadlines: Deadlines,
    /// As [`Prepared`] says.
    answers_by_tool: bool,
}

impl One<'_> {
    /// Asks, and waits for the first content.
    ///
    /// # Errors
    /// When the request is wrong, or the candidate does not answer.
    async fn make(&self, bill: &mut Bill) -> Result<Said, Stumble<Failure>> {
        let deployment = &self.attempt.candidate.deployment;
        let reach = Reach {
            line: self.of.desk.lines.to(&deployment.server)?,
            model: Arc::clone(&deployment.model),
            deadlines: limited(
                deployment.deadlines(self.of.ask.is_streaming),
                &self.of.ask.controls,
                self.attempt.left,
            ),
            answers_by_tool: false,
        };
        if deployment.server.is_exact && self.passed().is_none() {
            return Err(unspeakable(
                deployment.provider(),
                &deployment.model,
                "only what is passed through goes there".to_owned(),
            )
            .into());
        }
        if deployment.server.base_url.is_empty() {
            self.within(&reach, bill).await
        } else if let Some(passthrough) = self.passed() {
            let outgoing = passing::outgoing(self.of.ask, passthrough, &reach.line, &reach.model)?;
            let opened = self.send(&reach, outgoing).await?;
            let headers = opened.headers;
            let raw = passing::Raw::begin(opened.flow, reach.line, reach.deadlines).await;
            raw.map(|raw| Said {
                status: opened.status,
                headers,
                content: Content::Raw(Box::new(raw)),
            })
            .map_err(Stumble::from)
        } else {
            self.over_the_line(reach, bill).await
        }
    }

    /// What is passed through to this candidate, where it is not asked in the client's words.
    fn passed(&self) -> Option<&Passthrough> {
        let is_exact = self.attempt.candidate.deployment.server.is_exact;
        let passed = self.of.ask.controls.passthrough.as_ref()?;
        (is_exact || !passed.is_chat).then_some(passed)
    }

    async fn send(&self, reach: &Reach, outgoing: Outgoing) -> Result<Opened, Failed> {
        let Reach {
            line,
            model,
            deadlines,
            ..
        } = reach;
        send(&self.of.desk.http, line, model, outgoing, deadlines).await
    }

    /// Asks a server.
    async fn over_the_line(&self, reach: Reach, bill: &mut Bill) -> Result<Said, Stumble<Failure>> {
        let (ask, api) = (self.of.ask, reach.line.server.api);
        let prepared = self.prepared(ask.front, api, bill)?;
        let framing = prepared.framing;
        let reach = Reach {
            answers_by_tool: prepared.answers_by_tool,
            ..reach
        };
        let outgoing = self.outgoing(prepared, &reach.line)?;
        let Opened {
            status,
            headers,
            mut flow,
        } = self.send(&reach, outgoing).await?;
        let form = Form::of(&headers, framing);
        if form == Form::Page {
            return Err(reach.line.malformed("a web page").into());
        }
        let late = |error: Failed, headers| Failed { headers, ..error };
        let content = if ask.is_streaming && form == Form::Stream {
            let source = Source::server(flow, framing);
            self.streamed(source, api, reach, bill).await
        } else {
            let (body, broken) = flow.whole().await;
            bill.body(body.len());
            if let Some(how) = broken {
                let error = reach.line.broken(how, &reach.deadlines);
                return Err(late(error.into(), headers).into());
            }
            self.documented(&body, api, reach, bill).await
        };
        match content {
            Ok(content) => Ok(Said {
                status,
                headers,
                content,
            }),
            Err(failed) => Err(late(*failed, headers).into()),
        }
    }

    /// An answer that came as one document, whatever was asked for.
    async fn documented(
        &self,
        body: &Bytes,
        api: Api,
        reach: Reach,
        bill: &mut Bill,
    ) -> Result<Content, Box<Failed>> {
        let front = if self.of.ask.is_streaming {
            Front::Chat
        } else {
            self.of.ask.front
        };
        let whole = dialect::whole(front, api, body, &self.origin(&reach))
            .map_err(|fault| Box::new(self.not_an_answer(&reach, fault, bill)))?;
        bill.used(whole.usage);
        if !self.of.ask.is_streaming {
            return Ok(Content::Whole(whole.body, whole.usage));
        }
        let source = Source::Ready(unrolled(&whole.body).into());
        let reach = Reach {
            answers_by_tool: false,
            ..reach
        };
        self.streamed(source, Api::OpenAiCompletions, reach, bill)
            .await
    }

    /// What is no answer costs nothing, unless the server says so.
    fn not_an_answer(&self, reach: &Reach, fault: Fault, bill: &mut Bill) -> Failed {
        bill.nothing();
        faulty(&reach.line, &reach.model, fault)
    }

    async fn streamed(
        &self,
        source: Source,
        api: Api,
        reach: Reach,
        bill: &mut Bill,
    ) -> Result<Content, Box<Failed>> {
        let translator =
            Translator::new(self.of.ask.front, api, &self.origin(&reach)).map_err(|fault| {
                let deployment = &self.attempt.candidate.deployment;
                let (provider, model) = (deployment.provider(), &deployment.model);
                Box::new(unspeakable(provider, model, fault.to_string()))
            })?;
        let Reach {
            line,
            model,
            deadlines,
            ..
        } = reach;
        let mut translation = Translation::new(source, translator, line, model, deadlines);
        let begun = translation.begin(bill).await?;
        Ok(Content::Stream(Box::new(translation), begun))
    }

    /// Asks a provider of this process.
    async fn within(&self, reach: &Reach, bill: &mut Bill) -> Result<Said, Stumble<Failure>> {
        const API: Api = Api::OpenAiCompletions;
        let deployment = &self.attempt.candidate.deployment;
        let refused = |message: String| {
            Stumble::from(unspeakable(
                deployment.provider(),
                &deployment.model,
                message,
            ))
        };
        let entry = self.of.routes.entries.get(&deployment.server.name);
        if let Some(replay) = entry.and_then(|entry| entry.replay.as_ref()) {
            let heard = replay.find(Subject::caller(self.of.ask)).await?;
            return Ok(Said {
                status: heard.status,
                headers: heard.headers.clone(),
                content: Content::Recorded(Box::new(heard)),
            });
        }
        let takes = self.of.ask.front != Front::Embeddings && self.passed().is_none();
        let (Some(entry), true) = (entry, takes) else {
            return Err(refused(format!(
                "the model `{}` only chats",
                deployment.model
            )));
        };
        let prepared = self.prepared(self.of.ask.front, API, bill)?;
        let request = spoken::request(&prepared.body, &deployment.model)
            .map_err(|error| refused(error.to_string()))?;
        let created = self.of.desk.env.now().as_millis() / 1_000;
        let id = format!("chatcmpl-{}", self.of.desk.env.fresh_id());
        let encoder = Encoder::new(id, created, self.attempt.by.group.to_string());
        let chunks = entry.provider.stream(request);
        let reach = Reach {
            line: Arc::clone(&reach.line),
            model: Arc::clone(&reach.model),
            deadlines: reach.deadlines,
            answers_by_tool: false,
        };
        let content = if self.of.ask.is_streaming {
            let source = Source::Provider {
                chunks,
                encoder,
                events: std::collections::VecDeque::new(),
            };
            self.streamed(source, API, reach, bill).await
        } else {
            let body = encoder.document(chunks).await?;
            self.documented(&body, API, reach, bill).await
        };
        content
            .map(|content| Said {
                status: 200,
                headers: HeaderMap::new(),
                content,
            })
            .map_err(Stumble::Candidate)
    }

    /// The request in the words of the candidate's protocol.
    fn prepared(&self, front: Front, api: Api, bill: &Bill) -> Result<Prepared, Stumble<Failure>> {
        let deployment = &self.attempt.candidate.deployment;
        let extra = self.extra(bill.output_tokens_max());
        let target = Target {
            model: &deployment.model,
            is_streaming: self.of.ask.is_streaming,
            extra: &extra,
            drop_params: deployment.drop_params,
            max_output: deployment.max_output,
        };
        dialect::request(front, api, &self.of.ask.body, &target).map_err(|fault| match fault {
            Fault::NoObject { source } => Stumble::Request(Failure::BadRequest {
                message: format!("the body is not a JSON object: {source}"),
                param: None,
            }),
            Fault::Field { ref field, .. } => Stumble::Request(Failure::BadRequest {
                message: fault.to_string(),
                param: Some(field.clone()),
            }),
            fault => Stumble::from(unspeakable(
                deployment.provider(),
                &deployment.model,
                fault.to_string(),
            )),
        })
    }

    /// Fields for the request that does not have them itself.
    fn extra(&self, affordable: Option<u64>) -> Cow<'_, Map<String, Value>> {
        let own = &self.attempt.candidate.deployment.extra;
        let defaults = self
            .attempt
            .candidate
            .defaults()
            .filter(|map| !map.is_empty());
        // One limit is enough, whatever it is called.
        let is_limited = self.of.weight.output_limit.is_some();
        let is_double = is_limited && LIMITS.iter().any(|name| own.contains_key(*name));
        if defaults.is_none() && affordable.is_none() && !is_double {
            return Cow::Borrowed(own);
        }
        let mut extra = own.clone();
        for (name, value) in defaults.into_iter().flatten() {
            extra.entry(name).or_insert_with(|| value.clone());
        }
        if is_limited {
            extra.retain(|name, _| !LIMITS.contains(&name.as_str()));
        } else if let Some(affordable) = affordable {
            limit(&mut extra, affordable, || self.limit_name());
        }
        Cow::Owned(extra)
    }

    /// What the limit of an answer is called.
    fn limit_name(&self) -> &'static str {
        let server = &self.attempt.candidate.deployment.server;
        match self.of.ask.front {
            Front::Responses => "max_output_tokens",
            Front::Chat if openai::wants_completion_limit(server) => "max_completion_tokens",
            _ => "max_tokens",
        }
    }

    fn outgoing(&self, prepared: Prepared, line: &Line) -> Result<Outgoing, Error> {
        Ok(Outgoing {
            method: Method::POST,
            url: line.url(&prepared.path)?,
            headers: json_headers(self.of.ask.is_streaming, &prepared.headers),
            body: prepared.body,
        })
    }

    fn origin(&self, reach: &Reach) -> Origin {
        let env = &self.of.desk.env;
        // A whole answer of a fallback says which model it was; so it is with LiteLLM.
        let is_named = self.of.ask.is_streaming || !self.attempt.candidate.is_fallback;
        Origin {
            model: is_named.then(|| self.attempt.by.group.to_string()),
            id: env.fresh_id(),
            created: env.now().as_millis() / 1_000,
            shows_usage: self.of.weight.shows_usage,
            answers_by_tool: reach.answers_by_tool,
        }
    }
}

/// How an answer is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Stream,
    Document,
    Page,
}

impl Form {
    fn of(headers: &HeaderMap, framing: Framing) -> Self {
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if kind.starts_with("text/html") {
            Self::Page
        } else if framing == Framing::Events && kind.starts_with("application/json") {
            Self::Document
        } else {
            Self::Stream
        }
    }
}

/// Lowers the limits of an answer to what is affordable; where there is none, it gets one.
fn limit(extra: &mut Map<String, Value>, affordable: u64, name: impl FnOnce() -> &'static str) {
    let mut is_there = false;
    for stated in LIMITS {
        if let Some(value) = extra.get_mut(stated) {
            let most = value
                .as_u64()
                .map_or(affordable, |most| most.min(affordable));
            *value = Value::from(most);
            is_there = true;
        }
    }
    if !is_there {
        extra.insert(name().to_owned(), Value::from(affordable));
    }
}

/// The deadlines of a candidate with what the client says of them, and what is left of the whole request's time.
fn limited(deadlines: Deadlines, controls: &Controls, left: Duration) -> Deadlines {
    let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    let first = controls.stream_timeout_ms.unwrap_or(left).min(left);
    Deadlines {
        connect_ms: deadlines.connect_ms.min(first),
        first_byte_ms: deadlines.first_byte_ms.min(first),
        idle_ms: deadlines.idle_ms,
        total_ms: deadlines.total_ms.min(left),
    }
}
