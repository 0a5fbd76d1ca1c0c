//! A request for OpenAI's responses becomes one for chat completions.

use serde_json::{Map, Value, json};

use super::item;
use crate::dialect::{
    Fault,
    parts::{list, unspeakable},
};

const API: &str = "this model's server";
/// What is kept at OpenAI between requests, and nowhere else.
const KEPT: [&str; 4] = [
    "previous_response_id",
    "conversation",
    "prompt",
    "background",
];
/// Fields that are said otherwise, or say what is kept and how much of it is told.
const SAID_OTHERWISE: [&str; 12] = [
    "model",
    "input",
    "instructions",
    "max_output_tokens",
    "reasoning",
    "text",
    "tools",
    "tool_choice",
    "store",
    "include",
    "truncation",
    "stream_options",
];

/// The request as a chat completion.
pub(in crate::dialect) fn to_chat(asked: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    for name in KEPT {
        let is_said = |value: &&Value| !value.is_null() && **value != false;
        if asked.get(name).filter(is_said).is_some() {
            return Err(unspeakable(API, &format!("`{name}`")));
        }
    }
    let mut chat = Map::new();
    let mut set = |name: &str, value: Value| drop(chat.insert(name.to_owned(), value));
    set("model", asked.get("model").cloned().unwrap_or_default());
    set("messages", Value::Array(messages(asked)?));
    if let Some(most) = asked.get("max_output_tokens").filter(|it| !it.is_null()) {
        set("max_tokens", most.clone());
    }
    let effort = asked.get("reasoning").map(|reasoning| &reasoning["effort"]);
    if let Some(effort) = effort.filter(|effort| effort.is_string()) {
        set("reasoning_effort", effort.clone());
    }
    text(asked, &mut set);
    tools(asked, &mut set)?;
    for (name, value) in asked {
        let is_told = SAID_OTHERWISE.contains(&name.as_str()) || KEPT.contains(&name.as_str());
        if !is_told && !value.is_null() {
            set(name, value.clone());
        }
    }
    Ok(chat)
}

fn text(asked: &Map<String, Value>, set: &mut impl FnMut(&str, Value)) {
    let Some(text) = asked.get("text") else {
        return;
    };
    let format = &text["format"];
    match format["type"].as_str() {
        Some("json_schema") => {
            let mut schema = format.as_object().cloned().unwrap_or_default();
            schema.shift_remove("type");
            set(
                "response_format",
                json!({"type": "json_schema", "json_schema": schema}),
            );
        }
        Some("json_object") => set("response_format", json!({"type": "json_object"})),
        _ => {}
    }
    if text["verbosity"].is_string() {
        set("verbosity", text["verbosity"].clone());
    }
}

fn messages(asked: &Map<String, Value>) -> Result<Vec<Value>, Fault> {
    let mut messages = Vec::new();
    if let Some(Value::String(text)) = asked.get("instructions") {
        messages.push(json!({"role": "system", "content": text}));
    }
    match asked.get("input") {
        Some(Value::String(text)) => messages.push(json!({"role": "user", "content": text})),
        Some(Value::Array(items)) => {
            for said in items {
                take(said, &mut messages)?;
            }
        }
        _ => {
            return Err(Fault::Field {
                field: "input".to_owned(),
                expected: "a text or a list of items",
            });
        }
    }
    Ok(messages)
}

fn take(said: &Value, messages: &mut Vec<Value>) -> Result<(), Fault> {
    match said["type"].as_str() {
        None | Some("message") => {
            let role = said["role"].as_str().unwrap_or("user");
            let content = content(&said["content"])?;
            if role == "assistant" {
                let turn = turn(messages);
                turn["content"] = match (turn["content"].as_str(), content.as_str()) {
                    (Some(before), Some(more)) => Value::from(format!("{before}{more}")),
                    _ => content,
                };
            } else {
                messages.push(json!({"role": role, "content": content}));
            }
        }
        Some("function_call") => {
            let call = json!({
                "id": said["call_id"], "type": "function",
                "function": {"name": said["name"], "arguments": said["arguments"]},
            });
            add(turn(messages), "tool_calls", call);
        }
        Some("function_call_output") => messages.push(json!({
            "role": "tool", "tool_call_id": said["call_id"], "content": content(&said["output"])?,
        })),
        Some("reasoning") => thought(said, turn(messages)),
        Some(other) => {
            return Err(unspeakable(API, &format!("items of type `{other}`")));
        }
    }
    Ok(())
}

/// What the model says in one turn is one message: thoughts, text, calls.
fn turn(messages: &mut Vec<Value>) -> &mut Value {
    if messages
        .last()
        .is_none_or(|last| last["role"] != "assistant")
    {
        messages.push(json!({"role": "assistant", "content": null}));
    }
    let last = messages.len() - 1;
    &mut messages[last]
}

fn add(message: &mut Value, name: &str, value: Value) {
    match message[name].as_array_mut() {
        Some(list) => list.push(value),
        None => message[name] = json!([value]),
    }
}

fn thought(said: &Value, message: &mut Value) {
    let texts = list(said.get("summary")).chain(list(said.get("content")));
    let texts: Vec<&str> = texts.filter_map(|part| part["text"].as_str()).collect();
    let text = texts.join("\n\n");
    if !text.is_empty() {
        let before = message["reasoning_content"].as_str().unwrap_or_default();
        message["reasoning_content"] = Value::from(format!("{before}{text}"));
    }
    if let Some(sealed) = said["encrypted_content"].as_str() {
        let id = said["id"].as_str().unwrap_or_default();
        add(message, "thinking_blocks", item::block(id, &text, sealed));
    }
}

/// A text, or parts in the words of a chat; a list of one text is that text.
fn content(content: &Value) -> Result<Value, Fault> {
    let parts = match content {
        Value::Array(parts) => parts,
        Value::Null => return Ok(Value::from("")),
        other => return Ok(other.clone()),
    };
    let mut told = Vec::with_capacity(parts.len());
    for part in parts {
        told.push(match part["type"].as_str() {
            Some("input_text" | "output_text" | "text") => {
                json!({"type": "text", "text": part["text"]})
            }
            Some("refusal") => json!({"type": "text", "text": part["refusal"]}),
            Some("input_image") if part["image_url"].is_string() => {
                json!({"type": "image_url", "image_url": {"url": part["image_url"]}})
            }
            Some("input_file") if part["file_data"].is_string() => {
                let mut file = json!({"file_data": part["file_data"]});
                if part["filename"].is_string() {
                    file["filename"] = part["filename"].clone();
                }
                json!({"type": "file", "file": file})
            }
            Some(kind @ ("input_image" | "input_file")) => {
                let what = format!("parts of type `{kind}` by their id or address");
                return Err(unspeakable(API, &what));
            }
            other => {
                let what = format!("parts of type `{}`", other.unwrap_or("?"));
                return Err(unspeakable(API, &what));
            }
        });
    }
    let texts: Vec<&str> = told
        .iter()
        .filter_map(|part| part["text"].as_str())
        .collect();
    if texts.len() == told.len() {
        return Ok(Value::from(texts.join("\n")));
    }
    Ok(Value::Array(told))
}

fn tools(asked: &Map<String, Value>, set: &mut impl FnMut(&str, Value)) -> Result<(), Fault> {
    let mut tools = Vec::new();
    for tool in list(asked.get("tools")) {
        if tool["type"] != "function" {
            let kind = tool["type"].as_str().unwrap_or("?");
            return Err(unspeakable(API, &format!("tools of type `{kind}`")));
        }
        let mut function = tool.as_object().cloned().unwrap_or_default();
        function.shift_remove("type");
        tools.push(json!({"type": "function", "function": function}));
    }
    if tools.is_empty() {
        return Ok(());
    }
    set("tools", Value::Array(tools));
    match asked.get("tool_choice") {
        Some(Value::String(word)) => set("tool_choice", Value::from(word.as_str())),
        Some(choice @ Value::Object(_)) => {
            if choice["type"] != "function" {
                return Err(unspeakable(API, "such a `tool_choice`"));
            }
            let name = json!({"name": choice["name"]});
            set("tool_choice", json!({"type": "function", "function": name}));
        }
        _ => {}
    }
    Ok(())
}
