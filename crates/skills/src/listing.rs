//! The skills in a prompt: names and what they are for, within a budget of tokens.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    limits::{LISTED_CHARS_MAX, LISTED_CHARS_MIN},
    skill::Skill,
};

/// Characters of English text that make a token, about; counted low, so that the estimate is rather too high.
const BYTES_PER_TOKEN: usize = 4;

/// A listing for a prompt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// One line per skill, `- name: description`.
    pub text: String,
    /// What it costs, estimated.
    pub tokens: usize,
    /// How many skills are in it.
    pub shown: usize,
    /// How many are not, because there was no room.
    pub left_out: usize,
}

/// What a text costs, estimated.
#[must_use]
pub const fn tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN)
}

/// Lists skills within a budget: first descriptions get shorter, then only names are left, then the last names go.
#[must_use]
pub fn listing(skills: &[Arc<Skill>], tokens_max: usize) -> Listing {
    let listed: Vec<_> = skills.iter().filter(|skill| !skill.is_hidden).collect();
    for chars_max in [LISTED_CHARS_MAX, 120, 90, 70, 55, LISTED_CHARS_MIN, 0] {
        let mut text = String::new();
        for skill in &listed {
            line(&mut text, skill, chars_max);
        }
        if tokens(&text) <= tokens_max {
            return Listing {
                tokens: tokens(&text),
                text,
                shown: listed.len(),
                left_out: 0,
            };
        }
    }
    names_only(&listed, tokens_max)
}

fn line(text: &mut String, skill: &Skill, chars_max: usize) {
    text.push_str("- ");
    text.push_str(&skill.name);
    let description = &skill.description;
    if chars_max > 0 {
        text.push_str(": ");
        if description.chars().count() <= chars_max {
            text.push_str(description);
        } else {
            let cut: String = description.chars().take(chars_max).collect();
            // At a word's end, unless it is one long word.
            let end = cut.rfind(' ').unwrap_or(cut.len());
            text.push_str(
                cut.get(..end)
                    .unwrap_or_default()
                    .trim_end_matches([',', '.', ';', ':']),
            );
            text.push('\u{2026}');
        }
    }
    text.push('\n');
}

fn names_only(listed: &[&Arc<Skill>], tokens_max: usize) -> Listing {
    let mut text = String::new();
    let mut shown = 0;
    for skill in listed {
        let rest = format!("- and {} more\n", listed.len() - shown);
        if tokens(&text) + tokens(&skill.name) + tokens(&rest) + 2 > tokens_max {
            break;
        }
        line(&mut text, skill, 0);
        shown += 1;
    }
    let left_out = listed.len() - shown;
    if left_out > 0 {
        let rest = format!("- and {left_out} more\n");
        if tokens(&text) + tokens(&rest) <= tokens_max {
            // Writing to a string doesn't fail.
            write!(text, "{rest}").unwrap_or_default();
        }
    }
    Listing {
        tokens: tokens(&text),
        text,
        shown,
        left_out,
    }
}
