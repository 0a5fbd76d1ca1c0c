//! `message` and `message_status`: one agent speaks to another.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use openclaw_sessions::{Origin, OriginKind};
use openclaw_tools::{Caller, Error, Output, Tool};
use openclaw_types::{AgentId, Priority, RunId, SessionId, ToolSpec};
use serde_json::{Value, json};

use super::{CHAIN_MAX, alive, not_a_name};
use crate::{
    agents,
    core::Core,
    outcome::{Outcome, Status as Ended},
    submit::{Accepted, Cause, Inbound, submit},
    turn::AbortCause,
};

/// How long an answer is waited for unless the model says otherwise: most answers come within a minute.
const WAIT_SECONDS: u64 = 120;
/// The longest wait: a run of the other agent has not much more itself.
const WAIT_SECONDS_MAX: u64 = 600;
/// For the disk, beside the wait.
const SPARE: Duration = Duration::from_secs(40);
/// Everybody but the sender.
const ALL: &str = "all";

/// `message`.
#[derive(Debug)]
pub(super) struct Send {
    core: Weak<Core>,
    spec: ToolSpec,
}

/// What is to be sent.
struct Letter {
    text: String,
    priority: Priority,
    /// Whose messages this one is for the sake of, the sender last.
    chain: Vec<AgentId>,
}

impl Send {
    pub(super) fn new(core: &Weak<Core>) -> Self {
        let properties = json!({
            "to": {"type": "string", "description": "An agent's id, or `all` for everybody else."},
            "text": {"type": "string", "minLength": 1, "maxLength": 100_000},
            "wait": {"type": "boolean", "description": "Whether to wait for the answer; true unless said otherwise, never for `all`."},
            "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": WAIT_SECONDS_MAX},
            "priority": {"type": "string", "enum": ["low", "normal", "high"]},
        });
        Self {
            core: Weak::clone(core),
            spec: ToolSpec {
                name: "message".to_owned(),
                description: "Says something to another agent and gets its answer. What you answer to a message is \
                              delivered by itself, so never send it with this."
                    .to_owned(),
                parameters: json!({"type": "object", "properties": properties, "required": ["to", "text"], "additionalProperties": false}),
            },
        }
    }

    async fn send(&self, caller: &Caller, arguments: &Value) -> Result<Output, Error> {
        let core = alive(&self.core)?;
        let to = arguments["to"].as_str().unwrap_or_default();
        let priority = arguments["priority"].as_str().and_then(Priority::parse);
        let letter = Letter {
            text: arguments["text"].as_str().unwrap_or_default().to_owned(),
            priority: priority.unwrap_or_default(),
            chain: chain(&core, caller)?,
        };
        if to == ALL {
            return to_all(&core, &letter).await;
        }
        let to = AgentId::parse(to).map_err(|error| not_a_name("/to", error))?;
        let accepted = accept(&core, &letter, &to).await?;
        if arguments["wait"] == json!(false) {
            return Ok(taken(&to, &accepted.run));
        }
        let seconds = wait(arguments);
        let run = accepted.run.clone();
        let mut stop = StopWithAsker::new(&core, &to, &accepted);
        let outcome = tokio::time::timeout(Duration::from_secs(seconds), accepted.outcome).await;
        stop.is_over = true;
        match outcome {
            Ok(outcome) => answered(&outcome),
            Err(_elapsed) => Ok(late(&to, &run, seconds)),
        }
    }
}

impl Tool for Send {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn deadline(&self, arguments: &Value) -> Duration {
        Duration::from_secs(wait(arguments)) + SPARE
    }

    fn call<'a>(
        &'a self,
        caller: &'a Caller,
        arguments: Value,
    ) -> BoxFuture<'a, Result<Output, Error>> {
        async move { self.send(caller, &arguments).await }.boxed()
    }
}

fn wait(arguments: &Value) -> u64 {
    let asked = arguments["timeout_seconds"].as_u64();
    asked.unwrap_or(WAIT_SECONDS).min(WAIT_SECONDS_MAX)
}

/// For whose sake the caller speaks, itself last.
fn chain(core: &Core, caller: &Caller) -> Result<Vec<AgentId>, Error> {
    let run = core.runs.find(&caller.run).ok_or(Error::Cancelled)?;
    let mut chain = run.chain.clone();
    chain.push(caller.agent.clone());
    if chain.len() > CHAIN_MAX {
        return Err(Error::denied(
            format!("this is said for the sake of {CHAIN_MAX} messages in a row already"),
            "answer what you were asked, with what you know",
        ));
    }
    Ok(chain)
}

/// Makes a message durable in the other agent's transcript.
async fn accept(core: &Arc<Core>, letter: &Letter, to: &AgentId) -> Result<Accepted, Error> {
    let sender = letter.chain.last().ok_or(Error::Cancelled)?;
    if to == sender {
        return Err(Error::argument("/to", "that is you"));
    }
    if letter.chain.contains(to) {
        return Err(Error::denied(
            format!("what you say now is for `{to}`, or for somebody it asked"),
            "put it into your answer",
        ));
    }
    if core.agent(to).is_none() {
        let names: Vec<String> = core
            .all()
            .iter()
            .map(|agent| format!("`{}`", agent.id))
            .collect();
        return Err(Error::NotFound {
            what: format!("the agent `{to}`"),
            hint: Some(format!("there are {}", names.join(", "))),
        });
    }
    let message = Inbound {
        agent: to.clone(),
        session: session_with(sender)?,
        text: format!("Message from the agent `{sender}`:\n{}", letter.text),
        priority: letter.priority,
        run: None,
        origin: Origin {
            kind: OriginKind::Agent,
            id: Some(sender.to_string()),
            message_id: None,
        },
    };
    let cause = Cause {
        schema: None,
        chain: letter.chain.clone(),
    };
    submit(core, message, cause)
        .await
        .map_err(|error| Error::failed(format!("the message to `{to}`"), error))
}

/// The conversation in which an agent hears of another.
fn session_with(sender: &AgentId) -> Result<SessionId, Error> {
    SessionId::parse(&format!("from-{sender}")).map_err(|error| not_a_name("/to", error))
}

async fn to_all(core: &Arc<Core>, letter: &Letter) -> Result<Output, Error> {
    let (mut text, mut details) = (String::new(), Vec::new());
    for agent in core.all() {
        if letter.chain.contains(&agent.id) {
            continue;
        }
        let said = match accept(core, letter, &agent.id).await {
            Ok(accepted) => {
                details.push(json!({"agent": agent.id.as_str(), "run": accepted.run.as_str()}));
                format!("{}: accepted as {}\n", agent.id, accepted.run)
            }
            Err(error) => {
                details.push(json!({"agent": agent.id.as_str(), "error": error.to_string()}));
                format!("{}: not accepted, {error}\n", agent.id)
            }
        };
        text.push_str(&said);
    }
    Ok(Output::text(text).with(json!({"sent": details})))
}

fn taken(to: &AgentId, run: &RunId) -> Output {
    let text = format!("`{to}` has it, as {run}; ask `message_status` for what became of it");
    Output::text(text).with(json!({"run": run.as_str(), "status": "accepted"}))
}

fn late(to: &AgentId, run: &RunId, seconds: u64) -> Output {
    let text = format!(
        "`{to}` has not answered within {seconds} s and goes on; ask `message_status` about {run} later"
    );
    Output::text(text).with(json!({"run": run.as_str(), "status": "timeout"}))
}

fn answered(outcome: &Outcome) -> Result<Output, Error> {
    let status = outcome.status.as_str();
    let details = json!({"run": outcome.run.as_str(), "status": status});
    match (&outcome.status, outcome.trouble()) {
        (Ended::Done, _) | (_, None) => Ok(Output::text(outcome.text.to_string()).with(details)),
        (_, Some((why, _))) => Err(Error::failed(
            format!("the run of `{}`", outcome.agent),
            why.to_owned(),
        )),
    }
}

/// Stops the run that was asked for when nobody waits for it any more, because its asker was stopped.
struct StopWithAsker {
    core: Arc<Core>,
    to: AgentId,
    session: SessionId,
    run: RunId,
    is_over: bool,
}

impl StopWithAsker {
    fn new(core: &Arc<Core>, to: &AgentId, accepted: &Accepted) -> Self {
        Self {
            core: Arc::clone(core),
            to: to.clone(),
            session: accepted.session.clone(),
            run: accepted.run.clone(),
            is_over: false,
        }
    }
}

impl Drop for StopWithAsker {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(agent) = self.core.agent(&self.to)
        {
            let cause = AbortCause::Requested;
            agents::stop(&self.core, &agent, &self.session, &self.run, cause);
        }
    }
}

/// `message_status`.
#[derive(Debug)]
pub(super) struct Status {
    core: Weak<Core>,
    spec: ToolSpec,
}

impl Status {
    pub(super) fn new(core: &Weak<Core>) -> Self {
        let properties =
            json!({"run": {"type": "string", "description": "What `message` answered."}});
        Self {
            core: Weak::clone(core),
            spec: ToolSpec {
                name: "message_status".to_owned(),
                description: "Tells what became of a message: waiting, or its answer.".to_owned(),
                parameters: json!({"type": "object", "properties": properties, "required": ["run"], "additionalProperties": false}),
            },
        }
    }

    fn look(&self, arguments: &Value) -> Result<Output, Error> {
        let core = alive(&self.core)?;
        let id = arguments["run"].as_str().unwrap_or_default();
        let id = RunId::parse(id).map_err(|error| not_a_name("/run", error))?;
        let run = core.runs.find(&id).ok_or_else(|| Error::NotFound {
            what: format!("the run `{id}`"),
            hint: Some("it ended more than a few minutes ago, or never was".to_owned()),
        })?;
        match run.outcome() {
            Some(outcome) => answered(outcome),
            None => Ok(
                Output::text(format!("`{}` has not answered yet", run.agent))
                    .with(json!({"run": id.as_str(), "status": "accepted"})),
            ),
        }
    }
}

impl Tool for Status {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(&'a self, _: &'a Caller, arguments: Value) -> BoxFuture<'a, Result<Output, Error>> {
        async move { self.look(&arguments) }.boxed()
    }
}
