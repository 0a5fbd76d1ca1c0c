//! From values to the text of a frame, without building a tree in between.

use std::{fmt::Write as _, sync::Arc};

use serde::Serialize;

use super::StateVersion;
use crate::error::ErrorShape;

/// A value that cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("frame body cannot be written as JSON")]
pub struct EncodeError {
    #[from]
    source: serde_json::Error,
}

#[derive(Serialize)]
struct RequestOut<'a, P> {
    r#type: &'static str,
    id: &'a str,
    method: &'a str,
    params: &'a P,
}

#[derive(Serialize)]
struct ResponseOut<'a, P> {
    r#type: &'static str,
    id: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a P>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorShape>,
}

/// Writes a request.
///
/// # Errors
/// When `params` has no JSON form, such as a map whose keys are no strings.
pub fn encode_request<P: Serialize>(
    id: &str,
    method: &str,
    params: &P,
) -> Result<String, EncodeError> {
    let frame = RequestOut {
        r#type: "req",
        id,
        method,
        params,
    };
    Ok(serde_json::to_string(&frame)?)
}

/// Writes the response to a request that succeeded.
///
/// # Errors
/// When `payload` has no JSON form.
pub fn encode_ok<P: Serialize>(id: &str, payload: &P) -> Result<String, EncodeError> {
    let frame = ResponseOut {
        r#type: "res",
        id,
        ok: true,
        payload: Some(payload),
        error: None,
    };
    Ok(serde_json::to_string(&frame)?)
}

/// Writes the response to a request that failed.
#[must_use]
pub fn encode_error(id: &str, error: &ErrorShape) -> String {
    let frame = ResponseOut::<()> {
        r#type: "res",
        id,
        ok: false,
        payload: None,
        error: Some(error),
    };
    // Details are a JSON value already, so this cannot fail; a bare error still answers the request if it did.
    serde_json::to_string(&frame).unwrap_or_else(|_| {
        r#"{"type":"res","id":"","ok":false,"error":{"code":"UNAVAILABLE","message":"error cannot be written"}}"#
            .to_owned()
    })
}

/// An event whose payload is written once, for any number of connections.
#[derive(Debug, Clone)]
pub struct EncodedEvent {
    /// The frame up to and without what differs per connection.
    head: Arc<str>,
}

impl EncodedEvent {
    /// Writes the payload.
    ///
    /// # Errors
    /// When `payload` has no JSON form.
    pub fn new<P: Serialize>(
        event: &str,
        payload: &P,
        state_version: Option<StateVersion>,
    ) -> Result<Self, EncodeError> {
        let mut head = Vec::with_capacity(256);
        head.extend_from_slice(br#"{"type":"event","event":"#);
        serde_json::to_writer(&mut head, event)?;
        head.extend_from_slice(br#","payload":"#);
        serde_json::to_writer(&mut head, payload)?;
        if let Some(version) = state_version {
            head.extend_from_slice(br#","stateVersion":"#);
            serde_json::to_writer(&mut head, &version)?;
        }
        let head = String::from_utf8(head).map_err(|error| EncodeError {
            source: serde::ser::Error::custom(error),
        })?;
        Ok(Self { head: head.into() })
    }

    /// How many bytes it has, without its number.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.head.len() + 1
    }

    /// The frame for one connection; targeted events have no number.
    #[must_use]
    pub fn frame(&self, seq: Option<u64>) -> String {
        let mut text = String::with_capacity(self.head.len() + 32);
        text.push_str(&self.head);
        if let Some(seq) = seq {
            text.push_str(r#","seq":"#);
            // Writing to a string cannot fail.
            write!(text, "{seq}").unwrap_or_default();
        }
        text.push('}');
        text
    }
}
