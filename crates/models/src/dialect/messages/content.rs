//! Parts of messages, from one dialect into the other.

use serde_json::{Map, Value, json};

use crate::dialect::Fault;

const API: &str = "Anthropic's messages";

/// Chat content, a text or parts, as Anthropic's blocks. What has nothing to say is left out: Anthropic refuses it.
pub(super) fn blocks(content: &Value) -> Result<Vec<Value>, Fault> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![json!({"type": "text", "text": text})]),
        Value::Array(parts) => parts
            .iter()
            .map(block)
            .filter_map(Result::transpose)
            .collect(),
        _ => Err(Fault::Field {
            field: "messages[].content".to_owned(),
            expected: "a text or a list of parts",
        }),
    }
}

fn block(part: &Value) -> Result<Option<Value>, Fault> {
    let mut block = match part["type"].as_str() {
        Some("text" | "input_text" | "output_text") => match part["text"].as_str() {
            None | Some("") => return Ok(None),
            Some(text) => json!({"type": "text", "text": text}),
        },
        Some("refusal") => json!({"type": "text", "text": part["refusal"]}),
        Some("image_url") => {
            let image = &part["image_url"];
            let url = image.as_str().or_else(|| image["url"].as_str());
            json!({"type": "image", "source": source(url.unwrap_or_default(), "image_url")?})
        }
        Some("file") => file(&part["file"])?,
        other => {
            return Err(Fault::Unspeakable {
                api: API,
                what: format!("parts of type `{}`", other.unwrap_or("?")),
            });
        }
    };
    if let Some(cache) = part.get("cache_control") {
        block["cache_control"] = cache.clone();
    }
    Ok(Some(block))
}

fn file(file: &Value) -> Result<Value, Fault> {
    let Some(data) = file["file_data"].as_str() else {
        return Err(Fault::Unspeakable {
            api: API,
            what: "files by their id".to_owned(),
        });
    };
    let mut block = json!({"type": "document", "source": source(data, "file.file_data")?});
    if let Some(name) = file["filename"].as_str() {
        block["title"] = Value::from(name);
    }
    Ok(block)
}

/// A `data:` URL as what it holds, any other as it is.
fn source(url: &str, field: &str) -> Result<Value, Fault> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Ok(json!({"type": "url", "url": url}));
    };
    match rest.split_once(";base64,") {
        Some((kind, data)) => {
            // Parameters may stand between the type and the data.
            let kind = kind.split(';').next().unwrap_or_default();
            Ok(json!({"type": "base64", "media_type": kind, "data": data}))
        }
        None => Err(Fault::Field {
            field: field.to_owned(),
            expected: "a URL, or `data:<type>;base64,<data>`",
        }),
    }
}

/// Anthropic's blocks of a person as chat parts.
pub(super) fn parts(blocks: &[Value]) -> Result<Vec<Value>, Fault> {
    let parts = blocks.iter().map(|block| {
        let source = &block["source"];
        let mut part = match block["type"].as_str() {
            Some("text") => json!({"type": "text", "text": block["text"]}),
            Some("image") => json!({"type": "image_url", "image_url": {"url": url(source)?}}),
            Some("document") if source["type"] == "text" => {
                json!({"type": "text", "text": source["data"]})
            }
            Some("document") => {
                let mut file = Map::new();
                if let Some(name) = block.get("title").filter(|title| title.is_string()) {
                    file.insert("filename".to_owned(), name.clone());
                }
                file.insert("file_data".to_owned(), Value::from(url(source)?));
                json!({"type": "file", "file": file})
            }
            other => {
                return Err(Fault::Unspeakable {
                    api: "this model's server",
                    what: format!("blocks of type `{}`", other.unwrap_or("?")),
                });
            }
        };
        if let Some(cache) = block.get("cache_control") {
            part["cache_control"] = cache.clone();
        }
        Ok(part)
    });
    parts.collect()
}

fn url(source: &Value) -> Result<String, Fault> {
    let text = |name: &str| source[name].as_str().unwrap_or_default();
    match source["type"].as_str() {
        Some("base64") => Ok(format!(
            "data:{};base64,{}",
            text("media_type"),
            text("data")
        )),
        Some("url") => Ok(text("url").to_owned()),
        _ => Err(Fault::Field {
            field: "messages[].content[].source".to_owned(),
            expected: "a source of type `base64` or `url`",
        }),
    }
}

/// Parts as a text where they are nothing else, because not every server takes lists.
pub(super) fn plain(parts: Vec<Value>) -> Value {
    let is_plain = |part: &Value| {
        part["type"] == "text" && part.as_object().is_some_and(|part| part.len() == 2)
    };
    if parts.iter().all(is_plain) {
        let texts: Vec<&str> = parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect();
        return Value::from(texts.join("\n"));
    }
    Value::Array(parts)
}
