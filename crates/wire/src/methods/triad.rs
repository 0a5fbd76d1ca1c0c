//! `triad.propose`: put something to the triad and wait for its decision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    method::Method,
    schema::{Field, Kind, may, need},
    scope::Scope,
};

/// `triad.propose`.
#[derive(Debug, Clone, Copy)]
pub struct TriadPropose;

impl Method for TriadPropose {
    const NAME: &'static str = "triad.propose";
    const SCOPE: Scope = Scope::Write;
    const PARAMS: &'static [Field] = &[
        need("proposal", Kind::Text, "what is proposed"),
        may("reasoning", Kind::Text, "why"),
        may("id", Kind::Text, "its id; a fresh one unless given"),
        may(
            "deadlineMs",
            Kind::Number,
            "how long the triad may take; 300,000 unless given",
        ),
    ];
    const RESULT: &'static [Field] = &[
        need("proposalId", Kind::Text, "its id"),
        need(
            "result",
            Kind::Text,
            "`approved`, `rejected` or `undecided`",
        ),
        need(
            "votes",
            Kind::Object,
            "`{vote, reasoning, confidence, why}` by member",
        ),
        need(
            "consensus",
            Kind::Flag,
            "whether the votes agree enough to speak of one will",
        ),
        need("quorum", Kind::Text, "how many were heard, such as `3/3`"),
    ];
    type Params = TriadProposeParams;
    type Result = TriadDecision;
}

/// Parameters of `triad.propose`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TriadProposeParams {
    /// What is proposed.
    pub proposal: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How long the triad may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// Result of `triad.propose`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TriadDecision {
    /// Its id.
    pub proposal_id: String,
    /// `approved`, `rejected` or `undecided`.
    pub result: String,
    /// The votes, by member.
    pub votes: BTreeMap<String, TriadVote>,
    /// Whether the votes agree enough to speak of one will.
    pub consensus: bool,
    /// How many were heard.
    pub quorum: String,
}

/// One member's vote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriadVote {
    /// `approve`, `reject`, `abstain` or `none`.
    pub vote: String,
    /// Its reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// How sure it is, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Why there is no vote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
