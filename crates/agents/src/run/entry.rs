//! The entries of runs on their way to the transcript.

use std::time::Duration;

use openclaw_sessions::{Appended, Draft, Kind};
use openclaw_types::{RunId, SessionId};
use tokio::time::Instant;

use crate::{
    agent::Agent,
    core::Core,
    limits::RETRY_MS,
    outcome::{Failure, FailureKind},
    runs::Run,
};

/// The entry that ends a run of which nothing else is known.
pub(super) fn aborted_draft(run: &Run, reason: String) -> Draft {
    Draft {
        content: reason,
        run: Some(run.id.clone()),
        ..Draft::record(Kind::Aborted, run.session.clone())
    }
}

/// The entry that ends a run that died with the process.
pub(crate) fn interrupted_draft(session: SessionId, run: RunId) -> Draft {
    Draft {
        content: "interrupted by a stop of the gateway".to_owned(),
        run: Some(run),
        ..Draft::record(Kind::Aborted, session)
    }
}

/// Appends one entry; a full commit queue is waited out, because the entry is all that is left of a run.
pub(super) async fn append(
    core: &Core,
    agent: &Agent,
    draft: Draft,
    deadline: Instant,
) -> Result<Appended, Failure> {
    let (mut pause_ms, pause_ms_max) = RETRY_MS;
    loop {
        let appended = core.store.append(&agent.id, vec![draft.clone()]);
        let result = tokio::time::timeout_at(deadline, appended).await;
        match result {
            Ok(Ok(mut entries)) => {
                let lost = || Failure::new(FailureKind::Storage, "the store lost the entry");
                return entries.pop().ok_or_else(lost);
            }
            Ok(Err(openclaw_sessions::Error::Busy)) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(pause_ms)).await;
                pause_ms = (pause_ms * 2).min(pause_ms_max);
            }
            Ok(Err(error)) => return Err(Failure::of(FailureKind::Storage, &error)),
            Err(_) => {
                return Err(Failure::new(
                    FailureKind::Storage,
                    "the disk did not take the entry in time",
                ));
            }
        }
    }
}
