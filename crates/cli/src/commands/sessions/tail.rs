//! `openclaw session tail`: the last entries, and with `-f` what is added, as it is added.

use openclaw_client::Received;
use openclaw_types::SessionKey;
use openclaw_wire::{
    SessionRef,
    event::SessionMessage,
    methods::{
        HistoryMessage,
        sessions::{KeyParams, SessionsGet, SessionsGetParams, SessionsMessagesSubscribe},
    },
};

use super::{entry_text, from_disk, key};
use crate::{
    args::Tail,
    error::{self, Failure},
    link::{Link, block_on, is_running, not_running},
    output::{self, Output},
    place::{Home, Place},
};

/// Entries fetched at once after a gap.
const CAUGHT_UP_MAX: u32 = 1_000;
/// The event that carries an entry.
const SESSION_MESSAGE: &str = "session.message";

/// Prints the end of a session, and goes on where asked.
pub(super) fn tail(place: &Place, output: Output, tail: &Tail) -> Result<(), Failure> {
    let key = key((&tail.agent, &tail.session))?;
    let config = place.config()?;
    if !is_running(&config.paths) {
        if tail.follow {
            return Err(not_running(&config.paths));
        }
        let found = from_disk(&config, &key, (tail.lines, None))?;
        return found
            .messages
            .iter()
            .try_for_each(|message| print(output, message));
    }
    let home = Home::from(&config);
    block_on(async {
        let link = Link::open(&home).await?;
        if tail.follow {
            // Before the first look, so that nothing falls between the two.
            let params = KeyParams {
                key: SessionRef::from(key.clone()),
            };
            let _on = link.call::<SessionsMessagesSubscribe>(&params).await?;
        }
        let mut seen = 0;
        match end(&link, &key, tail.lines).await {
            Ok(messages) => show(output, &messages, &mut seen)?,
            // A session begins with its first message, which may be yet to come.
            Err(failure) if tail.follow && failure.code == error::NOT_FOUND => {}
            Err(failure) => return Err(failure),
        }
        if tail.follow {
            follow(link, output, &key, seen).await
        } else {
            Ok(())
        }
    })
}

async fn end(link: &Link, key: &SessionKey, limit: u32) -> Result<Vec<HistoryMessage>, Failure> {
    let params = SessionsGetParams {
        key: SessionRef::from(key.clone()),
        limit: Some(limit),
        before_seq: None,
    };
    Ok(link.call::<SessionsGet>(&params).await?.messages)
}

async fn follow(
    mut link: Link,
    output: Output,
    key: &SessionKey,
    mut seen: u64,
) -> Result<(), Failure> {
    let wanted = key.to_string();
    loop {
        let received = tokio::select! {
            biased;
            () = output::reader_leaves() => return Ok(()),
            received = link.events.next() => received,
        };
        let Some(received) = received else { break };
        match received {
            Received::Event(event) if event.name == SESSION_MESSAGE => {
                let Ok(added) = event.read::<SessionMessage>() else {
                    continue;
                };
                if added.session_key == wanted {
                    show(output, &[added.message], &mut seen)?;
                }
            }
            Received::Event(_) => {}
            Received::Missed(_) => {
                let messages = end(&link, key, CAUGHT_UP_MAX).await?;
                show(output, &messages, &mut seen)?;
            }
        }
    }
    Err(Failure::new("the gateway is gone").code(error::NOT_RUNNING))
}

/// Prints what was not printed yet.
fn show(output: Output, messages: &[HistoryMessage], seen: &mut u64) -> Result<(), Failure> {
    for message in messages {
        let seq = message.place.as_ref().map_or(0, |place| place.seq);
        if seq > *seen {
            *seen = seq;
            print(output, message)?;
        }
    }
    Ok(())
}

fn print(output: Output, message: &HistoryMessage) -> Result<(), Failure> {
    if !output.json {
        output::line(entry_text(message).trim_end());
        return Ok(());
    }
    // One line each, because a tail has no end that could close a list.
    let line = serde_json::to_string(message).map_err(|error| Failure::from_error(&error))?;
    output::line(&line);
    Ok(())
}
