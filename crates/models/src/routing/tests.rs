use std::{collections::BTreeMap, sync::Arc, time::Duration};

use openclaw_types::Timestamp;

use super::*;
use crate::{error::Kind, options::Deadlines};

const DEADLINES: Deadlines = Deadlines {
    connect_ms: 1,
    first_byte_ms: 1,
    idle_ms: 1,
    total_ms: 1,
};
const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A deployment of `group` whose model is `model` at `provider`.
fn deployment(group: &str, provider: &str, model: &str) -> Deployment {
    let server = Arc::new(Server::inner(provider));
    let template = Deployment::of(server, DEADLINES, Rules::default());
    Deployment {
        id: Arc::from(format!("{group}:{provider}/{model}")),
        ..template.of_model(&Arc::from(group), model)
    }
}

fn listing(provider: &str, models: &[&str]) -> Listing {
    let group = |&model: &&str| {
        let deployment = deployment(&format!("{provider}/{model}"), provider, model);
        (Arc::from(model), Arc::new(Group::of(deployment, false)))
    };
    Listing {
        models: models.iter().map(group).collect(),
        is_open: models.is_empty(),
        is_configured: true,
        ..Listing::of(deployment("", provider, ""))
    }
}

fn ask(reference: &str) -> Ask<'_> {
    Ask {
        reference,
        is_stated: true,
        ..Ask::default()
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn lists(lists: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    let list = |&(name, words): &(&str, &[&str])| (name.to_owned(), strings(words));
    lists.iter().map(list).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |&(a, b): &(&str, &str)| (a.to_owned(), b.to_owned());
    pairs.iter().map(owned).collect()
}

/// The candidates in the order of the plan.
fn planned(table: &Arc<Table>, ask: &Ask<'_>) -> Result<Vec<String>, Unserved> {
    let plan = plan(table, ask, &Health::default(), NOW, 1)?;
    Ok(plan.deployments().map(|d| d.spot.to_string()).collect())
}

mod plans;
mod properties;
mod references;

/// A table with these groups, each deployment as `provider/model` in order of its level.
fn grouped(settings: Settings, groups: &[(&str, &[&[&str]])]) -> Arc<Table> {
    let rules = settings.rules();
    let mut builder = Builder::new(settings);
    for (group, levels) in groups {
        for (order, names) in (1..).zip(*levels) {
            for name in *names {
                let (provider, model) = name.split_once('/').expect("provider/model");
                let deployment = deployment(group, provider, model);
                let deployment = Deployment {
                    rules,
                    ..deployment
                };
                builder.deployment(deployment, order, None);
            }
        }
    }
    Arc::new(builder.build())
}

/// One call that goes on until it is over; `respond` says how each candidate fails, or that it answers.
struct Run {
    plan: Plan,
    tried: Vec<String>,
    waits: Vec<Duration>,
    candidates: Vec<Candidate>,
    end: Option<Duration>,
}

impl Run {
    fn of(table: &Arc<Table>, ask: &Ask<'_>, health: &mut Health, now: Timestamp) -> Self {
        Self {
            plan: plan(table, ask, health, now, 7).expect("somebody serves it"),
            tried: Vec::new(),
            waits: Vec::new(),
            candidates: Vec::new(),
            end: None,
        }
    }

    /// Goes on until the plan is over, or a candidate answers.
    fn go(
        mut self,
        health: &mut Health,
        now: Timestamp,
        respond: impl Fn(&str) -> Option<Fault>,
    ) -> Self {
        loop {
            match self.plan.next(health, now) {
                Next::Try(candidate) => {
                    let name = candidate.deployment.spot.to_string();
                    let fault = respond(&name);
                    self.tried.push(name);
                    self.candidates.push(candidate.clone());
                    let Some(fault) = fault else {
                        health.answered(&candidate);
                        health.ended(&candidate, &Ended::default(), now);
                        return self;
                    };
                    self.plan.failed(fault, health, now);
                }
                Next::Wait(pause) => self.waits.push(pause),
                Next::Resting(pause) => {
                    self.end = Some(pause);
                    return self;
                }
                Next::Done => return self,
            }
        }
    }
}

fn fault(kind: Kind, status: u16) -> Option<Fault> {
    Some(Fault { kind, status })
}
