//! What upstream calls a message, as an entry of ours.

use openclaw_types::{Part, Role, SessionId, ToolCall, ToolResult, Usage};
use serde_json::{Map, Value};

use super::word;
use crate::{
    entry::{Draft, Kind},
    import::{ImportFault, importer},
};

/// A message as ours; `None` when its role is none that says something here.
pub(super) fn draft(
    message: &Map<String, Value>,
    session: &SessionId,
) -> Result<Option<Draft>, ImportFault> {
    let role = word(message, "role").ok_or(ImportFault::Key { key: "role" })?;
    let blank = |role| Draft::message(role, session.clone(), "");
    let draft = match role {
        "user" | "custom" => {
            let (text, parts) = content(message.get("content"))?;
            Draft {
                content: text,
                parts,
                origin: Some(importer()),
                ..blank(Role::User)
            }
        }
        "assistant" => assistant(message, blank(Role::Assistant))?,
        "toolResult" => tool_result(message, session)?,
        "bashExecution" => {
            let command = word(message, "command").unwrap_or_default();
            let output = word(message, "output").unwrap_or_default();
            Draft {
                content: format!("$ {command}\n{output}"),
                origin: Some(importer()),
                ..blank(Role::User)
            }
        }
        "system" => Draft {
            content: content(message.get("content"))?.0,
            ..blank(Role::System)
        },
        _ => return Ok(None),
    };
    Ok(Some(draft))
}

fn assistant(message: &Map<String, Value>, blank: Draft) -> Result<Draft, ImportFault> {
    let (text, parts) = content(message.get("content"))?;
    let stopped = matches!(word(message, "stopReason"), Some("aborted" | "error"));
    if stopped && text.is_empty() && parts.is_empty() {
        let reason = word(message, "errorMessage").unwrap_or("aborted");
        return Ok(Draft {
            content: reason.to_owned(),
            ..Draft::record(Kind::Aborted, blank.session)
        });
    }
    let model = word(message, "model").map(|model| match word(message, "provider") {
        Some(provider) => format!("{provider}/{model}"),
        None => model.to_owned(),
    });
    Ok(Draft {
        content: text,
        parts,
        model,
        usage: message.get("usage").and_then(usage),
        ..blank
    })
}

fn tool_result(message: &Map<String, Value>, session: &SessionId) -> Result<Draft, ImportFault> {
    let (text, _) = content(message.get("content"))?;
    let call_id = word(message, "toolCallId").ok_or(ImportFault::Key { key: "toolCallId" })?;
    let result = ToolResult {
        call_id: call_id.to_owned(),
        name: word(message, "toolName").unwrap_or_default().to_owned(),
        content: text.clone(),
        is_error: message.get("isError").and_then(Value::as_bool) == Some(true),
    };
    Ok(Draft {
        content: text,
        parts: vec![Part::ToolResult(result)],
        ..Draft::record(Kind::ToolResult, session.clone())
    })
}

/// A message's content: its text, and its parts where they say more than the text.
pub(super) fn content(value: Option<&Value>) -> Result<(String, Vec<Part>), ImportFault> {
    let blocks = match value {
        None | Some(Value::Null) => return Ok((String::new(), Vec::new())),
        Some(Value::String(text)) => return Ok((text.clone(), Vec::new())),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(ImportFault::Key { key: "content" }),
    };
    let parts: Vec<Part> = blocks
        .iter()
        .filter_map(Value::as_object)
        .filter_map(part)
        .collect();
    let mut text = String::new();
    for part in &parts {
        if let Part::Text(piece) = part {
            text.push_str(piece);
        }
    }
    let plain = matches!(parts.as_slice(), [] | [Part::Text(_)]);
    Ok((text, if plain { Vec::new() } else { parts }))
}

fn part(block: &Map<String, Value>) -> Option<Part> {
    let text = |key: &str| word(block, key).map(str::to_owned);
    Some(match word(block, "type")? {
        "text" => Part::Text(text("text")?),
        "thinking" => Part::Reasoning(text("thinking")?),
        "toolCall" => Part::ToolCall(ToolCall {
            id: text("id")?,
            name: text("name")?,
            arguments: block.get("arguments").cloned().unwrap_or_default(),
        }),
        // Pictures have no place in a transcript; that there was one is said.
        "image" => Part::Text(format!("[{}]", word(block, "mimeType").unwrap_or("image"))),
        _ => return None,
    })
}

fn usage(value: &Value) -> Option<Usage> {
    let count = |key: &str| value.get(key).and_then(Value::as_u64);
    let cached = count("cacheRead").unwrap_or(0);
    let cache_write = count("cacheWrite").unwrap_or(0);
    Some(Usage {
        // Ours counts all that was read, theirs what was read anew.
        input_tokens: count("input")?
            .saturating_add(cached)
            .saturating_add(cache_write),
        output_tokens: count("output")?,
        cached_tokens: cached,
        cache_write_tokens: cache_write,
        reasoning_tokens: 0,
    })
}
