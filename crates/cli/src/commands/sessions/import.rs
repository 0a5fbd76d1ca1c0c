//! `openclaw session import`: transcripts from elsewhere, into a running gateway or straight into the files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use openclaw_config::Config;
use openclaw_sessions::{
    Error as StoreError, Imported, Listed, Store, read_listing, read_transcripts,
};
use openclaw_types::{AgentId, SessionId, SessionKey};
use openclaw_wire::{
    SessionRef,
    methods::sessions::{
        SessionsDelete, SessionsDeleteParams, SessionsGet, SessionsGetParams, SessionsImport,
        SessionsImportParams,
    },
};
use serde::Serialize;

use super::offline::with_store;
use crate::{
    args::Import,
    commands::agents::{agent_id, resting_one},
    error::{self, Failure},
    link::{Link, block_on, is_running},
    output::{self, Output, table},
    place::{Home, Place},
};

/// The largest file: what is imported is held in memory.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Bytes of one request to a gateway, well below the largest frame.
const PIECE_BYTES: usize = 4 << 20;
/// Upstream's list of its sessions.
const LISTING: &str = "sessions.json";
/// Bad lines that are named.
const NAMED_MAX: usize = 20;

/// A conversation and where it comes from.
struct Found {
    from: String,
    /// A name may be made free by adding to it, where it was not chosen.
    session: SessionId,
    spare: Option<SessionId>,
    imported: Imported,
}

/// What became of a conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    key: String,
    from: String,
    entries: usize,
    skipped: u64,
    branches: Vec<BranchLeft>,
    imported: bool,
}

/// A branch of an upstream tree that was left out.
#[derive(Debug, Serialize)]
struct BranchLeft {
    leaf: String,
    entries: u64,
}

/// Reads everything first; nothing is written when anything of it is wrong.
pub(super) fn import(place: &Place, output: Output, import: &Import) -> Result<(), Failure> {
    let config = place.config()?;
    let agent = agent_id(&import.agent)?;
    let mut found = read(&import.path)?;
    if let Some(name) = &import.name {
        let [only] = found.as_mut_slice() else {
            let many = output::counted(found.len(), "session");
            return Err(
                Failure::new(format!("--as names one session, and there are {many}"))
                    .hint("leave --as out, or name one transcript"),
            );
        };
        only.session = SessionId::parse(name).map_err(|error| Failure::from_error(&error))?;
        only.spare = None;
    }
    let done = if is_running(&config.paths) {
        let home = Home::from(&config);
        block_on(async {
            let target = Target::Gateway(Box::new(Link::open(&home).await?));
            target.all(&agent, found, import.dry_run).await
        })?
    } else {
        let _agent = resting_one(&config, &agent)?;
        stopped(&config, &agent, found, import.dry_run)?
    };
    output.either(&done, || text(&done))
}

fn stopped(
    config: &Config,
    agent: &AgentId,
    found: Vec<Found>,
    dry_run: bool,
) -> Result<Vec<Done>, Failure> {
    with_store(config, agent, async |store: Store| {
        Target::Store(store).all(agent, found, dry_run).await
    })
}

fn read(path: &Path) -> Result<Vec<Found>, Failure> {
    if !path.is_dir() {
        let bytes = bytes(path)?;
        return match read_listing(&bytes) {
            Some(listed) => all_listed(path.parent().unwrap_or_else(|| Path::new(".")), listed),
            None => transcript(path, &bytes),
        };
    }
    let listing = path.join(LISTING);
    if listing.is_file() {
        let listed = read_listing(&bytes(&listing)?)
            .ok_or_else(|| Failure::new(format!("{} is no list of sessions", listing.display())))?;
        return all_listed(path, listed);
    }
    let unreadable = |error| unreadable(path, &error);
    let mut files: Vec<PathBuf> = Vec::new();
    for file in fs::read_dir(path).map_err(unreadable)? {
        let file = file.map_err(unreadable)?.path();
        if file.extension().is_some_and(|end| end == "jsonl") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(
            Failure::new(format!("no transcripts in {}", path.display()))
                .hint("a directory holds a sessions.json or files that end in .jsonl"),
        );
    }
    let mut found = Vec::new();
    for file in files {
        found.extend(transcript(&file, &bytes(&file)?)?);
    }
    Ok(found)
}

fn all_listed(dir: &Path, listed: Vec<Listed>) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for one in listed {
        let path = dir.join(&one.file);
        if !path.is_file() {
            // Upstream lists sessions that never got a transcript.
            output::note(&format!("{}: no transcript {}", one.key, path.display()));
            continue;
        }
        let short: String = one.id.chars().take(8).collect();
        for mut read in transcript(&path, &bytes(&path)?)? {
            read.spare = SessionId::parse(&format!("{}-{short}", one.session)).ok();
            read.session = one.session.clone();
            read.from.clone_from(&one.key);
            found.push(read);
        }
    }
    Ok(found)
}

fn transcript(path: &Path, bytes: &[u8]) -> Result<Vec<Found>, Failure> {
    let found = read_transcripts(bytes).map_err(|problems| {
        for problem in problems.lines.iter().take(NAMED_MAX) {
            output::note(&format!(
                "{}:{}: {}",
                path.display(),
                problem.line,
                problem.fault
            ));
        }
        Failure::new(format!(
            "nothing was imported: {} of {} can't be",
            output::counted(
                usize::try_from(problems.count).unwrap_or(usize::MAX),
                "line"
            ),
            path.display()
        ))
        .hint("take the lines that are named out of a copy of the file, and import the copy")
    })?;
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let fallback = stem.and_then(|stem| SessionId::parse(stem).ok());
    let mut all = Vec::new();
    for imported in found {
        let session = imported.session.clone().or_else(|| fallback.clone());
        let Some(session) = session else {
            return Err(Failure::new(format!("{} names no session", path.display()))
                .hint("give it a name with --as"));
        };
        all.push(Found {
            from: path.display().to_string(),
            session,
            spare: None,
            imported,
        });
    }
    Ok(all)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let len = fs::metadata(path)
        .map_err(|error| unreadable(path, &error))?
        .len();
    if len > FILE_BYTES_MAX {
        return Err(Failure::new(format!(
            "{} has {len} bytes, more than {FILE_BYTES_MAX}",
            path.display()
        ))
        .hint("split it at the end of a line"));
    }
    fs::read(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("read {}: {error}", path.display()))
}

/// Where it goes.
enum Target {
    Gateway(Box<Link>),
    Store(Store),
}

impl Target {
    async fn all(
        &self,
        agent: &AgentId,
        found: Vec<Found>,
        dry_run: bool,
    ) -> Result<Vec<Done>, Failure> {
        let mut done = Vec::new();
        for one in found {
            let key = self.free(agent, &one).await?;
            if !dry_run {
                self.put(&key, &one.imported).await?;
            }
            let branches = one.imported.branches.into_iter().map(|branch| BranchLeft {
                leaf: branch.leaf,
                entries: branch.entries,
            });
            done.push(Done {
                key: key.to_string(),
                from: one.from,
                entries: one.imported.entries.len(),
                skipped: one.imported.skipped,
                branches: branches.collect(),
                imported: !dry_run,
            });
        }
        Ok(done)
    }

    /// The name it gets: its own, or the one kept for the case that its own is taken.
    async fn free(&self, agent: &AgentId, found: &Found) -> Result<SessionKey, Failure> {
        for session in [Some(&found.session), found.spare.as_ref()]
            .into_iter()
            .flatten()
        {
            let key = SessionKey {
                agent: agent.clone(),
                session: session.clone(),
            };
            if !self.is_taken(&key).await? {
                return Ok(key);
            }
        }
        let (session, from) = (&found.session, &found.from);
        Err(Failure::new(format!(
            "agent `{agent}` has a session `{session}` already ({from})"
        ))
        .hint("give it another name with --as"))
    }

    async fn is_taken(&self, key: &SessionKey) -> Result<bool, Failure> {
        match self {
            Self::Store(store) => Ok(store.summary(&key.agent, &key.session).is_some()),
            Self::Gateway(link) => {
                let params = SessionsGetParams {
                    key: SessionRef::from(key.clone()),
                    limit: Some(1),
                    before_seq: None,
                };
                match link.call::<SessionsGet>(&params).await {
                    Ok(_) => Ok(true),
                    Err(failure) if failure.code == error::NOT_FOUND => Ok(false),
                    Err(failure) => Err(failure),
                }
            }
        }
    }

    async fn put(&self, key: &SessionKey, imported: &Imported) -> Result<(), Failure> {
        match self {
            Self::Store(store) => {
                let entries = imported.entries.clone();
                let done = store.import(&key.agent, &key.session, entries).await;
                done.map(drop)
                    .map_err(|error: StoreError| Failure::from_error(&error))
            }
            Self::Gateway(link) => send(link, key, imported).await,
        }
    }
}

/// Sends a conversation piece by piece; what was sent is deleted again when a piece is refused, and by the gateway
/// when we are gone before the last one.
async fn send(link: &Link, key: &SessionKey, imported: &Imported) -> Result<(), Failure> {
    let key = SessionRef::from(key.clone());
    let mut after_seq = None;
    let mut pieces = pieces(&key, imported)?.into_iter().peekable();
    while let Some(text) = pieces.next() {
        let params = SessionsImportParams {
            key: key.clone(),
            text,
            after_seq,
            more: pieces.peek().is_some(),
        };
        match link.call::<SessionsImport>(&params).await {
            Ok(taken) => after_seq = Some(taken.last_seq),
            Err(failure) => {
                if after_seq.is_some() {
                    let params = SessionsDeleteParams { key, purge: false };
                    let _gone = link.call::<SessionsDelete>(&params).await?;
                }
                return Err(failure);
            }
        }
    }
    Ok(())
}

fn pieces(key: &SessionRef, imported: &Imported) -> Result<Vec<String>, Failure> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for line in imported.lines(&key.session) {
        let line = line.ok_or_else(|| Failure::new("an entry is nested too deeply"))?;
        if !piece.is_empty() && piece.len() + line.len() > PIECE_BYTES {
            pieces.push(std::mem::take(&mut piece));
        }
        piece.push_str(&String::from_utf8_lossy(&line));
    }
    pieces.push(piece);
    Ok(pieces)
}

fn text(done: &[Done]) -> String {
    let rows: Vec<Vec<String>> = done
        .iter()
        .map(|one| {
            let left: u64 = one.branches.iter().map(|branch| branch.entries).sum();
            vec![
                one.key.clone(),
                one.entries.to_string(),
                one.skipped.to_string(),
                left.to_string(),
                one.from.clone(),
            ]
        })
        .collect();
    let mut text = table(
        &["Session", "Entries", "Skipped", "On other branches", "From"],
        &rows,
    );
    if done.iter().any(|one| !one.imported) {
        text.push_str("\nnothing was imported: this was a dry run\n");
    }
    text
}
