//! A chat completion request becomes one for OpenAI's responses.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::item;
use crate::dialect::{
    Fault, Framing, Prepared, Target,
    parts::{self, Part, list},
};

const API: &str = "OpenAI's responses";
/// Fields without a counterpart. A value that changes nothing is passed over.
const UNSPEAKABLE: [&str; 9] = [
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "audio",
    "modalities",
    "prediction",
];
/// Fields that are said otherwise.
const SAID_OTHERWISE: [&str; 14] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "reasoning_effort",
    "thinking",
    "response_format",
    "verbosity",
    "n",
    "store",
];

/// The request in the words of OpenAI's responses.
pub(in crate::dialect) fn from_chat(
    chat: &Map<String, Value>,
    to: &Target<'_>,
) -> Result<Prepared, Fault> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    set("model", Value::from(to.model));
    set("input", Value::Array(input(chat)?));
    // The history comes with every request, so nothing need be kept; thoughts come sealed instead.
    set("store", Value::Bool(false));
    set("include", json!(["reasoning.encrypted_content"]));
    if to.is_streaming {
        set("stream", Value::Bool(true));
    }
    if let Some(most) = parts::max_tokens(chat).or_else(|| parts::max_tokens(to.extra)) {
        set("max_output_tokens", Value::from(most));
    }
    if let Some(effort) = effort(chat) {
        set("reasoning", json!({"effort": effort, "summary": "auto"}));
    }
    if let Some(text) = text(chat) {
        set("text", text);
    }
    tools(chat, &mut set);
    let left = (to.extra, to.drop_params);
    parts::rest((API, &SAID_OTHERWISE, &UNSPEAKABLE), chat, left, &mut body)?;
    Ok(Prepared {
        path: Cow::Borrowed("/responses"),
        body: Bytes::from(Value::Object(body).to_string()),
        headers: Vec::new(),
        framing: Framing::Events,
        answers_by_tool: false,
    })
}

/// Stated as an effort, or as a budget in Anthropic's words.
fn effort(chat: &Map<String, Value>) -> Option<Value> {
    let stated = chat.get("reasoning_effort").filter(|said| said.is_string());
    if stated.is_some() {
        return stated.cloned();
    }
    let thinking = chat.get("thinking")?;
    if thinking["type"] != "enabled" {
        return None;
    }
    Some(Value::from(
        match thinking["budget_tokens"].as_u64().unwrap_or(0) {
            0..2_000 => "low",
            2_000..4_000 => "medium",
            _ => "high",
        },
    ))
}

fn text(chat: &Map<String, Value>) -> Option<Value> {
    let mut text = Map::new();
    if let Some(schema) = parts::schema(chat) {
        let mut format = json!({"type": "json_object"});
        if !schema.is_null() {
            format = json!({"type": "json_schema"});
            let stated = chat["response_format"]["json_schema"].as_object();
            for (name, value) in stated.into_iter().flatten() {
                format[name] = value.clone();
            }
        }
        text.insert("format".to_owned(), format);
    }
    if let Some(verbosity) = chat.get("verbosity") {
        text.insert("verbosity".to_owned(), verbosity.clone());
    }
    (!text.is_empty()).then_some(Value::Object(text))
}

fn input(chat: &Map<String, Value>) -> Result<Vec<Value>, Fault> {
    let mut items = Vec::new();
    for message in parts::messages(chat) {
        let content = &message["content"];
        match message["role"].as_str() {
            Some("tool" | "function") => items.push(json!({
                "type": "function_call_output",
                "call_id": message["tool_call_id"],
                "output": parts::text(API, content)?,
            })),
            Some("assistant") => assistant(message, &mut items)?,
            role => {
                let said = content_parts(content)?;
                if !said.is_empty() {
                    let role = role.unwrap_or("user");
                    items.push(json!({"type": "message", "role": role, "content": said}));
                }
            }
        }
    }
    Ok(items)
}

fn assistant(message: &Value, items: &mut Vec<Value>) -> Result<(), Fault> {
    for thought in list(message.get("thinking_blocks")) {
        let data = thought["data"].as_str().unwrap_or_default();
        if let Some((id, sealed)) = item::unseal(data) {
            items.push(item::reasoning(id, "", Some(sealed)));
        }
    }
    let text = parts::text(API, &message["content"])?;
    if !text.is_empty() {
        let said = json!([{"type": "output_text", "text": text}]);
        items.push(json!({"type": "message", "role": "assistant", "content": said}));
    }
    for call in list(message.get("tool_calls")) {
        let function = &call["function"];
        let arguments = match &function["arguments"] {
            Value::String(text) if text.trim().is_empty() => "{}".to_owned(),
            Value::String(text) => text.clone(),
            Value::Null => "{}".to_owned(),
            other => other.to_string(),
        };
        items.push(json!({
            "type": "function_call", "call_id": call["id"],
            "name": function["name"], "arguments": arguments,
        }));
    }
    Ok(())
}

fn content_parts(content: &Value) -> Result<Vec<Value>, Fault> {
    let parts = parts::parts(API, content)?.into_iter();
    let said = parts.map(|part| match part {
        Part::Text(text) => json!({"type": "input_text", "text": text}),
        Part::Image(url) => json!({"type": "input_image", "image_url": url, "detail": "auto"}),
        Part::File { name, url } => {
            let name = name.unwrap_or("file.pdf");
            json!({"type": "input_file", "filename": name, "file_data": url})
        }
    });
    Ok(said.collect())
}

fn tools(chat: &Map<String, Value>, set: &mut impl FnMut(&str, Value)) {
    let tools = list(chat.get("tools")).map(|tool| match tool["function"].as_object() {
        Some(function) => {
            // Chats are not strict unless they say so; responses are.
            let mut told = json!({"type": "function", "strict": false});
            for (name, value) in function {
                told[name] = value.clone();
            }
            told
        }
        None => tool.clone(),
    });
    let tools: Vec<Value> = tools.collect();
    if tools.is_empty() {
        return;
    }
    set("tools", Value::Array(tools));
    match chat.get("tool_choice") {
        Some(Value::Object(named)) => {
            let name = named.get("function").map(|function| &function["name"]);
            set("tool_choice", json!({"type": "function", "name": name}));
        }
        Some(choice) if !choice.is_null() => set("tool_choice", choice.clone()),
        _ => {}
    }
}
