//! Did you mean: the nearest known word by edit distance.

/// Longest word compared; a longer one is no typing mistake.
const WORD_CHARS_MAX: usize = 64;

/// The known word nearest to `word`, if it is near enough to be a typing mistake.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = fold(word);
    if word.len() > WORD_CHARS_MAX {
        return None;
    }
    let near_enough = (word.len() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&word, &fold(candidate)), candidate))
        .filter(|&(distance, _)| distance <= near_enough)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Letter case and word separators are no difference.
fn fold(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Insertions, deletions, replacements, and swaps of neighbours that turn one word into the other.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_word_and_strangers_find_none() {
        let known = ["port", "bind", "token", "trustedProxies", "allowedHosts"];
        for (word, found) in [
            ("prot", Some("port")),
            ("Port", Some("port")),
            ("trusted_proxys", Some("trustedProxies")),
            ("trustedProxy", Some("trustedProxies")),
            ("allowedHost", Some("allowedHosts")),
            ("tokne", Some("token")),
            ("elephant", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), found, "{word}");
        }
        assert_eq!(nearest(&"p".repeat(1_000), known), None);
    }
}
