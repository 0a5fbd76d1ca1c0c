//! Asks our own model server how many tokens messages are; no other server has this address.

use std::time::Duration;

use bytes::Bytes;
use openclaw_types::Message;
use serde::Deserialize;

use super::{OpenAi, PATH, encode};
use crate::{
    error::Error,
    exchange::send::json_headers,
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
        let (line, deadlines) = (&self.server.line, &self.server.deadlines);
        let body = encode::messages(messages).map_err(|source| line.unsendable(source))?;
        let mut url = line.url(PATH)?;
        url.set_path("/tokenize");
        let mut headers = line.headers().clone();
        headers.extend(json_headers(false, &[]));
        let call = Call {
            method: Method::POST,
            url,
            headers,
            body: Bytes::from(body),
            transport: line.server.transport.clone(),
            connect: Duration::from_millis(deadlines.connect_ms),
        };
        let transport_error = |source| line.transport(source, deadlines);
        let response = self.http.send(call).await.map_err(transport_error)?;
        // The answer repeats the prompt, so it may be as long as one.
        let bytes_max = usize::try_from(ANSWER_BYTES_MAX).unwrap_or(usize::MAX);
        let body = response.body.to_end(bytes_max).await;
        let counted: Counted = serde_json::from_slice(&body.map_err(transport_error)?)
            .map_err(|source| line.not_json(source))?;
        Ok(counted.tokens)
    }
}
