//! `openclaw skills …` as people type it.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Skills {
    /// All skills, where they are from, and what they lack
    #[command(after_help = "Example:\n  openclaw skills list --agent coder")]
    List {
        /// Those of one agent, its workspace's among them
        #[arg(long, value_name = "AGENT")]
        agent: Option<String>,
    },
    /// What a skill says
    #[command(after_help = "Example:\n  openclaw skills show thought-loop")]
    Show {
        /// Which
        name: String,
    },
    /// Check a skill's directory, and tell everything that is wrong
    #[command(after_help = "Example:\n  openclaw skills validate ./greet")]
    Validate {
        /// A directory, or its SKILL.md
        path: PathBuf,
    },
    /// Bring a skill in for all agents; nothing of it is run
    #[command(
        after_help = "What would change in a skill that is there is shown, and changed with --yes only.\n\n\
                      Examples:\n  openclaw skills install ./greet\n  openclaw skills install greet.tar.gz --digest <HEX> --yes"
    )]
    Install {
        /// A directory, a .tar.gz, or a SKILL.md
        from: PathBuf,
        /// The digest it must have
        #[arg(long, value_name = "HEX")]
        digest: Option<String>,
        /// Change what is there
        #[arg(short, long)]
        yes: bool,
    },
    /// Take an installed skill away
    #[command(
        visible_alias = "uninstall",
        after_help = "Example:\n  openclaw skills remove greet"
    )]
    Remove {
        /// Which
        name: String,
    },
    /// Let agents have a skill again
    #[command(after_help = "Example:\n  openclaw skills enable greet")]
    Enable {
        /// Which
        name: String,
    },
    /// Keep a skill from all agents
    #[command(after_help = "Example:\n  openclaw skills disable greet")]
    Disable {
        /// Which
        name: String,
    },
}
