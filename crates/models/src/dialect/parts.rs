//! What stands in the messages of a chat, for dialects that say it in words of their own.

use serde_json::{Map, Value, json};

use super::Fault;

/// One part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Text(&'a str),
    /// A URL, or a `data:` URL.
    Image(&'a str),
    /// What the file holds, as a `data:` URL.
    File {
        name: Option<&'a str>,
        url: &'a str,
    },
}

/// What a `data:` URL holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inline<'a> {
    pub(super) kind: &'a str,
    /// In base64.
    pub(super) data: &'a str,
}

/// The parts of a message's content. What says nothing is left out.
pub(super) fn parts<'a>(api: &'static str, content: &'a Value) -> Result<Vec<Part<'a>>, Fault> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::Text(text)]),
        Value::Array(parts) => parts
            .iter()
            .map(|value| part(api, value))
            .filter_map(Result::transpose)
            .collect(),
        _ => Err(Fault::Field {
            field: "messages[].content".to_owned(),
            expected: "a text or a list of parts",
        }),
    }
}

fn part<'a>(api: &'static str, part: &'a Value) -> Result<Option<Part<'a>>, Fault> {
    let text = |value: &'a Value| value.as_str().filter(|text| !text.is_empty());
    match part["type"].as_str() {
        Some("text" | "input_text" | "output_text") => Ok(text(&part["text"]).map(Part::Text)),
        Some("refusal") => Ok(text(&part["refusal"]).map(Part::Text)),
        Some("image_url") => {
            let image = &part["image_url"];
            let url = image.as_str().or_else(|| image["url"].as_str());
            url.map(|url| Some(Part::Image(url))).ok_or(Fault::Field {
                field: "messages[].content[].image_url".to_owned(),
                expected: "an object with a `url`",
            })
        }
        Some("file") => match part["file"]["file_data"].as_str() {
            Some(url) => Ok(Some(Part::File {
                name: part["file"]["filename"].as_str(),
                url,
            })),
            None => Err(unspeakable(api, "files by their id")),
        },
        other => Err(unspeakable(
            api,
            &format!("parts of type `{}`", other.unwrap_or("?")),
        )),
    }
}

/// The texts alone, for what is nothing but text everywhere.
pub(super) fn text(api: &'static str, content: &Value) -> Result<String, Fault> {
    let texts = parts(api, content)?.into_iter().map(|part| match part {
        Part::Text(text) => Ok(text),
        Part::Image(_) => Err(unspeakable(api, "images here")),
        Part::File { .. } => Err(unspeakable(api, "files here")),
    });
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// What a `data:` URL holds; nothing for any other URL.
pub(super) fn inline(url: &str) -> Result<Option<Inline<'_>>, Fault> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Ok(None);
    };
    let Some((kind, data)) = rest.split_once(";base64,") else {
        return Err(Fault::Field {
            field: "messages[].content[]".to_owned(),
            expected: "a URL, or `data:<type>;base64,<data>`",
        });
    };
    // Parameters may stand between the type and the data.
    let kind = kind.split(';').next().unwrap_or_default();
    Ok(Some(Inline { kind, data }))
}

/// The arguments of a call as an object.
pub(super) fn arguments(call: &Value) -> Result<Value, Fault> {
    let stated = &call["function"]["arguments"];
    let object = match stated {
        Value::Null => json!({}),
        Value::String(text) if text.trim().is_empty() => json!({}),
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        other => other.clone(),
    };
    if object.is_object() {
        return Ok(object);
    }
    Err(Fault::Field {
        field: "messages[].tool_calls[].function.arguments".to_owned(),
        expected: "a JSON object, written as a text",
    })
}

/// The messages of a chat.
pub(super) fn messages(chat: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    list(chat.get("messages"))
}

/// What stands in a list; nothing where there is none.
pub(super) fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// Tokens that an answer may have, by either of the two names.
pub(super) fn max_tokens(chat: &Map<String, Value>) -> Option<u64> {
    ["max_completion_tokens", "max_tokens"]
        .into_iter()
        .find_map(|name| chat.get(name)?.as_u64())
}

/// A list of texts at which to stop, also where one stands alone.
pub(super) fn stops(chat: &Map<String, Value>) -> Option<Value> {
    match chat.get("stop")? {
        Value::String(stop) => Some(json!([stop])),
        Value::Array(stops) => Some(Value::Array(stops.clone())),
        _ => None,
    }
}

/// The schema of an answer in JSON; `null` where any object will do, nothing where text will.
pub(super) fn schema(chat: &Map<String, Value>) -> Option<&Value> {
    let format = chat.get("response_format")?;
    match format["type"].as_str()? {
        "json_schema" => Some(&format["json_schema"]["schema"]),
        "json_object" => Some(&Value::Null),
        _ => None,
    }
}

/// Adds the fields that are left, to be understood or refused by the server, and refuses those it has no word for.
pub(super) fn rest(
    (api, known, unspoken): (&'static str, &[&str], &[&str]),
    chat: &Map<String, Value>,
    (extra, drop_params): (&Map<String, Value>, bool),
    body: &mut Map<String, Value>,
) -> Result<(), Fault> {
    if chat.get("n").and_then(Value::as_u64).is_some_and(|n| n > 1) {
        return Err(unspeakable(api, "`n`"));
    }
    for (name, value) in chat.iter().chain(extra) {
        let is_neutral = value.is_null() || *value == 0 || *value == false || *value == json!({});
        if unspoken.contains(&name.as_str()) {
            if !is_neutral && !drop_params {
                return Err(unspeakable(api, &format!("`{name}`")));
            }
        } else if known.contains(&name.as_str()) || value.is_null() {
        } else if let (Some(Value::Object(said)), Value::Object(more)) = (body.get_mut(name), value)
        {
            for (name, value) in more {
                said.entry(name).or_insert_with(|| value.clone());
            }
        } else if !body.contains_key(name) {
            body.insert(name.clone(), value.clone());
        }
    }
    Ok(())
}

pub(super) fn unspeakable(api: &'static str, what: &str) -> Fault {
    Fault::Unspeakable {
        api,
        what: what.to_owned(),
    }
}

/// Reads a server's JSON.
pub(super) fn read<'a, T: serde::Deserialize<'a>>(data: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(data).map_err(|source| Fault::Malformed {
        what: "not JSON as agreed",
        source: Some(source),
    })
}

/// A server's error in the place of an answer.
pub(super) fn refused(data: &[u8]) -> Fault {
    Fault::Refused {
        body: bytes::Bytes::copy_from_slice(data),
    }
}
