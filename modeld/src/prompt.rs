//! A conversation turned into the text the model was trained to continue.

use serde_json::{Value, json};

use crate::chat::{Message, Role, Tool};

pub mod defuse;
mod template;

use defuse::Defuser;
pub use template::{Error, Template};

/// Renders conversations for one model.
#[derive(Debug)]
pub struct Writer {
    template: Template,
    defuser: Defuser,
}

impl Writer {
    /// A writer for a model with this template, whose control tokens read `controls`.
    #[must_use]
    pub const fn new(template: Template, controls: Vec<String>) -> Self {
        Self {
            template,
            defuser: Defuser::new(controls),
        }
    }

    /// The prompt for the next answer, to be cut at [`defuse::CUT`] before it is tokenized.
    ///
    /// # Errors
    ///
    /// When the model's template does not accept the conversation.
    pub fn write(&self, messages: &[Message], tools: &[Tool]) -> Result<String, Error> {
        if self.template.knows_tools() || (tools.is_empty() && !speaks_of_tools(messages)) {
            let list = messages.iter().map(native).collect();
            self.render(list, tools.iter().map(described).collect())
        } else {
            self.render(plain(messages, tools), Vec::new())
        }
    }

    fn render(&self, messages: Vec<Value>, tools: Vec<Value>) -> Result<String, Error> {
        let mut messages = Value::Array(messages);
        let mut tools = Value::Array(tools);
        self.defuser.defuse(&mut messages);
        self.defuser.defuse(&mut tools);
        match self.template.render(&messages, &tools) {
            // Some templates insist on strict turns and know no system message.
            Err(Error::Refused(_)) => self.template.render(&strict_turns(&messages), &tools),
            other => other,
        }
    }
}

fn speaks_of_tools(messages: &[Message]) -> bool {
    messages
        .iter()
        .any(|m| m.role == Role::Tool || !m.calls.is_empty())
}

/// A message for a template that knows tools.
fn native(message: &Message) -> Value {
    let mut value = json!({"role": message.role, "content": message.content});
    if !message.calls.is_empty() {
        let call = |c: &crate::chat::Call| json!({"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}});
        value["tool_calls"] = message.calls.iter().map(call).collect();
    }
    if let Some(id) = &message.call_id {
        value["tool_call_id"] = json!(id);
    }
    if let Some(name) = &message.name {
        value["name"] = json!(name);
    }
    value
}

fn described(tool: &Tool) -> Value {
    let function =
        json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
    json!({"type": "function", "function": function})
}

/// The conversation for a template that has never heard of tools.
fn plain(messages: &[Message], tools: &[Tool]) -> Vec<Value> {
    let mut list: Vec<Value> = Vec::with_capacity(messages.len() + 1);
    if !tools.is_empty() {
        let system = messages.first().filter(|m| m.role == Role::System);
        let begin = system.map_or("You are a helpful assistant.", |m| m.content.as_str());
        list.push(
            json!({"role": "system", "content": format!("{begin}\n\n{}", tool_block(tools))}),
        );
    }
    let skip =
        usize::from(!tools.is_empty() && messages.first().is_some_and(|m| m.role == Role::System));
    for message in &messages[skip..] {
        list.push(match message.role {
            Role::Tool => {
                json!({"role": "user", "content": format!("Result: {}", message.content)})
            }
            Role::Assistant => json!({"role": "assistant", "content": with_calls(message)}),
            Role::System | Role::User => native(message),
        });
    }
    list
}

fn with_calls(message: &Message) -> String {
    let mut text = message.content.clone();
    for call in &message.calls {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&json!({"name": call.name, "arguments": call.arguments}).to_string());
    }
    text
}

fn tool_block(tools: &[Tool]) -> String {
    let mut text = String::from("You can use these tools:\n");
    for tool in tools {
        text.push_str(&format!(
            "- {}: {} Arguments: {}\n",
            tool.name, tool.description, tool.parameters
        ));
    }
    text.push_str(
        "To use a tool, answer with nothing but one JSON object: {\"name\": \"<tool>\", \"arguments\": {...}}. \
         When no tool is needed, answer in plain words.",
    );
    text
}

/// The conversation with system text folded into the first turn and neighbours of one role joined.
fn strict_turns(messages: &Value) -> Value {
    let mut turns: Vec<(String, String)> = Vec::new();
    for message in messages.as_array().into_iter().flatten() {
        let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        let role = if text("role") == "assistant" {
            "assistant"
        } else {
            "user"
        };
        match turns.last_mut() {
            Some((last, content)) if last == role => {
                content.push_str("\n\n");
                content.push_str(text("content"));
            }
            _ => turns.push((role.to_owned(), text("content").to_owned())),
        }
    }
    turns
        .into_iter()
        .map(|(role, content)| json!({"role": role, "content": content}))
        .collect()
}

#[cfg(test)]
mod tests;
