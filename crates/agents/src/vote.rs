//! One member's vote, parsed strictly from what its model answered and never invented.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Longest answer that is searched for a vote, in bytes; a ballot is one short object.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Most opening braces that are tried as the start of an object, so that a hostile answer costs little.
const BRACES_MAX: usize = 64;

/// What a member said about a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vote {
    /// For it.
    Approve,
    /// Against it.
    Reject,
    /// Heard it, and takes no side.
    Abstain,
    /// No vote was received.
    None {
        /// The reason.
        why: NoVote,
    },
}

impl Vote {
    /// The word used on disk and on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Abstain => "abstain",
            Self::None { .. } => "none",
        }
    }

    /// Whether the member took part.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        !matches!(self, Self::None { .. })
    }

    /// The vote a word stands for, in any of the vocabularies that voters use.
    fn parse(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase();
        match word.as_str() {
            "approve" | "approved" | "yes" | "support" | "agree" => Some(Self::Approve),
            "reject" | "rejected" | "no" | "disagree" => Some(Self::Reject),
            "abstain" => Some(Self::Abstain),
            _ => None,
        }
    }
}

/// Why a member has no vote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoVote {
    /// The roster has no such agent.
    Absent,
    /// It had not answered when the deadline passed.
    Late,
    /// Neither of its two answers held a vote.
    Unparsable(Unparsable),
    /// Its run ended without an answer.
    Failed {
        /// How the run ended.
        reason: String,
    },
    /// The result was settled before it answered.
    Settled,
}

impl fmt::Display for NoVote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("not in the roster"),
            Self::Late => f.write_str("no answer before the deadline"),
            Self::Unparsable(fault) => write!(f, "no vote in its answer: {fault}"),
            Self::Failed { reason } => write!(f, "its run ended without an answer: {reason}"),
            Self::Settled => f.write_str("the result was settled before it answered"),
        }
    }
}

/// Why an answer is not a vote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unparsable {
    /// The answer is longer than a ballot can be.
    #[error("the answer is longer than {ANSWER_BYTES_MAX} bytes")]
    TooLong,
    /// No JSON object with a `vote` key.
    #[error("no JSON object with a `vote` key")]
    NoObject,
    /// More than one JSON object with a `vote` key.
    #[error("more than one JSON object with a `vote` key")]
    SeveralObjects,
    /// Something that starts like a JSON object and isn't one.
    #[error("broken JSON")]
    Broken,
    /// The `vote` key appears twice, or its value is no word.
    #[error("the `vote` key does not hold one word")]
    NotAWord,
    /// A word that is no vote.
    #[error("`{word}` is not approve, reject or abstain")]
    UnknownWord {
        /// What was said instead, cut short.
        word: String,
    },
}

/// A parsed vote.
#[derive(Debug, Clone, PartialEq)]
pub struct Ballot {
    /// Never [`Vote::None`].
    pub vote: Vote,
    /// The member's reasons, where it gave any.
    pub reasoning: Option<String>,
    /// From 0 to 1, where it gave a number in that range.
    pub confidence: Option<f64>,
}

/// Finds the one vote in an answer.
///
/// The answer is one JSON object, or holds exactly one JSON object (fenced or not) with a `vote` key.
///
/// # Errors
/// Says what is wrong, for the one time that the member is asked again.
pub fn parse(answer: &str) -> Result<Ballot, Unparsable> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(Unparsable::TooLong);
    }
    let mut found = None;
    let mut at = 0;
    let mut braces = 0;
    while let Some(offset) = answer[at..].find('{') {
        let start = at + offset;
        braces += 1;
        if braces > BRACES_MAX {
            return Err(Unparsable::Broken);
        }
        let mut objects = serde_json::Deserializer::from_str(&answer[start..]).into_iter::<Slip>();
        match objects.next() {
            Some(Ok(slip)) => {
                at = start + objects.byte_offset();
                if slip.votes > 0 && found.replace(slip).is_some() {
                    return Err(Unparsable::SeveralObjects);
                }
            }
            // Prose has braces too; but what was meant as an object must not be read in part.
            _ if looks_like_an_object(&answer[start..]) => return Err(Unparsable::Broken),
            _ => at = start + 1,
        }
    }
    found.ok_or(Unparsable::NoObject)?.into_ballot()
}

fn looks_like_an_object(text: &str) -> bool {
    matches!(text[1..].trim_start().as_bytes().first(), None | Some(b'"'))
}

/// An object as it was written: what it holds under the keys of a ballot.
#[derive(Debug, Default)]
struct Slip {
    votes: usize,
    vote: Value,
    reasoning: Value,
    confidence: Value,
}

impl Slip {
    fn into_ballot(self) -> Result<Ballot, Unparsable> {
        let Value::String(word) = self.vote else {
            return Err(Unparsable::NotAWord);
        };
        if self.votes > 1 {
            return Err(Unparsable::NotAWord);
        }
        let vote = Vote::parse(&word).ok_or_else(|| Unparsable::UnknownWord {
            word: word.chars().take(40).collect(),
        })?;
        let reasoning = match self.reasoning {
            Value::String(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        };
        let confidence = self
            .confidence
            .as_f64()
            .filter(|value| (0.0..=1.0).contains(value));
        Ok(Ballot {
            vote,
            reasoning,
            confidence,
        })
    }
}

impl<'de> Deserialize<'de> for Slip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SlipVisitor)
    }
}

struct SlipVisitor;

impl<'de> Visitor<'de> for SlipVisitor {
    type Value = Slip;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Slip, A::Error> {
        let mut slip = Slip::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "vote" => {
                    slip.votes += 1;
                    slip.vote = map.next_value()?;
                }
                "reasoning" => slip.reasoning = map.next_value()?,
                "confidence" => slip.confidence = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(slip)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ballot(vote: Vote) -> Ballot {
        Ballot {
            vote,
            reasoning: None,
            confidence: None,
        }
    }

    #[test]
    fn the_words_of_every_vocabulary_are_read() {
        for (word, vote) in [
            ("approve", Vote::Approve),
            ("YES", Vote::Approve),
            ("SUPPORT", Vote::Approve),
            ("agree", Vote::Approve),
            (" Reject ", Vote::Reject),
            ("no", Vote::Reject),
            ("disagree", Vote::Reject),
            ("ABSTAIN", Vote::Abstain),
        ] {
            assert_eq!(
                parse(&format!(r#"{{"vote":"{word}"}}"#)),
                Ok(ballot(vote)),
                "{word}"
            );
        }
    }

    #[test]
    fn one_object_is_found_in_whatever_surrounds_it() {
        for answer in [
            r#"{"vote":"approve"}"#,
            "  {\"vote\": \"approve\"}\n",
            "```json\n{\"vote\":\"approve\"}\n```",
            "After {weighing} both sides:\n{\"vote\":\"approve\"}\nThat is all.",
            r#"{"note":"first"} {"vote":"approve"}"#,
            r#"{"vote":"approve","inner":{"vote":"reject"}}"#,
        ] {
            assert_eq!(parse(answer), Ok(ballot(Vote::Approve)), "{answer}");
        }
    }

    #[test]
    fn anything_else_is_unparsable() {
        for (answer, fault) in [
            ("", Unparsable::NoObject),
            ("I approve.", Unparsable::NoObject),
            ("approve", Unparsable::NoObject),
            ("[\"approve\"]", Unparsable::NoObject),
            (r#"{"decision":"approve"}"#, Unparsable::NoObject),
            (r#"{"result":{"vote":"approve"}}"#, Unparsable::NoObject),
            ("{'vote': 'approve'}", Unparsable::NoObject),
            (
                r#"{"vote":"approve"} or {"vote":"reject"}"#,
                Unparsable::SeveralObjects,
            ),
            (r#"{"vote":"approve","why":"#, Unparsable::Broken),
            (
                r#"{"vote":"approve","x":{"vote":"reject"}"#,
                Unparsable::Broken,
            ),
            (r#"{"x":{"vote":"approve"}"#, Unparsable::Broken),
            ("{", Unparsable::Broken),
            (
                r#"{"vote":"approve","vote":"reject"}"#,
                Unparsable::NotAWord,
            ),
            (r#"{"vote":true}"#, Unparsable::NotAWord),
            (r#"{"vote":null}"#, Unparsable::NotAWord),
            (
                r#"{"vote":"approve or reject"}"#,
                Unparsable::UnknownWord {
                    word: "approve or reject".to_owned(),
                },
            ),
        ] {
            assert_eq!(parse(answer), Err(fault), "{answer}");
        }
        let long = format!("{}{}", " ".repeat(ANSWER_BYTES_MAX), r#"{"vote":"yes"}"#);
        assert_eq!(parse(&long), Err(Unparsable::TooLong));
    }

    #[test]
    fn reasons_are_kept_and_a_confidence_out_of_range_is_not() {
        assert_eq!(
            parse(r#"{"vote":"no","reasoning":"too soon","confidence":0.75}"#),
            Ok(Ballot {
                vote: Vote::Reject,
                reasoning: Some("too soon".to_owned()),
                confidence: Some(0.75),
            })
        );
        for odd in ["1.5", "-1", "\"high\"", "null"] {
            let answer = format!(r#"{{"vote":"no","confidence":{odd},"reasoning":7}}"#);
            assert_eq!(parse(&answer), Ok(ballot(Vote::Reject)), "{odd}");
        }
    }

    #[test]
    fn a_wall_of_braces_costs_little() {
        assert_eq!(parse(&"{ ".repeat(1_000)), Err(Unparsable::Broken));
        assert_eq!(parse(&r#"{"a":"#.repeat(5_000)), Err(Unparsable::Broken));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_only_a_vote_word_votes(text in "[{}\":a-z vote\\\\\n]{0,200}") {
            if parse(&text).is_ok() {
                prop_assert!(text.contains("\"vote\""));
            }
        }

        #[test]
        fn a_ballot_survives_prose_around_it(before in "[a-zA-Z .,\n]{0,80}", after in "[a-zA-Z .,\n`]{0,80}") {
            let answer = format!("{before}{{\"vote\":\"abstain\"}}{after}");
            prop_assert_eq!(parse(&answer), Ok(ballot(Vote::Abstain)));
        }
    }
}
