//! The text around a match, on one line.

use super::needle::Needle;

/// Characters shown before the first match.
const BEFORE_CHARS: usize = 60;
/// Characters of a snippet, without the signs that it goes on.
const SNIPPET_CHARS_MAX: usize = 200;
/// Matches marked in one snippet.
const MARKED_MAX: usize = 64;

/// The surroundings of the first match and where the matches in them are, in characters.
pub(super) fn snippet(text: &str, needle: &Needle) -> Option<(String, Vec<(usize, usize)>)> {
    let matches = needle.matches(text, MARKED_MAX);
    let &(first, _) = matches.first()?;
    let before = text[..first].char_indices().rev().take(BEFORE_CHARS);
    let start = before.last().map_or(first, |(at, _)| at);
    let shown = &text[start..];
    let end = shown.char_indices().nth(SNIPPET_CHARS_MAX);
    let end = end.map_or(text.len(), |(at, _)| start + at);
    let mut line = String::new();
    if start > 0 {
        line.push('…');
    }
    let lead = usize::from(start > 0);
    line.extend(
        text[start..end]
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c }),
    );
    if end < text.len() {
        line.push('…');
    }
    let place = |at: usize| lead + text[start..at.min(end)].chars().count();
    let ranges = matches
        .iter()
        .filter(|(from, _)| *from < end)
        .map(|&(from, to)| (place(from), place(to)))
        .collect();
    Some((line, ranges))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::Case;

    #[test]
    fn the_first_match_is_shown_with_what_is_around_it() {
        let long = format!("{}Nadel\tund nadel{}", "ä".repeat(100), "z".repeat(300));
        for (text, expected, ranges) in [
            ("nadel", "nadel".to_owned(), vec![(0, 5)]),
            ("eine\nNadel", "eine Nadel".to_owned(), vec![(5, 10)]),
            (
                long.as_str(),
                format!("…{}Nadel und nadel{}…", "ä".repeat(60), "z".repeat(125)),
                vec![(61, 66), (71, 76)],
            ),
            ("heu", String::new(), Vec::new()),
        ] {
            let needle = Needle::new("nadel", Case::Smart).unwrap();
            let found = snippet(text, &needle).unwrap_or_default();
            assert_eq!(found, (expected, ranges));
        }
    }
}
