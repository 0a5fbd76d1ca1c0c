//! From the checked configuration to running components: the one place where config becomes options.

mod accounts;
mod agents;
mod cache;
mod models;
mod router;
mod routing;
mod store;
mod tools;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use openclaw_config::{Config, permissions};
use openclaw_models as model_servers;
use openclaw_sessions as sessions;

pub use self::{
    accounts::accounts_options, agents::agent_options, cache::cache_options,
    models::catalog_options, store::store,
};
pub(crate) use self::{
    agents::agents,
    models::{Parts, models},
    router::{accounts, router_options},
    store::keeper,
    tools::tools,
};
use crate::{
    guard,
    lock::{Lock, Record},
};

/// What can go wrong before the gateway listens.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state directory can't be made or secured.
    #[error("prepare the state directory {}", path.display())]
    State {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: permissions::Error,
    },
    /// Another gateway runs for this state directory, or its lock can't be used.
    #[error("take the lock of the state directory")]
    Lock {
        /// Why.
        #[from]
        source: crate::lock::Error,
    },
    /// The transcripts can't be opened.
    #[error("open the transcripts")]
    Sessions {
        /// Why.
        #[from]
        source: sessions::Error,
    },
    /// The models can't be set up.
    #[error("set up the models")]
    Models {
        /// Why.
        #[from]
        source: model_servers::Error,
    },
    /// Keys, budgets and the ledger can't be opened.
    #[error("open the accounts")]
    Accounts {
        /// Why.
        #[from]
        source: openclaw_accounts::Error,
    },
    /// The router has no port.
    #[error("the configuration opens no port for the router")]
    NoRouterPort,
    /// The agents can't be started.
    #[error("start the agents")]
    Agents {
        /// Why.
        #[from]
        source: openclaw_agents::Error,
    },
    /// A tool can't be offered.
    #[error("register the tools")]
    Tools {
        /// Why.
        #[from]
        source: openclaw_tools::registry::Refusal,
    },
    /// The port can't be bound.
    #[error("listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Signals can't be received.
    #[error("listen for signals")]
    Signals {
        /// Why.
        source: io::Error,
    },
}

fn wrong(path: &Path) -> impl FnOnce(permissions::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::State { path, source }
}

/// Makes the state directory and its standing parts where they are missing.
pub(crate) fn prepare_state(config: &Config) -> Result<(), Error> {
    let paths = &config.paths;
    for path in [
        paths.state.clone(),
        paths.agents(),
        paths.logs(),
        paths.run(),
    ] {
        permissions::create_directory(&path).map_err(wrong(&path))?;
    }
    Ok(())
}

/// Takes the lock and then fixes modes: without it the directory may be a running gateway's. What was wrong is logged.
pub(crate) fn lock_state(config: &Config, record: &Record) -> Result<Lock, Error> {
    let paths = &config.paths;
    let lock = Lock::take(&paths.state, record)?;
    for finding in permissions::secure(&paths.state).map_err(wrong(&paths.state))? {
        tracing::warn!(path = %finding.path.display(), outcome = ?finding.outcome, "permissions of the state directory");
    }
    Ok(lock)
}

/// Who may speak to the port.
pub(crate) fn guard(config: &Config, bound: SocketAddr) -> guard::Options {
    let gateway = &config.gateway;
    guard::Options {
        trusted_proxies: gateway.trusted_proxies.clone(),
        allowed_hosts: gateway.allowed_hosts.clone(),
        allowed_origins: gateway.allowed_origins.clone(),
        bound_to_loopback: guard::canonical(bound.ip()).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use openclaw_config::{Environment, Error as Refused, Overrides};

    use super::*;

    #[test]
    fn a_start_that_is_refused_leaves_the_running_gateways_modes_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("openclaw.json"), "{}").unwrap();
        let overrides = Overrides {
            state_dir: Some(home.path().to_owned()),
            ..Overrides::default()
        };
        let variables = [("HOME", home.path().display().to_string())];
        let loaded = openclaw_config::load(&overrides, &Environment::of(variables));
        let config = loaded.unwrap().config;
        let record = Record {
            pid: 7,
            address: None,
            instance: "i".to_owned(),
            started_at: 1,
            flags: crate::lock::Flags::default(),
        };
        let log = config.paths.logs().join("gateway.log");
        let mode = || std::fs::metadata(&log).unwrap().permissions().mode() & 0o777;
        prepare_state(&config).unwrap();
        std::fs::write(&log, "").unwrap();
        std::fs::set_permissions(&log, std::fs::Permissions::from_mode(0o640)).unwrap();
        let other = Lock::take(&config.paths.state, &record).unwrap();
        prepare_state(&config).unwrap();
        assert!(matches!(
            lock_state(&config, &record),
            Err(Error::Lock { .. })
        ));
        assert_eq!(mode(), 0o640);
        drop(other);
        let _lock = lock_state(&config, &record).unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn an_address_that_others_reach_needs_a_token_and_has_no_local_programs() {
        let home = tempfile::tempdir().unwrap();
        let load = |text: &str| {
            std::fs::write(home.path().join("openclaw.json"), text).unwrap();
            let overrides = Overrides {
                state_dir: Some(home.path().to_owned()),
                ..Overrides::default()
            };
            let variables = [("HOME", home.path().display().to_string())];
            openclaw_config::load(&overrides, &Environment::of(variables))
        };
        let unsaid = load("{ gateway: { bind: '0.0.0.0' } }");
        assert!(matches!(unsaid, Err(Refused::Refused { .. })));
        for (text, is_open) in [
            ("{ gateway: { bind: '127.0.0.1' } }", false),
            (
                "{ gateway: { bind: '0.0.0.0', auth: { mode: 'token' } } }",
                true,
            ),
        ] {
            let config = load(text).unwrap().config;
            let bound = SocketAddr::new(config.gateway.bind, 18_789);
            assert_eq!(guard(&config, bound).bound_to_loopback, !is_open, "{text}");
        }
    }
}
