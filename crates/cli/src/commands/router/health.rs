//! `openclaw router health`: every deployment as calls have shown it.

use openclaw_types::Timestamp;
use openclaw_wire::methods::{
    Empty,
    router::{DeploymentRow, GroupRow, RouterHealth, RouterHealthResult},
};

use super::now;
use crate::{
    amount::{at, grouped},
    error::Failure,
    link::call,
    output::{Output, table},
    place::Place,
};

pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let health = call::<RouterHealth>(&place.config()?, &Empty {})?;
    output.either(&health, || text(&health, now()))?;
    if health.ready {
        return Ok(());
    }
    let why = health.ledger.failure.clone();
    let why = why.unwrap_or_else(|| "there is no model to ask".to_owned());
    let hint = if health.ledger.ok {
        "`openclaw models status` says what was looked for"
    } else {
        "make room on the disk, or mend what is said"
    };
    Err(Failure::new(format!("the router is not ready: {why}"))
        .hint(hint)
        .told())
}

fn text(health: &RouterHealthResult, now: Timestamp) -> String {
    let mut lines = vec![
        format!("Router: {}", if health.ready { "ready" } else { "not ready" }),
        match &health.listen {
            Some(address) => format!("Listens: http://{address}"),
            None => "Listens: only beside the gateway's own paths; `router` in openclaw.json opens a port"
                .to_owned(),
        },
        format!("Keys: {}", keys(health)),
        format!("Ledger: {}", ledger(health)),
    ];
    let rows: Vec<Vec<String>> = health
        .groups
        .iter()
        .flat_map(|group| group.deployments.iter().map(move |one| (group, one)))
        .map(|(group, one)| row(group, one, now))
        .collect();
    lines.push(String::new());
    if rows.is_empty() {
        lines.push("no deployments; `openclaw models status` says what was looked for".to_owned());
    } else {
        let head = [
            "Reference",
            "Asks",
            "State",
            "In flight",
            "First byte",
            "This minute",
            "Last failure",
        ];
        lines.push(table(&head, &rows));
    }
    lines.join("\n")
}

fn keys(health: &RouterHealthResult) -> String {
    match &health.keys.failure {
        Some(failure) => format!("refused: {failure}"),
        None => grouped(health.keys.count),
    }
}

fn ledger(health: &RouterHealthResult) -> String {
    let ledger = &health.ledger;
    let counts = [
        (ledger.lines_damaged, "lines that could not be read"),
        (ledger.lines_lost, "lines that were lost"),
        (ledger.unsettled, "calls without an end at the start"),
    ];
    let counts = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what}: {}", grouped(*count)));
    let state = ledger.failure.clone().unwrap_or_else(|| "ok".to_owned());
    let said: Vec<String> = std::iter::once(state).chain(counts).collect();
    said.join("; ")
}

fn row(group: &GroupRow, one: &DeploymentRow, now: Timestamp) -> Vec<String> {
    let first_byte = one.first_byte_ms.map(|ms| format!("{ms:.0} ms"));
    vec![
        group.name.clone(),
        format!("{}/{}", one.provider, one.model),
        state(one, now),
        one.in_flight.to_string(),
        first_byte.unwrap_or_default(),
        minute(one),
        failure(one),
    ]
}

fn state(one: &DeploymentRow, now: Timestamp) -> String {
    match (one.cooling_until_ms, one.usable) {
        (Some(until), is_usable) => {
            let seconds = Timestamp(until).since_ms(now).div_euclid(1_000) + 1;
            let how = if is_usable { "asked last" } else { "not asked" };
            format!("cooling until {} ({seconds} s, {how})", at(until))
        }
        (None, true) => "up".to_owned(),
        (None, false) => "its minute is used up".to_owned(),
    }
}

/// Requests and tokens of this minute, and of how many.
fn minute(one: &DeploymentRow) -> String {
    let of = |limit: Option<u32>| limit.map(|limit| format!(" of {}", grouped(limit.into())));
    let requests = u64::from(one.requests_this_minute);
    format!(
        "{}{} req, {}{} tok",
        grouped(requests),
        of(one.rpm).unwrap_or_default(),
        grouped(one.tokens_this_minute),
        of(one.tpm).unwrap_or_default()
    )
}

fn failure(one: &DeploymentRow) -> String {
    match (&one.last_failure, one.last_failure_ms) {
        (Some(why), Some(ms)) => format!("{why}, {}", at(ms)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use openclaw_wire::methods::router::LedgerState;

    use super::*;

    fn health() -> RouterHealthResult {
        let up = DeploymentRow {
            provider: "openai".to_owned(),
            model: "gpt-5".to_owned(),
            usable: true,
            in_flight: 2,
            requests_this_minute: 7,
            tokens_this_minute: 12_345,
            rpm: Some(60),
            first_byte_ms: Some(312.4),
            ..DeploymentRow::default()
        };
        let cooling = DeploymentRow {
            provider: "zai".to_owned(),
            model: "glm-5".to_owned(),
            cooling_until_ms: Some(42_000),
            last_failure: Some("rate-limited".to_owned()),
            last_failure_ms: Some(0),
            ..DeploymentRow::default()
        };
        let full = DeploymentRow {
            cooling_until_ms: None,
            last_failure: None,
            ..cooling.clone()
        };
        RouterHealthResult {
            ready: true,
            groups: vec![GroupRow {
                name: "agent/steward".to_owned(),
                deployments: vec![up, cooling, full],
                ..GroupRow::default()
            }],
            listen: Some("127.0.0.1:4000".to_owned()),
            ledger: LedgerState {
                ok: true,
                unsettled: 1,
                ..LedgerState::default()
            },
            patterns: Vec::new(),
            aliases: std::collections::BTreeMap::new(),
            keys: openclaw_wire::methods::router::KeysState::default(),
        }
    }

    #[test]
    fn every_deployment_is_a_line_with_its_state() {
        insta::assert_snapshot!(text(&health(), Timestamp(0)), @r"
        Router: ready
        Listens: http://127.0.0.1:4000
        Keys: 0
        Ledger: ok; calls without an end at the start: 1

        Reference      Asks          State                                                 In flight  First byte  This minute              Last failure
        agent/steward  openai/gpt-5  up                                                    2          312 ms      7 of 60 req, 12,345 tok
        agent/steward  zai/glm-5     cooling until 1970-01-01 00:00:42Z (43 s, not asked)  0                      0 req, 0 tok             rate-limited, 1970-01-01 00:00:00Z
        agent/steward  zai/glm-5     its minute is used up                                 0                      0 req, 0 tok
        ");
    }

    #[test]
    fn without_deployments_it_is_said_where_to_look() {
        let none = RouterHealthResult {
            groups: Vec::new(),
            listen: None,
            ..health()
        };
        let said = text(&none, Timestamp(0));
        assert!(
            said.contains("no deployments; `openclaw models status`"),
            "{said}"
        );
    }
}
