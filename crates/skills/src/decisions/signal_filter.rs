//! Whether a message says anything new, or goes round in circles.

use super::Refused;

/// Messages that are looked back at.
pub const WINDOW: usize = 10;
/// So many of them the same: stop.
pub const SAME_MAX: usize = 3;
/// So many of them alike: wait.
pub const ALIKE_MAX: usize = 5;
/// How long to wait.
pub const COOLDOWN_SECONDS: i64 = 60;
/// The share of words that two messages have in common when they are alike.
const ALIKE: f64 = 0.8;

/// What to do with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// It goes out.
    Send,
    /// The last one said the same.
    Drop,
    /// Wait a minute.
    CoolDown,
    /// The conversation is a loop.
    Stop,
}

/// Judges a message by the last ones of its conversation, the latest last. What was asked for always goes out.
///
/// # Errors
/// When the message is empty.
pub fn decide(message: &str, last: &[&str], is_asked_for: bool) -> Result<Pass, Refused> {
    let words = words(message);
    if words.is_empty() {
        return Err(Refused::new("the message", "is empty"));
    }
    if is_asked_for {
        return Ok(Pass::Send);
    }
    let last: Vec<_> = last
        .iter()
        .rev()
        .take(WINDOW)
        .map(|text| self::words(text))
        .collect();
    let same = last.iter().filter(|other| **other == words).count();
    let alike = last
        .iter()
        .filter(|other| likeness(&words, other) >= ALIKE)
        .count();
    Ok(if same >= SAME_MAX {
        Pass::Stop
    } else if alike >= ALIKE_MAX {
        Pass::CoolDown
    } else if last.first() == Some(&words) {
        Pass::Drop
    } else {
        Pass::Send
    })
}

fn words(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

fn likeness(a: &[String], b: &[String]) -> f64 {
    let (a, b): (std::collections::BTreeSet<_>, std::collections::BTreeSet<_>) =
        (a.iter().collect(), b.iter().collect());
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    count(a.intersection(&b).count()) / count(a.union(&b).count().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_is_dropped_then_cooled_then_stopped() {
        let alike = [
            "all agents are well now",
            "all agents are well today",
            "all agents are well here",
            "all agents are well there",
            "all agents are well again",
        ];
        for (message, last, is_asked_for, expected) in [
            ("all is well", &[][..], false, Pass::Send),
            ("All is well!", &["all is well"], false, Pass::Drop),
            ("all is well", &["all is well", "no"], false, Pass::Send),
            (
                "all is well",
                &["all is well", "all is well", "no", "all is well"],
                false,
                Pass::Stop,
            ),
            (
                "all is well",
                &["all is well", "all is well", "all is well"],
                true,
                Pass::Send,
            ),
            ("all agents are well", &alike, false, Pass::CoolDown),
            ("beta is down", &alike, false, Pass::Send),
        ] {
            assert_eq!(
                decide(message, last, is_asked_for),
                Ok(expected),
                "{message} {last:?}"
            );
        }
        assert!(decide(" !", &[], false).is_err());
    }
}
