//! The checks between what a client wrote and what the daemon works with.

use serde_json::{Map, Value};

use super::{Call, Error, Format, Message, Role, Tool, ToolChoice, raw};

/// Tools one request may offer; their descriptions must fit a small context anyway.
const MAX_TOOLS: usize = 128;
/// Stop texts one request may have; each is searched for in every piece of output.
const MAX_STOPS: usize = 16;
/// Bytes of one stop text.
const MAX_STOP_BYTES: usize = 256;

pub(super) const fn invalid(param: &'static str, expected: &'static str) -> Error {
    Error::Invalid { param, expected }
}

pub(super) fn max_tokens(value: Option<i64>) -> Result<Option<u32>, Error> {
    match value.map(u32::try_from) {
        None => Ok(None),
        Some(Ok(n)) if n > 0 => Ok(Some(n)),
        Some(_) => Err(invalid("max_tokens", "a number of at least 1")),
    }
}

pub(super) fn stops(value: Option<raw::Stop>) -> Result<Vec<String>, Error> {
    let list = match value {
        None => Vec::new(),
        Some(raw::Stop::One(text)) => vec![text],
        Some(raw::Stop::Many(list)) => list,
    };
    let fits = |text: &String| !text.is_empty() && text.len() <= MAX_STOP_BYTES;
    if list.len() > MAX_STOPS || !list.iter().all(fits) {
        return Err(invalid("stop", "at most 16 texts of 1 to 256 bytes"));
    }
    Ok(list)
}

pub(super) fn messages(list: Vec<raw::Message>) -> Result<Vec<Message>, Error> {
    if list.is_empty() {
        return Err(invalid("messages", "a list of at least one message"));
    }
    list.into_iter().map(message).collect()
}

fn message(raw: raw::Message) -> Result<Message, Error> {
    let calls = raw.tool_calls.unwrap_or_default();
    let content = match raw.content {
        Some(raw::Content::Text(text)) => text,
        Some(raw::Content::Parts(parts)) => joined_text(parts)?,
        None if raw.role == Role::Assistant => String::new(),
        None => {
            return Err(invalid(
                "messages.content",
                "present in every message but an assistant's",
            ));
        }
    };
    if !calls.is_empty() && raw.role != Role::Assistant {
        return Err(invalid("messages.tool_calls", "in an assistant message"));
    }
    let calls = calls.into_iter().map(call).collect::<Result<_, _>>()?;
    Ok(Message {
        role: raw.role,
        content,
        calls,
        call_id: raw.tool_call_id,
        name: raw.name,
    })
}

fn joined_text(parts: Vec<raw::Part>) -> Result<String, Error> {
    let mut text = String::new();
    for part in parts {
        match part.text {
            Some(piece) if part.kind == "text" => text.push_str(&piece),
            _ => {
                return Err(invalid(
                    "messages.content",
                    "text: this model sees no images, sounds or files",
                ));
            }
        }
    }
    Ok(text)
}

fn call(raw: raw::Call) -> Result<Call, Error> {
    if !is_tool_name(&raw.function.name) {
        return Err(invalid(
            "messages.tool_calls",
            "calls with a name of 1 to 64 letters, digits, _, . or -",
        ));
    }
    let arguments = match raw.function.arguments {
        Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Some(Value::Null) | None => Value::Object(Map::new()),
        Some(other) => other,
    };
    Ok(Call {
        id: raw.id.unwrap_or_default(),
        name: raw.function.name,
        arguments,
    })
}

pub(super) fn tools(list: Vec<raw::Tool>) -> Result<Vec<Tool>, Error> {
    if list.len() > MAX_TOOLS {
        return Err(invalid("tools", "at most 128 tools"));
    }
    list.into_iter().map(tool).collect()
}

fn tool(raw: raw::Tool) -> Result<Tool, Error> {
    if raw.kind.is_some_and(|kind| kind != "function") {
        return Err(invalid("tools.type", "function"));
    }
    if !is_tool_name(&raw.function.name) {
        return Err(invalid(
            "tools.function.name",
            "1 to 64 letters, digits, _, . or -",
        ));
    }
    let parameters = match raw.function.parameters {
        None | Some(Value::Null) => Value::Object(Map::new()),
        Some(schema @ Value::Object(_)) => schema,
        Some(_) => return Err(invalid("tools.function.parameters", "a JSON schema object")),
    };
    Ok(Tool {
        name: raw.function.name,
        description: raw.function.description.unwrap_or_default(),
        parameters,
    })
}

fn is_tool_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

pub(super) fn tool_choice(
    raw: Option<raw::ToolChoice>,
    tools: &[Tool],
) -> Result<ToolChoice, Error> {
    const EXPECTED: &str = "none, auto, required or a function of tools";
    let choice = match raw {
        None => {
            return Ok(if tools.is_empty() {
                ToolChoice::None
            } else {
                ToolChoice::Auto
            });
        }
        Some(raw::ToolChoice::Word(word)) => match word.as_str() {
            "none" => ToolChoice::None,
            "auto" => ToolChoice::Auto,
            "required" => ToolChoice::Required,
            _ => return Err(invalid("tool_choice", EXPECTED)),
        },
        Some(raw::ToolChoice::Function { function }) => ToolChoice::Named(function.name),
    };
    let known = match &choice {
        ToolChoice::Named(name) => tools.iter().any(|t| t.name == *name),
        ToolChoice::Required => !tools.is_empty(),
        ToolChoice::None | ToolChoice::Auto => true,
    };
    match (known, tools.is_empty()) {
        (false, _) => Err(invalid("tool_choice", EXPECTED)),
        (true, true) => Ok(ToolChoice::None),
        (true, false) => Ok(choice),
    }
}

pub(super) fn format(raw: Option<raw::Format>) -> Result<Format, Error> {
    let Some(raw) = raw else {
        return Ok(Format::Text);
    };
    match raw.kind.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::Json(serde_json::json!({"type": "object"}))),
        "json_schema" => match raw.json_schema.and_then(|s| s.schema) {
            Some(schema) => Ok(Format::Json(schema)),
            None => Err(invalid("response_format.json_schema.schema", "present")),
        },
        _ => Err(invalid(
            "response_format.type",
            "text, json_object or json_schema",
        )),
    }
}
