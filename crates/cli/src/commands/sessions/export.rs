//! `openclaw session export`: one session or all of an agent's, to standard output or a file.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use openclaw_sessions::{Snapshot, decode, markdown, markdown_heading};
use openclaw_types::{AgentId, SessionKey};
use openclaw_wire::{
    SessionRef,
    methods::sessions::{SessionsExport, SessionsExportParams, SessionsList, SessionsListParams},
};
use serde::Serialize;

use super::{LIST_MAX, key, missing, snapshot};
use crate::{
    args::Export,
    commands::agents::{agent_id, resting_one},
    error::Failure,
    link::{Link, block_on, is_running},
    output::{self, Output},
    place::{Home, Place},
};

/// Bytes read at once.
const PIECE_BYTES: usize = 1 << 20;

/// What was written where.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    sessions: usize,
    bytes: u64,
}

/// Where the text goes.
enum Sink {
    Terminal,
    File(File, PathBuf),
}

impl Sink {
    fn write(&mut self, text: &str) -> Result<u64, Failure> {
        match self {
            Self::Terminal => output::piece(text),
            Self::File(file, path) => {
                let written = file.write_all(text.as_bytes());
                written.map_err(|error| failed("write", path, &error))?;
            }
        }
        Ok(text.len() as u64)
    }
}

/// Writes sessions out.
pub(super) fn export(place: &Place, output: Output, export: &Export) -> Result<(), Failure> {
    let config = place.config()?;
    let agent = agent_id(&export.agent)?;
    let wanted = match &export.session {
        Some(session) => Some(key((&export.agent, session))?),
        None => None,
    };
    let mut sink = match &export.output {
        Some(path) if export.force => {
            // The old file stays until the new one is whole.
            let part = beside(path);
            Sink::File(create(&part)?, part)
        }
        Some(path) => Sink::File(create(path)?, path.clone()),
        None => Sink::Terminal,
    };
    let as_markdown = export.format == "markdown";
    let written = if is_running(&config.paths) {
        let home = Home::from(&config);
        block_on(async {
            let link = Link::open(&home).await?;
            online(&link, (&agent, wanted), as_markdown, &mut sink).await
        })
    } else {
        let _agent = resting_one(&config, &agent)?;
        offline(
            &snapshot(&config)?,
            (&agent, wanted),
            as_markdown,
            &mut sink,
        )
    };
    let Sink::File(file, path) = sink else {
        return written.map(drop);
    };
    let named = export.output.as_ref().unwrap_or(&path);
    let finished = written.and_then(|done| {
        let synced = file.sync_all().and_then(|()| fs::rename(&path, named));
        synced.map_err(|error| failed("write", named, &error))?;
        Ok(done)
    });
    match finished {
        Ok((sessions, bytes)) => {
            let written = Written {
                file: named.clone(),
                sessions,
                bytes,
            };
            output.either(&written, || {
                let sessions = output::counted(written.sessions, "session");
                format!("{sessions}, {bytes} bytes: {}", written.file.display())
            })
        }
        Err(failure) => {
            // Half of an export would look like a whole one.
            drop(fs::remove_file(&path));
            Err(failure)
        }
    }
}

async fn online(
    link: &Link,
    (agent, wanted): (&AgentId, Option<SessionKey>),
    as_markdown: bool,
    sink: &mut Sink,
) -> Result<(usize, u64), Failure> {
    let keys = match wanted {
        Some(key) => vec![key.to_string()],
        None => keys(link, agent).await?,
    };
    let mut bytes = 0;
    for key in &keys {
        let mut after_seq = None;
        loop {
            let params = SessionsExportParams {
                key: SessionRef::from_str(key).map_err(|error| Failure::from_error(&error))?,
                format: as_markdown.then(|| "markdown".to_owned()),
                after_seq,
            };
            let piece = link.call::<SessionsExport>(&params).await?;
            bytes += sink.write(&piece.text)?;
            after_seq = piece.after_seq;
            if after_seq.is_none() || output::reader_left() {
                break;
            }
        }
    }
    Ok((keys.len(), bytes))
}

/// The sessions of an agent, the oldest first.
async fn keys(link: &Link, agent: &AgentId) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    let mut offset = Some(0);
    while let Some(from) = offset {
        let params = SessionsListParams {
            agent_id: Some(agent.clone()),
            limit: Some(LIST_MAX),
            offset: Some(from),
            ..SessionsListParams::default()
        };
        let page = link.call::<SessionsList>(&params).await?;
        keys.extend(page.sessions.into_iter().map(|row| row.key));
        offset = page.next_offset;
    }
    keys.reverse();
    Ok(keys)
}

fn offline(
    snapshot: &Snapshot,
    (agent, wanted): (&AgentId, Option<SessionKey>),
    as_markdown: bool,
    sink: &mut Sink,
) -> Result<(usize, u64), Failure> {
    let keys = match wanted {
        Some(key) => vec![key],
        None => {
            let mut all = snapshot.list(Some(agent));
            all.sort_by_key(|summary| summary.last_activity);
            let key = |summary: openclaw_sessions::SessionSummary| SessionKey {
                agent: summary.agent,
                session: summary.session,
            };
            all.into_iter().map(key).collect()
        }
    };
    let mut bytes = 0;
    for key in &keys {
        if snapshot.summary(&key.agent, &key.session).is_none() {
            return Err(missing(key));
        }
        if as_markdown {
            bytes += sink.write(&markdown_heading(&key.agent, &key.session))?;
        }
        let mut after = 0;
        loop {
            let lines = snapshot
                .lines(&key.agent, &key.session, after, PIECE_BYTES)
                .map_err(|error| Failure::from_error(&error))?;
            for line in &lines.lines {
                let text = if as_markdown {
                    decode(line)
                        .map(|entry| markdown(&entry))
                        .unwrap_or_default()
                } else {
                    format!("{}\n", String::from_utf8_lossy(line))
                };
                bytes += sink.write(&text)?;
            }
            match lines.after_seq {
                Some(next) if !output::reader_left() => after = next,
                _ => break,
            }
        }
    }
    Ok((keys.len(), bytes))
}

/// Where a file is written that is to replace another.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    PathBuf::from(name)
}

/// A new file that only its owner may read.
fn create(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(format!("{} is there already", path.display()))
            .hint("name another file, or replace it with --force"),
        _ => failed("create", path, &error),
    })
}

fn failed(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{action} {}: {error}", path.display()))
}
