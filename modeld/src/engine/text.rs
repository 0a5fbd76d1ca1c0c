//! Bytes of tokens put together into whole characters, and cut at the stop texts.

use crate::tool_call::open_end;

/// The text of one answer as it grows.
#[derive(Debug)]
pub(super) struct TextStream {
    bytes: Vec<u8>,
    held: String,
    stops: Vec<String>,
}

/// What one more token brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Text that can be shown.
    pub(super) text: String,
    /// Whether a stop text was met.
    pub(super) stopped: bool,
}

impl TextStream {
    pub(super) const fn new(stops: Vec<String>) -> Self {
        Self {
            bytes: Vec::new(),
            held: String::new(),
            stops,
        }
    }

    /// Takes the bytes of a token.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Piece {
        self.bytes.extend_from_slice(bytes);
        let whole = take_whole(&mut self.bytes);
        self.held.push_str(&whole);
        if let Some(at) = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min()
        {
            self.held.truncate(at);
            self.bytes.clear();
            return Piece {
                text: std::mem::take(&mut self.held),
                stopped: true,
            };
        }
        let open = self
            .stops
            .iter()
            .map(|stop| open_end(&self.held, stop))
            .max()
            .unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - open);
        Piece {
            text: std::mem::replace(&mut self.held, rest),
            stopped: false,
        }
    }

    /// What is left at the end; an unfinished character becomes the replacement character.
    pub(super) fn finish(&mut self) -> String {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(&String::from_utf8_lossy(&std::mem::take(&mut self.bytes)));
        text
    }
}

/// Takes all whole characters off the front; bytes that can't become one are replaced.
fn take_whole(bytes: &mut Vec<u8>) -> String {
    let mut text = String::new();
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        used += chunk.valid().len();
        let rest = chunk.invalid();
        // An error at the very end may be a character whose other bytes are still to come.
        if rest.is_empty() || (used + rest.len() == bytes.len() && may_continue(rest)) {
            break;
        }
        text.push('\u{FFFD}');
        used += rest.len();
    }
    bytes.drain(..used);
    text
}

fn may_continue(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stop texts, pieces pushed, text shown for each, whether it stopped, what was left.
    type Case = (
        &'static [&'static str],
        &'static [&'static [u8]],
        &'static [&'static str],
        bool,
        &'static str,
    );

    fn run(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, bool, String) {
        let mut stream = TextStream::new(stops.iter().map(|s| (*s).to_owned()).collect());
        let mut stopped = false;
        let shown = pieces
            .iter()
            .map(|bytes| {
                let piece = stream.push(bytes);
                stopped |= piece.stopped;
                piece.text
            })
            .collect();
        (shown, stopped, stream.finish())
    }

    #[test]
    fn characters_are_whole_and_stops_are_cut() {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let cases: [Case; 7] = [
            (&[], &[b"a", b"\xc3", b"\xa9b"], &["a", "", "éb"], false, ""),
            (
                &[],
                &[b"\xff!", b"\xe2\x82"],
                &["\u{FFFD}!", ""],
                false,
                "\u{FFFD}",
            ),
            (&[], &[b"\xe2\x82x"], &["\u{FFFD}x"], false, ""),
            (
                &["END"],
                &[b"one E", b"N", b"D two"],
                &["one ", "", ""],
                true,
                "",
            ),
            (&["END"], &[b"E", b"N", b"x"], &["", "", "ENx"], false, ""),
            (&["b", "ab"], &[b"xab"], &["x"], true, ""),
            (&["END"], &[b"EN"], &[""], false, "EN"),
        ];
        for (stops, pieces, shown, stopped, rest) in cases {
            assert_eq!(
                run(stops, pieces),
                (own(shown), stopped, rest.to_owned()),
                "{pieces:?}"
            );
        }
    }
}
