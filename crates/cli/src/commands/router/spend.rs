//! `openclaw router spend`: what was spent, day by day and broken down, and what is left of budgets.

use std::collections::BTreeMap;

use openclaw_gateway::books;
use openclaw_types::Timestamp;
use openclaw_wire::methods::{
    Empty,
    router::{
        RouterBudgets, RouterBudgetsResult, RouterSpend, SpendFilter, SpendParams, SpendResult,
        SpendRow, SpendTally,
    },
};
use serde_json::json;

use super::{budgets::budgets_table, now, picture, refused};
use crate::{
    amount::{dollars, grouped},
    args::{By, Spend},
    error::Failure,
    link::{Link, block_on, is_running},
    output::{Output, table},
    place::{Home, Place},
    plot::{Bar, bars},
    screen::Screen,
};

const DAY_MS: i64 = 86_400_000;
/// Days that are bars of their own; more are summed up by month.
const DAYS_MAX: usize = 62;
/// Rows that are shown; the rest is one line.
const ROWS_MAX: usize = 20;

/// What was asked for, answered.
struct Answer {
    days: SpendResult,
    rows: SpendResult,
    budgets: RouterBudgetsResult,
}

pub(super) fn run(place: &Place, output: Output, wanted: &Spend) -> Result<(), Failure> {
    let now = now();
    let first = first_day(now, wanted.since);
    let filter = SpendFilter {
        since_ms: Some(first.as_millis()),
        until_ms: None,
        key: wanted.key.clone(),
        team: wanted.team.clone(),
        agent: wanted.agent.clone(),
        group: wanted.group.clone(),
        provider: wanted.provider.clone(),
        model: wanted.model.clone(),
    };
    let answer = ask(place, &filter, wanted.by)?;
    let screen = Screen::of_output(place.environment());
    let body = json!({
        "since": first.utc_date(),
        "by": wanted.by.word(),
        "total": answer.days.total,
        "days": answer.days.rows,
        "rows": answer.rows.rows,
        "hidden": answer.rows.hidden,
        "budgets": answer.budgets.budgets,
        "alerts": answer.budgets.alerts,
    });
    output.either(&body, || text(&answer, wanted.by, (first, now), screen))
}

/// From the running gateway, or from what is on disk.
fn ask(place: &Place, filter: &SpendFilter, by: By) -> Result<Answer, Failure> {
    let config = place.config()?;
    let params = |by: By| SpendParams {
        by: vec![by.word().to_owned()],
        filter: filter.clone(),
    };
    if is_running(&config.paths) {
        let home = Home::from(&config);
        return block_on(async {
            let link = Link::open(&home).await?;
            Ok(Answer {
                days: link.call::<RouterSpend>(&params(By::Day)).await?,
                rows: link.call::<RouterSpend>(&params(by)).await?,
                budgets: link.call::<RouterBudgets>(&Empty {}).await?,
            })
        });
    }
    let picture = picture(&config)?;
    let spend = |by| books::spend(&picture, &params(by)).map_err(|shape| refused(&shape));
    Ok(Answer {
        days: spend(By::Day)?,
        rows: spend(by)?,
        budgets: books::budgets(&picture),
    })
}

/// Midnight of UTC of the first day: so many days with today.
fn first_day(now: Timestamp, since_ms: u64) -> Timestamp {
    let days = i64::try_from(since_ms.div_ceil(DAY_MS.unsigned_abs())).unwrap_or(i64::MAX);
    let today = now.as_millis().div_euclid(DAY_MS);
    Timestamp(today.saturating_sub(days - 1).saturating_mul(DAY_MS))
}

fn text(
    answer: &Answer,
    by: By,
    (first, now): (Timestamp, Timestamp),
    screen: Option<Screen>,
) -> String {
    let total = &answer.days.total;
    let mut text = format!("Since {}: {}\n", first.utc_date(), summary(total));
    if total.requests == 0 {
        text.push_str("nothing was spent in this time\n");
    } else {
        text.push('\n');
        text.push_str(&bars(&chart(&answer.days.rows, first, now), screen));
        if by != By::Day {
            text.push('\n');
            text.push_str(&rows_table(&answer.rows, by));
        }
    }
    text.push('\n');
    text.push_str(&budgets_table(&answer.budgets.budgets, screen));
    text
}

fn summary(total: &SpendTally) -> String {
    let mut text = format!(
        "{} for {} request{}, {} tokens read, {} written",
        dollars(total.cost_usd),
        grouped(total.requests),
        if total.requests == 1 { "" } else { "s" },
        grouped(total.input_tokens),
        grouped(total.output_tokens)
    );
    for (count, what) in [
        (total.failures, "failed"),
        (total.unpriced, "cost nobody knows what"),
        (total.unsettled, "had no end that anybody saw"),
    ] {
        if count > 0 {
            text.push_str(&format!("; {} {what}", grouped(count)));
        }
    }
    text
}

/// A bar for every day, or for every month where there are too many days.
fn chart(rows: &[SpendRow], first: Timestamp, now: Timestamp) -> Vec<Bar> {
    let days = (first.as_millis().div_euclid(DAY_MS)..=now.as_millis().div_euclid(DAY_MS))
        .map(|day| Timestamp(day.saturating_mul(DAY_MS)).utc_date());
    let mut sums: BTreeMap<String, f64> = days.map(|day| (day, 0.0)).collect();
    for row in rows {
        let day = row.day.clone().unwrap_or_default();
        *sums.entry(day).or_default() += row.tally.cost_usd;
    }
    if sums.len() > DAYS_MAX {
        let mut months: BTreeMap<String, f64> = BTreeMap::new();
        for (day, usd) in sums {
            let month = day.get(..7).unwrap_or(&day);
            *months.entry(month.to_owned()).or_default() += usd;
        }
        sums = months;
    }
    let bar = |(label, value): (String, f64)| Bar {
        label,
        value,
        shown: dollars(value),
    };
    sums.into_iter().map(bar).collect()
}

fn rows_table(result: &SpendResult, by: By) -> String {
    let mut rows: Vec<&SpendRow> = result.rows.iter().collect();
    rows.sort_by(|one, other| other.tally.cost_usd.total_cmp(&one.tally.cost_usd));
    let shown: Vec<Vec<String>> = rows
        .iter()
        .take(ROWS_MAX)
        .map(|row| cells(row, by))
        .collect();
    let mut title = by.word().to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let head = [
        title.as_str(),
        "Spent",
        "Requests",
        "Failed",
        "Tokens read",
        "Written",
    ];
    let mut text = table(&head, &shown);
    let hidden = rows.len().saturating_sub(ROWS_MAX) as u64 + result.hidden;
    if hidden > 0 {
        text.push_str(&format!(
            "{} more that cost less; --json has them\n",
            grouped(hidden)
        ));
    }
    text
}

fn cells(row: &SpendRow, by: By) -> Vec<String> {
    let name = match by {
        By::Agent => &row.agent,
        By::Model => &row.model,
        By::Provider => &row.provider,
        By::Group => &row.group,
        By::Key => &row.key,
        By::Team => &row.team,
        By::Day => &row.day,
    };
    let name = name.as_deref().filter(|name| !name.is_empty());
    let name = match (name, &row.key_alias) {
        (Some(name), Some(alias)) => format!("{name} ({alias})"),
        (Some(name), None) => name.to_owned(),
        (None, _) => "none".to_owned(),
    };
    let tally = &row.tally;
    vec![
        name,
        dollars(tally.cost_usd),
        grouped(tally.requests),
        grouped(tally.failures),
        grouped(tally.input_tokens),
        grouped(tally.output_tokens),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(cost_usd: f64, requests: u64) -> SpendTally {
        SpendTally {
            cost_usd,
            requests,
            input_tokens: 1_000 * requests,
            output_tokens: 10 * requests,
            ..SpendTally::default()
        }
    }

    fn day(day: &str, cost_usd: f64) -> SpendRow {
        SpendRow {
            day: Some(day.to_owned()),
            tally: tally(cost_usd, 1),
            ..SpendRow::default()
        }
    }

    #[test]
    fn so_many_days_are_today_and_those_before() {
        let now = Timestamp(10 * DAY_MS + 5);
        for (since, day) in [(1, 10), (DAY_MS, 10), (7 * DAY_MS, 4), (8 * DAY_MS, 3)] {
            let first = first_day(now, since.unsigned_abs());
            assert_eq!(first, Timestamp(day * DAY_MS), "{since}");
        }
    }

    #[test]
    fn days_without_spending_have_a_line_too_and_many_days_are_months() {
        let now = Timestamp(2 * DAY_MS + 5);
        let rows = [day("1970-01-02", 0.5)];
        let labels = |since| {
            let chart = chart(&rows, first_day(now, since), now);
            let said = chart
                .into_iter()
                .map(|bar| format!("{} {}", bar.label, bar.shown));
            said.collect::<Vec<_>>().join("\n")
        };
        assert_eq!(
            labels(3 * DAY_MS.unsigned_abs()),
            "1970-01-01 $0\n1970-01-02 $0.5000\n1970-01-03 $0"
        );
        assert_eq!(
            labels(63 * DAY_MS.unsigned_abs()),
            "1969-11 $0\n1969-12 $0\n1970-01 $0.5000"
        );
    }

    #[test]
    fn the_whole_is_a_sum_a_chart_a_table_and_the_budgets() {
        let row = |agent: &str, cost| SpendRow {
            agent: Some(agent.to_owned()),
            tally: tally(cost, 2),
            ..SpendRow::default()
        };
        let answer = Answer {
            days: SpendResult {
                rows: vec![day("1970-01-02", 0.5), day("1970-01-03", 0.25)],
                total: SpendTally {
                    failures: 1,
                    ..tally(0.75, 4)
                },
                hidden: 0,
            },
            rows: SpendResult {
                rows: vec![row("", 0.25), row("steward", 0.5)],
                total: tally(0.75, 4),
                hidden: 0,
            },
            budgets: RouterBudgetsResult::default(),
        };
        let now = Timestamp(2 * DAY_MS + 5);
        let first = first_day(now, 3 * DAY_MS.unsigned_abs());
        let screen = Some(Screen {
            columns: 50,
            is_utf8: true,
        });
        insta::assert_snapshot!(text(&answer, By::Agent, (first, now), screen), @r"
        Since 1970-01-01: $0.7500 for 4 requests, 4,000 tokens read, 40 written; 1 failed

        1970-01-01                                      $0
        1970-01-02  █████████████████████████████  $0.5000
        1970-01-03  ██████████████▌                $0.2500

        Agent    Spent    Requests  Failed  Tokens read  Written
        steward  $0.5000  2         0       2,000        20
        none     $0.2500  2         0       2,000        20

        no budgets; `budgets` in openclaw.json and `openclaw router keys` set them
        ");
    }
}
