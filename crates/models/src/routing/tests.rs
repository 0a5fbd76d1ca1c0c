use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::Timestamp;

use super::*;
use crate::options::Deadlines;

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

mod references;
