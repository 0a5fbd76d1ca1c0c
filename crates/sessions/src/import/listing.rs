//! Upstream's `sessions.json`: which conversations there are, under which names, in which files.

use openclaw_types::SessionId;
use serde_json::{Map, Value};

/// A conversation that the list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The name it has there: `agent:alpha:main`.
    pub key: String,
    /// The last part of that name, as a name of ours.
    pub session: SessionId,
    /// The name of its file beside the list.
    pub file: String,
    /// Its id there.
    pub id: String,
}

/// Reads a list; `None` when it is none.
#[must_use]
pub fn read_listing(bytes: &[u8]) -> Option<Vec<Listed>> {
    let map: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let all: Vec<_> = map.iter().map(|(key, entry)| listed(key, entry)).collect();
    // A file in which nothing looks like a session is another file.
    if all.iter().all(Option::is_none) && !map.is_empty() {
        return None;
    }
    Some(all.into_iter().flatten().collect())
}

fn listed(key: &str, entry: &Value) -> Option<Listed> {
    let id = entry.get("sessionId")?.as_str()?;
    // The path is one of another machine, or of another time: only the name counts, and it leads nowhere else.
    let file = entry.get("sessionFile").and_then(Value::as_str);
    let file = file.and_then(|path| path.rsplit(['/', '\\']).next());
    let file = file.map_or_else(|| format!("{id}.jsonl"), str::to_owned);
    if file.is_empty() || file.starts_with('.') {
        return None;
    }
    let name = match key.strip_prefix("agent:") {
        Some(rest) => rest.split_once(':').map_or(rest, |(_, name)| name),
        None => key,
    };
    Some(Listed {
        key: key.to_owned(),
        session: session_name(name).or_else(|| session_name(id))?,
        file,
        id: id.to_owned(),
    })
}

/// A name as our ids allow it: what they do not becomes a dash.
pub(super) fn session_name(name: &str) -> Option<SessionId> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    let name: String = name
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(openclaw_types::id::SESSION_ID_BYTES_MAX)
        .collect();
    SessionId::parse(&name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names_and_paths_lead_nowhere_else() {
        let text = br#"{
            "agent:alpha:main": {"sessionId": "0f5e", "sessionFile": "/state/0f5e.jsonl", "updatedAt": 1},
            "agent:alpha:discord:channel:7": {"sessionId": "a1"},
            "agent:alpha:Fr\u00fchst\u00fcck 2": {"sessionId": "a2", "sessionFile": "C:\\state\\a2.jsonl"},
            "global": {"sessionId": "a3", "sessionFile": "../../a3.jsonl"},
            "agent:alpha:???": {"sessionId": "a4"},
            "odd": {"sessionFile": "x"},
            "hidden": {"sessionId": "a5", "sessionFile": "/etc/.."}
        }"#;
        let found = read_listing(text).unwrap();
        let short: Vec<_> = found
            .iter()
            .map(|listed| {
                (
                    listed.session.as_str(),
                    listed.file.as_str(),
                    listed.id.as_str(),
                )
            })
            .collect();
        assert_eq!(
            short,
            [
                ("main", "0f5e.jsonl", "0f5e"),
                ("discord:channel:7", "a1.jsonl", "a1"),
                ("Fr-hst-ck-2", "a2.jsonl", "a2"),
                ("global", "a3.jsonl", "a3"),
                ("a4", "a4.jsonl", "a4"),
            ]
        );
        assert_eq!(read_listing(b"{}"), Some(Vec::new()));
        for other in [&b"[]"[..], b"{\"a\":1}", b"nonsense"] {
            assert_eq!(read_listing(other), None);
        }
    }
}
