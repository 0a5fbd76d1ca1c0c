//! What a client was told, and the look into the files that it is so: by plain JSON, with none of the store's code.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// What was acknowledged of one run.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    pub(super) agent: String,
    pub(super) session: String,
    pub(super) seq: u64,
    pub(super) message: String,
    /// The answer, once the run was said to be at its end.
    pub(super) answer: Option<String>,
}

/// Acknowledgements by run.
#[derive(Debug, Default, Clone)]
pub(super) struct Ledger {
    pub(super) runs: BTreeMap<String, Acknowledged>,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) session: String,
    pub(super) seq: u64,
    pub(super) run: String,
    pub(super) role: String,
    pub(super) kind: String,
    pub(super) content: String,
}

/// What has been found in one agent's files so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Up to where the active file has been read.
    pub(super) read: usize,
    last_seq: BTreeMap<String, u64>,
    runs: BTreeMap<String, Vec<Line>>,
    ids: BTreeSet<String>,
}

pub(super) fn active(state: &Path, agent: &str) -> PathBuf {
    state.join("agents").join(agent).join("session.jsonl")
}

impl Seen {
    /// Reads what has been added since, up to the last whole line.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(), String> {
        let new = bytes
            .get(self.read..)
            .ok_or("the file has become shorter")?;
        for line in new.split_inclusive(|byte| *byte == b'\n') {
            // The end of a write that was cut off is no line; what stands there later is read later.
            let Some(text) = line.strip_suffix(b"\n") else {
                break;
            };
            let at = self.read;
            self.read += line.len();
            self.line(text)
                .map_err(|wrong| format!("at byte {at}: {wrong}"))?;
        }
        Ok(())
    }

    fn line(&mut self, text: &[u8]) -> Result<(), String> {
        let shown = || String::from_utf8_lossy(&text[..text.len().min(300)]).into_owned();
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| format!("partial or glued, {error}: {}", shown()))?;
        let text_of = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let line = Line {
            session: text_of("sessionId"),
            seq: value["seq"].as_u64().unwrap_or_default(),
            run: text_of("runId"),
            role: text_of("role"),
            kind: text_of("kind"),
            content: text_of("content"),
        };
        let last = self.last_seq.entry(line.session.clone()).or_default();
        if line.seq <= *last {
            return Err(format!(
                "number {} of {} behind {last}",
                line.seq, line.session
            ));
        }
        *last = line.seq;
        if !self.ids.insert(text_of("id")) {
            return Err(format!("twice: {}", shown()));
        }
        if !line.run.is_empty() {
            self.runs.entry(line.run.clone()).or_default().push(line);
        }
        Ok(())
    }
}

impl Ledger {
    /// What is wrong with an agent's files, as far as they have been read: lost, twice, out of order, other bytes.
    pub(super) fn complaint(&self, agent: &str, seen: &Seen) -> Option<String> {
        let owed = self.runs.iter().filter(|(_, told)| told.agent == agent);
        for (run, told) in owed {
            let lines = seen.runs.get(run).map_or(&[][..], Vec::as_slice);
            if let Some(wrong) = told.complaint(run, lines) {
                return Some(format!("{agent}: {wrong}"));
            }
        }
        seen.runs.iter().find_map(|(run, lines)| {
            let asked = lines.iter().filter(|line| line.role == "user").count();
            let ended = lines.len() - asked;
            (asked > 1 || ended > 1).then(|| format!("{agent}: {run} has {lines:?}"))
        })
    }

    /// How much was acknowledged: messages and answers.
    pub(super) fn len(&self) -> usize {
        let answers = self.runs.values().filter(|told| told.answer.is_some());
        self.runs.len() + answers.count()
    }
}

impl Acknowledged {
    fn complaint(&self, run: &str, lines: &[Line]) -> Option<String> {
        let asked = Line {
            session: self.session.clone(),
            seq: self.seq,
            run: run.to_owned(),
            role: "user".to_owned(),
            kind: "message".to_owned(),
            content: self.message.clone(),
        };
        if lines.first() != Some(&asked) {
            return Some(format!("{run}: acknowledged {asked:?}, found {lines:?}"));
        }
        let answer = self.answer.as_ref()?;
        let found = lines.get(1).map(|line| (&*line.role, &line.content));
        (found != Some(("assistant", answer)))
            .then(|| format!("{run}: acknowledged the answer {answer:?}, found {lines:?}"))
    }
}

/// All of an agent's files, read from the beginning.
pub(super) fn read_all(state: &Path, agent: &str) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let sealed = state.join("agents").join(agent).join("sessions");
    let mut paths: Vec<PathBuf> = fs::read_dir(sealed)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    paths.sort();
    paths.push(active(state, agent));
    for path in paths {
        seen.read = 0;
        let bytes = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        seen.read(&bytes)
            .map_err(|wrong| format!("{}: {wrong}", path.display()))?;
    }
    Ok(seen)
}
