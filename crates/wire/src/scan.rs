//! One pass over a JSON text for what `serde_json` does not report: depth, size, repeated keys, trailing bytes.
//!
//! It trusts nothing and validates little: a text that passes may still be malformed, and the parser says so.

use std::borrow::Cow;

use crate::limits::{DEPTH_MAX, VALUES_MAX, quote};

/// What the pass refuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TooDeep { offset: usize },
    TooManyValues { offset: usize },
    DuplicateKey { key: String },
    Trailing { offset: usize },
}

/// Below this many keys, comparing all pairs is cheaper than sorting.
const PAIRWISE_KEYS_MAX: usize = 12;

struct Scan<'a> {
    text: &'a str,
    /// Bit `n` says whether the container at depth `n` is an object.
    objects: u64,
    depth: usize,
    /// For every open container, how many keys were open when it began.
    starts: [usize; DEPTH_MAX],
    keys: Vec<Cow<'a, str>>,
    key_next: bool,
    values: usize,
}

pub(crate) fn scan(text: &str) -> Result<(), Fault> {
    Scan {
        text,
        objects: 0,
        depth: 0,
        starts: [0; DEPTH_MAX],
        keys: Vec::with_capacity(16),
        key_next: false,
        values: 0,
    }
    .run()
}

impl Scan<'_> {
    fn run(mut self) -> Result<(), Fault> {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => {
                    let Some(end) = string_end(bytes, at + 1) else {
                        return Ok(());
                    };
                    if self.key_next {
                        self.key(at + 1, end);
                    }
                    at = end;
                }
                b'{' | b'[' => self.open(byte == b'{', at)?,
                b'}' | b']' => {
                    if self.depth == 0 {
                        return Ok(());
                    }
                    self.close()?;
                    if self.depth == 0 {
                        return trailing(bytes, at + 1);
                    }
                }
                b',' => {
                    self.count(at)?;
                    self.key_next = self.in_object();
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    const fn in_object(&self) -> bool {
        self.depth > 0 && self.objects >> (self.depth - 1) & 1 == 1
    }

    /// Every value but the first of its container follows a comma, and the first an opening.
    const fn count(&mut self, offset: usize) -> Result<(), Fault> {
        if self.values == VALUES_MAX {
            return Err(Fault::TooManyValues { offset });
        }
        self.values += 1;
        Ok(())
    }

    fn open(&mut self, is_object: bool, offset: usize) -> Result<(), Fault> {
        self.count(offset)?;
        if self.depth == DEPTH_MAX {
            return Err(Fault::TooDeep { offset });
        }
        let bit = 1 << self.depth;
        if is_object {
            self.objects |= bit;
        } else {
            self.objects &= !bit;
        }
        if let Some(start) = self.starts.get_mut(self.depth) {
            *start = self.keys.len();
        }
        self.depth += 1;
        self.key_next = is_object;
        Ok(())
    }

    fn key(&mut self, start: usize, end: usize) {
        self.key_next = false;
        let text = self.text;
        let raw = text.get(start..end).unwrap_or_default();
        // An escaped key may equal a plain one, so it is compared unescaped. One that cannot be unescaped is
        // malformed, which the parser reports.
        let key = if raw.contains('\\') {
            let quoted = text.get(start - 1..=end).unwrap_or_default();
            serde_json::from_str(quoted).map_or(Cow::Borrowed(raw), Cow::Owned)
        } else {
            Cow::Borrowed(raw)
        };
        self.push(key);
    }

    fn close(&mut self) -> Result<(), Fault> {
        self.depth -= 1;
        self.key_next = false;
        let start = self.starts.get(self.depth).copied().unwrap_or_default();
        if let Some(key) = repeated(self.keys.get_mut(start..).unwrap_or_default()) {
            return Err(Fault::DuplicateKey { key });
        }
        self.keys.truncate(start);
        Ok(())
    }
}

impl<'a> Scan<'a> {
    fn push(&mut self, key: Cow<'a, str>) {
        self.keys.push(key);
    }
}

fn repeated(keys: &mut [Cow<'_, str>]) -> Option<String> {
    if keys.len() <= PAIRWISE_KEYS_MAX {
        let mut rest: &[_] = keys;
        while let Some((first, others)) = rest.split_first() {
            if others.contains(first) {
                return Some(quote(first));
            }
            rest = others;
        }
        return None;
    }
    keys.sort_unstable();
    keys.windows(2)
        .find(|pair| pair.first() == pair.last())
        .and_then(|pair| pair.first())
        .map(|key| quote(key))
}

/// The offset of the closing quote of a string whose content starts at `at`.
fn string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

fn trailing(bytes: &[u8], from: usize) -> Result<(), Fault> {
    let rest = bytes.get(from..).unwrap_or_default();
    match rest.iter().position(|byte| !byte.is_ascii_whitespace()) {
        Some(skip) => Err(Fault::Trailing {
            offset: from + skip,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_keys_are_found_at_every_level_and_in_every_spelling() {
        let duplicate = |key: &str| {
            Err(Fault::DuplicateKey {
                key: key.to_owned(),
            })
        };
        let many = |last: &str| {
            let mut text = String::from("{");
            for i in 0..40 {
                text.push_str(&format!("\"k{i}\":{i},"));
            }
            text.push_str(&format!("\"{last}\":0}}"));
            text
        };
        for (text, want) in [
            (r#"{"a":1,"b":2}"#.to_owned(), Ok(())),
            (r#"{"a":1,"a":2}"#.to_owned(), duplicate("a")),
            (r#"{"a":1,"\u0061":2}"#.to_owned(), duplicate("a")),
            (r#"{"x":{"a":1,"a":2}}"#.to_owned(), duplicate("a")),
            (r#"{"x":[{"a":1},{"a":2}]}"#.to_owned(), Ok(())),
            (r#"{"a":"a","b":["a","a"]}"#.to_owned(), Ok(())),
            (r#"{"a":{"a":{"a":1}}}"#.to_owned(), Ok(())),
            (r#"{"x":{"a":1},"y":1,"x":2}"#.to_owned(), duplicate("x")),
            (many("k40"), Ok(())),
            (many("k7"), duplicate("k7")),
        ] {
            assert_eq!(scan(&text), want, "{text}");
        }
    }

    #[test]
    fn depth_is_limited_exactly() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert_eq!(scan(&nested(DEPTH_MAX)), Ok(()));
        assert_eq!(
            scan(&nested(DEPTH_MAX + 1)),
            Err(Fault::TooDeep { offset: DEPTH_MAX })
        );
        assert_eq!(scan(r#"{"a":"[[[[[[["}"#), Ok(()));
    }

    #[test]
    fn bytes_after_the_frame_are_found() {
        assert_eq!(scan("{} \n\t"), Ok(()));
        assert_eq!(scan("{}{}"), Err(Fault::Trailing { offset: 2 }));
        assert_eq!(scan(r#"{"a":"}"} x"#), Err(Fault::Trailing { offset: 10 }));
    }

    #[test]
    fn values_are_bounded_exactly_whatever_they_are() {
        // The array opens, and each comma adds a value.
        let fits = format!("[0{}]", ",0".repeat(VALUES_MAX - 1));
        let spills = format!("[0{}]", ",0".repeat(VALUES_MAX));
        let nested = format!("[{}", "[],".repeat(VALUES_MAX));
        assert_eq!(scan(&fits), Ok(()));
        let offset = spills.len() - 3;
        assert_eq!(scan(&spills), Err(Fault::TooManyValues { offset }));
        assert!(matches!(scan(&nested), Err(Fault::TooManyValues { .. })));
    }
}
