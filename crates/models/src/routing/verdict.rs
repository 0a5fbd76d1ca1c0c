//! What follows from each kind of failure.

use std::time::Duration;

use crate::{
    error::{Kind, Phase},
    limits::RETRY_AFTER_MAX,
};

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the next candidate is tried.
    pub moves_on: bool,
    /// Whether the same candidate may be asked again, once nothing else is left, unless its status was a 4xx.
    pub may_repeat: bool,
    /// Whether the candidate rests.
    pub rest: Rest,
}

/// How a candidate rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Not at all.
    None,
    /// It is tried after all others.
    Last(Duration),
    /// It is not tried: it asked for that.
    Away(Duration),
}

/// The failover table.
#[must_use]
pub fn verdict(kind: Kind) -> Verdict {
    const SHORT: Duration = Duration::from_secs(5);
    const MEDIUM: Duration = Duration::from_secs(10);
    const LONG: Duration = Duration::from_secs(60);
    let (moves_on, may_repeat, rest) = match kind {
        Kind::Overloaded | Kind::Transport => (true, true, Rest::Last(SHORT)),
        Kind::RateLimited { retry_after: None } => (true, true, Rest::Last(MEDIUM)),
        Kind::RateLimited {
            retry_after: Some(asked),
        } => (true, false, Rest::Away(asked.min(RETRY_AFTER_MAX))),
        // Only a person can mend these, so there is no hurry to ask again.
        Kind::Auth | Kind::NotFound => (true, false, Rest::Last(LONG)),
        Kind::Timeout(Phase::Connect | Phase::FirstByte | Phase::Idle) | Kind::Malformed => {
            (true, true, Rest::Last(MEDIUM))
        }
        // Another model may have a larger window or be quicker, and this one is fine: how long it had is the caller's
        // choice.
        Kind::ContextOverflow | Kind::NoModel | Kind::Timeout(Phase::Total) => {
            (true, false, Rest::None)
        }
        // The request is at fault, or nobody wants an answer any more.
        Kind::BadRequest | Kind::Refused | Kind::Cancelled => (false, false, Rest::None),
    };
    Verdict {
        moves_on,
        may_repeat,
        rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_in_the_table() {
        let last = |seconds| Rest::Last(Duration::from_secs(seconds));
        let limited = |seconds| Kind::RateLimited {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let rows = [
            (Kind::Overloaded, true, true, last(5)),
            (
                Kind::RateLimited { retry_after: None },
                true,
                true,
                last(10),
            ),
            (
                limited(30),
                true,
                false,
                Rest::Away(Duration::from_secs(30)),
            ),
            (limited(86_400), true, false, Rest::Away(RETRY_AFTER_MAX)),
            (Kind::Auth, true, false, last(60)),
            (Kind::NotFound, true, false, last(60)),
            (Kind::BadRequest, false, false, Rest::None),
            (Kind::ContextOverflow, true, false, Rest::None),
            (Kind::Refused, false, false, Rest::None),
            (Kind::Timeout(Phase::Connect), true, true, last(10)),
            (Kind::Timeout(Phase::FirstByte), true, true, last(10)),
            (Kind::Timeout(Phase::Idle), true, true, last(10)),
            (Kind::Timeout(Phase::Total), true, false, Rest::None),
            (Kind::Transport, true, true, last(5)),
            (Kind::Malformed, true, true, last(10)),
            (Kind::NoModel, true, false, Rest::None),
            (Kind::Cancelled, false, false, Rest::None),
        ];
        for (kind, moves_on, may_repeat, rest) in rows {
            let row = Verdict {
                moves_on,
                may_repeat,
                rest,
            };
            assert_eq!(verdict(kind), row, "{kind:?}");
        }
    }
}
