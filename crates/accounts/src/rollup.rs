//! Sums of what was spent, by day, key, team, agent, model group, provider and model, kept in memory.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::{Money, Timestamp};

pub(crate) use self::cell::Cell;
use crate::{
    ledger::{Kind, Line},
    report::{Dimension, Query, Report, Row, Tally},
};

mod cell;

/// Sums that are kept apart, some 200 bytes each. When there are more, days of earlier months are summed up.
const CELLS_MAX: usize = 100_000;
/// Names that are told apart; what comes later is counted under [`OTHERS`].
const NAMES_MAX: usize = 50_000;
const OTHERS: &str = "(others)";
const DAY_MS: i64 = 86_400_000;

/// The number of a name.
type Name = u32;

/// What sums are kept apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Place {
    /// Days since the epoch; the first day of a month whose days were summed up.
    day: i64,
    key: Name,
    team: Name,
    agent: Name,
    group: Name,
    provider: Name,
    model: Name,
}

impl Place {
    const fn names(&self) -> [Name; 6] {
        [
            self.key,
            self.team,
            self.agent,
            self.group,
            self.provider,
            self.model,
        ]
    }
}

/// What a place is called in a report, in the order of its names.
const DIMENSIONS: [Dimension; 6] = [
    Dimension::Key,
    Dimension::Team,
    Dimension::Agent,
    Dimension::Group,
    Dimension::Provider,
    Dimension::Model,
];

/// Sums by their names, and then by their days.
type Sums<'a> = BTreeMap<[Option<&'a str>; 6], BTreeMap<Option<i64>, Tally>>;

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
        let names = [
            &line.key,
            &line.team,
            &line.agent,
            &line.group,
            &line.provider,
            &line.model,
        ];
        let day = line.at.div_euclid(DAY_MS);
        self.add_tally(day, names.map(|name| &**name), &tally(line));
    }

    /// Adds what was summed up before.
    pub(crate) fn add_cell(&mut self, cell: &Cell) {
        self.add_tally(cell.day, cell.names(), &cell.tally());
    }

    /// Everything, to be added elsewhere.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.cells
            .iter()
            .map(|(place, tally)| Cell::of(place.day, self.texts(*place), tally))
    }

    fn add_tally(&mut self, day: i64, names: [&str; 6], tally: &Tally) {
        let [key, team, agent, group, provider, model] = names.map(|name| self.name(name));
        let place = Place {
            day: if day < self.summed_before {
                first_of_month(day)
            } else {
                day
            },
            key,
            team,
            agent,
            group,
            provider,
            model,
        };
        self.cells.entry(place).or_default().add(tally);
        if self.cells.len() > CELLS_MAX {
            self.sum_up();
        }
    }

    fn texts(&self, place: Place) -> [&str; 6] {
        place
            .names()
            .map(|name| self.names.get(name as usize).map_or("", |name| &**name))
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
            ..Place::default()
        };
        let mut sums = Sums::new();
        let mut total = Tally::default();
        let days = self.cells.range(first..);
        for (place, tally) in days.take_while(|(place, _)| place.day < until) {
            let is_wanted =
                |(wanted, name): (&Option<Name>, Name)| wanted.is_none_or(|wanted| wanted == name);
            if !wanted.iter().zip(place.names()).all(is_wanted) {
                continue;
            }
            total.add(tally);
            let mut shown = self.texts(*place).map(Some);
            for (name, dimension) in shown.iter_mut().zip(DIMENSIONS) {
                *name = name.filter(|_| by.contains(&dimension));
            }
            let day = by.contains(&Dimension::Day).then_some(place.day);
            let sums = sums.entry(shown).or_default();
            sums.entry(day).or_default().add(tally);
        }
        Report {
            rows: if by.is_empty() {
                Vec::new()
            } else {
                self.rows(sums)
            },
            total,
        }
    }

    /// The numbers of the names a query asks for; nothing when it asks for one that never was.
    fn wanted(&self, query: &Query) -> Option<[Option<Name>; 6]> {
        let texts = [
            query.key.as_ref().map(|key| key.as_str()),
            query.team.as_ref().map(|team| team.as_str()),
            query.agent.as_ref().map(|agent| agent.as_str()),
            query.group.as_deref(),
            query.provider.as_deref(),
            query.model.as_deref(),
        ];
        let mut wanted = [None; 6];
        for (number, text) in wanted.iter_mut().zip(texts) {
            if let Some(text) = text {
                *number = Some(*self.numbers.get(text)?);
            }
        }
        Some(wanted)
    }

    fn rows(&self, sums: Sums<'_>) -> Vec<Row> {
        let mut rows: Vec<(Option<i64>, Row)> = Vec::new();
        for (names, days) in sums {
            let [key, team, agent, group, provider, model] =
                names.map(|name| name.map(str::to_owned));
            for (day, tally) in days {
                let row = Row {
                    day: day.map(|day| self.day_text(day)),
                    key: key.clone(),
                    team: team.clone(),
                    agent: agent.clone(),
                    group: group.clone(),
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

#[cfg(test)]
mod tests;
