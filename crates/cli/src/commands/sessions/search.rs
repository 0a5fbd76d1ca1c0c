//! `openclaw session search`: entries that hold a text, from a running gateway or straight from the files.

use openclaw_config::Config;
use openclaw_gateway::transcript;
use openclaw_sessions::{Case, Query};
use openclaw_types::{Env as _, SystemEnv, Timestamp};
use openclaw_wire::{
    SessionRef,
    methods::sessions::{SessionsSearch, SessionsSearchParams, SessionsSearchResult},
};

use super::snapshot;
use crate::{
    args::Search,
    commands::agents::{agent_id, resting_one, session_of},
    error::Failure,
    link::{call, is_running},
    output::Output,
    place::Place,
};

/// Searches and prints what is found.
pub(super) fn search(place: &Place, output: Output, search: &Search) -> Result<(), Failure> {
    let config = place.config()?;
    let agent_id = search.agent.as_deref().map(agent_id).transpose()?;
    let key = match (&agent_id, &search.session) {
        (Some(agent), Some(session)) => Some(session_of(agent, session)?.resolve(agent)),
        _ => None,
    };
    let now = SystemEnv.now();
    let ago = |age: Option<u64>| {
        let ms = age.map(|age| i64::try_from(age).unwrap_or(i64::MAX));
        ms.map(|ms| now.as_millis().saturating_sub(ms))
    };
    let params = SessionsSearchParams {
        query: search.text.join(" "),
        agent_id,
        key: key.map(SessionRef::from),
        case: case_word(search).map(str::to_owned),
        limit: Some(search.limit),
        before: ago(search.until),
        after: ago(search.since),
    };
    let result = if is_running(&config.paths) {
        call::<SessionsSearch>(&config, &params)?
    } else {
        from_disk(&config, params)?
    };
    output.either(&result, || text(&result))
}

const fn case_word(search: &Search) -> Option<&'static str> {
    if search.case_sensitive {
        Some("sensitive")
    } else if search.ignore_case {
        Some("insensitive")
    } else {
        None
    }
}

fn from_disk(
    config: &Config,
    params: SessionsSearchParams,
) -> Result<SessionsSearchResult, Failure> {
    if let Some(agent) = &params.agent_id {
        let _agent = resting_one(config, agent)?;
    }
    let query = Query {
        agent: params.agent_id,
        session: params.key.map(|key| key.session),
        text: params.query,
        case: match params.case.as_deref() {
            Some("sensitive") => Case::Sensitive,
            Some("insensitive") => Case::Insensitive,
            _ => Case::Smart,
        },
        limit: params.limit.map_or(usize::MAX, |limit| limit as usize),
        before: params.before.map(Timestamp),
        after: params.after.map(Timestamp),
    };
    let snapshot = snapshot(config)?;
    // An agent that has never been spoken to has no files.
    if let Some(agent) = &query.agent
        && !snapshot.agents().any(|found| found == agent)
    {
        return Ok(SessionsSearchResult::default());
    }
    let found = snapshot
        .search(&query, &|| false)
        .map_err(|error| Failure::from_error(&error))?;
    Ok(transcript::search_result(found))
}

fn text(result: &SessionsSearchResult) -> String {
    let mut lines: Vec<String> = result
        .hits
        .iter()
        .map(|hit| {
            let when = Timestamp(hit.timestamp);
            format!(
                "{} {} [{}] {when} {}: {}",
                hit.agent_id, hit.session_id, hit.seq, hit.role, hit.snippet
            )
        })
        .collect();
    if result.hits.is_empty() {
        lines.push("nothing found".to_owned());
    }
    if result.stopped {
        lines.push("time ran out before all was searched".to_owned());
    } else if result.more {
        lines.push("there is more: raise -n, or narrow it with --since and --until".to_owned());
    }
    lines.join("\n")
}
