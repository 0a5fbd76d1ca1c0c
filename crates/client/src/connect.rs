//! From a URL to a connection that has said hello.

use std::{io, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Uri, header::SEC_WEBSOCKET_PROTOCOL};
use openclaw_wire::{
    ErrorShape, Frame, Method as _, PROTOCOL_MAX, PROTOCOL_MIN, SUBPROTOCOL_NATIVE, Secret,
    connect::{Auth, Client, ConnectParams, HelloOk},
    event, frame,
    limits::FRAME_BYTES_MAX,
    methods::gateway::Connect,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_websockets::{ClientBuilder, Limits, Message, WebSocketStream};

use crate::{Error, Options, error::detail_code};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// The id of the one request that is made before any call.
const HELLO_ID: &str = "connect";

pub(crate) async fn connect(options: &Options) -> Result<(Socket, HelloOk), Error> {
    let (uri, address) = address(&options.url)?;
    let upgrade = open(uri, &address);
    let mut socket = deadline("connecting", options.connect_deadline, upgrade).await?;
    let hello = hello(&mut socket, options, &address);
    let hello = deadline("the handshake", options.handshake_deadline, hello).await?;
    Ok((socket, hello))
}

async fn deadline<T>(
    what: &'static str,
    after: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout(after, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::Deadline { what, after }),
    }
}

/// The URL, and the address to dial.
fn address(url: &str) -> Result<(Uri, String), Error> {
    let wrong = |reason| Error::Url {
        url: url.to_owned(),
        reason,
    };
    let uri: Uri = url.parse().map_err(|_invalid| wrong("is not a url"))?;
    match uri.scheme_str() {
        Some("ws") => {}
        Some("wss") => return Err(wrong("wants TLS, which this client leaves to a tunnel")),
        _ => return Err(wrong("does not begin with ws://")),
    }
    let host = uri.host().ok_or_else(|| wrong("names no host"))?;
    let address = format!("{host}:{}", uri.port_u16().unwrap_or(80));
    Ok((uri, address))
}

async fn open(uri: Uri, address: &str) -> Result<Socket, Error> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|source| unreachable(address, source))?;
    // A request is one small frame; waiting to fill a packet only adds latency. A socket that refuses the
    // option still works.
    stream.set_nodelay(true).unwrap_or_default();
    let builder = ClientBuilder::from_uri(uri)
        .limits(Limits::default().max_payload_len(Some(FRAME_BYTES_MAX)))
        .add_header(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL_NATIVE),
        )
        .map_err(|source| websocket(address, source))?;
    let (socket, _response) = builder
        .connect_on(stream)
        .await
        .map_err(|source| websocket(address, source))?;
    Ok(socket)
}

fn unreachable(address: &str, source: io::Error) -> Error {
    let address = address.to_owned();
    match source.kind() {
        io::ErrorKind::ConnectionRefused => Error::Refused { address, source },
        _ => Error::Unreachable { address, source },
    }
}

fn websocket(address: &str, source: tokio_websockets::Error) -> Error {
    use tokio_websockets::upgrade::Error as Upgrade;
    let address = address.to_owned();
    match source {
        tokio_websockets::Error::Upgrade(Upgrade::DidNotSwitchProtocols(status)) => {
            Error::Upgrade { address, status }
        }
        source => Error::WebSocket { address, source },
    }
}

async fn hello(socket: &mut Socket, options: &Options, address: &str) -> Result<HelloOk, Error> {
    let params = params(options);
    let mut asked = false;
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(source)) => return Err(websocket(address, source)),
            None => return Err(closed(None)),
        };
        if message.is_close() {
            return Err(closed(Some(&message)));
        }
        let Some(text) = message.as_text() else {
            continue;
        };
        match Frame::decode(text.as_bytes())? {
            Frame::Event(event) if event.event == event::CONNECT_CHALLENGE && !asked => {
                asked = true;
                let request = frame::encode_request(HELLO_ID, Connect::NAME, &params)?;
                let sent = socket.send(Message::text(request)).await;
                sent.map_err(|source| websocket(address, source))?;
            }
            Frame::Response(response) if response.id == HELLO_ID => {
                return match response.outcome {
                    Ok(payload) => read_hello(payload.map_or("null", |raw| raw.get())),
                    Err(shape) => Err(refused(shape, options)),
                };
            }
            Frame::Event(_) | Frame::Response(_) | Frame::Request(_) => {}
        }
    }
}

fn read_hello(payload: &str) -> Result<HelloOk, Error> {
    serde_json::from_str(payload).map_err(|source| Error::Shape {
        method: Connect::NAME,
        source,
    })
}

pub(crate) fn closed(message: Option<&Message>) -> Error {
    let (code, reason) = match message.and_then(Message::as_close) {
        Some((code, reason)) => (Some(u16::from(code)), reason.to_owned()),
        None => (None, String::new()),
    };
    Error::Closed { code, reason }
}

fn refused(shape: ErrorShape, options: &Options) -> Error {
    let details = shape.details.as_ref();
    let expected = details.and_then(|details| details.get("expectedProtocol")?.as_u64());
    if let Some(expected) = expected {
        return Error::Protocol { expected };
    }
    let is_about_us = detail_code(&shape).is_some() || shape.message.contains("unauthorized");
    let source = Box::new(shape);
    if is_about_us {
        let token_origin = options
            .token
            .as_ref()
            .map(|token| token.origin().to_owned());
        return Error::Unauthorized {
            token_origin,
            source,
        };
    }
    Error::Rejected {
        method: Connect::NAME,
        source,
    }
}

fn params(options: &Options) -> ConnectParams {
    let identity = options.identity.clone();
    ConnectParams {
        min_protocol: PROTOCOL_MIN,
        max_protocol: PROTOCOL_MAX,
        client: Client {
            id: identity.id,
            version: identity.version,
            platform: std::env::consts::OS.to_owned(),
            mode: identity.mode,
            display_name: None,
            device_family: None,
            instance_id: None,
        },
        role: "operator".to_owned(),
        scopes: options
            .scopes
            .iter()
            .map(|scope| scope.as_str().to_owned())
            .collect(),
        caps: vec!["tool-events".to_owned()],
        auth: options.token.as_ref().map(|token| Auth {
            token: Some(Secret(token.text().to_owned())),
            ..Auth::default()
        }),
        device: None,
        locale: None,
        user_agent: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_before_anything_is_dialled() {
        for (url, want) in [
            ("ws://127.0.0.1:18789", Ok("127.0.0.1:18789")),
            ("ws://127.0.0.1:18789/", Ok("127.0.0.1:18789")),
            ("ws://[::1]:5", Ok("[::1]:5")),
            ("ws://gateway", Ok("gateway:80")),
            (
                "wss://x",
                Err("wants TLS, which this client leaves to a tunnel"),
            ),
            ("http://x", Err("does not begin with ws://")),
            ("127.0.0.1:18789", Err("does not begin with ws://")),
            ("", Err("is not a url")),
        ] {
            let got = address(url).map(|(_, address)| address);
            match (got, want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want),
                (Err(Error::Url { reason, .. }), Err(want)) => assert_eq!(reason, want, "{url}"),
                (got, want) => panic!("{url}: {got:?} instead of {want:?}"),
            }
        }
    }
}
