//! Asks our own model server how many tokens messages are; no other server has this address.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use openclaw_types::Message;
use serde::Deserialize;

use super::{OpenAi, encode};
use crate::{
    error::Error,
    http::{Call, Method},
    limits::ANSWER_BYTES_MAX,
};

#[derive(Deserialize)]
struct Counted {
    tokens: u64,
}

impl OpenAi {
    /// How many tokens the model makes of these messages, its chat template included. The caller sets the deadline.
    pub(crate) async fn count_tokens(&self, messages: &[Message]) -> Result<u64, Error> {
        let server = &self.server;
        let body = encode::messages(messages).map_err(|source| Error::Encode {
            provider: Arc::clone(&server.id),
            source: source.into(),
        })?;
        let mut url = server.url.clone();
        url.set_path("/tokenize");
        let call = Call {
            method: Method::POST,
            url,
            headers: server.headers.clone(),
            body: Bytes::from(body),
            transport: server.transport.clone(),
            connect: Duration::from_millis(server.deadlines.connect_ms),
        };
        let transport_error = |source| server.transport_error(source);
        let response = self.http.send(call).await.map_err(transport_error)?;
        // The answer repeats the prompt, so it may be as long as one.
        let bytes_max = usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        let body = response.body.to_end(bytes_max).await;
        let counted: Counted = serde_json::from_slice(&body.map_err(transport_error)?)
            .map_err(|source| server.malformed("no token count", Some(source)))?;
        Ok(counted.tokens)
    }
}
