//! The reference page of every key, written from the table.

use std::fmt::Write;

use crate::schema::{Effect, Key, Kind, Table};

/// A Markdown table of every key of `openclaw.json` that has an effect, then one of those accepted without one.
#[must_use]
pub fn markdown() -> String {
    of(Table::Openclaw)
}

/// The same for `litellm_config.yaml`.
#[must_use]
pub fn litellm_markdown() -> String {
    of(Table::Litellm)
}

fn of(table: Table) -> String {
    let mut page = String::from("| key | type | default | meaning |\n|---|---|---|---|\n");
    let (used, others): (Vec<&Key>, Vec<&Key>) = table
        .keys()
        .iter()
        .partition(|key| key.effect == Effect::Used);
    for key in used {
        row(&mut page, key);
    }
    page.push_str(
        "\nAccepted without an effect:\n\n| key | said at start | why |\n|---|---|---|\n",
    );
    for key in others {
        let said = match key.effect {
            Effect::Inert => "a warning",
            Effect::Unsupported => "that it is not in effect",
            Effect::Used | Effect::Note => "nothing",
        };
        let (path, about) = (path(key), key.about);
        // Writing into a string can't fail.
        writeln!(page, "| {path} | {said} | {about} |").unwrap_or_default();
    }
    page
}

fn row(page: &mut String, key: &Key) {
    let kinds: Vec<String> = match key.like {
        Some(like) => vec![format!("as `{like}`")],
        None => key.kinds.iter().map(word).collect(),
    };
    let default = match key.default {
        "" => String::new(),
        default => format!("`{default}`"),
    };
    let (path, about) = (path(key), key.about);
    let kinds = kinds.join(" or ");
    writeln!(page, "| {path} | {kinds} | {default} | {about} |").unwrap_or_default();
}

/// The key's path, other names of its last part in brackets.
fn path(key: &Key) -> String {
    let (above, last) = key.path.rsplit_once('.').unwrap_or(("", key.path));
    let mut names = last.split('/');
    let name = names.next().unwrap_or(last);
    let dot = if above.is_empty() { "" } else { "." };
    let above: Vec<&str> = above
        .split('.')
        .map(|part| part.split('/').next().unwrap_or(part))
        .collect();
    let mut text = format!("`{}{dot}{name}`", above.join("."));
    let others: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if !others.is_empty() {
        text.push_str(&format!(" (or {})", others.join(", ")));
    }
    text
}

fn word(kind: &Kind) -> String {
    match kind {
        Kind::Object => "object".to_owned(),
        Kind::Map => "object by name".to_owned(),
        Kind::List => "list".to_owned(),
        Kind::Texts => "texts".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Secret => "secret".to_owned(),
        Kind::Flag => "true or false".to_owned(),
        Kind::Integer(min, max) => format!("{min} to {max}"),
        Kind::Number(min, max) => format!("{min} to {max}"),
        Kind::Duration(min, max) => format!("duration, {min} to {max} ms"),
        Kind::Choice(words) => words
            .iter()
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Kind::Label => "number".to_owned(),
        Kind::Any => "anything".to_owned(),
    }
}
