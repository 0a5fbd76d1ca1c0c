//! What holds of any answer that a member of the triad gives.

#![expect(
    clippy::expect_used,
    reason = "a check that cannot go on stops where it stands"
)]

use openclaw_agents::vote::{ANSWER_BYTES_MAX, Unparsable, parse};
use serde_json::{Map, Value, json};

pub(crate) fn holds(bytes: &[u8]) {
    let Ok(answer) = std::str::from_utf8(bytes) else {
        return;
    };
    let parsed = parse(answer);
    if answer.len() > ANSWER_BYTES_MAX {
        assert_eq!(parsed, Err(Unparsable::TooLong));
        return;
    }
    let ballot = match parsed {
        Ok(ballot) => ballot,
        Err(fault) => {
            assert!(fault.to_string().len() <= 256, "{fault}");
            plain_object_is_read(answer);
            return;
        }
    };
    assert!(ballot.vote.is_valid() && answer.contains('{'));
    assert!(
        ballot
            .confidence
            .is_none_or(|sure| (0.0..=1.0).contains(&sure))
    );
    // Written down and read again, it is the same vote.
    let written = json!({
        "vote": ballot.vote.as_str(),
        "reasoning": ballot.reasoning,
        "confidence": ballot.confidence,
    });
    let written = written.to_string();
    if written.len() <= ANSWER_BYTES_MAX {
        assert_eq!(parse(&written).as_ref(), Ok(&ballot));
    }
    // A second opinion leaves no vote, whatever it is.
    let both = format!("{answer}\n{{\"vote\":\"approve\"}}");
    let fault = parse(&both).expect_err("two votes are none");
    let faults = [
        Unparsable::SeveralObjects,
        Unparsable::Broken,
        Unparsable::TooLong,
    ];
    assert!(faults.contains(&fault), "{fault}");
}

/// An answer that is nothing but an object with a known word must not have been refused.
fn plain_object_is_read(answer: &str) {
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(answer) else {
        return;
    };
    let word = object.get("vote").and_then(Value::as_str);
    let known = word.is_some_and(|word| ["approve", "reject", "abstain"].contains(&word));
    // A key that is there twice is kept once in a map, so that it is counted in the text.
    let twice = answer.matches("vote").count() > 1 || answer.contains('\\');
    assert!(!known || twice, "{answer}");
}
