//! `openclaw agent prompt`: exactly what the model would be sent, and what that is made of.

use openclaw_wire::methods::{
    ContentPart,
    agents::{AgentsPrompt, AgentsPromptParams, AgentsPromptResult},
};

use super::{agent_id, session_of};
use crate::{
    error::Failure,
    link::{CALL_DEADLINE, Link, block_on},
    output::{Output, table},
    patience::Patience,
    place::{Home, Place},
};

/// Prints the prompt.
pub(super) fn run(
    place: &Place,
    output: Output,
    (agent, session): (&str, &str),
    message: String,
) -> Result<(), Failure> {
    let agent_id = agent_id(agent)?;
    let params = AgentsPromptParams {
        session_key: Some(session_of(&agent_id, session)?),
        agent_id,
        message: Some(message),
    };
    let home = Home::from(&place.config()?);
    let view = block_on(async {
        let link = Link::open(&home).await?;
        // Which model it is may have to be found out first.
        let asked = link.call_within::<AgentsPrompt>(&params, CALL_DEADLINE);
        Patience::new().wait(&link, asked).await
    })?;
    output.either(&view, || text(&view))
}

fn text(view: &AgentsPromptResult) -> String {
    let mut text = String::new();
    for message in &view.messages {
        text.push_str(&format!("--- {} ---\n", message.role));
        for part in &message.content {
            text.push_str(&said(part));
        }
        text.push_str("\n\n");
    }
    let row = |part: &openclaw_wire::methods::agents::PromptPart| {
        let (bytes, tokens) = (part.bytes.to_string(), part.tokens.to_string());
        vec![part.name.clone(), bytes, tokens]
    };
    let rows: Vec<Vec<String>> = view.parts.iter().map(row).collect();
    text.push_str(&table(&["Part", "Bytes", "Tokens"], &rows));
    let how = if view.exact {
        "counted by the model"
    } else {
        "estimated"
    };
    let (model, tokens) = (&view.model, view.tokens);
    text.push_str(&format!("\nModel: {model}\nTokens: {tokens} ({how})\n"));
    text
}

fn said(part: &ContentPart) -> String {
    match part {
        ContentPart::Text { text } => text.clone(),
        ContentPart::Thinking { thinking } => thinking.clone(),
        ContentPart::ToolCall {
            name, arguments, ..
        } => format!("{name}({arguments})"),
        ContentPart::Unknown => String::new(),
    }
}
