//! `openclaw router keys …`: virtual keys made, shown, changed, and given up.

use openclaw_gateway::books;
use openclaw_wire::methods::router::{
    KeyForm, KeyParams, KeyResult, KeyRow, KeyUpdate, KeysListParams, KeysListResult,
    RouterKeysDelete, RouterKeysGenerate, RouterKeysInfo, RouterKeysList, RouterKeysUpdate,
};
use serde_json::json;

use super::{now, picture, refused};
use crate::{
    amount::{at, dollars, grouped},
    args::{KeyFields, Keys},
    commands::agents::change::confirm,
    error::{self, Failure},
    link::{call, is_running},
    output::{self, Output, table},
    place::Place,
};

/// Runs one of them.
pub(super) fn run(place: &Place, output: Output, command: Keys) -> Result<(), Failure> {
    match command {
        Keys::List { team, user, agent } => {
            let params = KeysListParams {
                team,
                user,
                agent,
                ..KeysListParams::default()
            };
            list(place, output, &params)
        }
        Keys::Generate(fields) => generate(place, output, fields),
        Keys::Info { key } => info(place, output, key),
        Keys::Update { key, fields, unset } => update(place, output, key, (fields, &unset)),
        Keys::Delete { key, yes } => delete(place, output, key, yes),
    }
}

fn list(place: &Place, output: Output, params: &KeysListParams) -> Result<(), Failure> {
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        call::<RouterKeysList>(&config, params)?
    } else {
        books::list(&picture(&config)?, params, now()).map_err(|shape| refused(&shape))?
    };
    output.either(&result, || keys_table(&result))
}

fn keys_table(result: &KeysListResult) -> String {
    if result.keys.is_empty() {
        return "no keys; `openclaw router keys generate` makes one".to_owned();
    }
    let head = [
        "Id", "Key", "Alias", "For", "Models", "Spent", "Budget", "State",
    ];
    let rows: Vec<Vec<String>> = result.keys.iter().map(key_row).collect();
    let shown = result.keys.len();
    let hidden = result.total.saturating_sub(shown as u64);
    let mut text = table(&head, &rows);
    if hidden > 0 {
        text.push_str(&format!("{} more are not shown\n", grouped(hidden)));
    }
    text
}

fn key_row(key: &KeyRow) -> Vec<String> {
    let owners = [
        ("team", &key.team),
        ("user", &key.user),
        ("agent", &key.agent),
    ];
    let owners = owners
        .iter()
        .filter_map(|(what, who)| Some(format!("{what} {}", who.as_ref()?)));
    vec![
        key.id.clone(),
        key.name.clone(),
        key.alias.clone().unwrap_or_default(),
        owners.collect::<Vec<_>>().join(", "),
        models(key),
        dollars(key.spend_usd),
        budget(key),
        state(key),
    ]
}

fn models(key: &KeyRow) -> String {
    if key.models.is_empty() {
        "all".to_owned()
    } else {
        key.models.join(", ")
    }
}

fn budget(key: &KeyRow) -> String {
    let period = key.budget_duration.as_ref();
    match (key.max_budget_usd, period) {
        (None, _) => "none".to_owned(),
        (Some(max), None) => dollars(max),
        (Some(max), Some(period)) => format!("{} per {period}", dollars(max)),
    }
}

fn state(key: &KeyRow) -> String {
    match (key.blocked, key.expired, key.expires_at_ms) {
        (true, _, _) => "blocked".to_owned(),
        (_, true, _) => "expired".to_owned(),
        (_, _, Some(expires)) => format!("works until {}", at(expires)),
        _ => "works".to_owned(),
    }
}

fn generate(place: &Place, output: Output, fields: KeyFields) -> Result<(), Failure> {
    let made = call::<RouterKeysGenerate>(&place.config()?, &form(fields))?;
    if output.json {
        return output.value(&made);
    }
    // The key alone is the result, so that a script can take it.
    output::line(&made.secret);
    output::note(&format!(
        "this is the only time it is shown; `openclaw router keys info {}` shows what it may do",
        made.key.alias.as_deref().unwrap_or(&made.key.id)
    ));
    Ok(())
}

fn info(place: &Place, output: Output, key: String) -> Result<(), Failure> {
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        call::<RouterKeysInfo>(&config, &KeyParams { key })?
    } else {
        books::info(&picture(&config)?, &key, now()).map_err(|shape| refused(&shape))?
    };
    shown(output, &result)
}

fn shown(output: Output, result: &KeyResult) -> Result<(), Failure> {
    output.either(result, || {
        let lines = facts(&result.key);
        let lines = lines.iter().map(|(what, said)| format!("{what}: {said}"));
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn facts(key: &KeyRow) -> Vec<(&'static str, String)> {
    let number = |number: Option<u64>| number.map(grouped);
    let of_models = key.model_max_budget_usd.iter();
    let of_models: Vec<String> = of_models
        .map(|(model, max)| format!("{model} {}", dollars(*max)))
        .collect();
    let all = [
        ("Id", Some(key.id.clone())),
        ("Key", Some(key.name.clone())),
        ("Alias", key.alias.clone()),
        ("State", Some(state(key))),
        ("Team", key.team.clone()),
        ("User", key.user.clone()),
        ("Agent", key.agent.clone()),
        ("Models", Some(models(key))),
        ("Spent", Some(dollars(key.spend_usd))),
        (
            "Held for calls under way",
            (key.reserved_usd > 0.0).then(|| dollars(key.reserved_usd)),
        ),
        ("Budget", Some(budget(key))),
        ("Budget starts anew", key.budget_resets_at_ms.map(at)),
        ("Alert at", key.soft_budget_usd.map(dollars)),
        (
            "Budgets of models",
            (!of_models.is_empty()).then(|| of_models.join(", ")),
        ),
        ("Requests in a minute", number(key.rpm)),
        ("Tokens in a minute", number(key.tpm)),
        ("Requests at the same time", number(key.max_parallel)),
        ("Requests at once", number(key.burst)),
        ("Tokens in a day", number(key.tokens_per_day)),
        ("Made", Some(at(key.created_at_ms))),
        ("Changed", Some(at(key.updated_at_ms))),
    ];
    all.into_iter()
        .filter_map(|(what, said)| Some((what, said?)))
        .collect()
}

fn update(
    place: &Place,
    output: Output,
    key: String,
    (fields, unset): (KeyFields, &[String]),
) -> Result<(), Failure> {
    let set = form(fields);
    if set == KeyForm::default() && unset.is_empty() {
        return Err(Failure::new("nothing is to be changed")
            .hint("`openclaw router keys update --help` shows what can be")
            .code(error::USAGE));
    }
    let params = KeyUpdate {
        key,
        set,
        unset: unset.iter().map(|option| field_of(option)).collect(),
    };
    let result = call::<RouterKeysUpdate>(&place.config()?, &params)?;
    shown(output, &result)
}

/// The field that an option sets: `max-budget` and `--max-budget` set `maxBudgetUsd`.
fn field_of(option: &str) -> String {
    let mut field = String::new();
    let words = option.trim_start_matches("--").split('-');
    for (at, word) in words.enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if at > 0 => field.push(first.to_ascii_uppercase()),
            Some(first) => field.push(first),
            None => {}
        }
        field.push_str(letters.as_str());
    }
    if field.ends_with("Budget") {
        field.push_str("Usd");
    }
    field
}

fn form(fields: KeyFields) -> KeyForm {
    let budgets = fields.model_max_budget;
    KeyForm {
        alias: fields.alias,
        team: fields.team,
        user: fields.user,
        agent: fields.agent,
        models: fields.models,
        max_budget_usd: fields.max_budget,
        soft_budget_usd: fields.soft_budget,
        budget_duration: fields.budget_duration,
        duration: fields.duration,
        tpm: fields.tpm,
        rpm: fields.rpm,
        max_parallel: fields.max_parallel,
        burst: fields.burst,
        tokens_per_day: fields.tokens_per_day,
        model_max_budget_usd: (!budgets.is_empty()).then(|| budgets.into_iter().collect()),
        metadata: None,
        blocked: fields.blocked,
    }
}

fn delete(place: &Place, output: Output, key: String, yes: bool) -> Result<(), Failure> {
    let config = place.config()?;
    let params = KeyParams { key };
    let known = call::<RouterKeysInfo>(&config, &params)?.key;
    let named = known.alias.as_deref().unwrap_or(&known.id);
    confirm(
        &format!("Give up the key {named} ({}) for good?", known.name),
        yes,
    )?;
    let last = call::<RouterKeysDelete>(&config, &params)?.key;
    output.either(&json!({"deleted": last}), || {
        format!(
            "the key {named} is given up; {} was spent on it",
            dollars(last.spend_usd)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_names_the_field_that_it_sets() {
        for (option, field) in [
            ("alias", "alias"),
            ("--max-budget", "maxBudgetUsd"),
            ("soft-budget", "softBudgetUsd"),
            ("model-max-budget", "modelMaxBudgetUsd"),
            ("budget-duration", "budgetDuration"),
            ("tokens-per-day", "tokensPerDay"),
        ] {
            assert_eq!(field_of(option), field);
        }
    }
}
