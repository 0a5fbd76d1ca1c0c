//! `openclaw session …` as people type it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use openclaw_wire::age::age_ms;

use super::whole;

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Print a fresh session id; the session begins with its first message
    #[command(
        after_help = "Until then there is nothing to list, read, or delete.\n\nExample:\n  \
                      openclaw agent send steward --session \"$(openclaw session create steward)\" Hello"
    )]
    Create {
        /// Whose
        agent: String,
    },
    /// All sessions, or those of one agent, the last used first
    #[command(after_help = "Example:\n  openclaw session list steward")]
    List {
        /// Whose
        agent: Option<String>,
        /// The archived ones instead
        #[arg(long)]
        archived: bool,
    },
    /// One session's entries
    #[command(after_help = "Example:\n  openclaw session get steward main -n 4")]
    Get {
        /// Whose
        agent: String,
        /// Which
        session: String,
        /// Entries from the end
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1, 1000))]
        limit: u32,
        /// Only entries before this number
        #[arg(long, value_name = "SEQ")]
        before: Option<u64>,
    },
    /// Hide a session, or remove every byte of it
    #[command(
        after_help = "Without --purge the bytes stay in the files, hidden. A purge is for good, archives included; only \
                      the line that says it was deleted stays.\n\nExample:\n  openclaw session delete steward sess-1 --purge --yes"
    )]
    Delete {
        /// Whose
        agent: String,
        /// Which
        session: String,
        /// Remove its bytes too
        #[arg(long)]
        purge: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Move a session, or all that have been idle for long, to compressed files that are still read
    #[command(
        group = clap::ArgGroup::new("which").required(true).args(["session", "older_than"]),
        override_usage = "openclaw session archive <AGENT> <SESSION|--older-than <AGE>>",
        after_help = "An archived session is read, searched, and exported as before; a message to it brings it back.\n\n\
                      Examples:\n  openclaw session archive steward --older-than 7d\n  openclaw session archive steward sess-1"
    )]
    Archive {
        /// Whose
        agent: String,
        /// Which
        session: Option<String>,
        /// All of which the last entry is older than this: 30s, 5m, 2h, 7d, 4w
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: Option<u64>,
    },
    /// Remove what deletions have hidden in an agent's files
    #[command(after_help = "Example:\n  openclaw session compact steward")]
    Compact {
        /// Whose
        agent: String,
    },
    /// Put a commit marker into the file: a running hash of the session's lines
    #[command(after_help = "Example:\n  openclaw session commit steward main")]
    Commit {
        /// Whose
        agent: String,
        /// Which
        session: String,
    },
    /// Read the files again and check them against their commit markers
    #[command(
        after_help = "Exits with 1 where something is wrong.\n\nExample:\n  openclaw session verify steward"
    )]
    Verify {
        /// Whose
        agent: String,
        /// Which (default: all of them)
        session: Option<String>,
    },
    /// Entries that hold a text, the newest first
    #[command(
        after_help = "Capitals count when the text has one.\n\nExamples:\n  openclaw session search \"key rotation\"\n  \
                      openclaw session search --agent steward --since 7d lattice"
    )]
    Search(Search),
    /// The last entries of a session, and what is added
    #[command(after_help = "Example:\n  openclaw session tail steward main -f")]
    Tail(Tail),
    /// Print a session, or all of an agent's, as lines or as Markdown
    #[command(
        after_help = "Examples:\n  openclaw session export steward main > main.jsonl\n  \
                      openclaw session export steward --format markdown --output steward.md"
    )]
    Export(Export),
    /// Take in a transcript: lines of ours, or upstream's; a directory with its sessions.json, too
    #[command(
        after_help = "Either a whole session is taken or nothing of it. Entries keep their times; none passes for an \
                      operator's.\n\nExamples:\n  openclaw session import steward main.jsonl --as main-2\n  \
                      openclaw session import steward ~/old/agents/alpha/sessions --dry-run"
    )]
    Import(Import),
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// What to look for, taken literally
    #[arg(required = true, allow_negative_numbers = true)]
    pub(crate) text: Vec<String>,
    /// Only this agent's sessions
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only the session of this name
    #[arg(long, requires = "agent")]
    pub(crate) session: Option<String>,
    /// Hits at most
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1, 1000))]
    pub(crate) limit: u32,
    /// Only entries younger than this: 30s, 5m, 2h, 7d, 4w
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) since: Option<u64>,
    /// Only entries older than this
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) until: Option<u64>,
    /// Capitals count
    #[arg(long, conflicts_with = "ignore_case")]
    pub(crate) case_sensitive: bool,
    /// Capitals do not count
    #[arg(short, long)]
    pub(crate) ignore_case: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Whose
    pub(crate) agent: String,
    /// Which
    pub(crate) session: String,
    /// Entries from the end
    #[arg(short = 'n', long, default_value_t = 10, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(0, 1000))]
    pub(crate) lines: u32,
    /// Go on printing what is added; needs a running gateway
    #[arg(short, long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Whose
    pub(crate) agent: String,
    /// Which (default: all of them)
    pub(crate) session: Option<String>,
    /// The lines as they stand in the file, or Markdown
    #[arg(long, default_value = "jsonl", value_parser = ["jsonl", "markdown"])]
    pub(crate) format: String,
    /// Where to (default: standard output)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Whose it becomes
    pub(crate) agent: String,
    /// A transcript, a sessions.json, or a directory of them
    pub(crate) path: PathBuf,
    /// The name it gets (default: the one it has)
    #[arg(long = "as", value_name = "ID")]
    pub(crate) name: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `7d` in milliseconds.
fn age(text: &str) -> Result<u64, String> {
    age_ms(text).ok_or_else(|| "an age is a number and one of s, m, h, d, w: 7d".to_owned())
}
