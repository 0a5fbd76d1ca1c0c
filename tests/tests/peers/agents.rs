//! An agent's turn in every protocol: it is offered tools, calls them, is told what they said, and answers.

use std::time::Duration;

use futures_util::StreamExt as _;
use openclaw_models::{Chunk, Models, Request};
use openclaw_tests::{backend::Backend, within};
use openclaw_types::{AgentId, Message, Part, Role, StopReason, ToolResult, ToolSpec, Usage};
use serde_json::json;

use crate::faults::{DIALECTS, models};

const DEADLINE: Duration = Duration::from_secs(10);

/// What one call to the model came to.
#[derive(Debug, Default)]
struct Said {
    parts: Vec<Part>,
    text: String,
    usage: Option<Usage>,
    stop: Option<StopReason>,
}

async fn said(models: &Models, request: Request) -> Said {
    let agent = AgentId::parse("steward").unwrap();
    let mut chunks = models.stream(&agent, request);
    let mut said = Said::default();
    while let Some(chunk) = chunks.next().await {
        match chunk.unwrap() {
            Chunk::Start { .. } | Chunk::Reasoning(_) => {}
            Chunk::Text(text) => said.text.push_str(&text),
            Chunk::ToolCall(call) => said.parts.push(Part::ToolCall(call)),
            Chunk::Usage(usage) => said.usage = Some(usage),
            Chunk::Stop(reason) => said.stop = Some(reason),
        }
    }
    said
}

#[tokio::test]
async fn an_agent_calls_tools_and_hears_of_them_in_every_protocol() {
    let backend = Backend::start().await;
    let models = models(&backend);
    for (dialect, ..) in DIALECTS {
        let mut request = Request {
            model: format!("{dialect}-reply"),
            messages: vec![
                Message::text(Role::System, "You are steward."),
                Message::text(Role::User, "What is in the file?"),
            ],
            tools: vec![ToolSpec {
                name: "read_file".to_owned(),
                description: "Reads a file.".to_owned(),
                parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}),
            }],
            ..Request::default()
        };
        let first = within("a call", DEADLINE, said(&models, request.clone())).await;
        let [Part::ToolCall(call)] = first.parts.as_slice() else {
            panic!("{dialect}: {first:?}");
        };
        assert_eq!(call.name, "read_file", "{dialect}");
        assert!(
            call.arguments.is_object() && !call.id.is_empty(),
            "{dialect}: {call:?}"
        );
        assert_eq!(first.stop, Some(StopReason::ToolCalls), "{dialect}");
        assert!(
            first.usage.is_some_and(|usage| usage.input_tokens > 0),
            "{dialect}"
        );
        let result = ToolResult {
            call_id: call.id.clone(),
            name: call.name.clone(),
            content: "forty-two lines".to_owned(),
            is_error: false,
        };
        request.messages.push(Message {
            role: Role::Assistant,
            parts: first.parts.clone(),
        });
        request.messages.push(Message {
            role: Role::User,
            parts: vec![Part::ToolResult(result)],
        });
        let second = within("an answer", DEADLINE, said(&models, request)).await;
        assert!(
            second.parts.is_empty() && !second.text.is_empty(),
            "{dialect}: {second:?}"
        );
        assert_eq!(second.stop, Some(StopReason::Stop), "{dialect}");
        let asked = backend.last().unwrap();
        assert!(
            asked.json.to_string().contains("forty-two lines"),
            "{dialect}: {asked:?}"
        );
    }
}
