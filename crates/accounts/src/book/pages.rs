//! The pages of the book, and which of them a request concerns.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    /// Those that nobody asks for, and that requests under way still hold something on.
    gone: Vec<usize>,
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
            gone: Vec::new(),
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

    /// Nobody asks for a page any more. It stays while a request under way holds something on it.
    fn give_up(&mut self, number: usize) {
        let Some(page) = self.get_mut(number) else {
            return;
        };
        if !std::mem::replace(&mut page.is_gone, true) {
            self.gone.push(number);
        }
        self.drop_if_gone(number);
    }

    /// Drops a page that nobody asks for, when nothing is held on it.
    pub(crate) fn drop_if_gone(&mut self, number: usize) {
        let is_over = |page: &Page| page.is_gone && page.open == 0;
        if self.get(number).is_some_and(is_over) {
            if let Some(slot) = self.pages.get_mut(number) {
                *slot = None;
            }
            self.gone.retain(|gone| *gone != number);
            self.free.push(number);
        }
    }

    /// The chapter of a scope that is no model's.
    fn chapter(&self, root: &Scope) -> Option<&Chapter> {
        match root {
            Scope::Global => Some(&self.global),
            Scope::Team(team) => self.teams.get(team),
            Scope::Key(key) => self.keys.get(key),
            Scope::Agent(agent) => self.agents.get(agent),
            Scope::Model { .. } => None,
        }
    }

    fn set_chapter(&mut self, root: &Scope, chapter: Option<Chapter>) {
        match root {
            Scope::Global => self.global = chapter.unwrap_or_default(),
            Scope::Team(team) => set(&mut self.teams, team, chapter),
            Scope::Key(key) => set(&mut self.keys, key, chapter),
            Scope::Agent(agent) => set(&mut self.agents, agent, chapter),
            Scope::Model { .. } => {}
        }
    }

    /// The pages of a chapter, those among them that nobody asks for any more.
    fn numbers_of(&self, root: &Scope) -> Vec<usize> {
        let chapter = self.chapter(root).into_iter();
        let laid_out = chapter.flat_map(|chapter| chapter.models.values().chain([&chapter.own]));
        let is_of = |number: &&usize| {
            self.get(**number)
                .is_some_and(|page| page.scope.root() == root)
        };
        laid_out
            .chain(self.gone.iter().filter(is_of))
            .copied()
            .collect()
    }

    fn roots(&self) -> impl Iterator<Item = Scope> {
        let teams = self.teams.keys().cloned().map(Scope::Team);
        let keys = self.keys.keys().cloned().map(Scope::Key);
        let agents = self.agents.keys().cloned().map(Scope::Agent);
        teams.chain(keys).chain(agents)
    }
}

fn set<K: Ord + Clone>(chapters: &mut BTreeMap<K, Chapter>, key: &K, chapter: Option<Chapter>) {
    match chapter {
        Some(chapter) => chapters.insert(key.clone(), chapter),
        None => chapters.remove(key),
    };
}

impl Chapter {
    fn put(&mut self, scope: &Scope, number: usize) {
        match scope {
            Scope::Model { model, .. } => {
                self.models.insert(Arc::clone(model), number);
            }
            Scope::Global | Scope::Team(_) | Scope::Key(_) | Scope::Agent(_) => self.own = number,
        }
    }
}

impl Book {
    /// Brings all pages in line with the keys and the allowances.
    pub(crate) fn lay_out_all(&mut self, now: Timestamp) {
        let agents = self.allowances.agents.keys().cloned().map(Scope::Agent);
        let teams = self.allowances.teams.keys().cloned().map(Scope::Team);
        let made = self.ring.teams().map(|team| Scope::Team(team.id.clone()));
        let keys = self.ring.keys().map(|key| Scope::Key(key.id.clone()));
        let wanted = agents.chain(teams).chain(made).chain(keys);
        let roots: BTreeSet<Scope> = wanted
            .chain(self.pages.roots())
            .chain([Scope::Global])
            .collect();
        for root in &roots {
            self.lay_out(root, now);
        }
    }

    /// Brings the pages of a key, a team, an agent, or everybody in line with what is said of it: new ones are
    /// laid out, those that are there keep what was counted, and those nobody asks for are given up.
    pub(crate) fn lay_out(&mut self, root: &Scope, now: Timestamp) {
        let mut wanted = self.wanted(root);
        let mut chapter = (!wanted.is_empty()).then(Chapter::default);
        for number in self.pages.numbers_of(root) {
            let Some(page) = self.pages.get_mut(number) else {
                continue;
            };
            match (wanted.remove(&page.scope), &mut chapter) {
                (Some((allowance, anchor)), Some(chapter)) => {
                    page.change(allowance, anchor, now);
                    chapter.put(&page.scope, number);
                    self.pages.gone.retain(|gone| *gone != number);
                }
                _ => self.pages.give_up(number),
            }
        }
        for (scope, (allowance, anchor)) in wanted {
            let page = self.new_page(scope.clone(), allowance, anchor, now);
            let number = self.pages.add(page);
            if let Some(chapter) = &mut chapter {
                chapter.put(&scope, number);
            }
        }
        self.pages.set_chapter(root, chapter);
    }

    /// A page for somebody new. What was spent before anybody counted it here is in the sums, by whole days.
    fn new_page(
        &self,
        scope: Scope,
        allowance: Allowance,
        anchor: Timestamp,
        now: Timestamp,
    ) -> Page {
        let query = query_of(&scope);
        let mut page = Page::new(scope, allowance, anchor, now);
        let since = page.budget.span().map(|span| span.start);
        let spent = self.rollup.spent_since(&query, since);
        page.budget.settle(Money::ZERO, spent);
        page.budget.pass_over();
        let tokens = self.rollup.tokens_of_day(&query, now);
        page.meter.restore_day(tokens, now);
        page
    }

    /// What pages there should be for a scope and the model groups within it.
    fn wanted(&self, root: &Scope) -> Wanted {
        let mut wanted = Wanted::new();
        let Some((allowance, anchor)) = self.terms_of(root) else {
            return wanted;
        };
        for model in allowance.models_limited() {
            if let Some(of_model) = allowance.of_model(model) {
                let scope = Scope::Model {
                    within: Box::new(root.clone()),
                    model: Arc::from(model),
                };
                wanted.insert(scope, (of_model, anchor));
            }
        }
        wanted.insert(root.clone(), (allowance.clone(), anchor));
        wanted
    }

    /// What is said of a scope, and what its periods are counted from.
    fn terms_of(&self, root: &Scope) -> Option<(&Allowance, Timestamp)> {
        let of_configuration = |allowance| (allowance, Timestamp(0));
        match root {
            Scope::Global => Some(of_configuration(&self.allowances.global)),
            Scope::Agent(agent) => self.allowances.agents.get(agent).map(of_configuration),
            Scope::Team(team) => match self.ring.team(team) {
                Some(team) => Some((&team.allowance, team.created)),
                None => self.allowances.teams.get(team).map(of_configuration),
            },
            Scope::Key(key) => {
                let key = self.ring.key(key)?;
                Some((&key.allowance, key.budget_anchor))
            }
            Scope::Model { .. } => None,
        }
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
