//! The one HTTP client: made when first used, without root certificates until something asks for https.

use std::{
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{self, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use indexmap::IndexMap;
pub use reqwest::Url;
use tokio::runtime;

pub use self::error::Error;
use crate::limits::CLIENTS_MAX;

mod client;
mod error;

/// How to reach a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Transport {
    /// As the URL says.
    #[default]
    Tcp,
    /// Over this unix socket; the URL's host is only a name.
    Unix(PathBuf),
}

/// What the client is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Everything but loopback and unix sockets goes through this proxy; the environment is not asked.
    pub proxy: Option<String>,
}

/// One request. Redirects are never followed: their answer is returned as it is.
#[derive(Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers, credentials included.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// How.
    pub transport: Transport,
    /// Deadline of the connection alone.
    pub connect: Duration,
}

/// Shows where it goes and the names of its headers, and nothing that may be a secret.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&HeaderName> = self.headers.keys().collect();
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("headers", &names)
            .field("bytes", &self.body.len())
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// The beginning of an answer.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The rest, as it comes.
    pub body: Body,
}

/// The bytes of an answer, as they come.
pub struct Body(BoxStream<'static, Result<Bytes, reqwest::Error>>);

/// The client. Cheap to clone; nothing is made before the first call.
#[derive(Debug, Clone)]
pub struct Http {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: Options,
    clients: Mutex<IndexMap<Key, reqwest::Client>>,
}

/// What needs a client of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    /// A connection is driven by the runtime that opened it, and another one would have to wake that one for each byte.
    /// With TLS that is little beside the rest, and the system's roots are read once.
    runtime: Option<runtime::Id>,
    transport: Transport,
    tls: bool,
    connect: Duration,
}

impl Http {
    /// A client that has made nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            shared: Arc::new(Shared {
                options,
                clients: Mutex::default(),
            }),
        }
    }

    /// Sends a request and waits for the head of the answer; only the connection has a deadline here.
    ///
    /// # Errors
    /// When there is no answer; an answer with an error status is an answer.
    pub async fn send(&self, call: Call) -> Result<Response, Error> {
        let tls = call.url.scheme() == "https";
        let client = self.client(Key {
            runtime: (!tls).then(|| runtime::Handle::current().id()),
            tls,
            transport: call.transport,
            connect: call.connect,
        })?;
        let mut request = reqwest::Request::new(call.method, call.url);
        *request.headers_mut() = call.headers;
        if !call.body.is_empty() {
            *request.body_mut() = Some(call.body.into());
        }
        let response = client.execute(request).await.map_err(|source| {
            match (source.is_connect(), source.is_timeout()) {
                (true, true) => Error::ConnectDeadline { source },
                (true, false) => Error::Connect { source },
                (false, _) => Error::Broken { source },
            }
        })?;
        Ok(Response {
            status: response.status(),
            headers: response.headers().clone(),
            body: Body(response.bytes_stream().boxed()),
        })
    }

    fn client(&self, key: Key) -> Result<reqwest::Client, Error> {
        let mut clients = self
            .shared
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = client::build(&key, &self.shared.options)?;
        if clients.len() >= CLIENTS_MAX {
            // Calls in flight keep their client; a later one makes it again.
            let _oldest = clients.shift_remove_index(0);
        }
        let _none = clients.insert(key, client.clone());
        Ok(client)
    }
}

impl Body {
    /// Reads to the end.
    ///
    /// # Errors
    /// When the connection breaks, or when there are more bytes than `bytes_max`.
    pub async fn to_end(mut self, bytes_max: usize) -> Result<Bytes, Error> {
        let mut whole = bytes::BytesMut::new();
        while let Some(piece) = self.next().await {
            let piece = piece?;
            if whole.len() + piece.len() > bytes_max {
                return Err(Error::TooLarge { bytes_max });
            }
            if whole.is_empty() {
                whole = bytes::BytesMut::from(piece);
            } else {
                whole.extend_from_slice(&piece);
            }
        }
        Ok(whole.freeze())
    }

    /// Reads until `bytes_max` or the end, whichever comes first, and what had come when the connection broke.
    pub async fn beginning(mut self, bytes_max: usize) -> Bytes {
        let mut whole = bytes::BytesMut::new();
        while whole.len() < bytes_max
            && let Some(Ok(piece)) = self.next().await
        {
            let room = bytes_max - whole.len();
            whole.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        whole.freeze()
    }
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .poll_next_unpin(cx)
            .map_err(|source| Error::Broken { source })
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_call_shows_no_value_of_a_header_and_no_query() {
        let call = Call {
            method: Method::GET,
            url: Url::parse("http://user:pass-word@host/v1/models?key=in-the-query").unwrap(),
            headers: HeaderMap::from_iter([(
                header::AUTHORIZATION,
                HeaderValue::from_static("Bearer in-a-header"),
            )]),
            body: Bytes::from_static(b"in-the-body"),
            transport: Transport::Tcp,
            connect: Duration::from_secs(1),
        };
        let shown = format!("{call:?}");
        assert!(shown.contains("/v1/models") && shown.contains("authorization"));
        for secret in ["in-a-header", "in-the-query", "in-the-body", "pass-word"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
