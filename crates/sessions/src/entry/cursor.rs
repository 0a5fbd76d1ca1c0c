//! Walking along a line whose shape is known: each step finds exactly what this crate writes, or nothing.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

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

    /// Steps over the rest of a string without looking into it.
    pub(super) fn skip_string(&mut self) -> Option<()> {
        let mut from = 0;
        loop {
            let at = from + memchr(b'"', self.0.get(from..)?)?;
            // Texts are full of escapes and have few quotes: only in front of a quote are backslashes counted.
            let before = self.0[..at].iter().rev();
            let escapes = before.take_while(|&&byte| byte == b'\\').count();
            from = at + 1;
            if escapes % 2 == 0 {
                self.0 = &self.0[from..];
                return Some(());
            }
        }
    }

    /// Digits without sign or leading zeros.
    pub(super) fn number(&mut self) -> Option<u64> {
        let count = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        parse_digits(digits)
    }

    /// The number at the very end, behind `,"seq":`; the cursor keeps what is between.
    pub(super) fn last_seq(&mut self) -> Option<u64> {
        let count = self
            .0
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (before, digits) = self.0.split_at(self.0.len() - count);
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
