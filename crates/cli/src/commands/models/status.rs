//! `openclaw models status`: what every agent uses and falls back on, and why.

use openclaw_types::Timestamp;
use openclaw_wire::methods::models::{AgentRoute, KeyPresence, ModelsStatusResult, RouteStep};

use super::{list::in_use, settled};
use crate::{
    amount::dollars,
    error::Failure,
    link::{Link, block_on},
    output::{Output, table},
    place::{Home, Place},
};

pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let home = Home::from(&place.config()?);
    let status = block_on(async {
        let link = Link::open(&home).await?;
        settled(&link).await
    })?;
    output.either(&status, || text(&status))
}

fn text(status: &ModelsStatusResult) -> String {
    let mut text = in_use(Some(status));
    for candidate in &status.candidates {
        let mark = if candidate.ok { "found" } else { "absent" };
        let (name, detail) = (&candidate.name, &candidate.detail);
        text.push_str(&format!("  {name}: {mark}: {detail}\n"));
    }
    if let Some(local) = &status.local {
        text.push_str(&format!("Local model: {}: {}\n", local.state, local.detail));
    }
    for cooldown in &status.cooldowns {
        let until = Timestamp(cooldown.until_ms);
        let (model, reason) = (&cooldown.model, &cooldown.reason);
        text.push_str(&format!("Cooldown: {model} until {until} ({reason})\n"));
    }
    let rows: Vec<Vec<String>> = status.agents.iter().map(agent).collect();
    if rows.is_empty() {
        return text;
    }
    let head = [
        "Agent",
        "Asks for",
        "Answers now",
        "Key",
        "Then",
        "Budget left",
    ];
    format!("{text}\n{}", table(&head, &rows))
}

fn agent(route: &AgentRoute) -> Vec<String> {
    let mut asks = route.reference.clone();
    if !route.stated {
        asks.push_str(", or any");
    }
    let first = route.chain.first();
    let then = route.chain.iter().skip(1).map(step);
    vec![
        route.agent_id.clone(),
        asks,
        first.map_or_else(|| "nobody".to_owned(), |first| first.model.clone()),
        first
            .map(|first| key(first.key))
            .unwrap_or_default()
            .to_owned(),
        then.collect::<Vec<_>>().join(", "),
        route.left_usd.map(dollars).unwrap_or_default(),
    ]
}

fn step(step: &RouteStep) -> String {
    match step.key {
        KeyPresence::Unset => format!("{} (key not set)", step.model),
        KeyPresence::Set | KeyPresence::None => step.model.clone(),
    }
}

/// Whether a key is there, in words.
pub(super) const fn key(presence: KeyPresence) -> &'static str {
    match presence {
        KeyPresence::Set => "set",
        KeyPresence::Unset => "not set",
        KeyPresence::None => "none needed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_a_line_with_who_answers_and_who_would() {
        let step = |model: &str, key| RouteStep {
            model: model.to_owned(),
            key,
        };
        let route = |id: &str, stated, chain| AgentRoute {
            agent_id: id.to_owned(),
            reference: format!("agent/{id}"),
            stated,
            chain,
            left_usd: Some(1.5),
        };
        let chain = vec![
            step("minimax/M2", KeyPresence::Set),
            step("zai/glm-5", KeyPresence::Unset),
            step("ollama/q", KeyPresence::None),
        ];
        let status = ModelsStatusResult {
            source: Some("minimax".to_owned()),
            why: Some("it is configured".to_owned()),
            model: Some("minimax/M2".to_owned()),
            agents: vec![
                route("steward", true, chain),
                route("alpha", false, Vec::new()),
            ],
            ..ModelsStatusResult::default()
        };
        insta::assert_snapshot!(text(&status), @r"
        In use: minimax/M2 (it is configured)

        Agent    Asks for             Answers now  Key  Then                               Budget left
        steward  agent/steward        minimax/M2   set  zai/glm-5 (key not set), ollama/q  $1.50
        alpha    agent/alpha, or any  nobody                                               $1.50
        ");
    }
}
