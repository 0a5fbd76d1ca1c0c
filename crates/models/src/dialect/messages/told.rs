//! A request for Anthropic's messages becomes one for chat completions.

use serde_json::{Map, Value, json};

use super::content::{parts, plain};
use crate::dialect::Fault;

/// The request as a chat completion.
pub(in crate::dialect) fn to_chat(asked: &Map<String, Value>) -> Result<Map<String, Value>, Fault> {
    let mut chat = Map::new();
    let mut set = |name: &str, value: Value| drop(chat.insert(name.to_owned(), value));
    set("model", asked.get("model").cloned().unwrap_or_default());
    set("messages", Value::Array(messages(asked)?));
    for (from, to) in [
        ("max_tokens", "max_tokens"),
        ("temperature", "temperature"),
        ("top_p", "top_p"),
        ("top_k", "top_k"),
        ("stop_sequences", "stop"),
        ("stream", "stream"),
    ] {
        if let Some(value) = asked.get(from) {
            set(to, value.clone());
        }
    }
    if let Some(user) = asked
        .get("metadata")
        .and_then(|metadata| metadata.get("user_id"))
    {
        set("user", user.clone());
    }
    if let Some(effort) = asked.get("thinking").and_then(effort) {
        set("reasoning_effort", Value::from(effort));
    }
    tools(asked, &mut set)?;
    Ok(chat)
}

/// How hard a budget of thoughts means: the bounds between the budgets that efforts are given.
fn effort(thinking: &Value) -> Option<&'static str> {
    if thinking["type"] != "enabled" {
        return None;
    }
    Some(match thinking["budget_tokens"].as_u64().unwrap_or(0) {
        0..2_000 => "low",
        2_000..4_000 => "medium",
        _ => "high",
    })
}

fn messages(asked: &Map<String, Value>) -> Result<Vec<Value>, Fault> {
    let mut messages = Vec::new();
    if let Some(system) = asked.get("system") {
        let content = plain(parts(&list(system, "system")?)?);
        if content != "" {
            messages.push(json!({"role": "system", "content": content}));
        }
    }
    let turns = asked.get("messages").and_then(Value::as_array);
    for turn in turns.into_iter().flatten() {
        let blocks = list(&turn["content"], "messages[].content")?;
        match turn["role"].as_str() {
            Some("assistant") => messages.push(assistant(&blocks)?),
            Some("user") => user(blocks, &mut messages)?,
            _ => {
                return Err(Fault::Field {
                    field: "messages[].role".to_owned(),
                    expected: "`user` or `assistant`",
                });
            }
        }
    }
    Ok(messages)
}

/// A text is one block.
fn list(content: &Value, field: &str) -> Result<Vec<Value>, Fault> {
    match content {
        Value::String(text) => Ok(vec![json!({"type": "text", "text": text})]),
        Value::Array(blocks) => Ok(blocks.clone()),
        Value::Null => Ok(Vec::new()),
        _ => Err(Fault::Field {
            field: field.to_owned(),
            expected: "a text or a list of blocks",
        }),
    }
}

/// Results of calls are messages of their own, and come first.
fn user(blocks: Vec<Value>, messages: &mut Vec<Value>) -> Result<(), Fault> {
    let (results, said): (Vec<Value>, Vec<Value>) = blocks
        .into_iter()
        .partition(|block| block["type"] == "tool_result");
    let mut shown = Vec::new();
    for result in results {
        let (texts, others): (Vec<Value>, Vec<Value>) =
            parts(&list(&result["content"], "messages[].content[].content")?)?
                .into_iter()
                .partition(|part| part["type"] == "text");
        messages.push(json!({
            "role": "tool", "tool_call_id": result["tool_use_id"], "content": plain(texts),
        }));
        // A result of a chat is text; what else there is, the person shows.
        shown.extend(others);
    }
    shown.extend(parts(&said)?);
    if !shown.is_empty() {
        messages.push(json!({"role": "user", "content": plain(shown)}));
    }
    Ok(())
}

fn assistant(blocks: &[Value]) -> Result<Value, Fault> {
    let (mut text, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Vec::new());
    for block in blocks {
        match block["type"].as_str() {
            Some("tool_use") => calls.push(json!({
                "id": block["id"],
                "type": "function",
                "function": {"name": block["name"], "arguments": block["input"].to_string()},
            })),
            Some("thinking" | "redacted_thinking") => thoughts.push(block.clone()),
            _ => text.push(block.clone()),
        }
    }
    let content = match text.is_empty() && !calls.is_empty() {
        true => Value::Null,
        false => plain(parts(&text)?),
    };
    let mut message = json!({"role": "assistant", "content": content});
    if !thoughts.is_empty() {
        message["thinking_blocks"] = Value::Array(thoughts);
    }
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    Ok(message)
}

fn tools(asked: &Map<String, Value>, set: &mut impl FnMut(&str, Value)) -> Result<(), Fault> {
    let mut tools = Vec::new();
    for tool in asked
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let kind = tool["type"].as_str();
        if kind.is_some_and(|kind| kind != "custom") {
            return Err(Fault::Unspeakable {
                api: "this model's server",
                what: format!("tools of type `{}`", kind.unwrap_or_default()),
            });
        }
        let mut function = json!({"name": tool["name"], "parameters": tool["input_schema"]});
        if let Some(description) = tool.get("description") {
            function["description"] = description.clone();
        }
        tools.push(json!({"type": "function", "function": function}));
    }
    if tools.is_empty() {
        return Ok(());
    }
    set("tools", Value::Array(tools));
    let Some(choice) = asked.get("tool_choice") else {
        return Ok(());
    };
    let said = match choice["type"].as_str() {
        Some("any") => Value::from("required"),
        Some("none") => Value::from("none"),
        Some("tool") => json!({"type": "function", "function": {"name": choice["name"]}}),
        _ => Value::from("auto"),
    };
    set("tool_choice", said);
    if choice["disable_parallel_tool_use"] == true {
        set("parallel_tool_calls", Value::Bool(false));
    }
    Ok(())
}
