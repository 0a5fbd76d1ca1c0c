//! What changed between two configurations, and what it takes for each change to count.

use std::collections::BTreeMap;

use crate::config::{Agent, Config, Gateway, Models, Provider, Router, Session};

/// One changed setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key, or the unit that changed: `gateway.port`, `agents.steward`.
    pub path: String,
    /// What it takes.
    pub effect: Effect,
}

/// What it takes for a change to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The next run takes it.
    NextRun,
    /// The gateway has to be restarted.
    Restart,
}

/// Every change, in the order of the file's sections. Secrets are compared and never shown.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Vec<Change> {
    // Taken apart field by field, so that a new one can't be forgotten here.
    let Config {
        paths,
        gateway,
        agents,
        models,
        routing,
        router,
        memory,
        embedding,
        session,
        limits,
        plugins,
        skills_path,
        log_level,
    } = old;
    let mut changes = Changes::default();
    changes.restart("workspace", *paths == new.paths);
    changes.gateway(gateway, &new.gateway);
    changes.agents(agents, &new.agents);
    changes.models(models, &new.models);
    changes.next_run("model_routing", *routing == new.routing);
    changes.router(router, &new.router);
    changes.next_run("memory", *memory == new.memory);
    changes.restart("embedding", *embedding == new.embedding);
    changes.session(session, &new.session);
    changes.restart("limits", *limits == new.limits);
    changes.restart("plugins", *plugins == new.plugins);
    changes.next_run("skills_repository.path", *skills_path == new.skills_path);
    changes.restart("logging.level", *log_level == new.log_level);
    changes.0
}

#[derive(Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn next_run(&mut self, path: &str, same: bool) {
        self.add(path, same, Effect::NextRun);
    }

    fn restart(&mut self, path: &str, same: bool) {
        self.add(path, same, Effect::Restart);
    }

    fn add(&mut self, path: &str, same: bool, effect: Effect) {
        if !same {
            self.0.push(Change {
                path: path.to_owned(),
                effect,
            });
        }
    }

    fn gateway(&mut self, old: &Gateway, new: &Gateway) {
        let Gateway {
            port,
            bind,
            token,
            trusted_proxies,
            allowed_hosts,
            allowed_origins,
        } = old;
        self.restart("gateway.port", *port == new.port);
        self.restart("gateway.bind", *bind == new.bind);
        self.restart("gateway.auth.token", *token == new.token);
        self.restart(
            "gateway.trustedProxies",
            *trusted_proxies == new.trusted_proxies,
        );
        self.restart("gateway.allowedHosts", *allowed_hosts == new.allowed_hosts);
        self.restart(
            "gateway.allowedOrigins",
            *allowed_origins == new.allowed_origins,
        );
    }

    /// One change an agent, and one when only the order differs.
    fn agents(&mut self, old: &[Agent], new: &[Agent]) {
        let by_id = |agents: &[Agent]| -> BTreeMap<String, Agent> {
            let pairs = agents.iter();
            pairs
                .map(|agent| (agent.id.to_string(), agent.clone()))
                .collect()
        };
        let before = self.0.len();
        self.units("agents", &by_id(old), &by_id(new));
        self.next_run("agents", self.0.len() > before || old == new);
    }

    fn models(&mut self, old: &Models, new: &Models) {
        let Models {
            providers,
            deadlines,
            discovery,
            local,
            record,
        } = old;
        let by_id = |providers: &[Provider]| -> BTreeMap<String, Provider> {
            let pairs = providers.iter();
            pairs
                .map(|provider| (provider.id.clone(), provider.clone()))
                .collect()
        };
        let before = self.0.len();
        self.units(
            "models.providers",
            &by_id(providers),
            &by_id(&new.providers),
        );
        let told = self.0.len() > before;
        self.next_run("models.providers", told || *providers == new.providers);
        self.next_run("models.timeouts", *deadlines == new.deadlines);
        self.restart("models.discovery", *discovery == new.discovery);
        self.restart("models.local", *local == new.local);
        self.restart("models.record", *record == new.record);
    }

    fn router(&mut self, old: &Router, new: &Router) {
        let Router {
            listen,
            master_key,
            litellm,
            budgets,
        } = old;
        self.restart("router", *listen == new.listen);
        self.restart("router.masterKey", *master_key == new.master_key);
        self.restart("router.config", *litellm == new.litellm);
        self.restart("budgets", *budgets == new.budgets);
    }

    fn session(&mut self, old: &Session, new: &Session) {
        let Session {
            durability,
            segment_bytes_max,
            entry_bytes_max,
            history_entries,
            keeper,
            maintenance,
        } = old;
        self.restart("session.durability", *durability == new.durability);
        self.restart(
            "session.segmentBytesMax",
            *segment_bytes_max == new.segment_bytes_max,
        );
        self.restart(
            "session.entryBytesMax",
            *entry_bytes_max == new.entry_bytes_max,
        );
        self.next_run(
            "session.historyEntries",
            *history_entries == new.history_entries,
        );
        self.restart("session.keeper", *keeper == new.keeper);
        self.restart("session.maintenance", *maintenance == new.maintenance);
    }

    /// A unit that came, went, or changed.
    fn units<T: PartialEq>(
        &mut self,
        path: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
    ) {
        for (id, unit) in old {
            self.next_run(&format!("{path}.{id}"), new.get(id) == Some(unit));
        }
        for id in new.keys().filter(|id| !old.contains_key(*id)) {
            self.next_run(&format!("{path}.{id}"), false);
        }
    }
}
