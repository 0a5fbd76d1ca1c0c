//! Walking along a line whose shape is known: each step finds exactly what this crate writes, or nothing.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// So many bytes of a text are looked at together.
const BLOCK_BYTES: usize = 64;
/// So many of a block in which the text may end.
const PART_BYTES: usize = 16;

/// What is left of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    /// Steps over these bytes.
    pub(super) fn eat(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    /// The rest of a string without escapes, behind its opening quote.
    pub(super) fn plain(&mut self) -> Option<&'a str> {
        match self.string()? {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(_) => None,
        }
    }

    /// The rest of a string, behind its opening quote.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        let end = memchr2(b'"', b'\\', self.0)?;
        if self.0[end] == b'"' {
            let text = checked(&self.0[..end])?;
            self.0 = &self.0[end + 1..];
            return Some(Cow::Borrowed(text));
        }
        let mut text = String::new();
        loop {
            let end = memchr2(b'"', b'\\', self.0)?;
            text.push_str(checked(&self.0[..end])?);
            let quote = self.0[end] == b'"';
            self.0 = &self.0[end + 1..];
            if quote {
                return Some(Cow::Owned(text));
            }
            text.push(self.escaped()?);
        }
    }

    /// The rest of a short string without escapes, behind its opening quote: a name rather than a text.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let end = self.0.iter().position(|&byte| byte == b'"')?;
        let (name, rest) = self.0.split_at(end);
        if name.iter().any(|&byte| byte < 0x20 || byte == b'\\') {
            return None;
        }
        self.0 = &rest[1..];
        std::str::from_utf8(name).ok()
    }

    /// Steps over the rest of a string without looking into it.
    pub(super) fn skip_string(&mut self) -> Option<()> {
        // The first two bytes have nothing, or one byte, before them.
        for at in 0..2 {
            if self.ends_at(at) {
                self.0 = &self.0[at + 1..];
                return Some(());
            }
        }
        let mut from = 2;
        while let Some(block) = Block::<BLOCK_BYTES>::at(self.0, from) {
            if block.may_end()
                && let Some(end) = self.end_in(from)
            {
                self.0 = &self.0[end + 1..];
                return Some(());
            }
            from += BLOCK_BYTES;
        }
        loop {
            let at = from + memchr(b'"', self.0.get(from..)?)?;
            from = at + 1;
            if self.ends_at(at) {
                self.0 = &self.0[from..];
                return Some(());
            }
        }
    }

    /// Where the string ends in the block that begins there.
    fn end_in(&self, from: usize) -> Option<usize> {
        let mut parts = (from..from + BLOCK_BYTES).step_by(PART_BYTES);
        parts.find_map(|from| {
            Block::<PART_BYTES>::at(self.0, from).filter(Block::may_end)?;
            (from..from + PART_BYTES).find(|&at| self.ends_at(at))
        })
    }

    /// Whether a quote stands there that is no escaped one.
    fn ends_at(&self, at: usize) -> bool {
        if self.0.get(at) != Some(&b'"') {
            return false;
        }
        let before = self.0[..at].iter().rev();
        let escapes = before.take_while(|&&byte| byte == b'\\').count();
        escapes % 2 == 0
    }

    /// Digits without sign or leading zeros.
    pub(super) fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().position(|byte| !byte.is_ascii_digit());
        let (digits, rest) = self.0.split_at(digits.unwrap_or(self.0.len()));
        self.0 = rest;
        parse_digits(digits)
    }

    /// The number at the very end, behind `,"seq":`; the cursor keeps what is between.
    pub(super) fn last_seq(&mut self) -> Option<u64> {
        let before = self.0.iter().rposition(|byte| !byte.is_ascii_digit())?;
        let (before, digits) = self.0.split_at(before + 1);
        self.0 = before.strip_suffix(b",\"seq\":")?;
        parse_digits(digits).filter(|&seq| seq > 0)
    }

    /// The character behind a backslash. Pairs of surrogates are left to the general reader: this crate
    /// never writes them.
    fn escaped(&mut self) -> Option<char> {
        let (&letter, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let digits = self.0.get(..4)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.0 = &self.0[4..];
                let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                char::from_u32(code)?
            }
            _ => return None,
        })
    }
}

/// A part of a string with the same part one and two bytes earlier.
struct Block<'a, const N: usize> {
    bytes: &'a [u8; N],
    before: &'a [u8; N],
    two_before: &'a [u8; N],
}

impl<'a, const N: usize> Block<'a, N> {
    /// `None` where fewer bytes are left, or where nothing stands before them.
    fn at(bytes: &'a [u8], from: usize) -> Option<Self> {
        let part = |back: usize| bytes.get(from.checked_sub(back)?..)?.first_chunk();
        Some(Self {
            bytes: part(0)?,
            before: part(1)?,
            two_before: part(2)?,
        })
    }

    /// Whether there is a quote that is not behind exactly one backslash. Texts are full of escaped quotes, and this
    /// is all that is asked of most of their bytes: without a branch, so that many of them are looked at in one go.
    fn may_end(&self) -> bool {
        let mut found = 0;
        for at in 0..N {
            let quote = u8::from(self.bytes[at] == b'"');
            let plain = u8::from(self.before[at] != b'\\');
            let twice = u8::from(self.two_before[at] == b'\\');
            found |= quote & (plain | twice);
        }
        found != 0
    }
}

fn checked(bytes: &[u8]) -> Option<&str> {
    if bytes.iter().any(|&byte| byte < 0x20) {
        return None;
    }
    std::str::from_utf8(bytes).ok()
}

fn parse_digits(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || (digits[0] == b'0' && digits.len() > 1) {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_is_stepped_over_up_to_its_first_unescaped_quote(
            pieces in prop::collection::vec(
                prop_oneof![Just("\\\\"), Just("\\\""), Just("x"), Just("0123456789abcdef"), Just("\""), Just("\\")],
                0..60,
            ),
        ) {
            let text = pieces.concat();
            let mut escaped = false;
            let end = text.bytes().position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            let mut cursor = Cursor(text.as_bytes());
            prop_assert_eq!(cursor.skip_string().is_some(), end.is_some());
            if let Some(end) = end {
                prop_assert_eq!(cursor.0, &text.as_bytes()[end + 1..]);
            }
        }
    }
}
