//! A proposal and everything that happened to it.

use std::collections::BTreeMap;

use crate::entry::{Ballot, Entry, Event, ProposalId, Verdict};

/// What is known of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Which.
    pub proposal: ProposalId,
    /// Its title, once it was filed.
    pub title: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// The last vote of each member.
    pub votes: BTreeMap<String, Ballot>,
    /// What came of it so far, and the number of the entry that says so.
    pub verdict: Option<(Verdict, u64)>,
    /// Whether that was authorised.
    pub is_ratified: bool,
    /// Everything, in order.
    pub entries: Vec<Entry>,
}

impl Case {
    pub(crate) const fn new(proposal: ProposalId) -> Self {
        Self {
            proposal,
            title: None,
            category: None,
            votes: BTreeMap::new(),
            verdict: None,
            is_ratified: false,
            entries: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, entry: Entry) {
        match &entry.event {
            Event::Proposal {
                title, category, ..
            } => {
                self.title = Some(title.clone());
                self.category = Some(category.clone());
            }
            Event::Vote {
                voter,
                proxy_for,
                vote,
                ..
            } => {
                let member = proxy_for.as_ref().unwrap_or(voter);
                self.votes.insert(member.clone(), *vote);
            }
            Event::Decision { result, .. } | Event::TieBreak { result, .. } => {
                self.verdict = Some((*result, entry.seq));
            }
            Event::Ratification { result, .. } => {
                self.verdict = Some((*result, entry.seq));
                self.is_ratified = *result == Verdict::Approved;
            }
            Event::Emergency { .. } => {}
        }
        self.entries.push(entry);
    }
}
