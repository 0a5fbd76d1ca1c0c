//! One conversation: send, print what streams in, stop when asked.

use std::time::Duration;

use openclaw_client::Received;
use openclaw_config::Config;
use openclaw_models::{Tier, catalog::Entry};
use openclaw_types::{AgentId, SessionId, SessionKey};
use openclaw_wire::{
    SessionRef,
    event::{CHAT, ChatEvent, ChatState},
    methods::{
        Empty,
        agent::{AgentParams as RunParams, AgentResult},
        agents::{AgentParams, AgentRow, AgentsList, AgentsStatus},
    },
};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::line::HELP;
use crate::{
    commands::{
        agents::{
            send::{abort, begin, check, finish, run_params, trouble},
            session_of,
        },
        models::settled,
    },
    error::{self, Failure},
    link::{Link, client_failure},
    output::{self, Output},
    patience::Patience,
    place::Home,
};

/// The whole of one answer; the gateway's own limit on a run is shorter.
const ANSWER_DEADLINE: Duration = Duration::from_secs(3600);
/// What the references of models that run on this machine begin with.
const LOCAL: &str = "local/";

/// The state of the conversation.
pub(super) struct Talk<'a> {
    config: &'a Config,
    link: Link,
    agent: AgentId,
    session: SessionId,
    output: Output,
    interrupts: Signal,
    /// The model that was named last.
    named: Option<String>,
}

/// How a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It was answered.
    Answered,
    /// Somebody stopped it.
    Stopped,
}

impl<'a> Talk<'a> {
    pub(super) fn new(
        config: &'a Config,
        link: Link,
        (agent, session): (AgentId, SessionId),
        output: Output,
    ) -> Result<Self, Failure> {
        let interrupts =
            signal(SignalKind::interrupt()).map_err(|error| Failure::from_error(&error))?;
        Ok(Self {
            config,
            link,
            agent,
            session,
            output,
            interrupts,
            named: None,
        })
    }

    /// The full key of the session.
    fn key(&self) -> String {
        SessionKey {
            agent: self.agent.clone(),
            session: self.session.clone(),
        }
        .to_string()
    }

    /// What stands before the line a person types on.
    pub(super) fn prompt(&self) -> String {
        format!("{}> ", self.agent)
    }

    /// Checks that the agent exists, and says which model answers, unless that was the last one named.
    pub(super) async fn introduce(&mut self) -> Result<(), Failure> {
        // Whether there is such an agent is known at once.
        let _row = self.row(&self.agent).await?;
        let status = settled(&self.link).await?;
        let model = self.row(&self.agent).await?.model;
        let Some(model) = model.map(|model| model.primary) else {
            let why = status.why.as_deref().unwrap_or_default();
            output::note(&format!("no model yet ({why}); {CONFIGURE}"));
            return Ok(());
        };
        if self.named.as_ref() == Some(&model) {
            return Ok(());
        }
        let of_all = status.model.as_ref() == Some(&model);
        let why = status.why.filter(|_why| of_all);
        let own = || format!("the one of {}", self.agent);
        output::note(&format!("model: {model} ({})", why.unwrap_or_else(own)));
        if is_tiny(&model, self.config.models.local.model.as_deref()) {
            output::note(&format!(
                "this is a tiny model that runs on this machine: it shows that everything works, and knows little; {CONFIGURE}"
            ));
        }
        self.named = Some(model);
        Ok(())
    }

    async fn row(&self, agent: &AgentId) -> Result<AgentRow, Failure> {
        let params = AgentParams {
            agent_id: agent.clone(),
        };
        self.link.call::<AgentsStatus>(&params).await
    }

    /// Prints what can be typed.
    pub(super) fn help(&self) {
        if self.output.json {
            output::line(&json!({"help": HELP}).to_string());
        } else {
            output::line(HELP);
        }
    }

    /// Prints who is here.
    pub(super) async fn agents(&self) -> Result<(), Failure> {
        let list = self.link.call::<AgentsList>(&Empty {}).await?;
        if self.output.json {
            output::line(&json!({"agents": list.agents}).to_string());
            return Ok(());
        }
        let row = |row: &AgentRow| vec![row.id.clone(), row.role.clone(), row.status.clone()];
        let rows: Vec<Vec<String>> = list.agents.iter().map(row).collect();
        output::piece(&output::table(&["Agent", "Role", "Status"], &rows));
        Ok(())
    }

    /// Goes on with another agent.
    pub(super) async fn switch(&mut self, agent: AgentId) -> Result<(), Failure> {
        let _row = self.row(&agent).await?;
        self.agent = agent;
        self.introduce().await?;
        self.where_json();
        Ok(())
    }

    /// Prints which session this is.
    pub(super) fn show_session(&self) {
        if self.output.json {
            self.where_json();
        } else {
            output::line(&self.key());
        }
    }

    /// Says where the conversation goes on, to those who read JSON.
    fn where_json(&self) {
        if self.output.json {
            let (agent, session) = (self.agent.as_str(), self.session.as_str());
            output::line(&json!({"agent": agent, "session": session}).to_string());
        }
    }

    /// Goes on in another session of the same agent.
    pub(super) fn go_on_in(&mut self, session: &str) -> Result<(), Failure> {
        self.session = session_of(&self.agent, session)?.session;
        self.where_json();
        Ok(())
    }

    fn session_ref(&self) -> SessionRef {
        SessionRef {
            agent: Some(self.agent.clone()),
            session: self.session.clone(),
        }
    }

    /// Stops what the session does, whoever began it.
    pub(super) async fn abort(&self) -> Result<(), Failure> {
        let stopped = abort(&self.link, &self.session_ref(), None).await?;
        if self.output.json {
            output::line(&json!({"stopped": stopped}).to_string());
            return Ok(());
        }
        output::note(if stopped {
            "stopped"
        } else {
            "nothing was running"
        });
        Ok(())
    }

    /// Does the work unless Ctrl-C comes first.
    pub(super) async fn or_interrupt<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            _pressed = self.interrupts.recv() => {
                Err(Failure::new("stopped").code(error::INTERRUPTED))
            }
            done = work => Ok(done),
        }
    }

    /// Sends a message and prints its answer as it comes.
    pub(super) async fn say(&mut self, text: String) -> Result<Said, Failure> {
        check(&text)?;
        let params = run_params((&self.agent, &self.session_ref()), text, None)?;
        let mut started = begin(&self.link, &params).await;
        if matches!(started, Err(openclaw_client::Error::Closed { .. })) {
            // The gateway was started anew since the last message. The same run id makes asking twice harmless.
            self.link = Link::open(&Home::from(self.config)).await?;
            started = begin(&self.link, &params).await;
        }
        let started = started.map_err(|error| client_failure(&error))?;
        let (printed, result) = self.listen(started, &params).await?;
        self.end(&printed, &result)
    }

    /// Prints the pieces until the whole is there.
    async fn listen(
        &mut self,
        mut started: openclaw_client::Started<openclaw_wire::methods::agent::Agent>,
        params: &RunParams,
    ) -> Result<(String, AgentResult), Failure> {
        let run = params.idempotency_key.as_str();
        let session = self.session_ref();
        let mut patience = Patience::new();
        let mut printed = String::new();
        let mut is_open = true;
        let whole = finish(&mut started, ANSWER_DEADLINE);
        tokio::pin!(whole);
        loop {
            tokio::select! {
                biased;
                _pressed = self.interrupts.recv() => {
                    let _stopped =
                        abort(&self.link, &session, Some(params.idempotency_key.clone())).await?;
                }
                received = self.link.events.next(), if is_open => match received {
                    Some(received) => if let Some(piece) = piece(&received, run) {
                        self.print(&piece, &mut printed);
                    },
                    None => is_open = false,
                },
                result = &mut whole => {
                    output::progress_done();
                    return Ok((printed, result?));
                }
                () = patience.due(), if printed.is_empty() => patience.say(&self.link).await,
            }
        }
    }

    fn print(&self, piece: &str, printed: &mut String) {
        if printed.is_empty() {
            output::progress_done();
        }
        if !self.output.json {
            output::piece(piece);
        }
        printed.push_str(piece);
    }

    /// Prints what is missing of the whole, and ends the line.
    fn end(&self, printed: &str, result: &AgentResult) -> Result<Said, Failure> {
        use openclaw_wire::methods::agent::RunStatus;
        let whole = result.text();
        if self.output.json {
            if trouble(result).is_none() {
                output::line(&self.value(&whole, result).to_string());
            }
        } else if let Some(rest) = whole.strip_prefix(printed) {
            // An answer's own last line end is enough.
            let is_ended = whole.is_empty() || (whole.ends_with('\n') && rest.is_empty());
            let end = if is_ended { "" } else { "\n" };
            output::piece(&format!("{}{end}", rest.trim_end_matches('\n')));
        } else if whole.is_empty() {
            output::line("");
        } else {
            // Pieces were missed; the whole is what counts.
            output::line(&format!("\n{whole}"));
        }
        match (result.status, trouble(result)) {
            (RunStatus::Aborted, _) => Ok(Said::Stopped),
            (_, Some(failure)) => Err(failure),
            (_, None) => Ok(Said::Answered),
        }
    }

    /// An answer as one line of JSON.
    fn value(&self, text: &str, result: &AgentResult) -> serde_json::Value {
        let meta = result.result.as_ref().map(|result| &result.meta);
        let model = meta.and_then(|meta| meta.agent_meta.as_ref());
        json!({
            "agent": self.agent.as_str(),
            "session": self.session.as_str(),
            "runId": result.run_id,
            "text": text,
            "model": model.map(|model| format!("{}/{}", model.provider, model.model)),
            "usage": model.and_then(|model| model.usage),
        })
    }
}

/// How a better model is had.
const CONFIGURE: &str = "for real answers set a provider's key such as OPENAI_API_KEY before the gateway starts, \
                         or add `models.providers` to openclaw.json";

/// Whether what answers is a model of this machine of which little can be expected; `stated` is the one configured.
fn is_tiny(model: &str, stated: Option<&str>) -> bool {
    let entry = stated.map_or(Some(openclaw_models::catalog::DEFAULT), Entry::named);
    model.starts_with(LOCAL) && entry.is_some_and(|entry| entry.tier == Tier::Tiny)
}

/// The piece of text in an event of this run, if it is one.
fn piece(received: &Received, run: &str) -> Option<String> {
    let Received::Event(event) = received else {
        return None;
    };
    if event.name != CHAT {
        return None;
    }
    let chat: ChatEvent<'_> = event.read().ok()?;
    match chat.state {
        ChatState::Delta { delta_text, .. } if chat.run_id == run => Some(delta_text.into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tiny_model_of_this_machine_is_introduced_as_one() {
        let default = openclaw_models::catalog::DEFAULT.name;
        for (model, stated, expected) in [
            ("local/smollm2-135m-instruct", None, true),
            ("local/smollm2-135m-instruct", Some(default), true),
            ("local/mine", Some("/models/mine.gguf"), false),
            ("litellm/agent/main", None, false),
            ("ollama/smollm2-135m-instruct", Some(default), false),
        ] {
            assert_eq!(is_tiny(model, stated), expected, "{model} {stated:?}");
        }
    }
}
