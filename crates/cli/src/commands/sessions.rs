//! `openclaw session …`; what only reads also works while no gateway runs.

mod export;
mod import;
mod keep;
mod offline;
mod rewrite;
mod search;
mod tail;

use std::sync::Arc;

use openclaw_config::Config;
use openclaw_gateway::transcript;
use openclaw_sessions::{RealDisk, Snapshot, read_only};
use openclaw_types::{SessionKey, Timestamp};
use openclaw_wire::{
    SessionRef,
    methods::{
        ContentPart, HistoryMessage, SessionRow,
        agents::{AgentParams, AgentsStatus},
        sessions::{
            SessionsCreate, SessionsCreateParams, SessionsGet, SessionsGetParams,
            SessionsGetResult, SessionsList, SessionsListParams,
        },
    },
};

use super::agents::{agent_id, resting_one, session_of};
use crate::{
    args::Session,
    error::{self, Failure},
    link::{call, is_running},
    output::{Output, table},
    place::Place,
};

/// Sessions of one list at most.
const LIST_MAX: u32 = 1000;

/// Runs one of them.
pub(crate) fn run(place: &Place, output: Output, command: Session) -> Result<(), Failure> {
    match command {
        Session::Create { agent } => create(place, output, &agent),
        Session::List { agent, archived } => list(place, output, agent.as_deref(), archived),
        Session::Get {
            agent,
            session,
            limit,
            before,
        } => get(place, output, (&agent, &session), (limit, before)),
        Session::Delete {
            agent,
            session,
            purge,
            yes,
        } => rewrite::delete(place, output, (&agent, &session), (purge, yes)),
        Session::Archive {
            agent,
            session,
            older_than,
        } => rewrite::archive(place, output, (&agent, session.as_deref()), older_than),
        Session::Compact { agent } => rewrite::compact(place, output, &agent),
        Session::Commit { agent, session } => keep::commit(place, output, (&agent, &session)),
        Session::Verify { agent, session } => {
            keep::verify(place, output, (&agent, session.as_deref()))
        }
        Session::Search(wanted) => search::search(place, output, &wanted),
        Session::Tail(wanted) => tail::tail(place, output, &wanted),
        Session::Export(wanted) => export::export(place, output, &wanted),
        Session::Import(wanted) => import::import(place, output, &wanted),
    }
}

fn key((agent, session): (&str, &str)) -> Result<SessionKey, Failure> {
    let agent = agent_id(agent)?;
    Ok(session_of(&agent, session)?.resolve(&agent))
}

fn create(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let params = SessionsCreateParams {
        agent_id: Some(agent_id(agent)?),
        key: None,
    };
    let result = call::<SessionsCreate>(&place.config()?, &params)?;
    output.either(&result, || result.session_id.clone())
}

fn list(place: &Place, output: Output, agent: Option<&str>, archived: bool) -> Result<(), Failure> {
    let agent_id = agent.map(agent_id).transpose()?;
    let config = place.config()?;
    let rows = if is_running(&config.paths) {
        if let Some(agent_id) = agent_id.clone() {
            // The list alone does not tell an agent without sessions from one that is not there.
            let _row = call::<AgentsStatus>(&config, &AgentParams { agent_id })?;
        }
        let params = SessionsListParams {
            agent_id,
            limit: Some(LIST_MAX),
            archived,
            ..SessionsListParams::default()
        };
        call::<SessionsList>(&config, &params)?.sessions
    } else {
        if let Some(agent_id) = &agent_id {
            let _agent = resting_one(&config, agent_id)?;
        }
        let snapshot = snapshot(&config)?;
        let summaries = if archived {
            snapshot.list_archived(agent_id.as_ref())
        } else {
            snapshot.list(agent_id.as_ref())
        };
        let mut rows: Vec<SessionRow> = summaries.iter().map(transcript::row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.updated_at));
        rows.truncate(LIST_MAX as usize);
        rows
    };
    output.either(&rows, || {
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.agent_id.clone(),
                    row.session_id.clone(),
                    row.entries.to_string(),
                    Timestamp(row.updated_at).to_string(),
                    row.last_message_preview.clone().unwrap_or_default(),
                ]
            })
            .collect();
        table(
            &[
                "Agent",
                "Session",
                "Entries",
                "Last activity",
                "Last message",
            ],
            &lines,
        )
    })
}

fn snapshot(config: &Config) -> Result<Snapshot, Failure> {
    read_only(&config.paths.agents(), Arc::new(RealDisk))
        .map_err(|error| Failure::from_error(&error))
}

fn get(
    place: &Place,
    output: Output,
    names: (&str, &str),
    (limit, before_seq): (u32, Option<u64>),
) -> Result<(), Failure> {
    let key = key(names)?;
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        let params = SessionsGetParams {
            key: SessionRef::from(key),
            limit: Some(limit),
            before_seq,
        };
        call::<SessionsGet>(&config, &params)
    } else {
        from_disk(&config, &key, (limit, before_seq))
    };
    let result = result.map_err(|failure| perhaps_swapped(&config, failure, names))?;
    output.either(&result, || text(&result))
}

/// Asks whether the names stand in the wrong order, where the second is an agent's and the first is not.
fn perhaps_swapped(config: &Config, failure: Failure, (first, second): (&str, &str)) -> Failure {
    let is_agent = |name: &str| {
        let agent = openclaw_types::AgentId::parse(name).ok();
        agent.is_some_and(|agent| resting_one(config, &agent).is_ok())
    };
    if failure.code == error::NOT_FOUND && is_agent(second) && !is_agent(first) {
        return failure.hint(format!(
            "the agent comes first: `openclaw session get {second} {first}`"
        ));
    }
    failure
}

fn from_disk(
    config: &Config,
    key: &SessionKey,
    (limit, before_seq): (u32, Option<u64>),
) -> Result<SessionsGetResult, Failure> {
    let _agent = resting_one(config, &key.agent)?;
    let snapshot = snapshot(config)?;
    let summary = snapshot
        .summary(&key.agent, &key.session)
        .ok_or_else(|| missing(key))?;
    let limit = limit as usize;
    let read = transcript::with_markers(limit);
    let page = snapshot
        .page(&key.agent, &key.session, before_seq, read)
        .map_err(|error| Failure::from_error(&error))?;
    let (messages, has_more) = transcript::messages(&page, limit);
    Ok(SessionsGetResult {
        session: transcript::row(&summary),
        messages,
        has_more,
    })
}

fn missing(key: &SessionKey) -> Failure {
    Failure::new(format!(
        "no session `{}` of agent `{}`",
        key.session, key.agent
    ))
    .hint(format!(
        "`openclaw session list {}` shows all; a session begins with its first message",
        key.agent
    ))
    .code(error::NOT_FOUND)
}

fn text(result: &SessionsGetResult) -> String {
    let session = &result.session;
    let archived = if session.archived { " · archived" } else { "" };
    let mut text = format!("{} · {} entries{archived}\n", session.key, session.entries);
    for message in &result.messages {
        text.push('\n');
        text.push_str(&entry_text(message));
    }
    let first = result.messages.first();
    let first = first.and_then(|message| message.place.as_ref());
    if let (true, Some(first)) = (result.has_more, first) {
        text.push_str(&format!("\nolder entries: --before {}\n", first.seq));
    }
    text
}

/// One entry as people read it.
fn entry_text(message: &HistoryMessage) -> String {
    let seq = message.place.as_ref().map_or(0, |place| place.seq);
    let when = Timestamp(message.timestamp);
    let kind = message.kind.as_deref();
    let kind = kind.map(|kind| format!(" ({kind})")).unwrap_or_default();
    let said: Vec<String> = message.content.iter().filter_map(said).collect();
    let (role, said) = (&message.role, said.join("\n"));
    format!("[{seq}] {when} {role}{kind}\n{said}\n")
}

fn said(part: &ContentPart) -> Option<String> {
    match part {
        ContentPart::Text { text } => Some(text.clone()),
        ContentPart::ToolCall {
            name, arguments, ..
        } => Some(format!("{name}({arguments})")),
        ContentPart::Thinking { .. } | ContentPart::Unknown => None,
    }
}
