//! `openclaw router budgets`: what may still be spent, and what owners of budgets were told.

use openclaw_gateway::books;
use openclaw_wire::methods::{
    Empty,
    router::{BudgetRow, RouterBudgets, RouterBudgetsResult},
};

use super::picture;
use crate::{
    amount::{at, dollars},
    error::Failure,
    link::{call, is_running},
    output::{Output, table},
    place::Place,
    plot::meter,
    screen::Screen,
};

pub(super) fn run(place: &Place, output: Output) -> Result<(), Failure> {
    let config = place.config()?;
    let result = if is_running(&config.paths) {
        call::<RouterBudgets>(&config, &Empty {})?
    } else {
        books::budgets(&picture(&config)?)
    };
    let screen = Screen::of_output(place.environment());
    output.either(&result, || text(&result, screen))
}

fn text(result: &RouterBudgetsResult, screen: Option<Screen>) -> String {
    let mut text = budgets_table(&result.budgets, screen);
    for alert in &result.alerts {
        let (when, scope) = (at(alert.at_ms), whose(&alert.scope, alert.alias.as_deref()));
        let spent = dollars(alert.spent_usd);
        text.push_str(&format!(
            "{when}  {scope}: {}, {spent} spent\n",
            told(&alert.reached)
        ));
    }
    text
}

/// The budgets, those of which most is spent first.
pub(super) fn budgets_table(budgets: &[BudgetRow], screen: Option<Screen>) -> String {
    if budgets.is_empty() {
        return "no budgets; `budgets` in openclaw.json and `openclaw router keys` set them\n"
            .to_owned();
    }
    let mut budgets: Vec<&BudgetRow> = budgets.iter().collect();
    budgets.sort_by(|one, other| {
        let share = |budget: &BudgetRow| budget.percent.unwrap_or(0.0);
        share(other).total_cmp(&share(one))
    });
    let Some(there) = screen else {
        return drawn(&budgets, None, true);
    };
    let fits = |text: &String| {
        text.lines()
            .all(|line| line.chars().count() <= there.columns)
    };
    // Where there is no room for all, the period says when it ends, and the bar says no more than the figures.
    let tries = [true, false].map(|has_end| drawn(&budgets, screen, has_end));
    let fitting = tries.into_iter().find(fits);
    fitting.unwrap_or_else(|| drawn(&budgets, None, true))
}

fn drawn(budgets: &[&BudgetRow], screen: Option<Screen>, has_end: bool) -> String {
    let rows = budgets.iter().map(|budget| row(budget, screen, has_end));
    let rows: Vec<Vec<String>> = rows.collect();
    let mut head = vec!["Budget", "Spent", "Of", "%"];
    if screen.is_some() {
        head.push("");
    }
    if has_end {
        head.push("Starts anew");
    }
    head.push("Alert");
    table(&head, &rows)
}

fn row(budget: &BudgetRow, screen: Option<Screen>, has_end: bool) -> Vec<String> {
    let period = budget.period.as_ref();
    let max = budget.max_usd.map(dollars);
    let max = match (max, period) {
        (Some(max), Some(period)) => format!("{max} {}", per(period)),
        (Some(max), None) => max,
        (None, _) => "no stop".to_owned(),
    };
    let mut cells = vec![
        whose(&budget.scope, budget.alias.as_deref()),
        dollars(budget.spent_usd),
        max,
        budget
            .percent
            .map(|percent| format!("{percent:.0}"))
            .unwrap_or_default(),
    ];
    cells.extend(screen.map(|screen| {
        let part = budget.percent.unwrap_or(0.0) / 100.0;
        meter(part, screen)
    }));
    if has_end {
        cells.push(budget.resets_at_ms.map_or_else(|| "never".to_owned(), at));
    }
    cells.push(alerts(&budget.reached));
    cells
}

/// A period as it stands behind an amount.
fn per(period: &str) -> String {
    if period.ends_with("ly") {
        period.to_owned()
    } else {
        format!("per {period}")
    }
}

fn whose(scope: &str, alias: Option<&str>) -> String {
    match alias {
        Some(alias) => format!("{scope} ({alias})"),
        None => scope.to_owned(),
    }
}

/// The highest share that was told, and what else was.
pub(crate) fn alerts(reached: &[String]) -> String {
    let highest = reached
        .iter()
        .filter_map(|what| what.parse::<u32>().ok())
        .max();
    let highest = highest.map(|percent| told(&percent.to_string()));
    let others = reached.iter().filter(|what| what.parse::<u32>().is_err());
    let said: Vec<String> = highest
        .into_iter()
        .chain(others.map(|what| told(what)))
        .collect();
    said.join(", ")
}

fn told(reached: &str) -> String {
    match reached {
        "soft" => "soft limit reached".to_owned(),
        "refused" => "requests refused".to_owned(),
        percent => format!("{percent} % reached"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(scope: &str, percent: Option<f64>, reached: &[&str]) -> BudgetRow {
        BudgetRow {
            scope: scope.to_owned(),
            spent_usd: percent.unwrap_or(30.0) / 10.0,
            max_usd: percent.map(|_| 10.0),
            percent,
            period: Some("daily".to_owned()),
            resets_at_ms: Some(0),
            reached: reached.iter().map(|&what| what.to_owned()).collect(),
            ..BudgetRow::default()
        }
    }

    #[test]
    fn budgets_are_shown_with_a_bar_and_what_was_told() {
        let budgets = [
            budget("everybody", None, &["soft"]),
            budget("agent steward", Some(55.0), &["50"]),
            budget("agent alpha", Some(100.0), &["50", "80", "100", "refused"]),
        ];
        let screen = |columns| {
            Some(Screen {
                columns,
                is_utf8: false,
            })
        };
        assert_eq!(
            budgets_table(&budgets, screen(60)),
            budgets_table(&budgets, None)
        );
        let narrow = budgets_table(&budgets, screen(100));
        assert!(
            !narrow.contains("Starts anew") && narrow.contains("[###"),
            "{narrow}"
        );
        insta::assert_snapshot!(budgets_table(&budgets, screen(120)), @r"
        Budget         Spent   Of            %                            Starts anew           Alert
        agent alpha    $10.00  $10.00 daily  100  [####################]  1970-01-01 00:00:00Z  100 % reached, requests refused
        agent steward  $5.50   $10.00 daily  55   [###########         ]  1970-01-01 00:00:00Z  50 % reached
        everybody      $3.00   no stop            [                    ]  1970-01-01 00:00:00Z  soft limit reached
        ");
        insta::assert_snapshot!(budgets_table(&budgets, None), @r"
        Budget         Spent   Of            %    Starts anew           Alert
        agent alpha    $10.00  $10.00 daily  100  1970-01-01 00:00:00Z  100 % reached, requests refused
        agent steward  $5.50   $10.00 daily  55   1970-01-01 00:00:00Z  50 % reached
        everybody      $3.00   no stop            1970-01-01 00:00:00Z  soft limit reached
        ");
    }
}
