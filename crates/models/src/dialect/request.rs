//! A request to a server that speaks the client's dialect.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    Fault, Fields, Framing, Front, Prepared, Target, completions,
    fields::{Change, quoted},
    messages, responses,
};

/// What a stream is asked to end with, so that it can be paid for.
const USAGE: &str = r#"{"include_usage":true}"#;

pub(super) fn same(front: Front, body: &Bytes, to: &Target<'_>) -> Result<Prepared, Fault> {
    let fields = Fields::read(body).map_err(|source| Fault::NoObject { source })?;
    let model = quoted(to.model);
    let extra: Vec<(&str, String)> = to
        .extra
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_string()))
        .collect();
    let mut changes = vec![("model", Change::Set(&model))];
    changes.extend(extra.iter().map(|(name, value)| {
        // Who says `null` says nothing.
        let is_said = fields.get(name).is_some_and(|said| said != "null");
        let change = if is_said {
            Change::Default(value)
        } else {
            Change::Set(value)
        };
        (*name, change)
    }));
    let usage = (to.is_streaming && front == Front::Chat).then(|| usage(&fields));
    if let Some(usage) = &usage {
        changes.push(("stream_options", Change::Set(usage)));
    }
    Ok(Prepared {
        path: Cow::Borrowed(front.path()),
        body: Bytes::from(fields.with(&changes)),
        headers: match front {
            Front::Messages => messages::same_headers(),
            _ => Vec::new(),
        },
        framing: Framing::Events,
        answers_by_tool: false,
    })
}

/// The client's stream options with the one that asks for the usage.
fn usage(fields: &Fields<'_>) -> String {
    let stated = fields.get("stream_options").map(str::as_bytes);
    match stated.map(Fields::read) {
        Some(Ok(stated)) => {
            let with = stated.with(&[("include_usage", Change::Set("true"))]);
            String::from_utf8(with).unwrap_or_else(|_| USAGE.to_owned())
        }
        _ => USAGE.to_owned(),
    }
}

/// A request's fields.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Fault> {
    serde_json::from_slice(body).map_err(|source| Fault::NoObject { source })
}

/// A request as chat completions, which every dialect can be said in; nothing where there is no way.
pub(super) fn chat(front: Front, body: &[u8]) -> Result<Option<Map<String, Value>>, Fault> {
    let object = object(body)?;
    match front {
        Front::Chat => Ok(Some(object)),
        Front::Messages => messages::to_chat(&object).map(Some),
        Front::Responses => responses::to_chat(&object).map(Some),
        Front::Completions => completions::to_chat(&object).map(Some),
        Front::Embeddings => Ok(None),
    }
}
