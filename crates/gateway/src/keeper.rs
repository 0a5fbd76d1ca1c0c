//! The keeper: commit markers for sessions that rest, archives of those that have long been idle, without anybody
//! asking.
//!
//! What is due is planned elsewhere; here is when it is looked for, and who does it: never a thread that serves sockets.

pub(crate) mod archive;

use std::{sync::Arc, time::Duration};

use openclaw_sessions::{Due, Keeper, KeeperOptions, Store};
use openclaw_types::Env;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{boot, imports::Imports, report::chain, state::State};

/// How often it is looked for what is due. A look at a store that nobody wrote to costs nothing.
const TICK: Duration = Duration::from_secs(2);
/// How long one round may take; what is left over is for the next.
const ROUND: Duration = Duration::from_secs(1);
/// How long a stop waits for markers. Without one a session is whole all the same.
pub(crate) const FINISH_DEADLINE: Duration = Duration::from_secs(2);

/// Looks for what is due until the gateway stops.
pub(crate) async fn keep(state: Arc<State>) {
    let mut keeper = Keeper::new(boot::keeper(&state.config));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Appends seen, and whether a session was left waiting then.
    let mut seen = (None, true);
    loop {
        tokio::select! {
            biased;
            () = state.stopping.cancelled() => return,
            _at = ticks.tick() => {}
        }
        let requests = Some(state.store.stats().requests);
        if seen == (requests, false) {
            continue;
        }
        let state = Arc::clone(&state);
        let round = tokio::task::spawn_blocking(move || {
            let waits = round(&mut keeper, &state.store, &state.imports, &*state.env);
            (keeper, waits)
        });
        let Ok((kept, waits)) = round.await else {
            tracing::error!("the keeper broke off; sessions get no commit markers until a restart");
            return;
        };
        keeper = kept;
        seen = (requests, waits);
    }
}

/// Does what is due; says whether some session waits still.
fn round(keeper: &mut Keeper, store: &Store, imports: &Imports, env: &dyn Env) -> bool {
    let mut sessions = store.list(None);
    keeper.forget_missing(&sessions);
    // They wait until their last piece is there.
    let held = keeper.is_waiting(&imports.take_from(&mut sessions));
    let due = keeper.commits(env.now(), &sessions, false);
    if due.is_empty() {
        return held || keeper.is_waiting(&sessions);
    }
    commit(store, due, ROUND, &mut |agent, session, last_seq| {
        keeper.settle(agent, session, last_seq);
    });
    // What was marked just now counts still: one more look, and that is all.
    held || keeper.is_waiting(&sessions)
}

/// Marks what has no marker yet, at a stop.
pub(crate) async fn finish(state: &State) {
    let options: KeeperOptions = boot::keeper(&state.config);
    let (store, now) = (state.store.clone(), state.env.now());
    let marking = tokio::task::spawn_blocking(move || {
        let due = Keeper::new(options).commits(now, &store.list(None), true);
        commit(&store, due, FINISH_DEADLINE, &mut |_, _, _| {});
    });
    if marking.await.is_err() {
        tracing::error!("the keeper broke off");
    }
}

fn commit(
    store: &Store,
    due: Vec<Due>,
    time: Duration,
    settle: &mut dyn FnMut(openclaw_types::AgentId, openclaw_types::SessionId, u64),
) {
    let deadline = Instant::now() + time;
    for due in due {
        let Due::Commit {
            agent,
            session,
            last_seq,
        } = due
        else {
            continue;
        };
        if Instant::now() > deadline {
            return;
        }
        match store.commit(&agent, &session) {
            Ok(Some(_)) => {}
            Ok(None) => settle(agent, session, last_seq),
            Err(error) => {
                // It is tried again when somebody has written to it.
                tracing::warn!(%agent, %session, error = chain(&error), "no commit marker");
                settle(agent, session, last_seq);
            }
        }
    }
}

#[cfg(test)]
mod tests;
