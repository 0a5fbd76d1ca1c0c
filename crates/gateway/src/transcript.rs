//! What the store says of transcripts, as the wire tells it: one place for the gateway and for the commands that read
//! and write while none runs.

use openclaw_sessions::{
    Archived, Entry, Error, Found, Hit, Kind, Marker, Page, Rewritten, SessionSummary, Verification,
};
use openclaw_types::{AgentId, Part, SessionId, SessionKey};
use openclaw_wire::methods::{
    ContentPart, HistoryMessage, Place, SessionRow,
    sessions::{
        ArchivedSession, Flawed, SearchHit, SessionsArchiveResult, SessionsCommitResult,
        SessionsCompactResult, SessionsDeleteResult, SessionsSearchResult, SessionsVerifyResult,
        VerifiedSession,
    },
};

/// What can be done about an error of the store.
#[must_use]
pub fn hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::TooLarge { .. } => Some("send it in pieces, or raise `session.entryBytesMax`"),
        Error::Running { .. } => {
            Some("wait for it or abort it; one that was cut off is ended when the gateway starts")
        }
        Error::UnknownSession { .. } => Some("`openclaw session list` shows all"),
        Error::Unreadable { .. } | Error::Damaged { .. } => {
            Some("`openclaw session verify` shows what is damaged")
        }
        other => openclaw_agents::full_disk_hint(other),
    }
}

/// A session's full key.
#[must_use]
pub fn key(agent: &AgentId, session: &SessionId) -> String {
    SessionKey {
        agent: agent.clone(),
        session: session.clone(),
    }
    .to_string()
}

/// One session as lists show it.
#[must_use]
pub fn row(summary: &SessionSummary) -> SessionRow {
    SessionRow {
        key: key(&summary.agent, &summary.session),
        kind: "direct".to_owned(),
        agent_id: summary.agent.to_string(),
        session_id: summary.session.to_string(),
        display_name: None,
        created_at: Some(summary.created.as_millis()),
        updated_at: summary.last_activity.as_millis(),
        entries: summary.entries,
        last_role: Some(summary.last_role.as_str().to_owned()),
        last_message_preview: Some(summary.preview.clone()),
        owner: summary.owner.map(|owner| owner.as_str().to_owned()),
        status: None,
        committed_seq: summary.committed_seq,
        archived: summary.archived,
        model: None,
    }
}

/// How many entries to read so that so many are left when the commit markers among them are passed over: two
/// markers never stand side by side, and mostly a question and its answer stand between them.
#[must_use]
pub const fn with_markers(limit: usize) -> usize {
    limit.saturating_add(limit / 2 + 1)
}

/// The last entries of a page as messages, without commit markers, which are the file's business; and whether there
/// are older ones.
#[must_use]
pub fn messages(page: &Page, limit: usize) -> (Vec<HistoryMessage>, bool) {
    let said = page.entries.iter();
    let said: Vec<_> = said.filter(|entry| entry.kind != Kind::Commit).collect();
    let cut = said.len().saturating_sub(limit);
    let messages = said[cut..].iter().map(|entry| history_message(entry));
    (messages.collect(), cut > 0 || page.before_seq.is_some())
}

/// An entry as history shows it.
#[must_use]
pub fn history_message(entry: &Entry) -> HistoryMessage {
    let mut content: Vec<ContentPart> = entry.parts.iter().map(ContentPart::from).collect();
    if content.is_empty() {
        content.push(ContentPart::Text {
            text: entry.content.clone(),
        });
    }
    let result = entry.parts.iter().find_map(|part| match part {
        Part::ToolResult(result) => Some(result),
        Part::Text(_) | Part::Reasoning(_) | Part::ToolCall(_) => None,
    });
    let role = if entry.kind == Kind::ToolResult {
        "toolResult"
    } else {
        entry.role.as_str()
    };
    HistoryMessage {
        role: role.to_owned(),
        content,
        timestamp: entry.timestamp.as_millis(),
        model: entry.model.clone(),
        usage: entry.usage.map(Into::into),
        run_id: entry.run.as_ref().map(ToString::to_string),
        kind: (entry.kind != Kind::Message).then(|| entry.kind.as_str().to_owned()),
        tool_call_id: result.map(|result| result.call_id.clone()),
        tool_name: result.map(|result| result.name.clone()),
        is_error: result.map(|result| result.is_error),
        place: Some(Place {
            id: Some(entry.id.clone()),
            seq: entry.seq,
        }),
    }
}

/// What came of a commit.
#[must_use]
pub fn commit_result(key: &SessionKey, marker: Option<Marker>) -> SessionsCommitResult {
    SessionsCommitResult {
        key: key.to_string(),
        committed: marker.is_some(),
        entries: marker.map(|marker| marker.entries),
        through: marker.map(|marker| marker.through),
        sha256: marker.map(|marker| marker.sum()),
    }
}

/// What came of an archiving.
#[must_use]
pub fn archive_result(agent: &AgentId, archived: Vec<Archived>) -> SessionsArchiveResult {
    let archived = archived.into_iter().map(|archived| ArchivedSession {
        key: key(agent, &archived.session),
        session_id: archived.session.to_string(),
        entries: archived.entries,
        bytes: archived.bytes,
        path: archived.path.display().to_string(),
    });
    SessionsArchiveResult {
        archived: archived.collect(),
    }
}

/// What came of a deletion that went through.
#[must_use]
pub fn delete_result(key: &SessionKey, purged: bool) -> SessionsDeleteResult {
    SessionsDeleteResult {
        ok: true,
        key: key.to_string(),
        deleted: true,
        purged,
        archived: Vec::new(),
    }
}

/// What came of a compaction.
#[must_use]
pub fn compact_result(agent: &AgentId, done: &Rewritten) -> SessionsCompactResult {
    let sessions = done.sessions.iter();
    SessionsCompactResult {
        keys: sessions.map(|session| key(agent, session)).collect(),
        bytes_before: done.bytes_before,
        bytes_after: done.bytes_after,
    }
}

/// What a verification found.
#[must_use]
pub fn verify_result(agent: &AgentId, found: Verification) -> SessionsVerifyResult {
    let sessions = found.sessions.into_iter().map(|verified| VerifiedSession {
        key: SessionKey {
            agent: agent.clone(),
            session: verified.session,
        }
        .to_string(),
        entries: verified.entries,
        markers: verified.markers,
        verified_through: verified.verified_through,
        uncommitted: verified.uncommitted,
        problems: (verified.problems.iter())
            .map(|problem| Flawed {
                path: problem.path.display().to_string(),
                offset: problem.offset,
                what: problem.what.to_string(),
            })
            .collect(),
    });
    let damaged = found.damaged.iter().map(|place| Flawed {
        path: place.path.display().to_string(),
        offset: place.offset,
        what: place.fault.to_string(),
    });
    let sessions: Vec<VerifiedSession> = sessions.collect();
    let damaged: Vec<Flawed> = damaged.collect();
    SessionsVerifyResult {
        ok: damaged.is_empty() && sessions.iter().all(|one| one.problems.is_empty()),
        sessions,
        damaged,
    }
}

/// What a search found.
#[must_use]
pub fn search_result(found: Found) -> SessionsSearchResult {
    SessionsSearchResult {
        hits: found.hits.into_iter().map(hit).collect(),
        more: found.more,
        stopped: found.stopped,
        bytes: found.bytes,
    }
}

fn hit(hit: Hit) -> SearchHit {
    SearchHit {
        agent_id: hit.agent.to_string(),
        session_id: hit.session.to_string(),
        key: SessionKey {
            agent: hit.agent,
            session: hit.session,
        }
        .to_string(),
        seq: hit.seq,
        id: hit.id,
        timestamp: hit.timestamp.as_millis(),
        role: hit.role.as_str().to_owned(),
        kind: (hit.kind != Kind::Message).then(|| hit.kind.as_str().to_owned()),
        snippet: hit.snippet,
        ranges: hit.ranges,
    }
}
