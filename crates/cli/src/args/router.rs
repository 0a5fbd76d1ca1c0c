//! `openclaw router …` as people type it.

use std::net::IpAddr;

use clap::{Args, Subcommand, ValueEnum};
use openclaw_wire::age::age_ms;

use super::whole;

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Router {
    /// Run the router alone, in the foreground, in the place of a LiteLLM proxy
    #[command(
        after_help = "Example:\n  openclaw router run --config litellm_config.yaml\n\nWithout a file it serves what openclaw.json and the keys in the environment offer."
    )]
    Run(RouterRun),
    /// Virtual keys: list, make, look at, change, give up
    #[command(
        subcommand,
        disable_help_subcommand = true,
        visible_alias = "key",
        after_help = "Example:\n  openclaw router keys generate --alias ci --max-budget 5 --budget-duration 1d"
    )]
    Keys(Box<Keys>),
    /// What was spent on models, day by day, and what is left of budgets
    #[command(
        after_help = "Days are whole days of UTC; `7d` is today and the six days before.\n\nExamples:\n  openclaw router spend\n  \
                      openclaw router spend --by agent --since 30d"
    )]
    Spend(Spend),
    /// Budgets as they are now, and what their owners were told
    #[command(after_help = "Example:\n  openclaw router budgets")]
    Budgets,
    /// Every deployment as calls have shown it; nobody is called for it
    #[command(after_help = "Example:\n  openclaw router health")]
    Health,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RouterRun {
    #[command(flatten)]
    pub(crate) listen: RouterListen,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RouterListen {
    /// TCP port (default 4000); 0 takes a free one
    #[arg(long, value_name = "PORT", allow_negative_numbers = true, value_parser = whole::<u16>(0, 65_535))]
    pub(crate) port: Option<u16>,
    /// Address to bind (default 127.0.0.1); beyond this machine only with a master key
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Keys {
    /// The keys, the oldest first
    #[command(after_help = "Example:\n  openclaw router keys list --team research")]
    List {
        /// Only those of this team
        #[arg(long)]
        team: Option<String>,
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
        /// Only those of this agent
        #[arg(long)]
        agent: Option<String>,
    },
    /// Make a key; it is shown this once
    #[command(
        after_help = "Example:\n  KEY=$(openclaw router keys generate --alias ci --max-budget 5 --budget-duration 1d)"
    )]
    Generate(KeyFields),
    /// One key: what it may do, and what was spent on it
    #[command(after_help = "Example:\n  openclaw router keys info ci")]
    Info {
        /// Its id or alias
        key: String,
    },
    /// Change what a key may do; what is not named stays
    #[command(
        after_help = "Examples:\n  openclaw router keys update ci --max-budget 10\n  \
                      openclaw router keys update ci --unset max-budget --blocked true"
    )]
    Update {
        /// Its id or alias
        key: String,
        #[command(flatten)]
        fields: KeyFields,
        /// Take a limit or another field back, by the name of its option; may be repeated
        #[arg(long, value_name = "OPTION")]
        unset: Vec<String>,
    },
    /// Give a key up for good; what was spent on it stays in the ledger
    #[command(after_help = "Example:\n  openclaw router keys delete ci --yes")]
    Delete {
        /// Its id or alias
        key: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct KeyFields {
    /// A name for it, unlike that of any other key
    #[arg(long)]
    pub(crate) alias: Option<String>,
    /// The team whose allowance holds as well
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Who it is for
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The agent whose allowance holds as well
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// The model groups it may use, with commas between them (default: all); `prefix/*` is understood
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    pub(crate) models: Option<Vec<String>>,
    /// The hard stop, in dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = dollars)]
    pub(crate) max_budget: Option<f64>,
    /// An alert and no stop, in dollars
    #[arg(long, value_name = "USD", allow_negative_numbers = true, value_parser = dollars)]
    pub(crate) soft_budget: Option<f64>,
    /// The hard stop of one model group, in dollars; may be repeated
    #[arg(long, value_name = "GROUP=USD", value_parser = model_budget)]
    pub(crate) model_max_budget: Vec<(String, f64)>,
    /// When budgets start anew: 1d, 30d, 1mo, daily, weekly, monthly (default: never)
    #[arg(long, value_name = "PERIOD")]
    pub(crate) budget_duration: Option<String>,
    /// How long it works: 12h, 30d (default: for ever)
    #[arg(long, value_name = "LENGTH")]
    pub(crate) duration: Option<String>,
    /// Requests in a minute
    #[arg(long, value_name = "N")]
    pub(crate) rpm: Option<u64>,
    /// Tokens in a minute
    #[arg(long, value_name = "N")]
    pub(crate) tpm: Option<u64>,
    /// Requests at the same time
    #[arg(long, value_name = "N")]
    pub(crate) max_parallel: Option<u64>,
    /// Requests at once
    #[arg(long, value_name = "N")]
    pub(crate) burst: Option<u64>,
    /// Tokens in a day of UTC
    #[arg(long, value_name = "N")]
    pub(crate) tokens_per_day: Option<u64>,
    /// Whether it is refused
    #[arg(long, value_name = "BOOL")]
    pub(crate) blocked: Option<bool>,
}

/// What spending is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    Agent,
    Model,
    Provider,
    Group,
    Key,
    Team,
    Day,
}

impl By {
    /// The word on the wire.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Group => "group",
            Self::Key => "key",
            Self::Team => "team",
            Self::Day => "day",
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Spend {
    /// What to break it down by, besides the days
    #[arg(long, value_enum, default_value = "model")]
    pub(crate) by: By,
    /// How far back: 1d, 7d, 4w
    #[arg(long, value_name = "AGE", default_value = "7d", value_parser = age)]
    pub(crate) since: u64,
    /// Only of this agent
    #[arg(long)]
    pub(crate) agent: Option<String>,
    /// Only of this key: its id or alias
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// Only of this team
    #[arg(long)]
    pub(crate) team: Option<String>,
    /// Only of this model group
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// Only of this provider
    #[arg(long)]
    pub(crate) provider: Option<String>,
    /// Only of this model at the provider
    #[arg(long)]
    pub(crate) model: Option<String>,
}

fn dollars(text: &str) -> Result<f64, String> {
    let usd = text.trim_start_matches('$').parse().ok();
    usd.filter(|usd: &f64| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "it is a number of dollars, zero or more".to_owned())
}

fn model_budget(text: &str) -> Result<(String, f64), String> {
    let parts = text.rsplit_once('=').filter(|(group, _)| !group.is_empty());
    let (group, usd) = parts.ok_or_else(|| "write it as GROUP=USD".to_owned())?;
    Ok((group.to_owned(), dollars(usd)?))
}

/// The longest look back: ten years of days.
const AGE_MS_MAX: u64 = 3_653 * 86_400_000;

fn age(text: &str) -> Result<u64, String> {
    age_ms(text)
        .filter(|ms| (1..=AGE_MS_MAX).contains(ms))
        .ok_or_else(|| "it is a number and one of s, m, h, d, w, such as 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_and_budgets_of_groups_are_read_or_explained() {
        assert_eq!(dollars("$2.50"), Ok(2.5));
        for wrong in ["", "x", "-1", "inf", "NaN"] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            model_budget("openai/gpt=5=0.5"),
            Ok(("openai/gpt=5".to_owned(), 0.5))
        );
        assert!(model_budget("=1").is_err());
        assert!(model_budget("fast").is_err());
    }

    #[test]
    fn a_look_back_is_longer_than_nothing() {
        assert_eq!(age("1d"), Ok(86_400_000));
        for wrong in ["0d", "d", "7", "4000d"] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }
}
