//! `openclaw ledger …` as people type it.

use clap::{Args, Subcommand};

use super::whole;

#[derive(Debug, Subcommand)]
pub(crate) enum Ledger {
    /// Entries from the first on
    #[command(after_help = "Example:\n  openclaw ledger list --kind decision")]
    List(Entries),
    /// The last entries
    #[command(after_help = "Example:\n  openclaw ledger tail -n 5")]
    Tail(Entries),
    /// All about a proposal, or one entry by its number
    #[command(
        after_help = "Examples:\n  openclaw ledger show PROPOSAL-12\n  openclaw ledger show 7"
    )]
    Show {
        /// A proposal, or a number
        what: String,
    },
    /// Check the whole chain; names the first bad line
    #[command(
        after_help = "Exits with 1 where something is wrong.\nWith --head also an entry that somebody remembered must \
                      be there: its number and hash.\n\nExample:\n  openclaw ledger verify"
    )]
    Verify {
        /// An entry that must be there
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Entries {
    /// Of this proposal
    #[arg(long, value_name = "ID")]
    pub(crate) proposal: Option<String>,
    /// Of this kind: proposal, vote, decision, tie-break, ratification, emergency
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// In which this agent is named
    #[arg(long, value_name = "AGENT")]
    pub(crate) agent: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N", allow_negative_numbers = true, value_parser = whole::<usize>(1, 1_000))]
    pub(crate) limit: usize,
}
