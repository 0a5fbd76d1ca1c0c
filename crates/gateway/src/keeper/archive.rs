//! Archiving by age and by number, and room for archives, now and then and on no thread that serves sockets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_sessions::{Due, Exceeded, Keeper, KeeperOptions, Store, Which, exceeded};
use openclaw_types::{AgentId, SessionId, Timestamp};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{boot, report::chain, state::State};

/// The first look comes when a start is over and done with.
const FIRST: Duration = Duration::from_secs(60);
/// Ages are counted in days, so that an hour is soon enough.
const TICK: Duration = Duration::from_secs(3_600);
/// After how long a round begins with no further agent; what is left over is for the next.
const ROUND: Duration = Duration::from_secs(600);

/// Looks for what is due until the gateway stops.
pub(crate) async fn keep(state: Arc<State>) {
    let options = boot::keeper(&state.config);
    let mut ticks = interval_at(Instant::now() + FIRST, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = state.stopping.cancelled() => return,
            _at = ticks.tick() => {}
        }
        let (store, now) = (state.store.clone(), state.env.now());
        let (stopping, deadline) = (state.stopping.clone(), Instant::now() + ROUND);
        let round = tokio::task::spawn_blocking(move || {
            let enough = || stopping.is_cancelled() || Instant::now() > deadline;
            for words in round(options, &store, now, &enough) {
                tracing::warn!("{words}");
            }
        });
        tokio::select! {
            biased;
            // The store ends what is under way when it is shut down, and nothing is half there.
            () = state.stopping.cancelled() => return,
            done = round => if done.is_err() {
                tracing::error!("the keeper broke off; it tries again in an hour");
            },
        }
    }
}

/// Does what is due, agent by agent until it is `enough`; returns what is too much and only reported.
fn round(
    options: KeeperOptions,
    store: &Store,
    now: Timestamp,
    enough: &dyn Fn() -> bool,
) -> Vec<String> {
    let keeper = Keeper::new(options);
    for due in keeper.archives(now, &store.list(None), &[]) {
        if enough() {
            return Vec::new();
        }
        if let Due::Archive { agent, cutoff } = due {
            archive(store, &agent, cutoff);
        }
    }
    // Archives count only when those of this round are among them.
    let mut by_agent: BTreeMap<AgentId, Vec<SessionId>> = BTreeMap::new();
    for due in keeper.archives(now, &[], &store.archives()) {
        if let Due::Remove { agent, session } = due {
            by_agent.entry(agent).or_default().push(session);
        }
    }
    for (agent, sessions) in by_agent {
        if enough() {
            return Vec::new();
        }
        remove(store, &agent, &sessions);
    }
    let mut counts: BTreeMap<AgentId, usize> = BTreeMap::new();
    for summary in store.list(None) {
        *counts.entry(summary.agent).or_default() += 1;
    }
    problems_of(options, store, counts.into_iter())
}

fn archive(store: &Store, agent: &AgentId, cutoff: Timestamp) {
    match store.archive(agent, &Which::OlderThan(cutoff)) {
        Ok(archived) => {
            tracing::info!(%agent, sessions = archived.len(), "idle sessions were archived");
        }
        Err(error) => {
            tracing::warn!(%agent, error = chain(&error), "idle sessions were not archived");
        }
    }
}

fn remove(store: &Store, agent: &AgentId, sessions: &[SessionId]) {
    match store.purge_archived(agent, sessions) {
        // They were all written to again.
        Ok(done) if done.sessions.is_empty() => {}
        Ok(done) => {
            let names: Vec<_> = done.sessions.iter().map(SessionId::as_str).collect();
            let sessions = names.join(" ");
            tracing::warn!(%agent, sessions, "the oldest archives were removed to make room");
        }
        Err(error) => {
            tracing::warn!(%agent, error = chain(&error), "old archives were not removed");
        }
    }
}

/// What is beyond a bound right now, where that is to be reported.
pub(crate) fn problems(state: &State) -> Vec<String> {
    let options = boot::keeper(&state.config);
    let counts = state.agents.list().into_iter().filter_map(|status| {
        let count = state.store.count(&status.id).ok()?;
        Some((status.id, count))
    });
    problems_of(options, &state.store, counts)
}

fn problems_of(
    options: KeeperOptions,
    store: &Store,
    counts: impl Iterator<Item = (AgentId, usize)>,
) -> Vec<String> {
    let bytes = store.archives().iter().map(|kept| kept.bytes).sum();
    let exceeded = exceeded(&options, counts, bytes);
    exceeded
        .iter()
        .map(|exceeded| words(options, exceeded))
        .collect()
}

fn words(options: KeeperOptions, exceeded: &Exceeded) -> String {
    match exceeded {
        Exceeded::Sessions { agent, count } => format!(
            "{agent} has {count} sessions, more than `session.maintenance.maxEntries` ({}); `openclaw session archive {agent} --older-than 7d` archives the idle ones",
            options.sessions_max
        ),
        Exceeded::ArchiveBytes { bytes } => format!(
            "archives take {bytes} bytes, more than `session.maintenance.maxDiskBytes` ({}); `session.maintenance.mode: \"enforce\"` removes the oldest",
            options.archive_bytes_max
        ),
    }
}

#[cfg(test)]
mod tests;
