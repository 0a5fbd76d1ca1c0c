//! The pages of the book, and which of them a request concerns.

use std::{collections::BTreeMap, sync::Arc};

use openclaw_types::{AgentId, Money, Timestamp};

use super::{Book, Page, Parties, Wanted};
use crate::{
    allowance::Allowance,
    budget::Terms,
    caller::{KeyId, Scope, TeamId},
    ledger::Line,
    limits::Limits,
    report::Query,
};

/// A request concerns everybody, a team, a key, an agent, and one model group within each.
const CONCERNED_MAX: usize = 8;

/// The numbers of the pages that a request concerns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PageNumbers {
    numbers: [usize; CONCERNED_MAX],
    count: usize,
}

impl PageNumbers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + use<> {
        self.numbers.into_iter().take(self.count)
    }

    fn push(&mut self, number: usize) {
        if let Some(slot) = self.numbers.get_mut(self.count) {
            *slot = number;
            self.count += 1;
        }
    }
}

/// The pages of one scope: its own, and one for each model group with a limit of its own.
#[derive(Debug, Clone, Default)]
struct Chapter {
    own: usize,
    models: BTreeMap<Arc<str>, usize>,
}

/// All pages, found by what they are about.
#[derive(Debug)]
pub(crate) struct Pages {
    pages: Vec<Option<Page>>,
    free: Vec<usize>,
    global: Chapter,
    teams: BTreeMap<TeamId, Chapter>,
    keys: BTreeMap<KeyId, Chapter>,
    agents: BTreeMap<AgentId, Chapter>,
}

impl Pages {
    pub(crate) fn new(now: Timestamp) -> Self {
        let page = Page::new(Scope::Global, Allowance::default(), Timestamp(0), now);
        Self {
            pages: vec![Some(page)],
            free: Vec::new(),
            global: Chapter::default(),
            teams: BTreeMap::new(),
            keys: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }

    pub(crate) fn get(&self, number: usize) -> Option<&Page> {
        self.pages.get(number)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut Page> {
        self.pages.get_mut(number)?.as_mut()
    }

    pub(crate) fn each(&mut self, each: impl FnMut(&mut Page)) {
        self.pages.iter_mut().flatten().for_each(each);
    }

    /// The pages that a request concerns.
    pub(crate) fn concerned(&self, parties: &Parties, model: &str) -> PageNumbers {
        let chapters = [
            parties.key.as_ref().and_then(|key| self.keys.get(key)),
            parties.team.as_ref().and_then(|team| self.teams.get(team)),
            parties
                .agent
                .as_ref()
                .and_then(|agent| self.agents.get(agent)),
            Some(&self.global),
        ];
        let mut numbers = PageNumbers::default();
        for chapter in chapters.into_iter().flatten() {
            if let Some(number) = chapter.models.get(model) {
                numbers.push(*number);
            }
            numbers.push(chapter.own);
        }
        numbers
    }

    /// The pages that a line of the past concerns.
    pub(crate) fn of_line(&self, line: &Line<'_>) -> PageNumbers {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let parties = Parties {
            key: some(&line.key).map(|key| KeyId::new(&key)),
            team: some(&line.team).map(|team| TeamId::new(&team)),
            agent: AgentId::parse(&line.agent).ok(),
        };
        self.concerned(&parties, &line.group)
    }

    pub(crate) fn of_key(&self, id: &KeyId) -> Option<usize> {
        self.keys.get(id).map(|chapter| chapter.own)
    }

    fn add(&mut self, page: Page) -> usize {
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.pages.get_mut(number)
        {
            *slot = Some(page);
            return number;
        }
        self.pages.push(Some(page));
        self.pages.len() - 1
    }

    /// Gives a page up that nobody asks for, when no request under way holds anything on it.
    pub(crate) fn give_up_if_gone(&mut self, number: usize) {
        let is_over = |page: &Page| page.is_gone && page.open == 0;
        if self.get(number).is_some_and(is_over) {
            if let Some(slot) = self.pages.get_mut(number) {
                *slot = None;
            }
            self.free.push(number);
        }
    }

    /// Finds pages anew: everything that is not gone.
    fn index(&mut self) {
        self.global.models.clear();
        self.teams.clear();
        self.keys.clear();
        self.agents.clear();
        let mut models = Vec::new();
        for (number, page) in self.pages.iter().enumerate() {
            let Some(page) = page.as_ref().filter(|page| !page.is_gone) else {
                continue;
            };
            let chapter = match &page.scope {
                Scope::Global => &mut self.global,
                Scope::Team(team) => self.teams.entry(team.clone()).or_default(),
                Scope::Key(key) => self.keys.entry(key.clone()).or_default(),
                Scope::Agent(agent) => self.agents.entry(agent.clone()).or_default(),
                Scope::Model { within, model } => {
                    models.push((within.clone(), Arc::clone(model), number));
                    continue;
                }
            };
            chapter.own = number;
        }
        for (within, model, number) in models {
            let chapter = match &*within {
                Scope::Global => Some(&mut self.global),
                Scope::Team(team) => self.teams.get_mut(team),
                Scope::Key(key) => self.keys.get_mut(key),
                Scope::Agent(agent) => self.agents.get_mut(agent),
                Scope::Model { .. } => None,
            };
            if let Some(chapter) = chapter {
                chapter.models.insert(model, number);
            }
        }
    }
}

impl Book {
    /// Brings the pages in line with the keys and the allowances: new ones are laid out, those that are there
    /// keep what was counted, and those nobody asks for are given up.
    pub(crate) fn lay_out(&mut self, now: Timestamp) {
        let mut wanted = self.wanted();
        for page in self.pages.pages.iter_mut().flatten() {
            match wanted.remove(&page.scope) {
                Some((allowance, anchor)) => page.change(allowance, anchor, now),
                None => page.is_gone = true,
            }
        }
        for (scope, (allowance, anchor)) in wanted {
            let mut page = Page::new(scope, allowance, anchor, now);
            // What was spent before anybody counted it here is in the sums, by whole days.
            let query = query_of(&page.scope);
            let since = page.budget.span().map(|span| span.start);
            let spent = self.rollup.spent_since(&query, since);
            page.budget.settle(Money::ZERO, spent);
            page.budget.pass_over();
            let tokens = self.rollup.tokens_of_day(&query, now);
            page.meter.restore_day(tokens, now);
            self.pages.add(page);
        }
        self.pages.index();
        for number in 0..self.pages.pages.len() {
            self.pages.give_up_if_gone(number);
        }
    }

    /// What pages there should be.
    fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::new();
        let mut want = |scope: Scope, allowance: &Allowance, anchor: Timestamp| {
            for model in allowance.models_limited() {
                if let Some(of_model) = allowance.of_model(model) {
                    let scope = Scope::Model {
                        within: Box::new(scope.clone()),
                        model: Arc::from(model),
                    };
                    wanted.insert(scope, (of_model, anchor));
                }
            }
            wanted.insert(scope, (allowance.clone(), anchor));
        };
        let epoch = Timestamp(0);
        want(Scope::Global, &self.allowances.global, epoch);
        for (agent, allowance) in &self.allowances.agents {
            want(Scope::Agent(agent.clone()), allowance, epoch);
        }
        for (team, allowance) in &self.allowances.teams {
            want(Scope::Team(team.clone()), allowance, epoch);
        }
        for team in self.ring.teams() {
            want(Scope::Team(team.id.clone()), &team.allowance, team.created);
        }
        for key in self.ring.keys() {
            want(
                Scope::Key(key.id.clone()),
                &key.allowance,
                key.budget_anchor,
            );
        }
        wanted
    }
}

impl Page {
    fn change(&mut self, allowance: Allowance, anchor: Timestamp, now: Timestamp) {
        self.is_gone = false;
        let terms = Terms::of(&allowance, anchor);
        if *self.budget.terms() != terms {
            self.budget.set_terms(terms, now);
        }
        if self.allowance != allowance {
            self.limits = Limits::from(&allowance);
            self.allowance = allowance;
        }
    }
}

/// How the sums are asked for a scope.
pub(super) fn query_of(scope: &Scope) -> Query {
    let all = Query::default();
    match scope {
        Scope::Global => all,
        Scope::Team(team) => Query {
            team: Some(team.clone()),
            ..all
        },
        Scope::Key(key) => Query {
            key: Some(key.clone()),
            ..all
        },
        Scope::Agent(agent) => Query {
            agent: Some(agent.clone()),
            ..all
        },
        Scope::Model { within, model } => Query {
            group: Some((**model).to_owned()),
            ..query_of(within)
        },
    }
}
