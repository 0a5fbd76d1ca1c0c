//! One conversation: send, print what streams in, stop when asked.

use std::time::Duration;

use openclaw_client::Received;
use openclaw_types::{AgentId, SessionId, SessionKey};
use openclaw_wire::{
    SessionRef,
    event::{CHAT, ChatEvent, ChatState},
    methods::{
        Empty,
        agents::{AgentParams, AgentsStatus},
        chat::{ChatAbort, ChatAbortParams, ChatSend, ChatSendParams},
        models::ModelsStatus,
    },
};
use serde_json::json;
use tokio::time::{Instant, interval};

use super::model_state;
use crate::{
    commands::agents::run_id,
    error::Failure,
    link::Link,
    output::{self, Output},
};

/// How often a person who waits for the first word is told why.
const SAY_EVERY: Duration = Duration::from_secs(2);
/// The whole of one answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(900);

/// The state of the conversation.
pub(crate) struct Talk {
    pub(crate) link: Link,
    agent: AgentId,
    pub(crate) session: SessionId,
    output: Output,
}

/// What one event meant.
enum Heard {
    Piece(String),
    Whole(Option<String>),
    Failed(String),
    Nothing,
}

impl Talk {
    pub(crate) fn new(link: Link, agent: AgentId, session: SessionId, output: Output) -> Self {
        Self {
            link,
            agent,
            session,
            output,
        }
    }

    /// The full key of the session.
    pub(crate) fn key(&self) -> String {
        SessionKey {
            agent: self.agent.clone(),
            session: self.session.clone(),
        }
        .to_string()
    }

    /// What stands before the line a person types on.
    pub(crate) fn prompt(&self) -> String {
        format!("{}> ", self.agent)
    }

    /// Checks that the agent exists, and says once what answers for it.
    pub(crate) async fn introduce(&self) -> Result<(), Failure> {
        let _known = self
            .link
            .call::<AgentsStatus>(&AgentParams {
                agent_id: self.agent.clone(),
            })
            .await?;
        let status = self.link.call::<ModelsStatus>(&Empty {}).await?;
        if let (Some(model), Some(why)) = (&status.model, &status.why) {
            output::note(&format!("model: {model} ({why})"));
        }
        if status.source.as_deref() == Some("local") {
            output::note(
                "this is a tiny model that runs on this machine: it shows that everything works and knows little.\n\
                 for real answers set a provider key such as OPENAI_API_KEY, or add `models.providers` to openclaw.json",
            );
        }
        Ok(())
    }

    /// Goes on with another agent.
    pub(crate) async fn switch(&mut self, agent: AgentId) -> Result<(), Failure> {
        let _known = self
            .link
            .call::<AgentsStatus>(&AgentParams {
                agent_id: agent.clone(),
            })
            .await?;
        self.agent = agent;
        Ok(())
    }

    fn session_ref(&self) -> SessionRef {
        SessionRef {
            agent: Some(self.agent.clone()),
            session: self.session.clone(),
        }
    }

    /// Stops what the session does.
    pub(crate) async fn abort(&self) -> Result<(), Failure> {
        let params = ChatAbortParams {
            session_key: self.session_ref(),
            run_id: None,
        };
        let result = self.link.call::<ChatAbort>(&params).await?;
        output::note(if result.aborted {
            "aborted"
        } else {
            "nothing was running"
        });
        Ok(())
    }

    /// Sends a message and prints its answer as it comes.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), Failure> {
        let run = run_id()?;
        let params = ChatSendParams {
            session_key: self.session_ref(),
            message: text.to_owned(),
            idempotency_key: run.clone(),
            timeout_ms: None,
        };
        let _sent = self.link.call::<ChatSend>(&params).await?;
        self.listen(run.as_str()).await
    }

    async fn listen(&mut self, run: &str) -> Result<(), Failure> {
        let started = Instant::now();
        let mut waiting = interval(SAY_EVERY);
        let _first = waiting.tick().await;
        let mut printed = String::new();
        loop {
            let received = tokio::select! {
                biased;
                received = self.link.events.next() => received,
                _interrupt = tokio::signal::ctrl_c() => { self.stop(run).await?; continue }
                _at = waiting.tick(), if printed.is_empty() => { self.patience(started).await; continue }
                () = tokio::time::sleep_until(started + ANSWER_DEADLINE) => {
                    return Err(Failure::new("no whole answer in time").hint("/abort stops it"));
                }
            };
            match heard(received, run)? {
                Heard::Nothing => {}
                Heard::Piece(piece) => {
                    if printed.is_empty() {
                        output::progress_done();
                    }
                    if !self.output.json {
                        output::piece(&piece);
                    }
                    printed.push_str(&piece);
                }
                Heard::Whole(text) => return self.end(&printed, text),
                Heard::Failed(error) => {
                    output::progress_done();
                    if !printed.is_empty() {
                        output::line("");
                    }
                    return Err(Failure::new(error));
                }
            }
        }
    }

    /// Prints what is missing of the whole, and ends the line.
    fn end(&self, printed: &str, text: Option<String>) -> Result<(), Failure> {
        output::progress_done();
        let whole = text.unwrap_or_else(|| printed.to_owned());
        if self.output.json {
            return self.output.value(&json!({"agent": self.agent.as_str(), "session": self.session.as_str(), "text": whole}));
        }
        match whole.strip_prefix(printed) {
            Some(rest) => output::line(rest),
            // Pieces were missed; the whole is what counts.
            None => output::line(&format!("\n{whole}")),
        }
        Ok(())
    }

    async fn stop(&self, run: &str) -> Result<(), Failure> {
        let run_id =
            openclaw_types::RunId::parse(run).map_err(|error| Failure::from_error(&error))?;
        let params = ChatAbortParams {
            session_key: self.session_ref(),
            run_id: Some(run_id),
        };
        let _result = self.link.call::<ChatAbort>(&params).await?;
        Ok(())
    }

    async fn patience(&self, started: Instant) {
        let state = model_state(&self.link)
            .await
            .unwrap_or_else(|| "waiting for the model".to_owned());
        output::progress(&format!("{state} … {} s", started.elapsed().as_secs()));
    }
}

fn heard(received: Option<Received>, run: &str) -> Result<Heard, Failure> {
    let event = match received {
        None => {
            return Err(
                Failure::new("the gateway closed the connection").hint("openclaw gateway status")
            );
        }
        Some(Received::Event(event)) if event.name == CHAT => event,
        Some(_other) => return Ok(Heard::Nothing),
    };
    let chat: ChatEvent<'_> = event
        .read()
        .map_err(|error| Failure::new(format!("a chat event can't be read: {error}")))?;
    if chat.run_id != run {
        return Ok(Heard::Nothing);
    }
    let whole = |message: Option<openclaw_wire::event::ChatMessage<'_>>| {
        message.map(|message| message.text().to_owned())
    };
    Ok(match chat.state {
        ChatState::Delta { delta_text, .. } => Heard::Piece(delta_text.into_owned()),
        ChatState::Final { message, .. } => Heard::Whole(whole(message)),
        ChatState::Aborted { .. } => Heard::Failed("aborted".to_owned()),
        ChatState::Error { error_message } => Heard::Failed(error_message.into_owned()),
        ChatState::Status { .. } => Heard::Nothing,
    })
}
