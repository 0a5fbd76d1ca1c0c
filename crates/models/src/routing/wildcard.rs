//! Groups whose name has stars in it: what a star stands for in the name goes in for one in the model.

use std::sync::Arc;

use super::{Group, Level, Member};
use crate::limits::WILDCARD_STARS_MAX;

/// A group whose name has stars in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wildcard {
    pub(super) group: Arc<Group>,
}

impl Wildcard {
    /// Whether a name is one of a wildcard.
    pub(super) fn is_one(name: &str) -> bool {
        name.contains('*')
    }

    /// How much of its name is given, so that `openai/gpt-*` is asked before `openai/*`.
    pub(super) fn given(&self) -> usize {
        self.group.name.bytes().filter(|&byte| byte != b'*').count()
    }

    /// The group of this name, if the wildcard has it.
    pub(super) fn group(&self, name: &str) -> Option<Arc<Group>> {
        let captures = capture(&self.group.name, name)?;
        let name: Arc<str> = Arc::from(name);
        let member = |member: &Member| Member {
            deployment: {
                let deployment = &member.deployment;
                let model = fill(&deployment.model, &captures);
                Arc::new(deployment.of_model(&name, &model))
            },
            weight: member.weight,
        };
        let level = |level: &Level| Level {
            order: level.order,
            members: level.members.iter().map(member).collect(),
        };
        Some(Arc::new(Group {
            pattern: Some(Arc::clone(&self.group.name)),
            levels: self.group.levels.iter().map(level).collect(),
            name,
            is_named: true,
            is_guess: false,
        }))
    }
}

/// What each star of a pattern stands for in a name; a star is as short as it can be, the last as long as it must.
fn capture<'a>(pattern: &str, name: &'a str) -> Option<Vec<&'a str>> {
    let (first, rest) = pattern.split_once('*')?;
    let mut left = name.strip_prefix(first)?;
    let mut captures = Vec::with_capacity(1);
    let mut pieces = rest.split('*').take(WILDCARD_STARS_MAX).peekable();
    while let Some(piece) = pieces.next() {
        let at = if pieces.peek().is_none() {
            left.len()
                .checked_sub(piece.len())
                .filter(|_| left.ends_with(piece))?
        } else {
            left.find(piece)?
        };
        captures.push(&left[..at]);
        left = &left[at + piece.len()..];
    }
    // A star stands for something.
    captures
        .iter()
        .all(|capture| !capture.is_empty())
        .then_some(captures)
}

/// The model with its stars filled in, in order; one without stars is what it is.
fn fill(model: &str, captures: &[&str]) -> String {
    let mut captures = captures.iter();
    let mut pieces = model.split('*');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        filled.push_str(captures.next().copied().unwrap_or_default());
        filled.push_str(piece);
    }
    filled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_stands_for_whatever_is_there() {
        let cases = [
            ("wild/*", "wild/gpt-5", "*", Some("gpt-5")),
            ("wild/*", "wild/a/b", "openai/*", Some("openai/a/b")),
            ("*", "anything/at all", "*", Some("anything/at all")),
            ("a-*-b-*", "a-x-b-y-b-z", "*_*", Some("x_y-b-z")),
            ("*-small", "qwen-small-small", "*", Some("qwen-small")),
            ("wild/*", "wild/é", "gpt", Some("gpt")),
            ("wild/*", "wild/", "*", None),
            ("wild/*", "tame/x", "*", None),
            ("*a", "a", "*", None),
            ("aa*a", "aa", "*", None),
        ];
        for (pattern, name, model, filled) in cases {
            let captures = capture(pattern, name);
            let found = captures.map(|captures| fill(model, &captures));
            assert_eq!(found.as_deref(), filled, "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn what_a_pattern_captures_fills_it_again(pattern in "[ab/é]{0,3}\\*([ab/é]{0,3}\\*){0,3}[ab]{0,2}", name in "[ab/é]{0,12}") {
            if let Some(captures) = capture(&pattern, &name) {
                prop_assert_eq!(fill(&pattern, &captures), name);
            }
        }
    }
}
