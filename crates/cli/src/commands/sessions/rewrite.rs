//! `openclaw session archive|delete|compact`: sessions out of the way, hidden, or gone for good.

use std::time::Duration;

use openclaw_config::Config;
use openclaw_gateway::transcript;
use openclaw_sessions::{Error, Store, Which};
use openclaw_types::{AgentId, Env as _, SessionId, SessionKey, SystemEnv, Timestamp};
use openclaw_wire::{
    Method, SessionRef,
    methods::sessions::{
        SessionsArchive, SessionsArchiveParams, SessionsArchiveResult, SessionsCompact,
        SessionsCompactParams, SessionsCompactResult, SessionsDelete, SessionsDeleteParams,
        SessionsDeleteResult,
    },
};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    key, missing,
    offline::{has_transcript, with_store},
};
use crate::{
    commands::agents::{agent_id, change::confirm, session_of},
    error::{self, Failure},
    link::{Link, block_on, is_running},
    output::{self, Output, table},
    place::{Home, Place},
};

/// Time for a rewrite, which reads and writes all of an agent's files: some gigabytes of the slowest disk worth using.
const REWRITE_DEADLINE: Duration = Duration::from_secs(1_800);
/// How often it is said that it goes on.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

/// Archives a session, or all that have been idle for long.
pub(super) fn archive(
    place: &Place,
    output: Output,
    (agent, session): (&str, Option<&str>),
    older_than_ms: Option<u64>,
) -> Result<(), Failure> {
    let agent = agent_id(agent)?;
    let session = match session {
        Some(session) => Some(session_of(&agent, session)?.resolve(&agent)),
        None => None,
    };
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        let params = SessionsArchiveParams {
            agent_id: agent,
            key: session.map(SessionRef::from),
            older_than_ms,
            older_than: None,
        };
        asked::<SessionsArchive>(&config, &params, "archiving")?
    } else {
        if !has_transcript(&config, &agent)? {
            return match session {
                Some(key) => Err(missing(&key)),
                None => output.either(&SessionsArchiveResult::default(), nothing_to_archive),
            };
        }
        let which = which(session.map(|key| key.session), older_than_ms);
        rested(&config, &agent.clone(), "archiving", move |store| {
            let archived = store.archive(&agent, &which)?;
            Ok(transcript::archive_result(&agent, archived))
        })?
    };
    output.either(&result, || archived_text(&result))
}

fn which(session: Option<SessionId>, older_than_ms: Option<u64>) -> Which {
    match session {
        Some(session) => Which::Session(session),
        None => {
            let age = older_than_ms.map_or(i64::MAX, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
            Which::OlderThan(Timestamp(SystemEnv.now().as_millis().saturating_sub(age)))
        }
    }
}

fn archived_text(result: &SessionsArchiveResult) -> String {
    if result.archived.is_empty() {
        return nothing_to_archive();
    }
    let rows = result.archived.iter().map(|one| {
        vec![
            one.session_id.clone(),
            one.entries.to_string(),
            one.bytes.to_string(),
            one.path.clone(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table(&["Archived", "Entries", "Bytes", "File"], &rows)
}

fn nothing_to_archive() -> String {
    "nothing to archive".to_owned()
}

/// Hides a session, or removes every byte of it.
pub(super) fn delete(
    place: &Place,
    output: Output,
    names: (&str, &str),
    (purge, yes): (bool, bool),
) -> Result<(), Failure> {
    let key = key(names)?;
    let config = place.config()?;
    let question = if purge {
        format!("Remove session {key} for good, archives included?")
    } else {
        format!("Delete session {key}?")
    };
    confirm(&question, yes)?;
    let doing = if purge { "purging" } else { "deleting" };
    let result = if is_running(&config.paths) {
        let params = SessionsDeleteParams {
            key: SessionRef::from(key),
            purge,
        };
        asked::<SessionsDelete>(&config, &params, doing)?
    } else {
        offline_delete(&config, key, purge, doing)?
    };
    let done = if result.purged { "purged" } else { "deleted" };
    output.either(&result, || format!("{done} {}", result.key))
}

fn offline_delete(
    config: &Config,
    key: SessionKey,
    purge: bool,
    doing: &'static str,
) -> Result<SessionsDeleteResult, Failure> {
    let agent = key.agent.clone();
    if !has_transcript(config, &agent)? {
        return Err(missing(&key));
    }
    rested(config, &agent, doing, move |store| {
        if purge {
            let _done = store.purge(&key.agent, std::slice::from_ref(&key.session))?;
        } else {
            store.delete_now(&key.agent, &key.session)?;
        }
        Ok(transcript::delete_result(&key, purge))
    })
}

/// Removes what deletions have hidden.
pub(super) fn compact(place: &Place, output: Output, agent: &str) -> Result<(), Failure> {
    let agent = agent_id(agent)?;
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        let params = SessionsCompactParams { agent_id: agent };
        asked::<SessionsCompact>(&config, &params, "compacting")?
    } else if !has_transcript(&config, &agent)? {
        SessionsCompactResult::default()
    } else {
        rested(&config, &agent.clone(), "compacting", move |store| {
            let done = store.compact(&agent)?;
            Ok(transcript::compact_result(&agent, &done))
        })?
    };
    output.either(&result, || {
        let gone = result.bytes_before.saturating_sub(result.bytes_after);
        match result.keys.len() {
            0 => "nothing was hidden".to_owned(),
            count => format!(
                "{gone} bytes removed, of {}",
                output::counted(count, "session")
            ),
        }
    })
}

/// Has the gateway do it, and says that it goes on.
fn asked<M: Method>(
    config: &Config,
    params: &M::Params,
    doing: &'static str,
) -> Result<M::Result, Failure> {
    let home = Home::from(config);
    block_on(async {
        let link = Link::open(&home).await?;
        patiently(doing, link.call_within::<M>(params, REWRITE_DEADLINE)).await
    })
}

/// Does it where no gateway runs, and says that it goes on.
fn rested<T: Send + 'static>(
    config: &Config,
    agent: &AgentId,
    doing: &'static str,
    work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
) -> Result<T, Failure> {
    with_store(config, agent, async move |store| {
        let working = tokio::task::spawn_blocking(move || work(&store));
        let done = patiently(doing, working).await;
        let done = done.map_err(|error| Failure::from_error(&error))?;
        done.map_err(|error| refused(&error))
    })
}

/// Waits for something that may take long, and says so when it does.
async fn patiently<T>(doing: &str, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(PROGRESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seconds = 0;
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                output::progress_done();
                return done;
            }
            _at = ticks.tick() => {
                if seconds > 0 {
                    output::progress(&format!("{doing}: {seconds} s"));
                }
                seconds += PROGRESS_EVERY.as_secs();
            }
        }
    }
}

fn refused(error: &Error) -> Failure {
    let failure = Failure::from_error(error).maybe_hint(transcript::hint(error).map(str::to_owned));
    match error {
        Error::UnknownSession { .. } | Error::UnknownAgent { .. } => failure.code(error::NOT_FOUND),
        _ => failure,
    }
}
