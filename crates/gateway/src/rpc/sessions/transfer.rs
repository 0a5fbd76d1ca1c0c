//! `sessions.export` and `sessions.import`: conversations as text, a piece at a time.

use std::sync::Arc;

use openclaw_sessions::{
    Appended, Entry, Error, Imported, Problems, decode, markdown, markdown_heading,
    read_transcripts,
};
use openclaw_types::SessionKey;
use openclaw_wire::{
    ErrorShape,
    methods::sessions::{
        SessionsExportParams, SessionsExportResult, SessionsImportParams, SessionsImportResult,
    },
};

use crate::rpc::{Call, blocking, error};

/// Bytes of one piece: a frame that neither side has to wait for.
const PIECE_BYTES: usize = 1 << 20;
/// Bad lines that an answer names.
const NAMED_MAX: usize = 5;

/// The next piece of a session.
pub(crate) async fn export(
    call: Arc<Call>,
    params: SessionsExportParams,
) -> Result<SessionsExportResult, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    let as_markdown = match params.format.as_deref() {
        None | Some("jsonl") => false,
        Some("markdown") => true,
        Some(_) => {
            return Err(ErrorShape::invalid(
                "invalid sessions.export params: `format` is jsonl or markdown",
            ));
        }
    };
    let after = params.after_seq.unwrap_or_default();
    blocking(move || {
        let store = &call.state.store;
        let lines = store.lines(&key.agent, &key.session, after, PIECE_BYTES);
        let lines = lines.map_err(|e| error::store(&e))?;
        let mut text = String::new();
        if as_markdown && after == 0 {
            text.push_str(&markdown_heading(&key.agent, &key.session));
        }
        for line in &lines.lines {
            if as_markdown {
                text.push_str(
                    &decode(line)
                        .map(|entry| markdown(&entry))
                        .unwrap_or_default(),
                );
            } else {
                // A line that was read back is valid UTF-8.
                text.push_str(&String::from_utf8_lossy(line));
                text.push('\n');
            }
        }
        Ok(SessionsExportResult {
            key: key.to_string(),
            text,
            after_seq: lines.after_seq,
        })
    })
    .await
}

/// Makes a session of lines from elsewhere, or goes on with one that an import began.
pub(crate) async fn import(
    call: Arc<Call>,
    params: SessionsImportParams,
) -> Result<SessionsImportResult, ErrorShape> {
    let key = call.session(None, Some(&params.key))?;
    let (text, after, more) = (params.text, params.after_seq, params.more);
    let found =
        blocking(move || read_transcripts(text.as_bytes()).map_err(|e| refused(&e))).await?;
    let Ok(
        [
            Imported {
                entries, skipped, ..
            },
        ],
    ) = <[Imported; 1]>::try_from(found)
    else {
        return Err(ErrorShape::invalid(
            "invalid sessions.import params: `text` must hold the lines of exactly one session",
        ));
    };
    let store = &call.state.store;
    let appended = match after {
        None if more => begin(&call, &key, entries).await,
        None => store.import(&key.agent, &key.session, entries).await,
        Some(after) => {
            expect_end(&call, &key, after)?;
            store.import_more(&key.agent, &key.session, entries).await
        }
    };
    let appended = appended.map_err(|e| error::store(&e))?;
    if !more {
        call.state.imports.ended(&key);
    }
    Ok(SessionsImportResult {
        key: key.to_string(),
        imported: crate::report::count(appended.len()),
        skipped,
        last_seq: appended.last().map_or(0, |last| last.seq),
    })
}

/// Takes the first of several pieces.
async fn begin(call: &Call, key: &SessionKey, entries: Vec<Entry>) -> Result<Vec<Appended>, Error> {
    let imports = &call.state.imports;
    if !imports.expect(key, call.peer.number) {
        return Err(Error::Busy);
    }
    let store = &call.state.store;
    let appended = store.import(&key.agent, &key.session, entries).await;
    match &appended {
        Ok(_) => imports.begun(key),
        Err(_) => imports.ended(key),
    }
    appended
}

/// An import goes on only where it stopped: an entry of anybody else in between ends it.
fn expect_end(call: &Call, key: &SessionKey, after: u64) -> Result<(), ErrorShape> {
    let summary = call.state.store.summary(&key.agent, &key.session);
    let summary = summary.ok_or_else(|| error::no_session(key))?;
    if summary.last_seq == after {
        return Ok(());
    }
    Err(ErrorShape::invalid(format!(
        "the session ends with {}, not with {after}: somebody else has written to it",
        summary.last_seq
    )))
}

fn refused(problems: &Problems) -> ErrorShape {
    let lines = problems.lines.iter().take(NAMED_MAX);
    let named: Vec<String> = lines
        .map(|problem| format!("line {}: {}", problem.line, problem.fault))
        .collect();
    let more = problems
        .count
        .saturating_sub(crate::report::count(named.len()));
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    ErrorShape::invalid(format!("nothing was imported: {}{more}", named.join("; ")))
}
