//! Reads Rust just well enough to count: comments and literals blanked out, functions and test modules found.

use std::ops::Range;

/// The text with comments and the insides of literals turned into spaces; lines stay where they were.
pub(super) fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => line_end(bytes, at),
            b'/' if bytes[at..].starts_with(b"/*") => comment_end(bytes, at),
            b'"' => string_end(bytes, at),
            b'r' if !is_word(bytes, at) => raw_end(bytes, at).unwrap_or(at + 1),
            b'\'' => char_end(bytes, at).unwrap_or(at + 1),
            _ => {
                at += 1;
                continue;
            }
        };
        if end > at + 1 {
            let is_literal = bytes[at] != b'/';
            for byte in &mut out[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            // A blanked literal still is something on its line.
            if is_literal {
                out[at] = b'"';
            }
        }
        at = end.max(at + 1);
    }
    // Only whole bytes of comments and literals were replaced, by spaces; what is left outside of them is unchanged.
    String::from_utf8_lossy(&out).into_owned()
}

fn is_word(bytes: &[u8], at: usize) -> bool {
    // `br"..."` and `cr"..."` are literals; any longer word that ends in r is none.
    let before = |back: usize| at.checked_sub(back).map(|at| bytes[at]);
    let word =
        |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match before(1) {
        Some(b'b' | b'c') => word(before(2)),
        byte => word(byte),
    }
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    find(bytes, at, b"\n").unwrap_or(bytes.len())
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    let mut depth = 0;
    let mut at = at;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let open = at + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(hashes + 1, b'#');
    Some(find(bytes, open + 1, &close).map_or(bytes.len(), |end| end + close.len()))
}

/// The end of a character literal; a lifetime is none.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    let after = *bytes.get(at + 1)?;
    if after == b'\\' {
        return find(bytes, at + 3, b"'").map(|end| end + 1);
    }
    let length = match after {
        0x00..=0x7f => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + 2 + length)
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(what.len())
        .position(|window| window == what)
        .map(|at| from + at)
}

/// A word and where it starts.
pub(super) fn words(blanked: &str) -> impl Iterator<Item = (usize, &str)> {
    blanked
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - blanked.as_ptr() as usize, word))
}

/// The line of a byte, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count()
}

/// The braces that open at or after `from`, before any semicolon outside of brackets.
fn block(blanked: &str, from: usize) -> Option<Range<usize>> {
    let bytes = blanked.as_bytes();
    let mut brackets = 0_usize;
    let mut start = None;
    let mut depth = 0_usize;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match (start, byte) {
            (None, b'(' | b'[') => brackets += 1,
            (None, b')' | b']') => brackets = brackets.saturating_sub(1),
            (None, b';') if brackets == 0 => return None,
            (None, b'{') if brackets == 0 => {
                start = Some(at);
                depth = 1;
            }
            (Some(_), b'{') => depth += 1,
            (Some(start), b'}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(start..at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// A function: its name, the line it starts on, and the lines of code in its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) lines: usize,
    pub(super) at: usize,
}

pub(super) fn functions(blanked: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    let mut words = words(blanked).peekable();
    while let Some((at, word)) = words.next() {
        if word != "fn" {
            continue;
        }
        // `fn(u8)` is a type; only a name right after the word makes a function.
        let Some((name_at, name)) = words.peek().copied() else {
            break;
        };
        if !blanked[at + 2..name_at].trim().is_empty() {
            continue;
        }
        if let Some(body) = block(blanked, name_at) {
            let inside = &blanked[body.start + 1..body.end - 1];
            found.push(Function {
                name,
                line: line_of(blanked, at),
                lines: code_lines(inside),
                at,
            });
        }
    }
    found
}

/// Lines that hold code.
pub(super) fn code_lines(blanked: &str) -> usize {
    blanked
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count()
}

/// Where modules for tests are, from their attribute to their last brace.
pub(super) fn test_modules(blanked: &str) -> Vec<Range<usize>> {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    blanked
        .match_indices(ATTRIBUTE)
        .filter_map(|(at, _)| block(blanked, at + ATTRIBUTE.len()).map(|block| at..block.end))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_is_not() {
        for (text, blanked) in [
            ("a // fn b\nc", "a        \nc"),
            ("a /* { /* { */ } */ b", "a                   b"),
            (r#"x("fn \" {") y"#, r#"x("        ) y"#),
            ("r#\"{\"}\"# + br\"{\"", "\"        + b\"   "),
            ("'{' '\\'' 'a 'static {", "\"   \"    'a 'static {"),
            ("'é' {", "\"    {"),
            ("attr r#type", "attr r#type"),
        ] {
            assert_eq!(blank(text), blanked, "{text}");
        }
    }

    #[test]
    fn functions_are_found_with_their_size() {
        let text = "trait T { fn none(&self); fn some(&self) { one() } }\n\
                    const F: fn(u8) -> [u8; 2] = f;\n\
                    fn long<const N: usize>(x: [u8; 3]) -> Result<(), E> where E: X {\n  a;\n\n  // b\n  c {\n  }\n}\n";
        let blanked = blank(text);
        let found: Vec<_> = functions(&blanked)
            .into_iter()
            .map(|function| (function.name, function.line, function.lines))
            .collect();
        assert_eq!(found, [("some", 1, 1), ("long", 3, 3)]);
    }

    #[test]
    fn modules_for_tests_end_at_their_own_brace() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests { fn b() {} }\nfn c() {}\n#[cfg(test)]\nmod tests;\n";
        let modules = test_modules(text);
        assert_eq!(modules.len(), 1);
        assert_eq!(
            &text[modules[0].clone()],
            "#[cfg(test)]\nmod tests { fn b() {} }"
        );
    }
}
