//! What a model is sent: the system prompt from the workspace, then as much history as fits.
//!
//! Everything here is a pure function of its arguments, so the prompt that is shown is the prompt that is
//! sent, and the same day and files give the same bytes, which keeps providers' prefix caches warm.

use std::sync::Arc;

use openclaw_models::{Profile, Tier};
use openclaw_sessions::{Entry, Kind};
use openclaw_types::{AgentId, Message, Part, Role};

use crate::{order, workspace::Files};

/// Bytes that count as one token where nobody counted: right within a fifth for English and code.
const TOKEN_BYTES: usize = 4;
/// Tokens that a chat template adds to each message.
const MESSAGE_TOKENS: usize = 4;
/// The system part for a tiny model, in bytes: 600 tokens even where a token is only three bytes.
const TINY_SYSTEM_BYTES_MAX: usize = 1_800;
/// Entries of history that a tiny model is shown; with more it loses the thread and repeats itself.
const TINY_HISTORY_ENTRIES_MAX: usize = 6;
/// Answer of a tiny model, in tokens: a page, after which it only rambles.
const TINY_OUTPUT_TOKENS_MAX: u32 = 512;
/// The window that is assumed where the model's is unknown; every current hosted model has more.
const WINDOW_TOKENS_DEFAULT: u32 = 32_768;

/// What a tiny model needs to be told of manners.
const MANNER: &str = "Answer in a few short sentences.";
/// Between two files.
const GAP: &str = "\n\n";
/// Stands after what a run had said when it ended early. Why it did is no business of a model, and may name things
/// that nobody outside is to read.
const BROKEN_OFF: &str = "[broken off here]";
/// Stands where a run ended early and had said nothing.
const UNANSWERED: &str = "[left unanswered]";
/// Stands where a text was cut.
const CUT_MARKER: &str = "\n[cut here: the file is longer than what fits]\n";

/// Who the agent is, as far as the prompt tells.
#[derive(Debug, Clone, Copy)]
pub struct Persona<'a> {
    /// Its id.
    pub agent: &'a AgentId,
    /// Its name.
    pub name: &'a str,
    /// Its role.
    pub role: &'a str,
    /// Its workspace files.
    pub files: &'a Files,
    /// The UTC day, `YYYY-MM-DD`. Nothing finer, or the prompt would differ at every run.
    pub day: &'a str,
    /// All agents here, as one line.
    pub roster: &'a str,
}

/// One named piece of the system prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// `SOUL.md`, `runtime`, and so on.
    pub name: &'static str,
    /// Its size in the prompt.
    pub bytes: usize,
}

/// A rendered system prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// The text.
    pub text: Arc<str>,
    /// What it is made of, in order.
    pub pieces: Vec<Piece>,
}

/// How much of what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The system part.
    pub system_bytes: usize,
    /// System part, history and message together.
    pub prompt_tokens: usize,
    /// Entries of history.
    pub history_entries: usize,
    /// What the answer may have; `None` leaves it to the provider.
    pub output_tokens: Option<u32>,
    /// Whether a note stands where a run ended early. A tiny model would take it for something that is said, and say
    /// it too.
    pub notes: bool,
}

impl Budget {
    /// The budget for a model: its window less room for the answer.
    #[must_use]
    pub fn of(profile: &Profile, history_entries: usize) -> Self {
        let window = match profile.context_window {
            0 => WINDOW_TOKENS_DEFAULT,
            window => window,
        };
        let quarter = window / 4;
        let reserve = match profile.max_output {
            0 => quarter,
            output => output.min(quarter),
        };
        match profile.tier {
            Tier::Full => Self {
                system_bytes: window as usize / 2 * TOKEN_BYTES,
                prompt_tokens: (window - reserve) as usize,
                history_entries,
                output_tokens: None,
                notes: true,
            },
            Tier::Tiny => {
                let output = reserve.clamp(1, TINY_OUTPUT_TOKENS_MAX);
                Self {
                    system_bytes: TINY_SYSTEM_BYTES_MAX.min(window as usize),
                    prompt_tokens: window.saturating_sub(output) as usize,
                    history_entries: history_entries.min(TINY_HISTORY_ENTRIES_MAX),
                    output_tokens: Some(output),
                    notes: false,
                }
            }
        }
    }
}

/// Renders the system prompt.
#[must_use]
pub fn system(persona: &Persona<'_>, tier: Tier, bytes_max: usize) -> System {
    match tier {
        Tier::Full => full(persona, bytes_max),
        Tier::Tiny => tiny(persona, bytes_max),
    }
}

fn full(persona: &Persona<'_>, bytes_max: usize) -> System {
    let runtime = format!(
        "You are the agent `{}` ({}, {}). Today is {} (UTC).\nAgents here: {}.\n",
        persona.agent, persona.name, persona.role, persona.day, persona.roster
    );
    let mut left = bytes_max.saturating_sub(runtime.len());
    let mut text = String::new();
    let mut pieces = Vec::new();
    for (name, content) in persona.files.in_prompt_order() {
        let content = content.trim();
        if content.is_empty() {
            continue;
        }
        let before = text.len();
        let cut = cut(content, left.saturating_sub(GAP.len()));
        if cut.is_empty() {
            continue;
        }
        text.push_str(&cut);
        text.push_str(GAP);
        left = left.saturating_sub(text.len() - before);
        pieces.push(Piece {
            name,
            bytes: text.len() - before,
        });
    }
    pieces.push(Piece {
        name: "runtime",
        bytes: runtime.len(),
    });
    text.push_str(&runtime);
    System {
        text: Arc::from(text),
        pieces,
    }
}

/// For a tiny model: the first paragraph of `SOUL.md`, and one short line.
fn tiny(persona: &Persona<'_>, bytes_max: usize) -> System {
    let brief = brief(persona.files.soul());
    let runtime = if brief.contains(persona.name) {
        MANNER.to_owned()
    } else {
        format!("Your name is {}. {MANNER}", persona.name)
    };
    let brief = cut(brief, bytes_max.saturating_sub(runtime.len() + 1));
    let mut pieces = Vec::new();
    let mut text = String::with_capacity(brief.len() + runtime.len() + 1);
    if !brief.is_empty() {
        text.push_str(&brief);
        text.push('\n');
        pieces.push(Piece {
            name: "SOUL.md",
            bytes: text.len(),
        });
    }
    text.push_str(&runtime);
    pieces.push(Piece {
        name: "runtime",
        bytes: runtime.len(),
    });
    System {
        text: Arc::from(text),
        pieces,
    }
}

/// The first paragraph that is not a heading.
fn brief(soul: &str) -> &str {
    let mut rest = soul.trim();
    while let Some(after) = rest.strip_prefix('#') {
        rest = after
            .split_once('\n')
            .map_or("", |(_, below)| below)
            .trim_start();
    }
    let end = rest.find("\n\n").unwrap_or(rest.len());
    rest[..end].trim_end()
}

/// The text, or its beginning and the marker, in at most `bytes_max` bytes.
pub(crate) fn cut(text: &str, bytes_max: usize) -> std::borrow::Cow<'_, str> {
    if text.len() <= bytes_max {
        return text.into();
    }
    if bytes_max <= CUT_MARKER.len() {
        return "".into();
    }
    let kept = &text[..text.floor_char_boundary(bytes_max - CUT_MARKER.len())];
    format!("{kept}{CUT_MARKER}").into()
}

/// A prompt: its messages, the system prompt first and the newest message last.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// What is sent.
    pub messages: Vec<Message>,
    /// How many of them are history.
    pub history: usize,
}

/// Puts a prompt together: the system prompt, the newest whole runs that fit, the message.
///
/// `ordered` is what [`order::run_order`] gave, without the run whose message this is.
#[must_use]
pub fn assemble(system: &System, ordered: &[&Entry], message: &str, budget: &Budget) -> Prompt {
    let fixed = text_tokens(system.text.len()) + text_tokens(message.len());
    let mut tokens_left = budget.prompt_tokens.saturating_sub(fixed);
    let mut entries_left = budget.history_entries;
    let mut shown: Vec<&[&Entry]> = Vec::new();
    let worth_showing = |run: &&[&Entry]| budget.notes || !is_unanswered(run);
    for run in order::runs(ordered).rev().filter(worth_showing) {
        let tokens: usize = run.iter().map(|entry| entry_tokens(entry)).sum();
        if tokens > tokens_left || run.len() > entries_left {
            break;
        }
        tokens_left -= tokens;
        entries_left -= run.len();
        shown.push(run);
    }
    let entries = || shown.iter().rev().copied().flatten();
    // A conversation begins with what was asked, never with half an exchange.
    let history = entries().skip_while(|entry| entry.role == Role::Assistant);
    let mut messages = Vec::with_capacity(shown.iter().map(|run| run.len()).sum::<usize>() + 2);
    messages.push(Message::text(Role::System, &*system.text));
    messages.extend(history.filter_map(|entry| as_message(entry, budget.notes)));
    messages.push(Message::text(Role::User, message));
    Prompt {
        history: messages.len() - 2,
        messages,
    }
}

/// Whether a run ended early and had said nothing to anyone.
fn is_unanswered(run: &[&Entry]) -> bool {
    let is_spoken = |entry: &&Entry| match entry.kind {
        Kind::Aborted => has_text(&entry.parts),
        _ => entry.role == Role::Assistant && (!entry.content.is_empty() || has_text(&entry.parts)),
    };
    run.iter().any(|entry| entry.kind == Kind::Aborted) && !run.iter().any(is_spoken)
}

fn has_text(parts: &[Part]) -> bool {
    let mut parts = parts.iter();
    parts.any(|part| matches!(part, Part::Text(text) if !text.trim().is_empty()))
}

/// An entry as the model sees it, if it sees any of it. What a model thought aloud is not sent back.
fn as_message(entry: &Entry, notes: bool) -> Option<Message> {
    if entry.kind == Kind::Aborted {
        let text = aborted_text(entry, notes);
        return (!text.is_empty()).then(|| Message::text(Role::Assistant, text));
    }
    let role = match entry.kind {
        Kind::ToolResult => Role::User,
        _ => entry.role,
    };
    let parts: Vec<Part> = entry
        .parts
        .iter()
        .filter(|part| !matches!(part, Part::Reasoning(_)))
        .cloned()
        .collect();
    Some(if parts.is_empty() {
        Message::text(role, entry.content.as_str())
    } else {
        Message { role, parts }
    })
}

/// What a run had said that ended early, and a note that it did.
fn aborted_text(entry: &Entry, notes: bool) -> String {
    let mut text = String::new();
    if has_text(&entry.parts) {
        for part in &entry.parts {
            if let Part::Text(said) = part {
                text.push_str(said);
            }
        }
    }
    if notes {
        let note = if text.is_empty() {
            UNANSWERED
        } else {
            BROKEN_OFF
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(note);
    }
    text
}

/// An estimate, on the safe side for most text.
#[must_use]
pub const fn text_tokens(bytes: usize) -> usize {
    bytes.div_ceil(TOKEN_BYTES) + MESSAGE_TOKENS
}

fn entry_tokens(entry: &Entry) -> usize {
    let parts: usize = entry
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Reasoning(_) => 0,
            Part::ToolCall(call) => call.name.len() + call.arguments.to_string().len(),
            Part::ToolResult(result) => result.content.len(),
        })
        .sum();
    let bytes = match entry.kind {
        Kind::Aborted => parts + BROKEN_OFF.len() + 1,
        _ => parts.max(entry.content.len()),
    };
    text_tokens(bytes)
}

#[cfg(test)]
mod tests;
