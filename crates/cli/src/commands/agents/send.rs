//! `openclaw agent send`: one message, one answer, for scripts.

use std::{
    io::{self, IsTerminal as _, Read as _},
    time::Duration,
};

use openclaw_client::Started;
use openclaw_types::{AgentId, Env as _, RunId, SystemEnv};
use openclaw_wire::{
    SessionRef,
    methods::{
        agent::{Agent as AgentRun, AgentParams as RunParams, AgentResult, RunStatus},
        chat::{ChatAbort, ChatAbortParams},
    },
};
use tokio::signal::unix::{SignalKind, signal};

use super::{agent_id, session_of};
use crate::{
    args::Send,
    error::{self, Failure},
    link::{CALL_DEADLINE, Link, block_on, client_failure},
    output::{self, Output},
    patience::Patience,
    place::{Home, Place},
};

/// Grace beyond a run's own deadline for its answer to arrive.
const ANSWER_GRACE: Duration = Duration::from_secs(10);
/// The longest message; it must fit into one frame of the protocol with room to spare.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Sends and prints.
pub(super) fn run(place: &Place, output: Output, send: &Send) -> Result<(), Failure> {
    let agent = agent_id(&send.agent)?;
    let session = session_of(&agent, &send.session)?;
    let message = if send.text.is_empty() {
        from_stdin()?
    } else {
        send.text.join(" ")
    };
    check(&message)?;
    let home = Home::from(&place.config()?);
    let limit = Duration::from_secs(send.timeout);
    let result = block_on(async {
        let link = Link::open(&home).await?;
        let params = run_params((&agent, &session), message, Some(limit))?;
        // Received from here on: once the message is on its way, Ctrl-C has to stop the run too.
        let interrupts = signal(SignalKind::interrupt());
        let mut interrupts = interrupts.map_err(|error| Failure::from_error(&error))?;
        let started = begin(&link, &params).await;
        let mut started = started.map_err(|error| client_failure(&error))?;
        let answered = Patience::new().wait(&link, finish(&mut started, limit + ANSWER_GRACE));
        tokio::select! {
            biased;
            answered = answered => answered,
            _pressed = interrupts.recv() => {
                abort(&link, &session, Some(params.idempotency_key.clone())).await?;
                Err(Failure::new("stopped").code(error::INTERRUPTED))
            }
        }
    })?;
    print(output, &result)
}

fn from_stdin() -> Result<String, Failure> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => not_utf8(),
        _ => Failure::new(format!("read the message from standard input: {error}")),
    };
    if io::stdin().is_terminal() {
        output::note("type the message; Ctrl-D on an empty line sends it");
    }
    let mut message = String::new();
    // One byte more than fits shows that it does not.
    let limit = u64::try_from(MESSAGE_BYTES_MAX).unwrap_or(u64::MAX);
    let _length = io::stdin()
        .take(limit.saturating_add(1))
        .read_to_string(&mut message)
        .map_err(failed)?;
    // The end of the last line is the shell's, not the message's.
    message.truncate(message.trim_end_matches(['\n', '\r']).len());
    Ok(message)
}

/// What was read is no text.
pub(crate) fn not_utf8() -> Failure {
    Failure::new("the message is not UTF-8")
        .hint("convert it first, as `iconv -f LATIN1 -t UTF-8` does")
}

/// Refuses what can't be a message before it is sent.
pub(crate) fn check(message: &str) -> Result<(), Failure> {
    if message.trim().is_empty() {
        return Err(Failure::new("the message is empty")
            .hint("pass it as words, or on standard input")
            .code(error::USAGE));
    }
    if message.len() > MESSAGE_BYTES_MAX {
        return Err(too_large());
    }
    Ok(())
}

/// What was read is more than a message may hold.
pub(crate) fn too_large() -> Failure {
    Failure::new(format!(
        "the message is larger than {} MiB",
        MESSAGE_BYTES_MAX / 1024 / 1024
    ))
    .hint("put it into a file and send its name")
    .code(error::USAGE)
}

/// The request of one message; its run id is fresh, so sending it again repeats nothing.
pub(crate) fn run_params(
    (agent, session): (&AgentId, &SessionRef),
    message: String,
    limit: Option<Duration>,
) -> Result<RunParams, Failure> {
    let run = RunId::parse(&format!("cli-{}", SystemEnv.fresh_id()));
    Ok(RunParams {
        message,
        idempotency_key: run.map_err(|error| Failure::from_error(&error))?,
        agent_id: Some(agent.clone()),
        session_key: Some(session.clone()),
        priority: None,
        timeout: limit.map(|limit| limit.as_secs()),
    })
}

/// Sends the message; it is on disk when this returns.
pub(crate) async fn begin(
    link: &Link,
    params: &RunParams,
) -> Result<Started<AgentRun>, openclaw_client::Error> {
    let started = link.client.start::<AgentRun>(params, CALL_DEADLINE).await;
    started.map(|(_accepted, started)| started)
}

/// The whole answer.
pub(crate) async fn finish(
    started: &mut Started<AgentRun>,
    deadline: Duration,
) -> Result<AgentResult, Failure> {
    let finished = started.finish(deadline).await;
    finished.map_err(|error| client_failure(&error))
}

/// Stops one run of a session, or all of them; whether there was any.
pub(crate) async fn abort(
    link: &Link,
    session: &SessionRef,
    run_id: Option<RunId>,
) -> Result<bool, Failure> {
    let params = ChatAbortParams {
        session_key: session.clone(),
        run_id,
    };
    Ok(link.call::<ChatAbort>(&params).await?.aborted)
}

/// What is wrong with a run that did not answer.
pub(crate) fn trouble(result: &AgentResult) -> Option<Failure> {
    match result.status {
        RunStatus::Ok => None,
        RunStatus::Error | RunStatus::Aborted | RunStatus::Timeout => {
            let error = result.error.as_ref().unwrap_or(&result.summary);
            Some(Failure::new(error.clone()).maybe_hint(result.hint.clone()))
        }
    }
}

fn print(output: Output, result: &AgentResult) -> Result<(), Failure> {
    if output.json {
        output.value(result)?;
    } else if !result.text().is_empty() {
        output::line(result.text().trim_end_matches('\n'));
    }
    match trouble(result) {
        Some(failure) => Err(failure.told()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_oversized_messages_are_refused_before_they_are_sent() {
        for message in [
            String::new(),
            " \n".to_owned(),
            "x".repeat(MESSAGE_BYTES_MAX + 1),
        ] {
            assert_eq!(check(&message).unwrap_err().code, error::USAGE);
        }
        assert!(check(&"x".repeat(MESSAGE_BYTES_MAX)).is_ok());
    }
}
