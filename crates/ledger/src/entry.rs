//! What a line holds: the event, the proposal it belongs to, its place in the chain.

use std::{collections::BTreeMap, fmt, str::FromStr};

use openclaw_types::{AgentId, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    error::Error,
    limits::{NAMES_MAX, PROPOSAL_ID_BYTES_MAX, TEXT_BYTES_MAX},
};

/// A proposal's id; votes and decisions refer to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalId(String);

impl ProposalId {
    /// Checks the text.
    ///
    /// # Errors
    /// When it is empty, too long, or holds another character than it may.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_rest = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        if is_first && text.len() <= PROPOSAL_ID_BYTES_MAX && text.bytes().all(is_rest) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::ProposalId {
            text: text.chars().take(PROPOSAL_ID_BYTES_MAX).collect(),
        })
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProposalId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProposalId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

/// What a member says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ballot {
    /// For it.
    Approve,
    /// Against it.
    Reject,
    /// Neither.
    Abstain,
}

impl FromStr for Ballot {
    type Err = Error;

    /// Reads every word that is in use for a vote.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "approve" | "yes" | "support" | "agree" => Ok(Self::Approve),
            "reject" | "no" | "disagree" => Ok(Self::Reject),
            "abstain" => Ok(Self::Abstain),
            _ => Err(Error::Field {
                field: "vote",
                what: "is none of approve, reject and abstain",
            }),
        }
    }
}

/// What came of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It goes on.
    Approved,
    /// It doesn't.
    Rejected,
    /// Too few could be reached to decide.
    Blocked,
    /// It was decided twice without a result, and somebody else is asked.
    Escalated,
    /// It is put off.
    Deferred,
    /// It goes on until it is ratified or rolled back.
    Provisional,
    /// Whoever proposed it took it back.
    Withdrawn,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Something was proposed.
    Proposal,
    /// A member voted.
    Vote,
    /// The votes were counted.
    Decision,
    /// Nobody had a majority, and the steward decided.
    TieBreak,
    /// A decision was authorised, or a provisional one was settled.
    Ratification,
    /// The rules of an emergency began to hold.
    Emergency,
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim() {
            "proposal" => Ok(Self::Proposal),
            "vote" => Ok(Self::Vote),
            "decision" => Ok(Self::Decision),
            "tie-break" => Ok(Self::TieBreak),
            "ratification" => Ok(Self::Ratification),
            "emergency" => Ok(Self::Emergency),
            _ => Err(Error::Field {
                field: "kind",
                what: "is none of proposal, vote, decision, tie-break, ratification and emergency",
            }),
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Event {
    /// Something was proposed.
    Proposal {
        /// In a line.
        title: String,
        /// Which rules hold for it.
        category: String,
        /// What is to be done.
        text: String,
        /// Why.
        reasoning: String,
        /// By whom.
        submitter: String,
    },
    /// A member voted.
    Vote {
        /// Who.
        voter: String,
        /// For whom, when by proxy.
        proxy_for: Option<String>,
        /// What.
        vote: Ballot,
        /// Why.
        reasoning: String,
        /// How sure, in hundredths.
        confidence_percent: Option<u8>,
        /// In which round, from 1.
        round: u32,
    },
    /// The votes were counted.
    Decision {
        /// What came of it.
        result: Verdict,
        /// What each said; who did not vote is not in it.
        votes: BTreeMap<String, Ballot>,
        /// Whether enough agreed.
        is_consensus: bool,
        /// Who took part of how many, as in `2/3`.
        quorum: String,
        /// Why.
        rationale: String,
    },
    /// Nobody had a majority, and the steward decided.
    TieBreak {
        /// Who.
        by: String,
        /// What came of it.
        result: Verdict,
        /// Why.
        rationale: String,
    },
    /// A decision was authorised, or a provisional one was settled.
    Ratification {
        /// Who.
        by: Vec<String>,
        /// What came of it.
        result: Verdict,
        /// Why.
        rationale: String,
    },
    /// The rules of an emergency began to hold.
    Emergency {
        /// Who declared it.
        by: String,
        /// Why.
        reason: String,
        /// When they end, in milliseconds since 1970.
        until_ms: i64,
    },
}

impl Event {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Proposal { .. } => Kind::Proposal,
            Self::Vote { .. } => Kind::Vote,
            Self::Decision { .. } => Kind::Decision,
            Self::TieBreak { .. } => Kind::TieBreak,
            Self::Ratification { .. } => Kind::Ratification,
            Self::Emergency { .. } => Kind::Emergency,
        }
    }

    /// Whether somebody is named in it.
    #[must_use]
    pub fn names(&self, agent: &str) -> bool {
        match self {
            Self::Proposal { submitter, .. } => submitter == agent,
            Self::Vote {
                voter, proxy_for, ..
            } => voter == agent || proxy_for.as_deref() == Some(agent),
            Self::Decision { votes, .. } => votes.contains_key(agent),
            Self::TieBreak { by, .. } | Self::Emergency { by, .. } => by == agent,
            Self::Ratification { by, .. } => by.iter().any(|name| name == agent),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Proposal {
                title,
                category,
                text,
                reasoning,
                submitter,
            } => {
                long("title", title)?;
                long("category", category)?;
                long("text", text)?;
                long("reasoning", reasoning)?;
                agent("submitter", submitter)
            }
            Self::Vote {
                voter,
                proxy_for,
                reasoning,
                confidence_percent,
                ..
            } => {
                long("reasoning", reasoning)?;
                if confidence_percent.is_some_and(|percent| percent > 100) {
                    let what = "is more than a hundred percent";
                    return Err(Error::Field {
                        field: "confidence",
                        what,
                    });
                }
                proxy_for.iter().try_for_each(|name| agent("proxy", name))?;
                agent("voter", voter)
            }
            Self::Decision {
                votes,
                quorum,
                rationale,
                ..
            } => {
                long("rationale", rationale)?;
                long("quorum", quorum)?;
                few("votes", votes.len())?;
                votes.keys().try_for_each(|name| agent("voter", name))
            }
            Self::TieBreak { by, rationale, .. } => {
                long("rationale", rationale)?;
                agent("author", by)
            }
            Self::Ratification { by, rationale, .. } => {
                long("rationale", rationale)?;
                few("authors", by.len())?;
                by.iter().try_for_each(|name| agent("author", name))
            }
            Self::Emergency { by, reason, .. } => {
                long("reason", reason)?;
                agent("author", by)
            }
        }
    }
}

fn long(field: &'static str, text: &str) -> Result<(), Error> {
    if text.len() > TEXT_BYTES_MAX {
        let what = "has more than 64 KiB";
        return Err(Error::Field { field, what });
    }
    Ok(())
}

fn few(field: &'static str, count: usize) -> Result<(), Error> {
    if count > NAMES_MAX {
        let what = "are more than 64";
        return Err(Error::Field { field, what });
    }
    Ok(())
}

/// Agents, and people or programs under the same rules.
fn agent(field: &'static str, name: &str) -> Result<(), Error> {
    let what = "is no agent's id";
    AgentId::parse(name)
        .map(drop)
        .map_err(|_error| Error::Field { field, what })
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number, from 1, without a gap.
    pub seq: u64,
    /// When it was appended, in RFC 3339.
    #[serde(serialize_with = "print", deserialize_with = "timestamp")]
    pub at: Timestamp,
    /// What it belongs to.
    pub proposal: ProposalId,
    /// What happened.
    pub event: Event,
    /// The hash of the line before.
    pub prev: String,
    /// The hash of this line.
    pub hash: String,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn print<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn timestamp<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    Timestamp::parse(&text).ok_or_else(|| de::Error::custom("no time in RFC 3339"))
}
