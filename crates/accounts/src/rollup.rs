//! Sums of what was spent, by day, key, team, agent, provider and model, kept in memory.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::{Money, Timestamp};

use crate::{
    ledger::{Kind, Line},
    report::{Dimension, Query, Report, Row, Tally},
};

/// Sums that are kept apart, some 200 bytes each. When there are more, days of earlier months are summed up.
const CELLS_MAX: usize = 100_000;
/// Names that are told apart; what comes later is counted under [`OTHERS`].
const NAMES_MAX: usize = 50_000;
const OTHERS: &str = "(others)";
const DAY_MS: i64 = 86_400_000;

/// The number of a name.
type Name = u32;

/// What sums are kept apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Days since the epoch; the first day of a month whose days were summed up.
    day: i64,
    key: Name,
    team: Name,
    agent: Name,
    provider: Name,
    model: Name,
}

/// The sums.
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    numbers: BTreeMap<Arc<str>, Name>,
    names: Vec<Arc<str>>,
    cells: BTreeMap<Place, Tally>,
    /// Days before this one are summed up by month.
    summed_before: i64,
}

impl Rollup {
    /// Adds what a line says.
    pub(crate) fn add(&mut self, line: &Line<'_>) {
        let day = line.at.div_euclid(DAY_MS);
        let place = Place {
            day: if day < self.summed_before {
                first_of_month(day)
            } else {
                day
            },
            key: self.name(&line.key),
            team: self.name(&line.team),
            agent: self.name(&line.agent),
            provider: self.name(&line.provider),
            model: self.name(&line.model),
        };
        self.cells.entry(place).or_default().add(&tally(line));
        if self.cells.len() > CELLS_MAX {
            self.sum_up();
        }
    }

    fn name(&mut self, text: &str) -> Name {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        if self.names.len() >= NAMES_MAX && text != OTHERS {
            return self.name(OTHERS);
        }
        let number = Name::try_from(self.names.len()).unwrap_or(Name::MAX);
        let text: Arc<str> = Arc::from(text);
        self.names.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// Halves the number of cells or more: sums up the earlier half of the days by month, and if that does not
    /// help, forgets who spent what in the earlier half of the months.
    fn sum_up(&mut self) {
        let middle = self.cells.keys().nth(self.cells.len() / 2);
        self.summed_before = middle.map_or(0, |place| place.day);
        let before = self.summed_before;
        self.fold(|place| Place {
            day: if place.day < before {
                first_of_month(place.day)
            } else {
                place.day
            },
            ..place
        });
        if self.cells.len() > CELLS_MAX * 3 / 4 {
            let others = self.name(OTHERS);
            self.fold(|place| Place {
                key: if place.day <= before {
                    others
                } else {
                    place.key
                },
                ..place
            });
        }
    }

    fn fold(&mut self, to: impl Fn(Place) -> Place) {
        for (place, tally) in std::mem::take(&mut self.cells) {
            self.cells.entry(to(place)).or_default().add(&tally);
        }
    }

    /// The tokens of one day.
    pub(crate) fn tokens_of_day(&self, query: &Query, now: Timestamp) -> u64 {
        let query = Query {
            since: Some(now),
            until: None,
            ..query.clone()
        };
        let usage = self.report(&query, &[]).total.usage;
        usage.input_tokens.saturating_add(usage.output_tokens)
    }

    /// What was spent since a moment, its whole day included.
    pub(crate) fn spent_since(&self, query: &Query, since: Option<Timestamp>) -> Money {
        let query = Query {
            since,
            until: None,
            ..query.clone()
        };
        self.report(&query, &[]).total.cost
    }

    /// The sums that a query asks for.
    pub(crate) fn report(&self, query: &Query, by: &[Dimension]) -> Report {
        let since = query
            .since
            .map_or(i64::MIN, |at| at.as_millis().div_euclid(DAY_MS));
        let until = query.until.map_or(i64::MAX, |at| {
            at.as_millis().saturating_add(DAY_MS - 1).div_euclid(DAY_MS)
        });
        let Some(wanted) = self.wanted(query) else {
            return Report::default();
        };
        let first = Place {
            day: since,
            key: 0,
            team: 0,
            agent: 0,
            provider: 0,
            model: 0,
        };
        let mut rows: BTreeMap<[Option<&str>; 5], BTreeMap<Option<i64>, Tally>> = BTreeMap::new();
        let mut total = Tally::default();
        for (place, tally) in self
            .cells
            .range(first..)
            .take_while(|(place, _)| place.day < until)
        {
            let names = [
                place.key,
                place.team,
                place.agent,
                place.provider,
                place.model,
            ];
            let fits = wanted
                .iter()
                .zip(names)
                .all(|(wanted, name)| wanted.is_none_or(|wanted| wanted == name));
            if !fits {
                continue;
            }
            total.add(tally);
            let dimensions = [
                Dimension::Key,
                Dimension::Team,
                Dimension::Agent,
                Dimension::Provider,
                Dimension::Model,
            ];
            let mut shown = [None; 5];
            for ((slot, name), dimension) in shown.iter_mut().zip(names).zip(dimensions) {
                if by.contains(&dimension) {
                    *slot = self.names.get(name as usize).map(|name| &**name);
                }
            }
            let day = by.contains(&Dimension::Day).then_some(place.day);
            rows.entry(shown)
                .or_default()
                .entry(day)
                .or_default()
                .add(tally);
        }
        Report {
            rows: if by.is_empty() {
                Vec::new()
            } else {
                self.rows(rows)
            },
            total,
        }
    }

    /// The numbers of the names a query asks for; nothing when it asks for one that never was.
    fn wanted(&self, query: &Query) -> Option<[Option<Name>; 5]> {
        let texts = [
            query.key.as_ref().map(|key| key.as_str()),
            query.team.as_ref().map(|team| team.as_str()),
            query.agent.as_ref().map(|agent| agent.as_str()),
            query.provider.as_deref(),
            query.model.as_deref(),
        ];
        let mut wanted = [None; 5];
        for (number, text) in wanted.iter_mut().zip(texts) {
            if let Some(text) = text {
                *number = Some(*self.numbers.get(text)?);
            }
        }
        Some(wanted)
    }

    fn rows(&self, sums: BTreeMap<[Option<&str>; 5], BTreeMap<Option<i64>, Tally>>) -> Vec<Row> {
        let mut rows: Vec<(Option<i64>, Row)> = Vec::new();
        for (names, days) in sums {
            let [key, team, agent, provider, model] = names.map(|name| name.map(str::to_owned));
            for (day, tally) in days {
                let row = Row {
                    day: day.map(|day| self.day_text(day)),
                    key: key.clone(),
                    team: team.clone(),
                    agent: agent.clone(),
                    provider: provider.clone(),
                    model: model.clone(),
                    tally,
                };
                rows.push((day, row));
            }
        }
        rows.sort_by_key(|(day, _)| *day);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn day_text(&self, day: i64) -> String {
        let mut text = Timestamp(day.saturating_mul(DAY_MS)).utc_date();
        if day < self.summed_before {
            text.truncate(7);
        }
        text
    }
}

/// What one line adds.
fn tally(line: &Line<'_>) -> Tally {
    let is_call = line.kind != Kind::Charge;
    let is_failure = is_call && line.kind == Kind::Settle && !(200..300).contains(&line.status);
    Tally {
        requests: u64::from(is_call),
        failures: u64::from(is_failure),
        unpriced: u64::from(is_call && !is_failure && line.cost.is_none()),
        unsettled: u64::from(line.kind == Kind::Unsettled),
        usage: line.usage().unwrap_or_default(),
        cost: Money(line.cost.unwrap_or(0)),
    }
}

fn first_of_month(day: i64) -> i64 {
    let date = Timestamp(day.saturating_mul(DAY_MS)).utc_date();
    let of_month: i64 = date
        .rsplit('-')
        .next()
        .and_then(|day| day.parse().ok())
        .unwrap_or(1);
    day - (of_month - 1)
}
