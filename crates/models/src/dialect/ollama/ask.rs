//! A chat completion request becomes one for Ollama.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::dialect::{
    Fault, Framing, Prepared, Target,
    parts::{self, Part, inline, list, unspeakable},
};

const API: &str = "Ollama";

/// Fields that Ollama wants among its options, by the names that it has for them.
const OPTIONS: [&str; 19] = [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "repeat_penalty",
    "repeat_last_n",
    "mirostat",
    "mirostat_eta",
    "mirostat_tau",
    "num_ctx",
    "num_batch",
    "num_gpu",
    "num_keep",
    "num_predict",
    "num_thread",
];
/// Fields without a counterpart. A value that changes nothing is passed over.
const UNSPEAKABLE: [&str; 5] = [
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "audio",
    "modalities",
];
/// Fields that say how the answer is handled, or that are said otherwise.
const SAID_OTHERWISE: [&str; 20] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "thinking",
    "response_format",
    "user",
    "metadata",
    "store",
    "n",
    "prediction",
    "service_tier",
    "verbosity",
];

/// The request in Ollama's words.
pub(in crate::dialect) fn from_chat(
    chat: &Map<String, Value>,
    to: &Target<'_>,
) -> Result<Prepared, Fault> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    set("model", Value::from(to.model));
    set("messages", Value::Array(messages(chat)?));
    // Without the word Ollama streams.
    set("stream", Value::Bool(to.is_streaming));
    set("options", Value::Object(options(chat, to)));
    if let Some(schema) = parts::schema(chat) {
        let format = if schema.is_null() {
            Value::from("json")
        } else {
            schema.clone()
        };
        set("format", format);
    }
    if let Some(think) = think(chat) {
        set("think", think);
    }
    let tools = tools(chat, to.drop_params)?;
    if !tools.is_empty() {
        set("tools", Value::Array(tools));
    }
    let known = [&SAID_OTHERWISE[..], &OPTIONS[..]].concat();
    let left = (to.extra, to.drop_params);
    parts::rest((API, &known, &UNSPEAKABLE), chat, left, &mut body)?;
    if body["options"] == json!({}) {
        body.shift_remove("options");
    }
    Ok(Prepared {
        path: Cow::Borrowed("/api/chat"),
        body: Bytes::from(Value::Object(body).to_string()),
        headers: Vec::new(),
        framing: Framing::Lines,
        answers_by_tool: false,
    })
}

fn options(chat: &Map<String, Value>, to: &Target<'_>) -> Map<String, Value> {
    let mut options = Map::new();
    for name in OPTIONS {
        let value = chat.get(name).or_else(|| to.extra.get(name));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            options.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(most) = parts::max_tokens(chat).or_else(|| parts::max_tokens(to.extra)) {
        options.insert("num_predict".to_owned(), Value::from(most));
    }
    if let Some(stops) = parts::stops(chat) {
        options.insert("stop".to_owned(), stops);
    }
    options
}

/// Whether to think, or how hard.
fn think(chat: &Map<String, Value>) -> Option<Value> {
    if let Some(stated) = chat.get("thinking") {
        return Some(Value::Bool(stated["type"] != "disabled"));
    }
    Some(match chat.get("reasoning_effort")?.as_str()? {
        "none" => Value::Bool(false),
        "minimal" | "low" => Value::from("low"),
        "medium" => Value::from("medium"),
        "high" | "xhigh" => Value::from("high"),
        _ => return None,
    })
}

fn messages(chat: &Map<String, Value>) -> Result<Vec<Value>, Fault> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    let mut messages = Vec::new();
    for message in parts::messages(chat) {
        let role = match message["role"].as_str() {
            Some("developer") => "system",
            Some("function") => "tool",
            Some(role) => role,
            None => "user",
        };
        let mut said = content(&message["content"])?;
        said["role"] = Value::from(role);
        if let Some(thought) = message["reasoning_content"].as_str() {
            said["thinking"] = Value::from(thought);
        }
        let mut calls = Vec::new();
        for call in list(message.get("tool_calls")) {
            let name = call["function"]["name"].as_str().unwrap_or_default();
            names.push((call["id"].as_str().unwrap_or_default(), name));
            let arguments = parts::arguments(call)?;
            calls.push(
                json!({"id": call["id"], "function": {"name": name, "arguments": arguments}}),
            );
        }
        if !calls.is_empty() {
            said["tool_calls"] = Value::Array(calls);
        }
        // Ollama knows results by the name of their tool, and from newer versions on by the call.
        if let Some(id) = message["tool_call_id"].as_str() {
            let name = names.iter().rfind(|(known, _)| *known == id);
            if let Some((_, name)) = name {
                said["tool_name"] = Value::from(*name);
            }
            said["tool_call_id"] = Value::from(id);
        }
        messages.push(said);
    }
    Ok(messages)
}

/// Text in one piece, and images beside it.
fn content(content: &Value) -> Result<Value, Fault> {
    let (mut texts, mut images) = (Vec::new(), Vec::new());
    for part in parts::parts(API, content)? {
        match part {
            Part::Text(text) => texts.push(text),
            Part::Image(url) => match inline(url)? {
                Some(image) => images.push(Value::from(image.data)),
                None => return Err(unspeakable(API, "images by their address")),
            },
            Part::File { .. } => return Err(unspeakable(API, "files")),
        }
    }
    let mut said = json!({"role": "", "content": texts.join("\n")});
    if !images.is_empty() {
        said["images"] = Value::Array(images);
    }
    Ok(said)
}

/// Tools as OpenAI has them. Which one is called is the model's choice, and how many.
fn tools(chat: &Map<String, Value>, drop_params: bool) -> Result<Vec<Value>, Fault> {
    let tools: Vec<Value> = list(chat.get("tools")).cloned().collect();
    match chat.get("tool_choice") {
        Some(choice) if *choice == "none" => return Ok(Vec::new()),
        Some(choice) if *choice != "auto" && !choice.is_null() && !drop_params => {
            return Err(unspeakable(API, "`tool_choice`"));
        }
        _ => {}
    }
    let alone = chat.get("parallel_tool_calls") == Some(&Value::Bool(false));
    if alone && !tools.is_empty() && !drop_params {
        return Err(unspeakable(API, "`parallel_tool_calls`"));
    }
    Ok(tools)
}
