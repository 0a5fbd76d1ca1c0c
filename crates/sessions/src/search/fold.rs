//! Finding a text in bytes without regard to capitals, by its rarest letter.
//!
//! What is found is only where to look: the text of the entry is searched again. So a part of the text will do, and it
//! is one in which every character has at most one other form, of the same single byte.

use memchr::{memchr, memchr2};

/// Bytes of JSON lines and of prose, the most common first; those that are missing are rarer still.
const COMMON: &[u8] = b" etaoinsrhldcumfpgywbvk\",.\\0123456789-:'_()/xjqz";

/// A part of a text, and the place in it to look for.
#[derive(Debug)]
pub(super) struct Folded {
    part: Vec<u8>,
    anchor: usize,
    forms: [u8; 2],
}

impl Folded {
    /// The part around the rarest byte of a text; none where every character has forms of several bytes.
    pub(super) fn new(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (at, _) = (bytes.iter().enumerate())
            .filter(|(_, byte)| is_plain(**byte))
            .max_by_key(|(_, byte)| rarity(**byte))?;
        let front = bytes[..at].iter().rev().take_while(|byte| is_plain(**byte));
        let begin = at - front.count();
        let behind = bytes[at..].iter().take_while(|byte| is_plain(**byte));
        let end = at + behind.count();
        Some(Self {
            part: bytes[begin..end].to_vec(),
            anchor: at - begin,
            forms: [
                bytes[at].to_ascii_lowercase(),
                bytes[at].to_ascii_uppercase(),
            ],
        })
    }

    /// The first place of the part at or behind `from`.
    pub(super) fn find(&self, haystack: &[u8], from: usize) -> Option<usize> {
        let [lower, upper] = self.forms;
        let mut at = from + self.anchor;
        loop {
            let rest = haystack.get(at..)?;
            let found = if lower == upper {
                memchr(lower, rest)
            } else {
                memchr2(lower, upper, rest)
            };
            let begin = at + found? - self.anchor;
            let there = haystack.get(begin..begin + self.part.len())?;
            if there.eq_ignore_ascii_case(&self.part) {
                return Some(begin);
            }
            at = begin + self.anchor + 1;
        }
    }
}

/// Whether a byte is a character that has no form but its capital: the Kelvin sign is a `k`, and the long `ſ` an `s`.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii() && !matches!(byte, b'k' | b'K' | b's' | b'S')
}

fn rarity(byte: u8) -> usize {
    let lower = byte.to_ascii_lowercase();
    memchr(lower, COMMON).unwrap_or(COMMON.len())
}

#[cfg(test)]
mod tests {
    use regex::bytes::RegexBuilder;

    use super::*;

    #[test]
    fn the_part_around_the_rarest_character_is_looked_for() {
        for (text, part, anchor) in [
            ("another needle in words", "another needle in word", 18),
            ("Käsebrot", "ebrot", 1),
            ("tasks", "ta", 1),
            ("über", "ber", 0),
            ("the quiz", "the quiz", 7),
        ] {
            let found = Folded::new(text).unwrap();
            let found = (String::from_utf8(found.part).unwrap(), found.anchor);
            assert_eq!(found, (part.to_owned(), anchor), "{text}");
        }
        for text in ["skks", "Äß", "日本"] {
            assert!(Folded::new(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_character_that_is_taken_has_no_other_form() {
        let all: String = (char::MIN..=char::MAX).collect();
        for byte in 0..0x80_u8 {
            let text = char::from(byte).to_string();
            let regex = RegexBuilder::new(&regex::escape(&text))
                .case_insensitive(true)
                .build()
                .unwrap();
            let mut forms = regex.find_iter(all.as_bytes());
            let plain = forms.all(|form| form.as_bytes().eq_ignore_ascii_case(text.as_bytes()));
            assert_eq!(plain, is_plain(byte), "{text:?}");
        }
    }

    #[test]
    fn nothing_is_passed_over_that_an_expression_finds() {
        let mut seed = 1_u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            usize::try_from(seed >> 33).unwrap() % below
        };
        let signs: Vec<char> = "aAbBkKsS\u{212a}\u{17f}éÉ \"\n".chars().collect();
        let mut met = 0;
        for _ in 0..20_000 {
            let haystack: String = (0..40).map(|_| signs[draw(signs.len())]).collect();
            let text: String = (0..1 + draw(3)).map(|_| signs[draw(signs.len())]).collect();
            let Some(folded) = Folded::new(&text) else {
                continue;
            };
            let regex = RegexBuilder::new(&regex::escape(&text))
                .case_insensitive(true)
                .build()
                .unwrap();
            let found: Vec<_> = (regex.find_iter(haystack.as_bytes()))
                .map(|found| found.range())
                .collect();
            for range in found {
                let near = folded.find(haystack.as_bytes(), range.start);
                assert!(
                    near.is_some_and(|at| range.contains(&at)),
                    "{text:?} {haystack:?}"
                );
                met += 1;
            }
        }
        assert!(met > 1_000, "{met}");
    }
}
