//! `openclaw agent …`: list, look at, talk to, create, delete, configure.

use std::{io::Read as _, time::Duration};

use openclaw_types::{AgentId, Env as _, RunId, SystemEnv};
use openclaw_wire::{
    SessionRef,
    methods::{
        ContentPart, Empty,
        agent::{Agent as AgentRun, AgentParams as RunParams, AgentResult, RunStatus},
        agents::{
            AgentParams, AgentRow, AgentsConfigGet, AgentsConfigGetParams, AgentsConfigSet,
            AgentsConfigSetParams, AgentsCreate, AgentsCreateParams, AgentsDelete,
            AgentsDeleteParams, AgentsList, AgentsPrompt, AgentsPromptParams, AgentsRestart,
            AgentsStatus,
        },
    },
};
use serde_json::{Value, json};

use crate::{
    args::{Agent, Send},
    error::{self, Failure},
    link::{CALL_DEADLINE, Link, block_on, client_failure},
    output::{self, Output, table},
    place::Place,
};

/// Grace beyond a run's own deadline for its answer to arrive.
const ANSWER_GRACE: Duration = Duration::from_secs(10);
/// The longest message read from standard input.
const STDIN_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Agent) -> Result<(), Failure> {
    match command {
        Agent::List => list(place, output),
        Agent::Status { agent } => status(place, output, &agent),
        Agent::Config {
            first,
            second,
            rest,
        } => config(place, output, words(first, second, rest)),
        Agent::Create {
            agent,
            name,
            role_word,
            role,
            display_name,
            model,
            purpose,
        } => {
            let (name, role) = named(display_name, role, name, role_word);
            create(place, output, (&agent, name, role), model, purpose)
        }
        Agent::Delete { agent, yes } => delete(place, output, &agent, yes),
        Agent::Restart { agent } => restart(place, output, &agent),
        Agent::Send(send) => say(place, output, &send),
        Agent::Prompt {
            agent,
            session,
            message,
        } => prompt(place, output, (&agent, &session, message)),
    }
}

/// An agent id, or why it is none.
pub(crate) fn agent_id(text: &str) -> Result<AgentId, Failure> {
    AgentId::parse(text).map_err(|error| Failure::from_error(&error).code(error::USAGE))
}

/// A session, named by id or by full key.
pub(crate) fn session_ref(text: &str) -> Result<SessionRef, Failure> {
    text.parse()
        .map_err(|error: openclaw_types::IdError| Failure::from_error(&error).code(error::USAGE))
}

fn list(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let rows = if crate::link::address(&config).is_some() {
        block_on(async {
            Ok(Link::open(&config)
                .await?
                .call::<AgentsList>(&Empty {})
                .await?
                .agents)
        })?
    } else {
        offline(&config)
    };
    output.either(&rows, || {
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let model = row
                    .model
                    .as_ref()
                    .map(|model| model.primary.clone())
                    .unwrap_or_default();
                vec![
                    row.id.clone(),
                    row.role.clone(),
                    row.status.clone(),
                    row.sessions.to_string(),
                    model,
                ]
            })
            .collect();
        table(&["Agent", "Role", "Status", "Sessions", "Model"], &lines)
    })
}

/// What the configuration says of the agents while no gateway runs.
fn offline(config: &openclaw_config::Config) -> Vec<AgentRow> {
    config
        .agents
        .iter()
        .map(|agent| AgentRow {
            id: agent.id.to_string(),
            name: Some(agent.name.clone()),
            identity: None,
            role: agent.role.clone(),
            status: "offline".to_owned(),
            reason: None,
            primary: agent.primary,
            workspace: config
                .paths
                .agents()
                .join(agent.id.as_str())
                .display()
                .to_string(),
            model: Some(openclaw_wire::methods::agents::ModelRef {
                primary: agent.model.reference.clone(),
                fallbacks: agent.model.fallbacks.clone(),
            }),
            port: agent.port,
            sessions: 0,
            runs: 0,
            waiting: 0,
            last_activity: None,
        })
        .collect()
}

fn status(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let config = place.config()?;
    let agent_id = agent_id(agent)?;
    let row = if crate::link::address(&config).is_some() {
        block_on(async {
            Link::open(&config)
                .await?
                .call::<AgentsStatus>(&AgentParams { agent_id })
                .await
        })?
    } else {
        let unknown = || {
            Failure::new(format!("no agent `{agent}`"))
                .hint("`openclaw agent list` shows all")
                .code(error::NOT_FOUND)
        };
        offline(&config)
            .into_iter()
            .find(|row| row.id == agent)
            .ok_or_else(unknown)?
    };
    output.either(&row, || {
        let mut text = format!("Agent: {}\n", row.id);
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push_str(&format!("{name}: {value}\n"));
            }
        };
        line("Name", row.name.clone());
        line("Role", Some(row.role.clone()));
        line("Status", Some(row.status.clone()));
        line("Reason", row.reason.clone());
        line(
            "Model",
            row.model.as_ref().map(|model| model.primary.clone()),
        );
        line("Workspace", Some(row.workspace.clone()));
        line("Sessions", Some(row.sessions.to_string()));
        line(
            "Runs",
            Some(format!("{} running, {} waiting", row.runs, row.waiting)),
        );
        let last = row
            .last_activity
            .map(|ms| openclaw_types::Timestamp(ms).to_string());
        line(
            "Last activity",
            Some(last.unwrap_or_else(|| "never".to_owned())),
        );
        text
    })
}

/// `config steward get key` and `config get steward key` are the same words in another order.
fn words(first: String, second: Option<String>, rest: Vec<String>) -> Vec<String> {
    let mut words: Vec<String> = std::iter::once(first).chain(second).chain(rest).collect();
    let verb = |word: &str| word == "get" || word == "set";
    if words.len() >= 2 && verb(&words[0]) && !verb(&words[1]) {
        words.swap(0, 1);
    }
    words
}

fn config(place: &Place, output: Output, words: Vec<String>) -> Result<(), Failure> {
    let usage = || {
        Failure::new("not a configuration command")
            .hint("write `openclaw agent config <agent> get [key]` or `… set <key> <value>`")
            .code(error::USAGE)
    };
    let mut words = words.into_iter();
    let agent_id = agent_id(&words.next().ok_or_else(usage)?)?;
    let verb = words.next().unwrap_or_else(|| "get".to_owned());
    let rest: Vec<String> = words.collect();
    let config = place.config()?;
    match (verb.as_str(), rest.as_slice()) {
        ("get", []) => config_get(&config, output, agent_id, None),
        ("get", [key]) => config_get(&config, output, agent_id, Some(key.clone())),
        ("set", [key, value]) => {
            // A word that is no JSON is a text.
            let value: Value = serde_json::from_str(value).unwrap_or_else(|_not_json| json!(value));
            let params = AgentsConfigSetParams {
                agent_id,
                key: key.clone(),
                value,
            };
            let result = block_on(async {
                Link::open(&config)
                    .await?
                    .call::<AgentsConfigSet>(&params)
                    .await
            })?;
            output.either(&result, || format!("{} = {}", result.key, result.value))
        }
        _ => Err(usage()),
    }
}

fn config_get(
    config: &openclaw_config::Config,
    output: Output,
    agent_id: AgentId,
    key: Option<String>,
) -> Result<(), Failure> {
    let value = if crate::link::address(config).is_some() {
        let params = AgentsConfigGetParams { agent_id, key };
        block_on(async {
            Link::open(config)
                .await?
                .call::<AgentsConfigGet>(&params)
                .await
        })?
        .value
    } else {
        from_disk(config, &agent_id, key.as_deref())?
    };
    match &value {
        Value::String(text) if !output.json => {
            output::line(text);
            Ok(())
        }
        value => output.value(value),
    }
}

/// The same value from the agent's own file, while no gateway runs.
fn from_disk(
    config: &openclaw_config::Config,
    agent: &AgentId,
    key: Option<&str>,
) -> Result<Value, Failure> {
    let path = config
        .paths
        .agents()
        .join(agent.as_str())
        .join("config.json");
    let missing = |error: std::io::Error| {
        Failure::new(format!("read {}: {error}", path.display()))
            .hint("`openclaw init` makes the workspaces, `openclaw agent list` shows the agents")
            .code(error::NOT_FOUND)
    };
    let text = std::fs::read_to_string(&path).map_err(missing)?;
    let all: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let Some(key) = key else { return Ok(all) };
    key.split('.')
        .try_fold(&all, |value, part| value.get(part))
        .cloned()
        .ok_or_else(|| {
            Failure::new(format!("agent `{agent}` has no setting `{key}`")).code(error::NOT_FOUND)
        })
}

/// Positional words: `create id role` and `create id name role` are both in use.
fn named(
    display_name: Option<String>,
    role: Option<String>,
    first: Option<String>,
    second: Option<String>,
) -> (Option<String>, Option<String>) {
    match (first, second) {
        (Some(first), Some(second)) => (display_name.or(Some(first)), role.or(Some(second))),
        (Some(first), None) if role.is_none() => (display_name, Some(first)),
        (Some(first), None) => (display_name.or(Some(first)), role),
        (None, _) => (display_name, role),
    }
}

fn create(
    place: &Place,
    output: Output,
    (agent, name, role): (&str, Option<String>, Option<String>),
    model: Option<String>,
    purpose: Option<String>,
) -> Result<(), Failure> {
    let id = agent_id(agent)?;
    let params = AgentsCreateParams {
        name: name.unwrap_or_else(|| agent.to_owned()),
        id: Some(id),
        role,
        model,
        emoji: None,
        brief: purpose,
    };
    let config = place.config()?;
    let result = block_on(async {
        Link::open(&config)
            .await?
            .call::<AgentsCreate>(&params)
            .await
    })?;
    output.either(&result, || {
        format!("created {}: {}", result.agent_id, result.workspace)
    })
}

fn delete(place: &Place, output: Output, agent: &str, yes: bool) -> Result<(), Failure> {
    let params = AgentsDeleteParams {
        agent_id: agent_id(agent)?,
        delete_files: false,
    };
    if !yes
        && !confirmed(&format!(
            "Delete agent {agent}? Its workspace is moved to the trash directory."
        ))?
    {
        return Err(Failure::new("nothing was deleted").hint("answer y, or pass --yes"));
    }
    let config = place.config()?;
    let result = block_on(async {
        Link::open(&config)
            .await?
            .call::<AgentsDelete>(&params)
            .await
    })?;
    output.either(&result, || {
        format!(
            "deleted {}; its workspace is in {}",
            result.agent_id,
            config.paths.state.join("trash").display()
        )
    })
}

/// Asks on the terminal; without one the answer is no.
pub(crate) fn confirmed(question: &str) -> Result<bool, Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() {
        return Err(
            Failure::new("this needs a yes, and there is no terminal to ask on").hint("pass --yes"),
        );
    }
    output::piece(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let _length = std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::from_error(&error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn restart(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let params = AgentParams {
        agent_id: agent_id(agent)?,
    };
    let config = place.config()?;
    let result = block_on(async {
        Link::open(&config)
            .await?
            .call::<AgentsRestart>(&params)
            .await
    })?;
    output.either(&result, || {
        format!("restarted {}: {}", result.agent_id, result.status)
    })
}

fn say(place: &Place, output: Output, send: &Send) -> Result<(), Failure> {
    let agent = agent_id(&send.agent)?;
    let session = session_ref(&send.session)?;
    let mut message = send.text.join(" ");
    if message.is_empty() {
        let read = std::io::stdin()
            .take(STDIN_BYTES_MAX)
            .read_to_string(&mut message);
        let _length = read.map_err(|error| {
            Failure::new(format!("read the message from standard input: {error}"))
        })?;
    }
    if message.trim().is_empty() {
        return Err(Failure::new("the message is empty")
            .hint("pass it as words, or on standard input")
            .code(error::USAGE));
    }
    let config = place.config()?;
    let result = block_on(async {
        let link = Link::open(&config).await?;
        ask(
            &link,
            &agent,
            &session,
            message,
            Duration::from_secs(send.timeout),
        )
        .await
    })?;
    finish(output, &result)
}

/// One message and its whole answer.
pub(crate) async fn ask(
    link: &Link,
    agent: &AgentId,
    session: &SessionRef,
    message: String,
    limit: Duration,
) -> Result<AgentResult, Failure> {
    let params = RunParams {
        message,
        idempotency_key: run_id()?,
        agent_id: Some(agent.clone()),
        session_key: Some(session.clone()),
        priority: None,
        timeout: Some(limit.as_secs()),
    };
    let started = link.client.start::<AgentRun>(&params, CALL_DEADLINE).await;
    let (_accepted, mut started) = started.map_err(|error| client_failure(&error))?;
    started
        .finish(limit + ANSWER_GRACE)
        .await
        .map_err(|error| client_failure(&error))
}

/// A fresh run id; sending it again would repeat nothing.
pub(crate) fn run_id() -> Result<RunId, Failure> {
    RunId::parse(&format!("cli-{}", SystemEnv.fresh_id()))
        .map_err(|error| Failure::from_error(&error))
}

fn finish(output: Output, result: &AgentResult) -> Result<(), Failure> {
    if output.json {
        output.value(result)?;
    } else if !result.text().is_empty() {
        output::line(&result.text());
    }
    match result.status {
        RunStatus::Ok => Ok(()),
        RunStatus::Error | RunStatus::Aborted | RunStatus::Timeout => {
            let mut failure = Failure::new(
                result
                    .error
                    .clone()
                    .unwrap_or_else(|| result.summary.clone()),
            );
            failure.hint.clone_from(&result.hint);
            Err(failure)
        }
    }
}

fn prompt(
    place: &Place,
    output: Output,
    (agent, session, message): (&str, &str, String),
) -> Result<(), Failure> {
    let params = AgentsPromptParams {
        agent_id: agent_id(agent)?,
        session_key: Some(session_ref(session)?),
        message: Some(message),
    };
    let config = place.config()?;
    let view = block_on(async {
        Link::open(&config)
            .await?
            .call::<AgentsPrompt>(&params)
            .await
    })?;
    output.either(&view, || {
        let mut text = String::new();
        for message in &view.messages {
            text.push_str(&format!("--- {} ---\n", message.role));
            for part in &message.content {
                match part {
                    ContentPart::Text { text: piece } => text.push_str(piece),
                    ContentPart::Thinking { thinking } => text.push_str(thinking),
                    ContentPart::ToolCall {
                        name, arguments, ..
                    } => text.push_str(&format!("{name}({arguments})")),
                    ContentPart::Unknown => {}
                }
            }
            text.push_str("\n\n");
        }
        let rows: Vec<Vec<String>> = view
            .parts
            .iter()
            .map(|part| {
                vec![
                    part.name.clone(),
                    part.bytes.to_string(),
                    part.tokens.to_string(),
                ]
            })
            .collect();
        text.push_str(&table(&["Part", "Bytes", "Tokens"], &rows));
        let how = if view.exact {
            "counted by the model"
        } else {
            "estimated"
        };
        text.push_str(&format!(
            "\nModel: {}\nTokens: {} ({how})\n",
            view.model, view.tokens
        ));
        text
    })
}
