//! `openclaw models list`: every reference that works, and the model files on this machine.

use openclaw_wire::methods::{
    Empty,
    models::{ModelsList, ModelsListResult, ModelsStatusResult},
    router::{DeploymentRow, GroupRow, PriceRow},
};
use serde_json::{Value, json};

use super::{
    files::{catalog, failed, files_table, item_value},
    settled,
};
use crate::{
    amount::grouped,
    error::Failure,
    link::{Link, block_on, is_running},
    output::{Output, table},
    place::{Home, Place},
};

pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let known = if is_running(&config.paths) {
        Some(block_on(async {
            let link = Link::open(&Home::from(&config)).await?;
            let status = settled(&link).await?;
            Ok((status, link.call::<ModelsList>(&Empty {}).await?))
        })?)
    } else {
        None
    };
    let files = catalog(place, &config)?.list();
    let files = files.map_err(|error| failed(&error))?;
    let shown: Vec<Value> = files.iter().map(item_value).collect();
    let (status, listed) = known.unzip();
    let body = json!({
        "inUse": status,
        "groups": listed.as_ref().map(|listed| &listed.groups),
        "patterns": listed.as_ref().map(|listed| &listed.patterns),
        "aliases": listed.as_ref().map(|listed| &listed.aliases),
        "catalogue": shown,
    });
    output.either(&body, || {
        let references = listed.as_ref().map(references).unwrap_or_default();
        format!(
            "{}\n{references}{}",
            in_use(status.as_ref()),
            files_table(&files)
        )
    })
}

/// The model that is used unless an agent names another.
pub(super) fn in_use(status: Option<&ModelsStatusResult>) -> String {
    let Some(status) = status else {
        return "In use: unknown, because no gateway is running\n".to_owned();
    };
    let model = status.model.as_deref().unwrap_or("nothing yet");
    let why = status.why.as_deref();
    let why = why.unwrap_or("nothing was looked for yet");
    format!("In use: {model} ({why})\n")
}

fn references(listed: &ModelsListResult) -> String {
    let groups = listed.groups.iter().map(group);
    let patterns = listed.patterns.iter().map(|pattern| {
        let meaning = "what the star stands for";
        row(pattern, meaning, "configuration")
    });
    let aliases = listed
        .aliases
        .iter()
        .map(|(alias, meant)| row(alias, &format!("{meant} (alias)"), "configuration"));
    let rows: Vec<Vec<String>> = groups.chain(patterns).chain(aliases).collect();
    if rows.is_empty() {
        return "no references; a provider's key in the environment, or `models.providers` in openclaw.json, makes some\n\n".to_owned();
    }
    let head = ["Reference", "Answers", "Window", "$ per million", "From"];
    format!("{}\n", table(&head, &rows))
}

fn row(reference: &str, answers: &str, from: &str) -> Vec<String> {
    let nothing = String::new;
    vec![
        reference.to_owned(),
        answers.to_owned(),
        nothing(),
        nothing(),
        from.to_owned(),
    ]
}

fn group(group: &GroupRow) -> Vec<String> {
    vec![
        group.name.clone(),
        answers(group),
        same(&group.deployments, window),
        same(&group.deployments, |one| one.price.map(price)),
        group.source.clone(),
    ]
}

/// The models behind a name, each once; whoever has the name of the reference itself needs no words.
fn answers(group: &GroupRow) -> String {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for one in &group.deployments {
        let name = format!("{}/{}", one.provider, one.model);
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    let named = counted.iter().map(|(name, count)| match count {
        1 => name.clone(),
        _ => format!("{name} ({count} deployments)"),
    });
    let mut text = named.collect::<Vec<_>>().join(", ");
    if !group.fallbacks.is_empty() {
        text.push_str(&format!(", else {}", group.fallbacks.join(", ")));
    }
    text
}

/// What all deployments have in common, or each of their own.
fn same(all: &[DeploymentRow], what: impl Fn(&DeploymentRow) -> Option<String>) -> String {
    let said = all
        .iter()
        .map(|one| what(one).unwrap_or_else(|| "unknown".to_owned()));
    let mut said: Vec<String> = said.collect();
    said.dedup();
    said.join("; ")
}

fn window(one: &DeploymentRow) -> Option<String> {
    one.context_window.map(|window| grouped(window.into()))
}

fn price(price: PriceRow) -> String {
    if price.input == 0.0 && price.output == 0.0 {
        return "free".to_owned();
    }
    format!("{} in, {} out", price.input, price.output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_its_models_window_price_and_source() {
        let one = |model: &str, price| DeploymentRow {
            provider: "openai".to_owned(),
            model: model.to_owned(),
            context_window: Some(128_000),
            price,
            ..DeploymentRow::default()
        };
        let priced = PriceRow {
            input: 2.5,
            output: 10.0,
            ..PriceRow::default()
        };
        let fast = GroupRow {
            name: "fast".to_owned(),
            source: "litellm_config.yaml".to_owned(),
            fallbacks: vec!["slow".to_owned()],
            deployments: vec![
                one("gpt-5", Some(priced)),
                one("gpt-5", Some(priced)),
                one("gpt-4.1", None),
            ],
        };
        let free = GroupRow {
            name: "openai/free".to_owned(),
            source: "found".to_owned(),
            fallbacks: Vec::new(),
            deployments: vec![one("free", Some(PriceRow::default()))],
        };
        let listed = ModelsListResult {
            models: Vec::new(),
            groups: vec![fast, free],
            patterns: vec!["wild/*".to_owned()],
            aliases: [("quick".to_owned(), "fast".to_owned())].into(),
        };
        insta::assert_snapshot!(references(&listed), @r"
        Reference    Answers                                                  Window   $ per million            From
        fast         openai/gpt-5 (2 deployments), openai/gpt-4.1, else slow  128,000  2.5 in, 10 out; unknown  litellm_config.yaml
        openai/free  openai/free                                              128,000  free                     found
        wild/*       what the star stands for                                                                   configuration
        quick        fast (alias)                                                                               configuration
        ");
    }
}
