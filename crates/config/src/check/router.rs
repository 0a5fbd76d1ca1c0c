//! The router's port, its master key, and who may use how much.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use openclaw_types::{AgentId, Money};

use super::{
    COMMAND_LINE, Checker, ENVIRONMENT, gateway::named_address, models::LITELLM_KEY_VARIABLE,
};
use crate::{
    config::{Allowance, Budgets, Litellm, Record, Router, is_period},
    problem::Severity,
    secret::{Origin, Secret},
    section::Section,
};

/// Keys of examples; LiteLLM refuses to start with one.
const PUBLICLY_KNOWN: [&str; 8] = [
    "sk-1234",
    "sk-12345",
    "sk-123456",
    "sk-master",
    "sk-master-key",
    "my-master-key",
    "changeme",
    "secret",
];

/// A shorter key can be guessed by who reaches the port from elsewhere.
const KEY_BYTES_MIN: usize = 16;

/// Whether everybody knows the key.
pub(crate) fn is_publicly_known(key: &str) -> bool {
    PUBLICLY_KNOWN.contains(&key.to_ascii_lowercase().as_str())
}

/// What became of the LiteLLM file.
pub(crate) enum Found {
    /// There is none.
    Nothing,
    /// It can't be read, so nobody knows which key it asks for.
    Broken,
    /// It was read.
    Read {
        litellm: Box<Litellm>,
        /// It asks for a master key that is not set.
        lacks_key: bool,
    },
}

impl Checker<'_> {
    pub(crate) fn router(&mut self, root: &Section<'_>, found: Found) -> Router {
        let router = root.section("router");
        let (litellm, lacks_key) = match found {
            Found::Nothing => (None, false),
            Found::Broken => (None, true),
            Found::Read { litellm, lacks_key } => (Some(litellm), lacks_key),
        };
        let master_key = self.master_key(&router, litellm.as_deref());
        let wanted = self.overrides.router.is_some()
            || root
                .stated_flag("router")
                .unwrap_or_else(|| router.is_present() && router.flag("enabled"));
        let mut budgets = self.budgets(root);
        if let Some(litellm) = &litellm {
            budgets = budgets.or(&litellm.budgets);
        }
        Router {
            listen: wanted
                .then(|| self.listen(&router, master_key.as_ref(), lacks_key))
                .flatten(),
            master_key,
            litellm,
            budgets,
        }
    }

    /// The file that the command line or `openclaw.json` names.
    pub(crate) fn router_file(&self, root: &Section<'_>) -> Option<String> {
        let stated = self.overrides.router.as_ref();
        let stated = stated.and_then(|router| router.config.as_ref());
        let stated = stated.map(|path| path.display().to_string());
        stated.or_else(|| root.section("router").text("config").map(str::to_owned))
    }

    fn master_key(&mut self, router: &Section<'_>, litellm: Option<&Litellm>) -> Option<Secret> {
        let own = router.secret("masterKey");
        if let Some(key) = &own
            && is_publicly_known(key.expose())
        {
            self.warning(
                router.at("masterKey"),
                router.path_of("masterKey"),
                "everybody knows this key",
            )
            .hint("make one of your own, like `openssl rand -hex 24` does");
        }
        let of_file = litellm.and_then(|litellm| litellm.master_key.clone());
        own.or(of_file).or_else(|| {
            let value = self.environment.value(LITELLM_KEY_VARIABLE)?;
            if is_publicly_known(value) {
                self.problems.outside(
                    Severity::Warning,
                    ENVIRONMENT,
                    LITELLM_KEY_VARIABLE,
                    "everybody knows this key",
                );
            }
            let origin = Origin::Environment(LITELLM_KEY_VARIABLE.to_owned());
            Some(Secret::new(value, origin))
        })
    }

    fn listen(
        &mut self,
        router: &Section<'_>,
        key: Option<&Secret>,
        lacks_key: bool,
    ) -> Option<SocketAddr> {
        if lacks_key && key.is_none() {
            self.degraded(
                router.start(),
                router.path(),
                "the LiteLLM file can't be read or its master key is not set, so the port is not opened",
            )
            .hint("set the key, or give one as `router.masterKey`");
            return None;
        }
        let stated = self.overrides.router.as_ref();
        let port = stated.and_then(|router| router.port);
        let port = port.unwrap_or_else(|| router.number("port"));
        let address = self.router_address(router);
        let why = match key {
            _ if address.is_loopback() => return Some(SocketAddr::new(address, port)),
            None => "there is no master key",
            Some(key) if is_publicly_known(key.expose()) => "everybody knows its master key",
            Some(key) if key.expose().len() < KEY_BYTES_MIN => {
                "its master key is short enough to be guessed"
            }
            Some(_) => return Some(SocketAddr::new(address, port)),
        };
        let message = format!(
            "{address} can be reached from other machines, and {why}; the port is opened on 127.0.0.1 only"
        );
        let is_stated = stated.is_some_and(|router| router.bind.is_some());
        let added = if is_stated {
            let source = COMMAND_LINE;
            self.problems
                .outside(Severity::Degraded, source, "--bind", message)
        } else {
            self.degraded(router.at("bind"), router.path_of("bind"), message)
        };
        added.hint(format!(
            "give it a master key of {KEY_BYTES_MIN} characters or more"
        ));
        Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    fn router_address(&mut self, router: &Section<'_>) -> IpAddr {
        let stated = self.overrides.router.as_ref();
        let stated = stated.and_then(|router| router.bind.as_deref());
        let text = stated.unwrap_or_else(|| router.text_or_default("bind"));
        if let Some(address) = named_address(text) {
            return address;
        }
        let message = "not `loopback`, `lan`, or an address; the router stays on 127.0.0.1";
        let added = match stated {
            Some(_) => {
                let source = COMMAND_LINE;
                self.problems
                    .outside(Severity::Degraded, source, "--bind", message)
            }
            None => self.degraded(router.at("bind"), router.path_of("bind"), message),
        };
        added.hint("write \"loopback\", \"lan\", or an address of this machine");
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    }

    fn budgets(&mut self, root: &Section<'_>) -> Budgets {
        let section = root.section("budgets");
        let mut budgets = Budgets {
            global: self.allowance(&section.section("global")),
            key_defaults: self.allowance(&section.section("keys")),
            ..Budgets::default()
        };
        for (name, entry) in section.section("agents").entries() {
            let allowance = self.allowance(&entry.section());
            match AgentId::parse(name) {
                Ok(id) => drop(budgets.agents.insert(id, allowance)),
                Err(_) => {
                    let path = entry.section().path().to_owned();
                    self.degraded(entry.at(), path, "not an agent's id; it is left out");
                }
            }
        }
        for (team, entry) in section.section("teams").entries() {
            let allowance = self.allowance(&entry.section());
            budgets.teams.insert(team.to_owned(), allowance);
        }
        budgets
    }

    fn allowance(&mut self, section: &Section<'_>) -> Allowance {
        let dollars = |name: &str| section.stated_fraction(name).and_then(Money::from_usd);
        let daily = dollars("dailyUsd").map(|daily| (daily, "daily"));
        let period = section.text("period");
        if let Some(text) = period
            && !is_period(text)
        {
            self.degraded(
                section.at("period"),
                section.path_of("period"),
                "not a period; the budget never starts anew",
            )
            .hint("write `30s`, `10m`, `2h`, `1d`, `1w`, `1mo`, `daily`, `weekly`, or `monthly`");
        }
        let stated = period.filter(|text| is_period(text));
        let (max_budget, period) = match (dollars("maxUsd"), daily) {
            (None, Some((daily, period))) => (Some(daily), Some(period)),
            (max, _) => (max, stated),
        };
        Allowance {
            max_budget,
            soft_budget: dollars("softUsd"),
            budget_duration: period.map(str::to_owned),
            tpm: section.stated("tpm"),
            rpm: section.stated("rpm"),
            max_parallel: section.stated("maxParallel"),
            burst: section.stated("burst"),
            tokens_per_day: section.stated("tokensPerDay"),
            alert_at: section
                .list("alertAt")
                .filter_map(|entry| entry.number())
                .collect(),
            models: section.texts("models").unwrap_or_default(),
        }
    }

    /// How requests and answers are kept for a replay.
    pub(super) fn record(&self, models: &Section<'_>) -> Record {
        Record {
            enabled: models.switch("record"),
            bytes_max: models.section("record").number("bytesMax"),
        }
    }
}
