//! A chat completion request becomes one for Anthropic's messages.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{VERSION, content::blocks};
use crate::dialect::{Fault, Framing, Prepared, Target, piece::ANSWER_TOOL, responses::is_openais};

const API: &str = "Anthropic's messages";
/// Tokens an answer may have where nobody says it: what the smallest of the models in use gives.
const MAX_TOKENS: u32 = 4_096;
/// Fields without a counterpart. A value that changes nothing is passed over.
const UNSPEAKABLE: [&str; 8] = [
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "seed",
    "audio",
    "modalities",
];
/// Fields that say how the answer is handled, or that are said otherwise.
const SAID_OTHERWISE: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "response_format",
    "user",
    "metadata",
    "store",
    "n",
    "prediction",
];

/// The headers of a request that Anthropic's own client wrote.
pub(in crate::dialect) fn same_headers() -> Vec<(&'static str, &'static str)> {
    vec![VERSION]
}

/// The request in Anthropic's words, and whether its answer comes as a call of [`ANSWER_TOOL`].
pub(in crate::dialect) fn from_chat(
    chat: &Map<String, Value>,
    to: &Target<'_>,
) -> Result<Prepared, Fault> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    set("model", Value::from(to.model));
    let (system, messages) = messages(chat)?;
    if !system.is_empty() {
        set("system", Value::Array(system));
    }
    set("messages", Value::Array(messages));
    let thinking = thinking(chat);
    let budget = thinking
        .as_ref()
        .and_then(|thinking| thinking["budget_tokens"].as_u64());
    set("max_tokens", Value::from(max_tokens(chat, to, budget)));
    if let Some(thinking) = thinking {
        set("thinking", thinking);
    } else if let Some(temperature) = number(chat, "temperature") {
        // Anthropic's scale ends at 1, OpenAI's at 2. A model that thinks takes none.
        set("temperature", Value::from(temperature.clamp(0.0, 1.0)));
    }
    match chat.get("stop") {
        Some(Value::String(stop)) => set("stop_sequences", json!([stop])),
        Some(Value::Array(stops)) => set("stop_sequences", Value::Array(stops.clone())),
        _ => {}
    }
    if let Some(user) = chat.get("user").filter(|user| user.is_string()) {
        set("metadata", json!({"user_id": user}));
    }
    if to.is_streaming {
        set("stream", Value::Bool(true));
    }
    let answers_by_tool = tools(chat, budget.is_some(), &mut set)?;
    rest(chat, to, &mut body)?;
    Ok(Prepared {
        path: Cow::Borrowed("/messages"),
        body: Bytes::from(Value::Object(body).to_string()),
        headers: vec![VERSION],
        framing: Framing::Events,
        answers_by_tool,
    })
}

/// Instructions apart, and everything that is said in turns: Anthropic wants the results of calls together and first.
fn messages(chat: &Map<String, Value>) -> Result<(Vec<Value>, Vec<Value>), Fault> {
    let (mut system, mut turns): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for message in chat
        .get("messages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let content = &message["content"];
        let (role, said) = match message["role"].as_str() {
            Some("system" | "developer") => {
                system.extend(blocks(content)?);
                continue;
            }
            Some("assistant") => ("assistant", assistant(message)?),
            Some("tool" | "function") => ("user", vec![result(message)?]),
            _ => ("user", blocks(content)?),
        };
        if said.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last["role"] == role => {
                if let Some(content) = last["content"].as_array_mut() {
                    content.extend(said);
                }
            }
            _ => turns.push(json!({"role": role, "content": said})),
        }
    }
    Ok((system, turns))
}

fn assistant(message: &Value) -> Result<Vec<Value>, Fault> {
    let thoughts = message["thinking_blocks"].as_array();
    // A thought without its proof is refused.
    let proven = |thought: &&Value| {
        let sealed = thought["data"].as_str();
        thought["signature"].is_string() || sealed.is_some_and(|data| !is_openais(data))
    };
    let mut said: Vec<Value> = thoughts
        .into_iter()
        .flatten()
        .filter(proven)
        .cloned()
        .collect();
    said.extend(blocks(&message["content"])?);
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        let input = match &function["arguments"] {
            Value::String(text) if text.trim().is_empty() => json!({}),
            Value::String(text) => serde_json::from_str(text).map_err(|_error| Fault::Field {
                field: "messages[].tool_calls[].function.arguments".to_owned(),
                expected: "a JSON object, written as a text",
            })?,
            other => other.clone(),
        };
        said.push(json!({
            "type": "tool_use", "id": call["id"], "name": function["name"], "input": input,
        }));
    }
    Ok(said)
}

fn result(message: &Value) -> Result<Value, Fault> {
    let mut result = json!({
        "type": "tool_result",
        "tool_use_id": message["tool_call_id"],
        "content": blocks(&message["content"])?,
    });
    if let Some(cache) = message.get("cache_control") {
        result["cache_control"] = cache.clone();
    }
    Ok(result)
}

/// Stated in Anthropic's words, or as an effort, with the budgets that LiteLLM gives them.
fn thinking(chat: &Map<String, Value>) -> Option<Value> {
    if let Some(stated) = chat.get("thinking") {
        return Some(stated.clone());
    }
    let budget = match chat.get("reasoning_effort")?.as_str()? {
        "minimal" | "low" => 1_024,
        "medium" => 2_048,
        "high" | "xhigh" => 4_096,
        _ => return None,
    };
    Some(json!({"type": "enabled", "budget_tokens": budget}))
}

/// Thoughts count, so they get their room beside what the client asked for.
fn max_tokens(chat: &Map<String, Value>, to: &Target<'_>, budget: Option<u64>) -> u64 {
    let stated = ["max_completion_tokens", "max_tokens"];
    let stated = stated.into_iter().find_map(|name| chat.get(name)?.as_u64());
    let known = if to.max_output > 0 {
        to.max_output
    } else {
        MAX_TOKENS
    };
    let wanted = stated.unwrap_or_else(|| u64::from(known));
    match budget {
        Some(budget) if wanted <= budget => wanted.saturating_add(budget),
        _ => wanted,
    }
}

fn number(chat: &Map<String, Value>, name: &str) -> Option<f64> {
    chat.get(name)?.as_f64()
}

/// Tools, which of them is to be called, and the one that a JSON answer is asked for with.
fn tools(
    chat: &Map<String, Value>,
    thinks: bool,
    set: &mut impl FnMut(&str, Value),
) -> Result<bool, Fault> {
    let stated = chat.get("tools").and_then(Value::as_array);
    let mut tools: Vec<Value> = stated.into_iter().flatten().map(tool).collect();
    let alone = chat.get("parallel_tool_calls") == Some(&Value::Bool(false));
    let mut choice = match chat.get("tool_choice") {
        Some(Value::String(word)) if word == "none" => Some(json!({"type": "none"})),
        Some(Value::String(word)) if word == "required" => Some(json!({"type": "any"})),
        Some(Value::Object(named)) => {
            let name = named
                .get("function")
                .and_then(|function| function.get("name"));
            Some(json!({"type": "tool", "name": name}))
        }
        Some(Value::String(_)) => Some(json!({"type": "auto"})),
        _ => alone.then(|| json!({"type": "auto"})),
    };
    let schema = schema(chat);
    let answers_by_tool = schema.is_some();
    if let Some(schema) = schema {
        if thinks || !tools.is_empty() {
            return Err(Fault::Unspeakable {
                api: API,
                what: "`response_format` beside tools or reasoning".to_owned(),
            });
        }
        tools.push(json!({
            "name": ANSWER_TOOL, "description": "The answer.", "input_schema": schema,
        }));
        choice = Some(json!({"type": "tool", "name": ANSWER_TOOL}));
    }
    if tools.is_empty() {
        return Ok(false);
    }
    set("tools", Value::Array(tools));
    if let Some(mut choice) = choice {
        if alone && choice["type"] != "none" {
            choice["disable_parallel_tool_use"] = Value::Bool(true);
        }
        set("tool_choice", choice);
    }
    Ok(answers_by_tool)
}

/// A function in Anthropic's words; what is no function is one of Anthropic's own tools.
fn tool(tool: &Value) -> Value {
    let function = &tool["function"];
    if !function.is_object() {
        return tool.clone();
    }
    let schema = &function["parameters"];
    let mut told = json!({
        "name": function["name"],
        "input_schema": if schema.is_object() {
            schema.clone()
        } else {
            json!({"type": "object", "properties": {}})
        },
    });
    for (name, value) in [
        ("description", function.get("description")),
        (
            "cache_control",
            tool.get("cache_control")
                .or_else(|| function.get("cache_control")),
        ),
    ] {
        if let Some(value) = value {
            told[name] = value.clone();
        }
    }
    told
}

/// What a JSON answer must look like.
fn schema(chat: &Map<String, Value>) -> Option<Value> {
    let format = chat.get("response_format")?;
    match format["type"].as_str()? {
        "json_schema" => Some(format["json_schema"]["schema"].clone()),
        "json_object" => Some(json!({"type": "object", "additionalProperties": true})),
        _ => None,
    }
}

/// Fields that Anthropic knows too, or may know, and those it can't.
fn rest(
    chat: &Map<String, Value>,
    to: &Target<'_>,
    body: &mut Map<String, Value>,
) -> Result<(), Fault> {
    let fault = |what: &str| Fault::Unspeakable {
        api: API,
        what: format!("`{what}`"),
    };
    if chat.get("n").and_then(Value::as_u64).is_some_and(|n| n > 1) {
        return Err(fault("n"));
    }
    for (name, value) in chat.iter().chain(to.extra) {
        let is_neutral = value.is_null() || *value == 0 || *value == false;
        if SAID_OTHERWISE.contains(&name.as_str()) || body.contains_key(name) {
            continue;
        }
        if UNSPEAKABLE.contains(&name.as_str()) {
            if !is_neutral && !to.drop_params {
                return Err(fault(name));
            }
        } else if !value.is_null() {
            body.insert(name.clone(), value.clone());
        }
    }
    Ok(())
}
