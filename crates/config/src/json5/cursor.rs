//! A place in the text that knows its line and column.

use std::str::Chars;

use super::VALUES_MAX;

/// Line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// Whether JSON5 ends a line here.
pub(super) const fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Reads characters forward only.
pub(super) struct Cursor<'a> {
    rest: Chars<'a>,
    position: Position,
    values: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text).chars(),
            position: Position::START,
            values: 0,
        }
    }

    /// Counts one more value; false when there are too many.
    pub(super) const fn count_value(&mut self) -> bool {
        self.values += 1;
        self.values <= VALUES_MAX
    }

    pub(super) const fn position(&self) -> Position {
        self.position
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    /// Steps over one character; `\r\n` counts as one line break.
    pub(super) fn bump(&mut self) {
        let Some(c) = self.rest.next() else { return };
        let crlf = c == '\r' && self.peek() == Some('\n');
        if is_line_break(c) && !crlf {
            self.position.line = self.position.line.saturating_add(1);
            self.position.column = 1;
        } else {
            self.position.column = self.position.column.saturating_add(1);
        }
    }

    /// Steps over `wanted` if it is next.
    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.bump();
        }
        found
    }

    /// Takes characters while they are `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let before = self.rest.as_str();
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
        &before[..before.len() - self.rest.as_str().len()]
    }
}
