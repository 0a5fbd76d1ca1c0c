//! Whether somebody may vote for a member that can't be reached.

use serde::{Deserialize, Serialize};

use super::{Refused, TRIAD};

/// Where votes by proxy are written down, one line each.
pub const STATE_FILE: &str = "state/failover-votes.jsonl";
/// Checks of the member that must have failed.
pub const FAILED_CHECKS: u32 = 3;
/// Members that must be there themselves.
pub const PRESENT_MIN: usize = 2;

/// What a proxy may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proxy {
    /// For it.
    Approve,
    /// Neither.
    Abstain,
}

/// Who wants to vote for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Which proposal.
    pub proposal: &'a str,
    /// The member that is gone.
    pub member: &'a str,
    /// Who votes for it.
    pub proxy: &'a str,
    /// What is said, in any word that is in use.
    pub vote: &'a str,
    /// Checks of the member that failed in a row.
    pub failed_checks: u32,
    /// Members that are there.
    pub present: &'a [&'a str],
}

/// A vote by proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cast {
    /// Which proposal.
    pub proposal: String,
    /// Who voted.
    pub agent: String,
    /// For whom.
    pub proxy_for: String,
    /// What.
    pub vote: Proxy,
    /// When, in milliseconds.
    pub at_ms: i64,
}

/// Casts a vote by proxy, beside those that were cast before.
///
/// # Errors
/// Says which rule is broken.
pub fn cast(request: &Request<'_>, before: &[Cast], at_ms: i64) -> Result<Cast, Refused> {
    let vote = match request.vote.trim().to_ascii_lowercase().as_str() {
        "approve" | "yes" | "support" | "agree" => Proxy::Approve,
        "abstain" => Proxy::Abstain,
        _ => {
            return Err(Refused::new(
                "the vote",
                "is `approve` or `abstain`; a proxy never rejects",
            ));
        }
    };
    if !TRIAD.contains(&request.member) {
        return Err(Refused::new(
            "the member",
            "is one of alpha, beta and charlie",
        ));
    }
    if TRIAD.contains(&request.proxy) {
        return Err(Refused::new(
            "the proxy",
            "is not a member itself: nobody votes twice",
        ));
    }
    if request.failed_checks < FAILED_CHECKS || request.present.contains(&request.member) {
        return Err(Refused::new(
            "the member",
            "is not known to be gone: three checks in a row must fail",
        ));
    }
    let present = TRIAD
        .iter()
        .filter(|member| request.present.contains(member))
        .count();
    if present < PRESENT_MIN {
        return Err(Refused::new(
            "the quorum",
            "is two members that are there themselves",
        ));
    }
    let is_same =
        |cast: &Cast| cast.proposal == request.proposal && cast.proxy_for == request.member;
    if before.iter().any(is_same) {
        return Err(Refused::new(
            "the member",
            "has a proxy for this proposal already",
        ));
    }
    Ok(Cast {
        proposal: request.proposal.to_owned(),
        agent: request.proxy.to_owned(),
        proxy_for: request.member.to_owned(),
        vote,
        at_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Request<'_> = Request {
        proposal: "p1",
        member: "charlie",
        proxy: "sentinel",
        vote: "SUPPORT",
        failed_checks: 3,
        present: &["alpha", "beta"],
    };

    #[test]
    fn a_proxy_approves_or_abstains_for_a_member_that_is_gone() {
        assert_eq!(cast(&GOOD, &[], 5).unwrap().vote, Proxy::Approve);
        let cast = cast(
            &Request {
                vote: "abstain",
                ..GOOD
            },
            &[],
            5,
        )
        .unwrap();
        assert_eq!(
            (cast.vote, cast.agent.as_str(), cast.proxy_for.as_str()),
            (Proxy::Abstain, "sentinel", "charlie")
        );
    }

    #[test]
    fn everything_else_is_refused() {
        let before = [cast(&GOOD, &[], 5).unwrap()];
        for (request, field) in [
            (
                Request {
                    vote: "reject",
                    ..GOOD
                },
                "the vote",
            ),
            (
                Request {
                    member: "coder",
                    ..GOOD
                },
                "the member",
            ),
            (
                Request {
                    proxy: "alpha",
                    ..GOOD
                },
                "the proxy",
            ),
            (
                Request {
                    failed_checks: 2,
                    ..GOOD
                },
                "the member",
            ),
            (
                Request {
                    present: &["alpha", "beta", "charlie"],
                    ..GOOD
                },
                "the member",
            ),
            (
                Request {
                    present: &["alpha", "coder"],
                    ..GOOD
                },
                "the quorum",
            ),
        ] {
            assert_eq!(
                cast(&request, &[], 5).unwrap_err().field,
                field,
                "{request:?}"
            );
        }
        assert_eq!(cast(&GOOD, &before, 6).unwrap_err().field, "the member");
        cast(
            &Request {
                proposal: "p2",
                ..GOOD
            },
            &before,
            6,
        )
        .unwrap();
    }
}
