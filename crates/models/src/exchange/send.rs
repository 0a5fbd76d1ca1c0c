//! One call to one server, up to the head of an answer that is worth reading.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::Instant;

use super::{clock::Clock, failure::shown_status, flow::Flow, line::Line};
use crate::{
    dialect::Fault,
    error::{Error, Kind},
    http::{self, Call, HeaderMap, HeaderName, HeaderValue, Http, Method, Url, header},
    limits::ERROR_BODY_BYTES_MAX,
    openai::refusal::{Classified, classify},
    options::Deadlines,
};

/// Headers that belong to one connection, or that only make sense between two neighbours.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// What is sent.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Beside those of the server.
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The head of a good answer.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) flow: Flow,
}

/// How one candidate failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// The status of its answer; 0 when there was none.
    pub(crate) status: u16,
    /// Its error's `code`.
    pub(crate) code: Option<String>,
    /// Its error's body without keys.
    pub(crate) body: Bytes,
    /// Its headers, cleaned.
    pub(crate) headers: HeaderMap,
    /// Whether it was never asked, because the request can't be said in its words.
    pub(crate) is_unspeakable: bool,
}

impl Failed {
    /// What the client is told: no address, no key, and nobody else's name.
    pub(crate) fn words(&self) -> String {
        match &self.error {
            Error::Answer { message, .. } => message.clone(),
            Error::Deadline {
                phase, after_ms, ..
            } => format!("the model took longer than {after_ms} ms for {phase}"),
            Error::Transport {
                source: http::Error::Connect { .. },
                ..
            } => "no connection to the model's server".to_owned(),
            Error::Transport { .. } => "the connection to the model's server broke".to_owned(),
            Error::CutOff { .. } => "the model's answer was cut off".to_owned(),
            Error::Malformed { what, .. } => format!("the model's answer is {what}"),
            error => error.to_string(),
        }
    }

    /// The status that stands for it where it has none of its own.
    pub(crate) fn shown_status(&self) -> u16 {
        shown_status(self.status, self.error.kind())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            status: status(&error),
            error,
            code: None,
            body: Bytes::new(),
            headers: HeaderMap::new(),
            is_unspeakable: false,
        }
    }
}

/// The status that a failure came with; 0 when there was none.
const fn status(error: &Error) -> u16 {
    match error {
        Error::Answer { status, .. } => *status,
        _ => 0,
    }
}

/// As [`Failed::shown_status`].
pub(crate) fn shown(error: &Error) -> u16 {
    shown_status(status(error), error.kind())
}

/// The failure of a candidate that the request can't be said to.
pub(crate) fn unspeakable(provider: &Arc<str>, model: &Arc<str>, message: String) -> Failed {
    Failed {
        is_unspeakable: true,
        ..Failed::from(Error::Answer {
            provider: Arc::clone(provider),
            model: Arc::clone(model),
            status: 400,
            // Another candidate may understand it.
            kind: Kind::NoModel,
            message,
            hint: None,
        })
    }
}

/// Sends a request, and waits for the head of the answer.
///
/// # Errors
/// Everything but an answer with a good status.
pub(crate) async fn send(
    http: &Http,
    line: &Line,
    model: &Arc<str>,
    outgoing: Outgoing,
    deadlines: &Deadlines,
) -> Result<Opened, Failed> {
    let clock = Clock::start(*deadlines, Instant::now());
    let mut headers = line.headers().clone();
    headers.extend(outgoing.headers);
    let call = Call {
        method: outgoing.method,
        url: outgoing.url,
        headers,
        body: outgoing.body,
        transport: line.server.transport.clone(),
        connect: Duration::from_millis(deadlines.connect_ms),
    };
    // One box for the whole exchange with the client keeps this future small.
    let sent = http.send(call).boxed();
    let (phase, until) = clock.first_byte();
    let response = match tokio::time::timeout_at(until, sent).await {
        Ok(Ok(response)) => response,
        Ok(Err(source)) => return Err(line.transport(source, deadlines).into()),
        Err(_elapsed) => return Err(line.deadline(phase, deadlines).into()),
    };
    let status = response.status.as_u16();
    let headers = cleaned(response.headers);
    if response.status.is_success() {
        return Ok(Opened {
            status,
            headers,
            flow: Flow::new(response.body, clock),
        });
    }
    let body = response.body.beginning(ERROR_BODY_BYTES_MAX);
    // A body that does not come is as good as none: the status says enough.
    let body = tokio::time::timeout_at(until, body)
        .await
        .unwrap_or_default();
    let refusal = classify(status, &headers, &body);
    Err(Failed {
        body: Bytes::from(line.scrub(&String::from_utf8_lossy(&body))),
        headers,
        ..refused(line, model, refusal)
    })
}

/// The headers of a request in JSON, beside those of the server.
pub(crate) fn json_headers(is_streaming: bool, more: &[(&'static str, &'static str)]) -> HeaderMap {
    let accept = if is_streaming {
        "text/event-stream"
    } else {
        "application/json"
    };
    let mut headers = HeaderMap::with_capacity(4);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
    for (name, value) in more {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
}

/// The failure of an answer that refuses the call.
pub(crate) fn refused(line: &Line, model: &Arc<str>, refusal: Classified) -> Failed {
    let Classified {
        status,
        kind,
        message,
        code,
    } = refusal;
    Failed {
        code,
        ..Failed::from(Error::Answer {
            provider: Arc::clone(&line.server.provider),
            model: Arc::clone(model),
            status,
            kind,
            message: if message.is_empty() {
                "no reason given".to_owned()
            } else {
                line.scrub(&message)
            },
            hint: line.hint(kind, model),
        })
    }
}

/// The failure of an answer with a good head and something else behind it.
pub(crate) fn faulty(line: &Line, model: &Arc<str>, fault: Fault) -> Failed {
    match fault {
        Fault::Refused { body } => {
            let refusal = classify(0, &HeaderMap::new(), &body);
            refused(line, model, refusal)
        }
        Fault::CutOff => line.cut_off().into(),
        Fault::Malformed { what, source } => Error::Malformed {
            provider: Arc::clone(&line.server.provider),
            what,
            source,
        }
        .into(),
        Fault::NoObject { .. } | Fault::Field { .. } | Fault::Unspeakable { .. } => {
            line.malformed("not what its protocol says").into()
        }
    }
}

/// A server's headers without those of the connection, and without what is only between it and us.
pub(crate) fn cleaned(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
    for name in [
        header::SET_COOKIE,
        header::WWW_AUTHENTICATE,
        header::LOCATION,
    ] {
        headers.remove(name);
    }
    headers
}
