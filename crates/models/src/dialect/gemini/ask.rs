//! A chat completion request becomes one for Gemini.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::PROOF;
use crate::dialect::{
    Fault, Framing, Prepared, Target,
    parts::{self, Part, inline, list, unspeakable},
};

const API: &str = "Gemini";
/// What Gemini takes in the place of a proof for calls that another model made.
const UNPROVEN: &str = "skip_thought_signature_validator";
/// Fields without a counterpart. A value that changes nothing is passed over.
const UNSPEAKABLE: [&str; 5] = [
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "audio",
    "modalities",
];
/// Fields that are said in the configuration, with Gemini's names for them.
const CONFIGURED: [(&str, &str); 6] = [
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
];
/// Fields that say how the answer is handled, or that are said otherwise.
const SAID_OTHERWISE: [&str; 26] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
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

/// The request in Gemini's words.
pub(in crate::dialect) fn from_chat(
    chat: &Map<String, Value>,
    to: &Target<'_>,
) -> Result<Prepared, Fault> {
    let mut body = Map::new();
    let (system, turns) = turns(chat, to.model)?;
    if !system.is_empty() {
        body.insert("systemInstruction".to_owned(), json!({"parts": system}));
    }
    body.insert("contents".to_owned(), Value::Array(turns));
    tools(chat, to.drop_params, &mut body)?;
    body.insert(
        "generationConfig".to_owned(),
        Value::Object(config(chat, to)),
    );
    let left = (to.extra, to.drop_params);
    parts::rest((API, &SAID_OTHERWISE, &UNSPEAKABLE), chat, left, &mut body)?;
    if body["generationConfig"] == json!({}) {
        body.shift_remove("generationConfig");
    }
    Ok(Prepared {
        path: path(to, "generateContent", "streamGenerateContent?alt=sse"),
        body: Bytes::from(Value::Object(body).to_string()),
        headers: Vec::new(),
        framing: Framing::Events,
        answers_by_tool: false,
    })
}

/// Where the model does what it is asked to.
fn path(to: &Target<'_>, whole: &str, streaming: &str) -> Cow<'static, str> {
    let verb = if to.is_streaming { streaming } else { whole };
    Cow::Owned(format!("/models/{}:{verb}", to.model))
}

fn config(chat: &Map<String, Value>, to: &Target<'_>) -> Map<String, Value> {
    let mut config = Map::new();
    let mut set = |name: &str, value: Value| drop(config.insert(name.to_owned(), value));
    for (name, own) in CONFIGURED {
        let value = chat.get(name).or_else(|| to.extra.get(name));
        if let Some(value) = value.filter(|value| !value.is_null()) {
            set(own, value.clone());
        }
    }
    if let Some(most) = parts::max_tokens(chat).or_else(|| parts::max_tokens(to.extra)) {
        set("maxOutputTokens", Value::from(most));
    }
    if let Some(stops) = parts::stops(chat) {
        set("stopSequences", stops);
    }
    if let Some(schema) = parts::schema(chat) {
        set("responseMimeType", Value::from("application/json"));
        if !schema.is_null() {
            set("responseJsonSchema", schema.clone());
        }
    }
    if let Some(thinking) = thinking(chat, to.model) {
        set("thinkingConfig", thinking);
    }
    config
}

/// Stated as a budget in Anthropic's words, or as an effort: a level from Gemini 3 on, a budget before.
fn thinking(chat: &Map<String, Value>, model: &str) -> Option<Value> {
    if let Some(stated) = chat.get("thinking") {
        let budget = match stated["type"].as_str() {
            Some("disabled") => Some(0),
            _ => stated["budget_tokens"].as_u64(),
        };
        let mut config = json!({"includeThoughts": budget != Some(0)});
        if let Some(budget) = budget {
            config["thinkingBudget"] = Value::from(budget);
        }
        return Some(config);
    }
    let (level, budget) = match chat.get("reasoning_effort")?.as_str()? {
        "none" => ("low", 0),
        "minimal" | "low" => ("low", 1_024),
        "medium" => ("medium", 2_048),
        "high" | "xhigh" => ("high", 4_096),
        _ => return None,
    };
    Some(if wants_proof(model) {
        json!({"includeThoughts": budget > 0, "thinkingLevel": level})
    } else {
        json!({"includeThoughts": budget > 0, "thinkingBudget": budget})
    })
}

/// Whether a model refuses calls in its history that are not proven.
fn wants_proof(model: &str) -> bool {
    model.contains("gemini-3")
}

/// Instructions apart, and everything that is said in turns of a person and the model.
fn turns(chat: &Map<String, Value>, model: &str) -> Result<(Vec<Value>, Vec<Value>), Fault> {
    let (mut system, mut turns): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    let mut names: Vec<(&str, &str)> = Vec::new();
    for message in parts::messages(chat) {
        let content = &message["content"];
        let (role, said) = match message["role"].as_str() {
            Some("system" | "developer") => {
                let text = parts::text(API, content)?;
                system.extend((!text.is_empty()).then(|| json!({"text": text})));
                continue;
            }
            Some("assistant") => {
                for call in list(message.get("tool_calls")) {
                    let name = call["function"]["name"].as_str();
                    names.push((
                        call["id"].as_str().unwrap_or_default(),
                        name.unwrap_or_default(),
                    ));
                }
                ("model", assistant(message, model)?)
            }
            Some("tool" | "function") => ("user", vec![result(message, &names)?]),
            _ => ("user", content_parts(content)?),
        };
        if said.is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some(last) if last["role"] == role => {
                if let Some(parts) = last["parts"].as_array_mut() {
                    parts.extend(said);
                }
            }
            _ => turns.push(json!({"role": role, "parts": said})),
        }
    }
    Ok((system, turns))
}

fn assistant(message: &Value, model: &str) -> Result<Vec<Value>, Fault> {
    let mut said = content_parts(&message["content"])?;
    for (place, call) in list(message.get("tool_calls")).enumerate() {
        let id = call["id"].as_str().unwrap_or_default();
        let args = parts::arguments(call)?;
        let mut part = json!({"functionCall": {"name": call["function"]["name"], "args": args}});
        // Of calls that were made together the first is proven.
        let unproven = (place == 0 && wants_proof(model)).then_some(UNPROVEN);
        if let Some(proof) = id.split_once(PROOF).map(|(_, proof)| proof).or(unproven) {
            part["thoughtSignature"] = Value::from(proof);
        }
        said.push(part);
    }
    Ok(said)
}

/// What a tool said, under the tool's name: an object as it is, anything else as an object's only field.
fn result(message: &Value, names: &[(&str, &str)]) -> Result<Value, Fault> {
    let id = message["tool_call_id"].as_str().unwrap_or_default();
    let known = names.iter().rfind(|(known, _)| *known == id);
    let name = known
        .map(|(_, name)| *name)
        .or_else(|| message["name"].as_str());
    let Some(name) = name else {
        return Err(Fault::Field {
            field: "messages[].tool_call_id".to_owned(),
            expected: "the id of a call in an earlier message",
        });
    };
    let text = parts::text(API, &message["content"])?;
    let response = match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Value::Object(object),
        _ => json!({"result": text}),
    };
    Ok(json!({"functionResponse": {"name": name, "response": response}}))
}

fn content_parts(content: &Value) -> Result<Vec<Value>, Fault> {
    let parts = parts::parts(API, content)?.into_iter().map(|part| {
        let (url, is_image) = match part {
            Part::Text(text) => return Ok(json!({"text": text})),
            Part::Image(url) => (url, true),
            Part::File { url, .. } => (url, false),
        };
        Ok(match inline(url)? {
            Some(held) => json!({"inlineData": {"mimeType": held.kind, "data": held.data}}),
            None => json!({"fileData": {"mimeType": mime(url, is_image), "fileUri": url}}),
        })
    });
    parts.collect()
}

/// What an address leads to, by its ending; Gemini wants to be told.
fn mime(url: &str, is_image: bool) -> &'static str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let ending = path.rsplit('.').next().unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        _ if is_image => "image/jpeg",
        _ => "application/pdf",
    }
}

fn tools(
    chat: &Map<String, Value>,
    drop_params: bool,
    body: &mut Map<String, Value>,
) -> Result<(), Fault> {
    let (mut functions, mut tools) = (Vec::new(), Vec::new());
    for tool in list(chat.get("tools")) {
        let function = &tool["function"];
        if !function.is_object() {
            // One of Gemini's own.
            tools.push(tool.clone());
            continue;
        }
        let mut told = json!({"name": function["name"]});
        if let Some(text) = function.get("description") {
            told["description"] = text.clone();
        }
        if function["parameters"].is_object() {
            told["parametersJsonSchema"] = function["parameters"].clone();
        }
        functions.push(told);
    }
    let has_functions = !functions.is_empty();
    if has_functions {
        tools.insert(0, json!({"functionDeclarations": functions}));
    }
    if tools.is_empty() {
        return Ok(());
    }
    body.insert("tools".to_owned(), Value::Array(tools));
    let alone = chat.get("parallel_tool_calls") == Some(&Value::Bool(false));
    if alone && has_functions && !drop_params {
        return Err(unspeakable(API, "`parallel_tool_calls`"));
    }
    let choice = match chat.get("tool_choice") {
        Some(Value::String(word)) if word == "none" => json!({"mode": "NONE"}),
        Some(Value::String(word)) if word == "required" => json!({"mode": "ANY"}),
        Some(Value::Object(named)) => {
            let name = named.get("function").map(|function| &function["name"]);
            json!({"mode": "ANY", "allowedFunctionNames": [name]})
        }
        _ => return Ok(()),
    };
    let choice = json!({"functionCallingConfig": choice});
    body.insert("toolConfig".to_owned(), choice);
    Ok(())
}
