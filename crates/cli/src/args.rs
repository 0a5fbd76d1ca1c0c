//! The command line as people type it; nothing here acts.
//!
//! Every command carries an example, because `docs/cli.md` is made of what is said here.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub(crate) use self::{
    ledger::{Entries, Ledger},
    models::Models,
    router::{By, KeyFields, Keys, Router, RouterListen, Spend},
    session::{Export, Import, Search, Session, Tail},
    skills::Skills,
};

mod ledger;
mod models;
mod router;
mod session;
mod skills;

/// The option by which a gateway in the background is told to leave the terminal.
pub(crate) const DETACHED: &str = "--detached";

/// What stands below the list of all commands.
const AFTER_HELP: &str = "\
Begin with:
  openclaw chat            talk with the main agent; a gateway is started if none runs
  openclaw gateway status  what runs, where, with which model

With --json standard output holds one JSON document and nothing else, of a failure too, which is printed once:
{\"error\": {\"message\", \"hint\", \"exitCode\"}}, or the keys \"error\" and \"hint\" in what was asked for.
What has no end, and a conversation, is one document a line. Standard error then has remarks and progress only.

Exit codes:
  0    done
  1    it failed; the message says what, where, and what to do
  2    the command line is wrong
  3    no gateway runs for this state directory
  4    no such agent, session, or model
  78   the configuration forbids a start
  130  stopped by Ctrl-C";

/// One process that hosts a collective of LLM agents and speaks WebSocket RPC.
#[derive(Debug, Parser)]
#[command(
    name = "openclaw",
    version = crate::VERSION,
    after_help = AFTER_HELP
)]
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
    /// Print JSON instead of text, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The daemon: run, start, stop, look at it
    #[command(
        subcommand,
        disable_help_subcommand = true,
        after_help = "Example:\n  openclaw gateway start"
    )]
    Gateway(Gateway),
    /// Make the state directory and the workspaces of the agents; leave alone what is there
    #[command(after_help = "Example:\n  openclaw init --state-dir ~/collective")]
    Init,
    /// Router: keys, spending, budgets, health; or alone in the place of LiteLLM
    #[command(
        subcommand,
        disable_help_subcommand = true,
        after_help = "Example:\n  openclaw router spend --since 30d"
    )]
    Router(Router),
    /// Talk with an agent in the terminal; starts a gateway if none runs
    #[command(after_help = CHAT_HELP)]
    Chat(Chat),
    /// Agents: list, look at, talk to, create
    #[command(
        subcommand,
        disable_help_subcommand = true,
        visible_alias = "agents",
        after_help = "Example:\n  openclaw agent send steward \"What can you do?\""
    )]
    Agent(Agent),
    /// Sessions: list, read, search, follow, export, import, delete
    #[command(
        subcommand,
        disable_help_subcommand = true,
        visible_alias = "sessions",
        after_help = "Example:\n  openclaw session get steward main -n 4"
    )]
    Session(Session),
    /// Models: what can be asked for, what is used, whether it works, what can be fetched
    #[command(
        subcommand,
        disable_help_subcommand = true,
        visible_alias = "model",
        after_help = "Example:\n  openclaw models list"
    )]
    Models(Models),
    /// Skills: list, read, check, install, enable
    #[command(
        subcommand,
        disable_help_subcommand = true,
        visible_alias = "skill",
        after_help = "Example:\n  openclaw skills list"
    )]
    Skills(Skills),
    /// The record of decisions: read it, check it
    #[command(
        subcommand,
        disable_help_subcommand = true,
        after_help = "Example:\n  openclaw ledger tail"
    )]
    Ledger(Ledger),
    /// The same as `gateway status`
    #[command(after_help = "Example:\n  openclaw status --json")]
    Status(Deep),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Gateway {
    /// Run in the foreground; the log goes to standard error
    #[command(after_help = "Example:\n  openclaw gateway run --port 18790")]
    Run {
        #[command(flatten)]
        listen: Listen,
        /// Leave the terminal's session
        #[arg(long, hide = true)]
        detached: bool,
    },
    /// Run in the background, with a log file
    #[command(after_help = "Example:\n  openclaw gateway start")]
    Start(Listen),
    /// Stop the running gateway; its runs may end first
    #[command(after_help = "Example:\n  openclaw gateway stop")]
    Stop,
    /// Stop, then start again as it was started
    #[command(
        after_help = "The --config, --port, and --bind of the start are kept where none is given here; the file is read anew.\n\
                      What could not start again is not stopped.\n\nExample:\n  openclaw gateway restart"
    )]
    Restart(Listen),
    /// Whether it runs, where, with what
    #[command(after_help = "Example:\n  openclaw gateway status --deep")]
    Status(Deep),
    /// Check the configuration and the workspaces
    #[command(
        after_help = "Exits with 0 where nothing is worse than a warning, 1 where something is left out, and 78 \
                      where a start would be refused.\n\nExample:\n  openclaw gateway validate --config draft.json"
    )]
    Validate,
    /// Write the service definition anew
    #[command(after_help = "Example:\n  openclaw gateway reinstall")]
    Reinstall(Listen),
    /// Print the log of a gateway that was started in the background
    #[command(after_help = "Example:\n  openclaw gateway logs -n 20 -f")]
    Logs {
        /// Lines from the end
        #[arg(short = 'n', long, default_value_t = 100, value_name = "N", allow_negative_numbers = true, value_parser = whole::<usize>(0, 1_000_000))]
        lines: usize,
        /// Go on printing what is added
        #[arg(short, long)]
        follow: bool,
    },
    /// Print the access token, which is made if there is none
    #[command(after_help = "Example:\n  TOKEN=$(openclaw gateway token)")]
    Token,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Listen {
    /// TCP port (default 18789); 0 takes a free one
    #[arg(long, value_name = "PORT", allow_negative_numbers = true, value_parser = whole::<u16>(0, 65_535))]
    pub(crate) port: Option<u16>,
    /// Address to bind (default 127.0.0.1)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Deep {
    /// Ask every neighbour too: LiteLLM, PostgreSQL, Redis, Ollama; and look into every workspace
    #[arg(long)]
    pub(crate) deep: bool,
}

const CHAT_HELP: &str = "\
In the conversation:
  /agents           who is here
  /switch <agent>   talk with another
  /session [id]     show the session, or go on in another
  /abort            stop what this session does
  /help, /quit
Ctrl-C stops the answer; Ctrl-D leaves. The gateway goes on running.
Without a terminal every line of standard input is a message, and the exit code tells whether all were answered.

Examples:
  openclaw chat alpha
  echo \"What is a lattice?\" | openclaw chat coder --session maths";

#[derive(Debug, Args)]
pub(crate) struct Chat {
    /// Whom to talk with (default: the primary agent, which is main unless another is configured)
    pub(crate) agent: Option<String>,
    /// Which session to go on with
    #[arg(long, default_value = "main")]
    pub(crate) session: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// All agents
    #[command(after_help = "Example:\n  openclaw agent list --json")]
    List,
    /// One agent: state, model, workspace, sessions
    #[command(after_help = "Example:\n  openclaw agent status steward")]
    Status {
        /// Which agent
        agent: String,
    },
    /// An agent's own configuration: `config steward get [key]`, `config steward set <key> <value>`
    #[command(
        after_help = "Setting `null` takes a value back. The order `config get steward` works too.\n\n\
                      Examples:\n  openclaw agent config steward get model\n  \
                      openclaw agent config steward set parameters.patience 7"
    )]
    Config {
        /// The agent and the verb, in either order
        first: String,
        /// The verb or the agent
        second: Option<String>,
        /// `get [key]`, `set <key> <value>`
        #[arg(allow_negative_numbers = true)]
        rest: Vec<String>,
    },
    /// Make another agent
    #[command(
        after_help = "Examples:\n  openclaw agent create scribe --role chronicler\n  \
                      openclaw agent create scribe Scribe chronicler"
    )]
    Create(Create),
    /// Take an agent out; its workspace is moved to the trash directory
    #[command(after_help = "Example:\n  openclaw agent delete scribe --yes")]
    Delete {
        /// Which agent
        agent: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Stop an agent's runs and load its workspace again
    #[command(after_help = "Example:\n  openclaw agent restart steward")]
    Restart {
        /// Which agent
        agent: String,
    },
    /// Send one message and print the answer; without text it is read from standard input
    #[command(after_help = "Examples:\n  openclaw agent send steward \"Hello\"\n  \
                      openclaw agent send coder --session review < patch.diff")]
    Send(Send),
    /// Print exactly what the model would be sent
    #[command(
        after_help = "Which model that is, and how it counts, only a running gateway knows.\n\nExample:\n  openclaw agent prompt alpha --message \"Hello\""
    )]
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
pub(crate) struct Create {
    /// Its id
    pub(crate) agent: String,
    /// Its name, or its role as the only bare word
    pub(crate) name: Option<String>,
    /// Its role as a third word
    pub(crate) role_word: Option<String>,
    /// What it is for, in a word or two
    #[arg(long)]
    pub(crate) role: Option<String>,
    /// Its display name
    #[arg(long = "name", value_name = "NAME")]
    pub(crate) display_name: Option<String>,
    /// Its model reference
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// One line on its purpose
    #[arg(long)]
    pub(crate) purpose: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Which agent
    pub(crate) agent: String,
    /// What to say
    #[arg(allow_negative_numbers = true)]
    pub(crate) text: Vec<String>,
    /// Which session
    #[arg(long, default_value = "main")]
    pub(crate) session: String,
    /// Seconds to wait for the answer; a run that takes longer is stopped
    #[arg(long, default_value_t = 600, value_name = "SECONDS", allow_negative_numbers = true, value_parser = whole::<u64>(1, 3600))]
    pub(crate) timeout: u64,
}

/// A parser of whole numbers that says which it takes.
pub(crate) fn whole<T: TryFrom<u64> + Clone + std::marker::Send + Sync + 'static>(
    min: u64,
    max: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + std::marker::Send + Sync + 'static {
    move |text| {
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("it is a whole number from {min} to {max}"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn without_example(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string);
        // The parser's own command for help needs none.
        if command.get_name() != "help" && !help.is_some_and(|help| help.contains("openclaw ")) {
            found.push(path.clone());
        }
        for child in command.get_subcommands() {
            without_example(child, &path, found);
        }
    }

    #[test]
    fn the_definitions_agree_and_every_command_has_an_example() {
        Cli::command().debug_assert();
        let mut found = Vec::new();
        without_example(&Cli::command(), "", &mut found);
        assert_eq!(found, [""; 0]);
    }
}
